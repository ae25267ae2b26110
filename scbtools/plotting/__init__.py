"""Figures of the book, as functions of computed data."""

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["COLOURS", "band", "figure"]
