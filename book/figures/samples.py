"""How many samples it must take: methods against T, and what a pair statistic sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, MIRROR, OF_A, SGD, THEORY, Curves, drawn, figure, legend_below, panels
from figures.shown import is_narrow

Points = Mapping[str, tuple[ArrayLike, ArrayLike]]

# Colours, styles and marks, in the order of the chapter.
TRAINED = ((SGD, "-.", "^"), (MIRROR, "--", "s"), (OF_A, "-", "o"))
COUNTED = ((INK.sky, "--", "v"), (INK.green, "-", "D"), (INK.red, ":", "P"))
BOUNDS = (":", (0, (6, 2)), (0, (1, 1)))


@drawn
def least(trained: Points, counted: Points, bounds: Curves, ylabel: str = "samples") -> Figure:
    """Return what two families of methods need against T, with intervals, and lines below them.

    By label: T (n,) and (n, 3) values with the ends of their intervals; `bounds` are two rows, T
    and the bound, drawn in both panels.
    """
    fig, each = panels(
        {"training": (trained, TRAINED), "counting": (counted, COUNTED)}, height=4.2, sharey=True
    )
    for ax, title, (points, styles) in each:
        for (label, (x, found)), style in zip(points.items(), styles, strict=False):
            _with_ends(ax, x, found, *style, label)
        for (label, line), dashes in zip(bounds.items(), BOUNDS, strict=False):
            x, y = np.asarray(line, float)
            ax.plot(x, y, color=THEORY, lw=1.1, ls=dashes, label=label)
        ax.set(xscale="log", yscale="log", xlabel="sequence length $T$", ylabel=ylabel)
        ax.set_title(title, loc="left")
    each[1][0].set_ylabel("")
    lines: dict[str, Any] = {}
    for ax, *_ in each:
        lines |= {str(line.get_label()): line for line in ax.lines}
    shown = [line for label, line in lines.items() if not label.startswith("_")]
    fig.legend(
        shown, [line.get_label() for line in shown], loc="outside lower center", frameon=False,
        ncols=2 if is_narrow() else 3, fontsize=8 if is_narrow() else 10,
    )  # fmt: skip
    return fig


@drawn
def against(points: Points, lines: Points, ylabel: str = "samples") -> Figure:
    """Return values with intervals against T, a curve for each label, and plain lines.

    Lines with a label of the points are thin: the same number by hand.
    """
    fig, ax = figure(height=3.4)
    styles = ((OF_A, "-", "o"), (INK.blue, "--", "s"), (INK.red, ":", "D"))
    told = "by hand"
    for (label, (x, found)), style in zip(points.items(), styles, strict=False):
        if label in lines:
            _with_ends(ax, x, found, style[0], "none", style[2], label)
            ax.plot(*lines[label], color=THEORY, lw=1, label=told)
            told = "_"
        else:
            _with_ends(ax, x, found, *style, label)
    for (label, (x, y)), dashes in zip(lines.items(), BOUNDS, strict=False):
        if label not in points:
            ax.plot(x, y, color=THEORY, lw=1, ls=dashes, label=label)
    ax.set(xscale="log", yscale="log", xlabel="sequence length $T$", ylabel=ylabel)
    legend_below(fig, ax, ncols=3, fontsize=10)
    return fig


def _with_ends(
    ax: Axes, x: ArrayLike, found: ArrayLike, colour: str, style: str, mark: str, label: str
) -> None:
    """Draw values with their intervals, (n, 3), where they are finite; open ends reach the top."""
    at, values = np.asarray(x, float), np.asarray(found, float).reshape(-1, 3)
    fine = np.isfinite(values[:, 0])
    at, (value, low, high) = at[fine], values[fine].T
    high = np.where(np.isfinite(high), high, 3 * value)
    ax.plot(at, value, marker=mark, ls=style, color=colour, label=label, ms=5, lw=1.2)
    ax.vlines(at, low, high, color=colour, lw=1.2, alpha=0.7)
