"""Figures of the two signals show the data that they are given."""

from __future__ import annotations

import numpy as np
from figures import population


def test_one_run_shows_signals_their_sum_and_their_difference() -> None:
    path = np.array([[0.0, 0.0], [0.1, 0.0], [0.3, 0.1]])
    fig = population.one_run(path, [0.0, 0.11, 50.0], [0.0, 0.09, 0.19])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), path[:, 0])
    np.testing.assert_allclose(left.lines[1].get_ydata(), path[:, 1])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.1, 0.4])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [0.1, 0.2])
    np.testing.assert_allclose(right.lines[3].get_ydata(), [0.09, 0.19])


def test_stage_lengths_in_steps_and_over_the_formula(by_label) -> None:
    reach, target = np.array([1e2, 1e3]), 0.1
    predicted = np.log1p(2 * target * reach) / np.log1p(0.1)
    without = population.Lengths(0.1, reach, 1.1 * predicted)
    noisy = population.Lengths(0.1, reach[:1], predicted[:1] * [[1.0], [0.9], [1.2]])
    left, right = population.stage_lengths([without], [noisy], target).axes
    np.testing.assert_allclose(by_label(left)[r"$\eta = 0.1$"].get_ydata(), 1.1 * predicted)
    np.testing.assert_allclose(by_label(right)[r"$\eta = 0.1$"].get_ydata(), 1.1)
    (bars,) = right.containers[0].lines[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [0.9, 1.2])


def test_valley_shows_product_and_difference() -> None:
    fig = population.valley([1, 2], {"s": [(1.0, 0.5), (2.0, 0.5)]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [0.5, 0.0])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), [0.5, 1.5])


def test_contraction_pairs_marks_with_lines() -> None:
    fig = population.contraction([1.0, 10.0], {"fast": [0.2, 0.1]}, {"fast": [0.21, 0.11]})
    marks, line = fig.axes[0].lines
    np.testing.assert_allclose(marks.get_ydata(), [0.2, 0.1])
    np.testing.assert_allclose(line.get_ydata(), [0.21, 0.11])


def test_phase_portrait_draws_nullclines_watershed_and_path() -> None:
    grid = np.linspace(-1, 1, 11)
    v, a = np.meshgrid(grid, grid)
    path = np.array([[0.0, 0.0], [0.5, 0.5]])
    panel = population.Portrait("all", grid, grid, a, v, v + a, {"start": (0, 0)}, [path])
    fig = population.phase_portrait([panel])
    curves = [each for each in fig.axes[0].collections if hasattr(each, "levels")]
    watershed = curves[2].get_paths()[0].vertices
    np.testing.assert_allclose(watershed.sum(axis=1), 0, atol=1e-12)
    assert any(np.array_equal(line.get_xydata(), path) for line in fig.axes[0].lines)


def test_flow_frame_separates_the_sides() -> None:
    fig = population.flow_frame([[1.0, 1.0], [-1.0, -1.0]], [True, False], 1200)
    good, bad = fig.axes[0].lines[2:4]
    np.testing.assert_allclose(good.get_xydata(), [[1, 1]])
    np.testing.assert_allclose(bad.get_xydata(), [[-1, -1]])
    assert fig.axes[0].get_title() == "step 1,200"
