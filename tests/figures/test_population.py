"""Figures of the two signals show the data that they are given."""

from __future__ import annotations

import numpy as np
from figures import population


def test_two_descriptions_clip_zeros_for_the_logarithm() -> None:
    path = np.array([[0.0, 0.0], [0.1, 0.0]])
    fig = population.two_descriptions([0, 1], path, path, {"apart": [0.0, 1e-15]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), path[:, 0])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), [1e-18, 1e-15])


def test_stage_lengths_in_units_of_the_clock() -> None:
    fig = population.stage_lengths([1e2, 1e3], {0.1: [20, 40]}, {0.1: [21.0, 41.0]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [20, 40])
    np.testing.assert_allclose(fig.axes[1].lines[0].get_ydata(), np.array([20, 40]) * np.log(1.1))


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
