"""Figures are drawn without a screen, and closed after each test."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

mpl.use("agg")


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test drew, or matplotlib warns of too many."""
    yield
    plt.close("all")


@pytest.fixture
def by_label():
    """Lines of an Axes by their label."""
    return lambda ax: {line.get_label(): line for line in ax.lines}
