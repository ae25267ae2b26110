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


def test_contraction_pairs_marks_with_lines() -> None:
    fig = population.contraction([1.0, 10.0], {"fast": [0.2, 0.1]}, {"fast": [0.21, 0.11]})
    marks, line = fig.axes[0].lines
    np.testing.assert_allclose(marks.get_ydata(), [0.2, 0.1])
    np.testing.assert_allclose(line.get_ydata(), [0.21, 0.11])
