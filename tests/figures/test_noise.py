"""Figures of noise show the data that they are given."""

from __future__ import annotations

import numpy as np
import pytest
from figures import noise


def test_scaling_draws_medians_and_closed_forms() -> None:
    runs = {"A": np.array([[1.0, 2, 3], [4, 5, 6]]), "V": np.ones((2, 3))}
    closed = {"A": np.array([2.0, 5]), "V": np.array([1.5, 1])}
    fig = noise.noise_scaling([noise.Scaling("$T$", np.array([10.0, 20]), runs, closed)])
    lines = fig.axes[0].lines
    marks = [line for line in lines if line.get_marker() == "o"]
    np.testing.assert_allclose(marks[0].get_xydata(), [[10, 2], [20, 5]])
    assert any(np.array_equal(line.get_ydata(), closed["V"]) for line in lines)


def test_column_marks_attended_positions_from_one() -> None:
    fig = noise.noise_column([0.1, -0.2, 0.3], [1], 0.2)
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[2, -0.2]])
    bell, grid = right.lines[0].get_data()
    assert np.trapezoid(bell, grid) == pytest.approx(0.94, abs=0.05)
    assert bell.max() == pytest.approx(1 / (0.2 * np.sqrt(2 * np.pi)), rel=1e-3)


def test_samples_needed_draws_means_line_and_prediction() -> None:
    entries, norm = np.array([[1.0, 3], [4, 6]]), np.array([[10.0, 10], [20, 20]])
    fig = noise.samples_needed([10, 100], entries, norm, [2.1, 5.1], [2.0, 5.0])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[1].get_ydata(), [10, 20])
    drawn = {line.get_label(): line.get_ydata() for line in right.lines}
    np.testing.assert_allclose(drawn["mean, largest entry"], [2, 5])
    np.testing.assert_allclose(drawn["if it were Gaussian"], [2.1, 5.1])


def test_run_terms_draw_sizes_and_the_noise_by_its_root_mean_square() -> None:
    steps = np.arange(40)
    fig = noise.run_terms(steps, {"x": {"signal": -np.ones(40), "noise": np.full(40, -2.0)}})
    drawn = {line.get_label(): line.get_ydata() for line in fig.axes[0].lines}
    np.testing.assert_allclose(drawn["signal"], 1)
    np.testing.assert_allclose(drawn["noise"], 2)


def test_column_paces_draw_each_column() -> None:
    paths = np.array([[0.0, 0.1], [0.2, 0.3]])
    fig = noise.column_paces([0.7, 0.3], {"a": paths, "b": 2 * paths})
    np.testing.assert_allclose(fig.axes[1].lines[1].get_ydata(), [0.2, 0.6])
    assert fig.axes[0].lines[0].get_label() == r"$\mu_k = 0.700$"


def test_column_prices_leave_out_tasks_that_did_not_arrive() -> None:
    arrived = {"a": [[1.0, 3, np.nan], [2, 4, 9]], "b": [[np.nan], [5.0]]}
    off = {"a": np.ones((2, 3)), "b": np.ones((2, 1))}
    fig = noise.column_prices([0.7, 0.3], arrived, off)
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [2, 3])
    np.testing.assert_allclose(fig.axes[0].lines[1].get_ydata(), [5, 5])
