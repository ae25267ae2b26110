"""Figures show the data that they are given."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import scbtools as scb
from scbtools import explore, plotting

mpl.use("agg")


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def texts(fig: plt.Figure) -> list[str]:
    return [each.get_text() for ax in fig.axes for each in ax.texts]


def test_sequence_shows_tokens_weights_and_target() -> None:
    fig = plotting.sequence([1, 2, 0, 1], 0, [0, 2], [0.25, 0.75], vocab_size=3, source=2, target=1)
    shown = texts(fig)
    assert [each for each in shown if each in "abc" and each] == list("bcaba" + "b")
    assert [each.strip() for each in shown if each.strip().startswith("0.")] == ["0.25", "0.75"]
    arrows = [each for each in fig.axes[0].texts if getattr(each, "arrow_patch", None)]
    assert len(arrows) == 3  # two that attend, one step of P


def test_sequence_without_target_and_with_many_tokens() -> None:
    row = np.arange(60) % 30
    fig = plotting.sequence(row, 3, [1, 50], [0.5, 0.5], vocab_size=30)
    assert len([each for each in fig.axes[0].texts if getattr(each, "arrow_patch", None)]) == 1


def test_attention_columns_show_the_matrices() -> None:
    task = scb.SCBTask.random(3, 5, 2, seed=0)
    fig = plotting.attention_columns([task.attention, np.full((5, 3), 0.2)], ["truth", "uniform"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    np.testing.assert_array_equal(first.get_array(), task.attention)
    np.testing.assert_array_equal(second.get_array(), np.full((5, 3), 0.2))
    assert first.get_clim() == second.get_clim() == (0, 1)


def test_intervals_mark_the_draws_and_hatch_the_split_bucket() -> None:
    fig = plotting.intervals([0.4, 0.4, 0.2], [0, 2**15], bits=16)
    top, below = fig.axes
    np.testing.assert_allclose(top.lines[0].get_xdata(), [0, 0.5])
    np.testing.assert_allclose([bar.get_width() for bar in top.patches], [0.4, 0.4, 0.2])
    hatched = [patch for patch in below.patches if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [int(0.4 * 2**16)]


def test_agreement_counts_the_cells_with_more_evidence() -> None:
    fig = plotting.agreement([0.1, 0.2], [0.1, 0.3], [1.0, 4.0], 10.0, [100.0, 200.0])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0.1, 0.3])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1, 1], [4, 0.5]])
    assert right.lines[2].get_xdata()[0] == 10


def test_computation_shows_the_product() -> None:
    V = np.array([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.0]])
    X, a = np.eye(3)[:, [1, 2, 0, 1]], np.array([0.5, 0, 0.5, 0])
    fig = plotting.computation(V, X, a)
    np.testing.assert_allclose(fig.axes[3].images[0].get_array()[:, 0], V @ X @ a)
    numbers = [
        each.get_text() for each in fig.axes[3].texts if re.match(r"[\d.]+$", each.get_text())
    ]
    assert numbers == ["0.25", "0.5", "0.25"]


def test_loss_surface_marks_points_and_draws_the_hyperbola() -> None:
    grid = np.linspace(-1, 2, 31)
    excess = (1 - np.outer(grid, grid)) ** 2
    fig = plotting.loss_surface(grid, grid, excess, marks={"truth": (1, 1)})
    lines = [line.get_xydata() for line in fig.axes[0].lines]
    for branch in lines[:2]:
        np.testing.assert_allclose(branch.prod(axis=1), 1)
    np.testing.assert_allclose(lines[2], [[1, 1]])


def test_perturbations_draw_a_line_of_slope_two_through_them() -> None:
    size = np.geomspace(0.01, 1, 20)
    fig = plotting.perturbations(size, 3 * size**2)
    (x0, x1), (y0, y1) = fig.axes[0].lines[1].get_data()
    assert y0 == pytest.approx(3 * x0**2)
    assert y1 == pytest.approx(3 * x1**2)


def test_standardised_sorts_each_group() -> None:
    fig = plotting.standardised({"g": [2.0, -1.0]}, 4.0, {"g": [-0.7, 0.7]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_xydata(), [[-0.7, -1], [0.7, 2]])


def test_gradient_matrices_have_their_own_symmetric_scales() -> None:
    fig = plotting.gradient_matrices([np.array([[1.0, -3.0]] * 2), np.zeros((2, 2))], ["a", "b"])
    assert fig.axes[0].images[0].get_clim() == (-3, 3)
    assert fig.axes[1].images[0].get_clim() == (-1, 1)


def test_constraints_show_the_median_and_the_bound() -> None:
    runs = np.array([[1e-15, 2e-15], [3e-15, 4e-15], [5e-15, 6e-15]])
    fig = plotting.constraints([1, 2], {"kept": runs}, 1e-10)
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [3e-15, 4e-15])
    assert fig.axes[0].lines[1].get_ydata()[0] == 1e-10


def test_two_descriptions_clip_zeros_for_the_logarithm() -> None:
    path = np.array([[0.0, 0.0], [0.1, 0.0]])
    fig = plotting.two_descriptions([0, 1], path, path, {"apart": [0.0, 1e-15]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), path[:, 0])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), [1e-18, 1e-15])


def test_stage_lengths_in_units_of_the_clock() -> None:
    fig = plotting.stage_lengths([1e2, 1e3], {0.1: [20, 40]}, {0.1: [21.0, 41.0]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [20, 40])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), np.array([20, 40]) * np.log(1.1))


def test_valley_shows_product_and_difference() -> None:
    fig = plotting.valley([1, 2], {"s": [(1.0, 0.5), (2.0, 0.5)]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [0.5, 0.0])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), [0.5, 1.5])


def test_contraction_pairs_marks_with_lines() -> None:
    fig = plotting.contraction([1.0, 10.0], {"fast": [0.2, 0.1]}, {"fast": [0.21, 0.11]})
    marks, line = fig.axes[0].lines
    np.testing.assert_allclose(marks.get_ydata(), [0.2, 0.1])
    np.testing.assert_allclose(line.get_ydata(), [0.21, 0.11])


def test_phase_portrait_draws_nullclines_watershed_and_path() -> None:
    grid = np.linspace(-1, 1, 11)
    v, a = np.meshgrid(grid, grid)
    path = np.array([[0.0, 0.0], [0.5, 0.5]])
    panel = plotting.Portrait("all", grid, grid, a, v, v + a, {"start": (0, 0)}, [path])
    fig = plotting.phase_portrait([panel])
    curves = [each for each in fig.axes[0].collections if hasattr(each, "levels")]
    watershed = curves[2].get_paths()[0].vertices
    np.testing.assert_allclose(watershed.sum(axis=1), 0, atol=1e-12)
    assert any(np.array_equal(line.get_xydata(), path) for line in fig.axes[0].lines)


def test_flow_frame_separates_the_sides() -> None:
    fig = plotting.flow_frame([[1.0, 1.0], [-1.0, -1.0]], [True, False], 1200)
    good, bad = fig.axes[0].lines[2:4]
    np.testing.assert_allclose(good.get_xydata(), [[1, 1]])
    np.testing.assert_allclose(bad.get_xydata(), [[-1, -1]])
    assert fig.axes[0].get_title() == "step 1,200"


def test_one_run_marks_where_stages_change() -> None:
    history = {
        "step": [0, 10, 20], "stage": [0, 0, 1], "alpha_V": [0, 0.5, 1], "alpha_A": [0, 0.4, 1],
        "error_V": [1, 0.5, 0.1], "error_A": [1, 0.6, 0.2],
    }  # fmt: skip
    fig = plotting.one_run(history)
    left, right = fig.axes
    np.testing.assert_allclose(right.lines[0].get_ydata(), [1, 0.25, 0.01])
    assert left.lines[2].get_xdata()[0] == 20


def test_first_figure_leaves_the_display_of_later_ones_alone() -> None:
    before = mpl.is_interactive()
    plt.ion()
    try:
        plotting.figure()
        assert mpl.is_interactive()
    finally:
        plt.interactive(before)


def make_film(values: list[int]) -> Any:
    return explore.film(
        lambda value: plotting.flow_frame([[value, 1.0]], [True], value),
        values,
        alt=lambda value: f'value "{value}"',
        name="value",
    )


def test_film_holds_every_frame_with_its_words() -> None:
    film = make_film([0, 1, 2])
    (play, label, slider), stack = film.children[0].children, film.children[1]
    assert label.value == "value"
    assert slider.max == play.max == 2
    assert [re.search('alt="([^"]+)"', frame.value)[1] for frame in stack.children] == [
        f"value &quot;{value}&quot;" for value in (0, 1, 2)
    ]
    assert len({frame.value for frame in stack.children}) == 3
    assert plt.get_fignums() == []


def test_film_needs_values() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_film([])


def test_film_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match="extra 'book'"):
        make_film([0])
