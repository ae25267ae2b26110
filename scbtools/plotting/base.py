"""What all figures share: colours, fonts, axes, bands over seeds."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

__all__ = ["COLOURS", "band", "figure"]

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#222222",
    "grey": "#888888",
}
"""Okabe and Ito's palette, told apart by colour-blind readers; use line styles as well."""

_STYLE: dict[str, Any] = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "mathtext.fontset": "dejavusans",
}


def figure(
    rows: int = 1, columns: int = 1, *, height: float = 3.2, width: float = 7.4, **options: Any
) -> tuple[Figure, Any]:
    """Return a figure in the book's style and its Axes, or array of Axes.

    Parameters
    ----------
    rows, columns : int
        Panels.
    height, width : float
        Of the whole figure, in inches.
    **options
        Handed to `matplotlib.figure.Figure.subplots`.
    """
    # Outside the context: the first figure loads the backend, which turns notebooks' display of
    # later figures on, and leaving the context would turn that off again.
    fig = plt.figure(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")
    with plt.rc_context(_STYLE):  # type: ignore[arg-type]
        return fig, fig.subplots(rows, columns, **options)


def band(
    ax: Axes,
    x: ArrayLike,
    runs: ArrayLike,
    colour: str,
    label: str,
    *,
    style: str = "-",
    share: float = 0.8,
) -> None:
    """Draw the median of many runs and the band that holds the middle `share` of them.

    Parameters
    ----------
    x : (n,) array
    runs : (seeds, n) array
    colour : str
        A name from `COLOURS`.
    """
    values = np.asarray(runs, float)
    low, middle, high = np.quantile(values, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=0)
    ax.fill_between(np.asarray(x), low, high, color=COLOURS[colour], alpha=0.22, linewidth=0)
    ax.plot(x, middle, style, color=COLOURS[colour], label=label)
