"""Figures of the model show the data that they are given."""

from __future__ import annotations

import numpy as np
import pytest
from figures import transformer


def test_data_flow_adds_attention_up_by_token_and_predicts() -> None:
    V = np.array([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.0]])
    fig = transformer.data_flow(V, [1, 2, 0, 1], [0.5, 0, 0.25, 0.25])
    widths = [[bar.get_width() for bar in ax.patches] for ax in fig.axes]
    assert widths[0] == [0.5, 0, 0.25, 0.25]
    assert widths[1] == [0.25, 0.75, 0]
    np.testing.assert_allclose(widths[3], V @ widths[1])
    assert [each.get_text() for each in fig.axes[3].texts] == ["0.38", "0.25", "0.38"]


def test_perturbations_draw_a_line_of_slope_two_through_them() -> None:
    size = np.geomspace(0.01, 1, 20)
    fig = transformer.perturbations(size, 3 * size**2)
    (x0, x1), (y0, y1) = fig.axes[0].lines[1].get_data()
    assert y0 == pytest.approx(3 * x0**2)
    assert y1 == pytest.approx(3 * x1**2)


def test_standardised_sorts_each_group() -> None:
    fig = transformer.standardised({"raw A": [2.0, -1.0]}, 4.0, {"raw A": [-0.7, 0.7]})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_xydata(), [[-0.7, -1], [0.7, 2]])


def test_gradient_matrices_shade_each_map_by_its_own_largest_entry() -> None:
    fig = transformer.gradient_matrices([np.array([[1.0, -3.0]] * 2), np.zeros((2, 2))], ["a", "b"])
    signs = [each.get_text() for each in fig.axes[0].texts]
    assert signs == ["+", "\N{MINUS SIGN}"] * 2
    shades = [patch.get_alpha() for patch in fig.axes[0].patches if patch.get_alpha() is not None]
    np.testing.assert_allclose(shades, [0.85 / 3, 0.85] * 2)
    assert not fig.axes[1].texts


def test_constraints_show_the_median_and_the_bound(by_label) -> None:
    runs = np.array([[1e-15, 2e-15], [3e-15, 4e-15], [5e-15, 6e-15]])
    fig = transformer.constraints([1, 2], runs, 1e12 * runs, 1e-10)
    lines = by_label(fig.axes[0])
    np.testing.assert_allclose(lines["projected"].get_ydata(), [3e-15, 4e-15])
    np.testing.assert_allclose(lines["plain SGD"].get_ydata(), [3e-3, 4e-3])
    assert lines["bound"].get_ydata()[0] == 1e-10
