"""Figures of the model show the data that they are given."""

from __future__ import annotations

import re

import numpy as np
import pytest
from figures import transformer


def test_computation_shows_the_product() -> None:
    V = np.array([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.0]])
    X, a = np.eye(3)[:, [1, 2, 0, 1]], np.array([0.5, 0, 0.5, 0])
    fig = transformer.computation(V, X, a)
    np.testing.assert_allclose(fig.axes[3].images[0].get_array()[:, 0], V @ X @ a)
    numbers = [
        each.get_text() for each in fig.axes[3].texts if re.match(r"[\d.]+$", each.get_text())
    ]
    assert numbers == ["0.25", "0.5", "0.25"]


def test_loss_surface_marks_points_and_draws_the_hyperbola() -> None:
    grid = np.linspace(-1, 2, 31)
    excess = (1 - np.outer(grid, grid)) ** 2
    fig = transformer.loss_surface(grid, grid, excess, marks={"truth": (1, 1)})
    lines = [line.get_xydata() for line in fig.axes[0].lines]
    for branch in lines[:2]:
        np.testing.assert_allclose(branch.prod(axis=1), 1)
    np.testing.assert_allclose(lines[2], [[1, 1]])


def test_perturbations_draw_a_line_of_slope_two_through_them() -> None:
    size = np.geomspace(0.01, 1, 20)
    fig = transformer.perturbations(size, 3 * size**2)
    (x0, x1), (y0, y1) = fig.axes[0].lines[1].get_data()
    assert y0 == pytest.approx(3 * x0**2)
    assert y1 == pytest.approx(3 * x1**2)


def test_standardised_sorts_each_group() -> None:
    fig = transformer.standardised({"g": [2.0, -1.0]}, 4.0, {"g": [-0.7, 0.7]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_xydata(), [[-0.7, -1], [0.7, 2]])


def test_gradient_matrices_have_their_own_symmetric_scales() -> None:
    fig = transformer.gradient_matrices([np.array([[1.0, -3.0]] * 2), np.zeros((2, 2))], ["a", "b"])
    assert fig.axes[0].images[0].get_clim() == (-3, 3)
    assert fig.axes[1].images[0].get_clim() == (-1, 1)


def test_constraints_show_the_median_and_the_bound() -> None:
    runs = np.array([[1e-15, 2e-15], [3e-15, 4e-15], [5e-15, 6e-15]])
    fig = transformer.constraints([1, 2], {"kept": runs}, 1e-10)
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [3e-15, 4e-15])
    assert fig.axes[0].lines[1].get_ydata()[0] == 1e-10
