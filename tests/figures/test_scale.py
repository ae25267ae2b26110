import numpy as np
import pytest
from figures import scale
from figures.base import OF_A, OF_V, SGD

COLUMNS = ("alpha_V", "alpha_A", "delta_V", "delta_A")


def course(height):
    return {"step": np.arange(3), **{name: height * np.ones(3) for name in COLUMNS}}


def test_figure_6_draws_every_run_and_names_each_kind_once():
    runs = {"proximal": [course(1), course(2)], "sgd": [course(3)]}
    fig = scale.figure_6(runs, {"proximal": [course(4)]})
    for ax in fig.axes:
        heights = [line.get_ydata()[0] for line in ax.lines if np.size(line.get_ydata())]
        assert sorted(heights) == [1, 2, 3, 4]
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert sorted(names) == [
        "proximal, real", "proximal, simulated",
        "without penalty, real", "without penalty, simulated",
    ]  # fmt: skip


def test_figure_6_gives_each_layer_its_colour_and_can_leave_panels_out():
    fig = scale.figure_6({"proximal": [course(1)], "sgd": [course(2)]}, {}, ("alpha_V", "delta_A"))
    assert len(fig.axes) == 2
    for ax, colour in zip(fig.axes, (OF_V, OF_A), strict=True):
        found = {
            line.get_ydata()[0]: line.get_color() for line in ax.lines if len(line.get_ydata())
        }
        assert found == {1: colour, 2: SGD}
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "proximal, simulated", "without penalty, simulated",
    ]  # fmt: skip


def test_entry_laws_are_densities():
    rng = np.random.default_rng(0)
    fig = scale.entry_laws({"a": rng.standard_normal(200_000)})
    stairs = fig.axes[0].patches[0].get_data()
    assert (stairs.values * np.diff(stairs.edges)).sum() == pytest.approx(1, abs=1e-3)
    centre = (stairs.edges[:-1] + stairs.edges[1:]) / 2
    near = np.abs(centre) < 2
    gauss = np.exp(-(centre[near] ** 2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(stairs.values[near], gauss, rtol=0.1)


def test_side_by_side_is_relative_to_the_simulated_median():
    fig = scale.side_by_side({"size": {"x": ([4.0, 4.0], [1.0, 2.0, 3.0])}})
    dots = [line for line in fig.axes[0].lines if line.get_marker() in ("o", "D")]
    assert sorted(line.get_xdata()[0] for line in dots) == [1, 2]
    assert fig.axes[0].get_yticklabels()[0].get_text() == "x"


def test_excess_noise_draws_a_line_per_vocabulary():
    fig = scale.excess_noise({20: ([0.1, 1], [3, 1]), 50: ([0.2, 2], [4, 1.5])})
    lines = {line.get_label(): line for line in fig.axes[0].lines}
    np.testing.assert_array_equal(lines["N = 50"].get_ydata(), [4, 1.5])


def test_from_half_way_draws_a_band_as_far_as_all_runs_go():
    short = {name: values[:2] for name, values in course(1).items()}
    fig = scale.from_half_way([course(3), short], [course(5)])
    for ax in fig.axes:
        lines = {line.get_label(): line for line in ax.lines}
        np.testing.assert_array_equal(lines["simulated"].get_ydata(), [2, 2])
        np.testing.assert_array_equal(lines["real"].get_ydata(), [5, 5, 5])
