import numpy as np
import pytest
from figures import proximal

STEPS = np.array([0, 10, 20])
RUNS = np.array([[0.0, 1, 2], [0, 3, 4], [0, 2, 9]])  # medians 0, 2, 4


def test_signals_and_errors_draws_a_panel_a_column(by_label):
    columns = ("alpha_V", "alpha_A", "delta_V", "delta_A")
    runs = {m: {c: RUNS + i for i, c in enumerate(columns)} for m in ("sgd", "proximal")}
    expected = np.column_stack([STEPS, 2 * STEPS])
    fig = proximal.signals_and_errors(STEPS, runs, switch=10, expected=expected, lines=True)
    for i, ax in enumerate(fig.axes):
        lines = by_label(ax)
        np.testing.assert_array_equal(lines["SGD"].get_ydata(), np.array([0, 2, 4]) + i)
        assert ("recursion" in lines) == (i < 2)
        thin = [line for line in ax.lines if line.get_linewidth() == 0.5]
        assert len(thin) == (2 * len(RUNS) if i < 2 else 0)
    np.testing.assert_array_equal(by_label(fig.axes[1])["recursion"].get_ydata(), 2 * STEPS)


def test_similarities_puts_the_star_on_attention_alone(by_label):
    runs = {layer: {"sgd": RUNS / 10, "proximal": RUNS / 9} for layer in "VA"}
    fig = proximal.similarities(STEPS, runs, [0.7, 0.8, 0.9], switch=10)
    value, attention = (by_label(ax) for ax in fig.axes)
    np.testing.assert_allclose(value["proximal"].get_ydata(), np.array([0, 2, 4]) / 9)
    assert "normalised" not in value
    assert attention["normalised"].get_ydata()[0] == pytest.approx(0.8)


def test_cut_histogram_counts_others_and_marks_attended(by_label):
    before = np.array([0.4, -0.1, 0.02, 0.03, 0.3])
    attended = np.array([True, False, False, False, True])
    after = np.where(attended, before, 0.1)
    fig = proximal.cut_histogram(before, after, attended, level=0.2, bins=10)
    for ax, column in zip(fig.axes, (before, after), strict=True):
        assert sum(bar.get_height() for bar in ax.patches) == 3
        lines = by_label(ax)
        np.testing.assert_array_equal(lines["attended"].get_xdata(), column[attended])
    assert fig.axes[0].get_title() == "before the cut"


def test_cut_scaling_draws_every_run_and_the_bounds():
    attended = {"a": [np.array([1.0, 2]), np.array([3.0])], "b": [np.array([]), np.array([0.5])]}
    others = {"a": [np.array([0.1, 0.2]), np.array([0.3])], "b": [np.array([]), np.array([9.0])]}
    fig = proximal.cut_scaling([100, 200], attended, others, (0.5, 2.0))
    for ax, bound, total in zip(fig.axes, (0.5, 2.0), (6.5, 9.6), strict=True):
        dots = [line for line in ax.lines if line.get_marker() in ("o", "s")]
        assert sum(line.get_ydata().sum() for line in dots) == pytest.approx(total)
        assert any(set(line.get_ydata()) == {bound} for line in ax.lines if line not in dots)


def test_penalty_sweep_puts_zero_a_decade_to_the_left(by_label):
    samples = [np.array([1.0, 2, 3]), np.array([4.0, 5, 9]), np.array([])]
    predicted = {"x": [2.5, 5.5, 0.0]}
    fig = proximal.penalty_sweep(
        [0, 1e-4, 1e-2], {"x": samples, "y": samples}, predicted, {"theory": 3e-3}
    )
    first, second = fig.axes
    lines = by_label(first)
    np.testing.assert_allclose(lines["their median"].get_xdata(), [1e-5, 1e-4, 1e-2])
    np.testing.assert_array_equal(lines["their median"].get_ydata(), [2, 5, np.nan])
    np.testing.assert_array_equal(lines["predicted"].get_ydata(), predicted["x"])
    assert "predicted" not in by_label(second)
    assert lines["theory"].get_xdata()[0] == 3e-3
    assert [text.get_text() for text in first.get_xticklabels()] == ["0", "1e-4", "1e-2"]


def test_long_stage_2_marks_the_early_stop_on_the_median(by_label):
    fig = proximal.long_stage_2(
        STEPS, {"a": RUNS}, {"a": 15.0}, {"a": [0.1, 0.2, 0.6]}, {"a": [1, 2, 3]}
    )
    (ax,) = fig.axes
    np.testing.assert_array_equal(by_label(ax)["a"].get_ydata(), [0, 2, 4])
    diamond = next(x for x in ax.lines if x.get_marker() == "D" and x.get_xdata().size)
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (15.0, 3.0)
    star = next(x for x in ax.lines if x.get_marker() == "*" and x.get_xdata().size)
    assert star.get_ydata()[0] == 0.2


def test_attention_entries_marks_the_attended_and_keeps_the_extent(by_label):
    column, attended = np.array([0.1, 0.5, -0.2]), np.array([False, True, False])
    fig = proximal.attention_entries(column, attended, "now", (-0.3, 0.7))
    (ax,) = fig.axes
    dots = by_label(ax)["attended"]
    assert (dots.get_xdata()[0], dots.get_ydata()[0]) == (2, 0.5)
    assert ax.get_ylim() == (-0.3, 0.7)


def test_distances_draws_medians_bands_and_stars():
    steps = np.array([0, 10, 20])
    runs = {"sgd": np.array([[3.0, 2, 1], [5, 4, 3], [4, 3, 2]]), "proximal": np.ones((3, 3))}
    fig = proximal.distances(steps, runs, runs, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6], switch=10)
    for ax, star in zip(fig.axes, (0.2, 0.5), strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        np.testing.assert_array_equal(lines["SGD"].get_xdata(), steps)
        np.testing.assert_array_equal(lines["SGD"].get_ydata(), [4, 3, 2])
        np.testing.assert_array_equal(lines["proximal"].get_ydata(), [1, 1, 1])
        assert lines["normalised"].get_ydata()[0] == pytest.approx(star)
        assert len(ax.collections) == 2
    assert fig.axes[0].get_ylabel() == r"$\Vert V - P\Vert_\mu$"


def test_final_signals_marks_every_run_by_its_sign():
    fig = proximal.final_signals({"a": [0.3, -0.2, 0.1], "b": [0.5]}, expected=0.4)
    dots = [line for line in fig.axes[0].lines if line.get_marker() in ("X", "o")]
    assert sum(len(line.get_xdata()) for line in dots) == 4
    for line in dots:
        assert all((x < 0) == (line.get_marker() == "X") for x in line.get_xdata())
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_shrinkage_draws_each_column_as_it_is():
    fig = proximal.shrinkage([0.1, -0.2], {"after": [0.0, -0.1]})
    heights = [[bar.get_height() for bar in ax.patches] for ax in fig.axes]
    assert heights == [[0.1, -0.2], [0.0, -0.1]]
    assert [ax.get_title() for ax in fig.axes] == ["before", "after"]
