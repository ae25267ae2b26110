"""Figures of the task show the data that they are given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from figures import task
from matplotlib.patches import Circle

P = np.array([[0, 0.5, 1], [1, 0, 0], [0, 0.5, 0]])
Q = np.array([[0.25, 0, 0], [0, 0, 1], [0.75, 0, 0], [0, 1, 0]])


def test_one_sample_shows_the_row_the_column_that_is_lit_and_the_target() -> None:
    fig = task.one_sample(Q, P, [1, 2, 0, 1], 0, source=2, target=1)
    left, middle, right = fig.axes
    shown = [each.get_text() for each in middle.texts]
    assert [each for each in shown if each and each in "abc"] == list("bcaba")
    assert [each for each in shown if "." in each] == ["0.25", "0.75"]
    arrows = [each.arrow_patch for each in middle.texts if getattr(each, "arrow_patch", None)]
    assert [each.get_linestyle() == "-" for each in arrows] == [False, True]  # the one drawn
    frames = [patch for patch in left.patches if patch.get_linewidth() == 2.5]
    assert [(frame.get_x(), frame.get_height()) for frame in frames] == [(-0.5, 4)]
    rings = [patch.center for patch in right.patches if isinstance(patch, Circle)]
    assert rings == [(0, 1)]  # a stands at position 3, and b followed


def test_cells_shade_by_size_and_fade_what_is_not_lit() -> None:
    _, ax = plt.subplots()
    task.cells(ax, [[0.5, 1.0]], "#0072B2", lit=0)
    shades = [patch.get_alpha() for patch in ax.patches if patch.get_alpha() is not None]
    np.testing.assert_allclose(shades, [0.375, 0.25])
    assert [each.get_text() for each in ax.texts] == [".5", "1"]


def test_pair_excess_rings_attended_positions_and_draws_the_law() -> None:
    found = 0.24 * Q + 0.01
    fig = task.pair_excess(found, np.full(Q.shape, 0.02), 0.24 * Q, Q > 0, "excess")
    for k, ax in enumerate(fig.axes):
        marks, rings = (line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_allclose(marks.get_ydata(), found[:, k])
        np.testing.assert_array_equal(rings.get_xdata(), np.flatnonzero(Q[:, k]) + 1)
        heights = [path.vertices[0, 1] for path in ax.collections[0].get_paths()]
        np.testing.assert_allclose(heights, 0.24 * Q[:, k])


def test_agreement_counts_the_cells_with_more_evidence() -> None:
    fig = task.agreement([0.1, 0.2], [0.1, 0.3], [1.0, 4.0], 10.0, [100.0, 200.0])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0.1, 0.3])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[1, 1], [4, 0.5]])
    assert right.lines[2].get_xdata()[0] == 10
