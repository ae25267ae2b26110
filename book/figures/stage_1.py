"""Stage 1: laws in T with their theory, a column of attention, random starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from figures.base import INK, Curves, drawn, figure, looks, plain_log, rows
from figures.film import film as film  # for the chapter


class Law(NamedTuple):
    """One panel: measured points with intervals, and the lines that theory draws."""

    xlabel: str
    ylabel: str
    points: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x (n,), and (n, 3) values with the low and high end of their intervals."""
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x and y, each (m,). A label of the points takes their colour, and no legend."""
    title: str = ""
    log: bool = True
    """Whether the vertical axis is logarithmic; the horizontal one is."""


@drawn
def laws(each: Sequence[Law], *, height: float = 4.0) -> Figure:
    """Return panels of measured points with 95 % intervals over the lines of theory.

    Points of several labels are drawn a little beside each other; those that are not finite are
    left out. Ends of intervals that are not finite are drawn as far as the panel goes.
    """
    fig, axes = figure(1, len(each), height=height, squeeze=False)
    for ax, law in zip(axes[0], each, strict=True):
        _law(ax, law)
    return fig


def _law(ax: Axes, law: Law) -> None:
    own = {}
    for index, ((name, (x, found)), colour, style, mark) in enumerate(looks(law.points.items())):
        own[name] = colour, style
        values, at = np.asarray(found, float).reshape(-1, 3), np.asarray(x, float)
        fine = np.isfinite(values[:, 0])
        middle, low, high = values[fine].T
        if middle.size:
            top = 10 * max(middle.max(), high[np.isfinite(high)].max(initial=0))
            high = np.where(np.isfinite(high), high, top)
        beside = 1.03 ** (index - (len(law.points) - 1) / 2)  # so that intervals can be told apart
        ax.errorbar(
            beside * at[fine], middle, np.maximum([middle - low, high - middle], 0), fmt=mark,
            ms=5, color=colour, capsize=2, elinewidth=1.2, mfc="white", label=name, zorder=3,
        )  # fmt: skip
    others = iter([(INK.grey, ":"), (INK.black, "--"), (INK.orange, "-."), (INK.sky, "-")])
    for name, (x, y) in law.lines.items():
        told = name in own
        colour, style = own[name] if told else next(others, (INK.grey, "-"))
        ax.plot(x, y, style, color=colour, lw=1.4 if told else 1.6, label="_" if told else name)
    ax.set(xscale="log", xlabel=law.xlabel, ylabel=law.ylabel, title=law.title)
    if law.log:
        ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis)[: 1 + law.log]:
        first, last = axis.get_view_interval()
        if last < 60 * first:  # powers of ten alone would be too few
            plain_log(axis)
        axis.set_minor_formatter(NullFormatter())
    # Below the panel: inside, it would cover intervals.
    ax.legend(frameon=False, fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def attention_frame(columns: Curves, attended: ArrayLike, step: int, extent: float) -> Figure:
    """Return columns of A side by side at one step, as one frame of a film.

    `columns` are a_t - 1/T, (T,) by title; `attended` the positions with weight in this column of
    Q. Axes reach from minus to plus `extent`.
    """
    where = np.asarray(attended, int)
    fig, axes = figure(1, len(columns), height=2.9, width=6.6, sharey=True, squeeze=False)
    fig.set_layout_engine("none")  # all frames alike, and in half the time
    width = 0.84 / len(columns)
    for index, (ax, (title, column)) in enumerate(zip(axes[0], columns.items(), strict=True)):
        ax.set_position((0.13 + index * width, 0.19, 0.94 * width, 0.6))
        values = np.asarray(column, float)
        rest = np.setdiff1d(np.arange(values.size), where)
        ax.plot(rest, values[rest], ".", ms=2.5, color=INK.grey)
        ax.vlines(where, 0, values[where], color=INK.red, lw=1.5)
        ax.plot(where, values[where], "o", ms=6, color=INK.red)
        ax.set(xlabel="position $t$", title=title, ylim=(-extent, extent))
        ax.grid(visible=False)
    axes[0, 0].set_ylabel(r"$a_t - 1/T$")
    fig.suptitle(f"step {step}", fontsize=12)
    return fig


@drawn
def start_and_end(starts: Curves, ends: Curves, watershed: float = -1.0) -> Figure:
    """Return runs as dots: signal at the start across, sign at the end by mark, a row per group.

    `starts` is the signal of the first A in units of the drift, `ends` the signal when Stage 1
    ends, (runs,) by label. Starts to the left of `watershed` should end with a negative signal.
    """
    fig, ax = figure(height=1.1 + 0.55 * len(starts))
    for row, (name, values) in enumerate(starts.items()):
        at, end = np.asarray(values, float), np.asarray(ends[name], float)
        lift = np.linspace(-0.28, 0.28, at.size)[np.argsort(np.argsort(at))]
        for chosen, colour, mark, label in (
            (end >= 0, INK.blue, "o", "ends positive"),
            (end < 0, INK.red, "X", "ends negative"),
        ):
            told = "_" if row else label
            ax.plot(at[chosen], row + lift[chosen], mark, color=colour, ms=4.5, label=told)
    ax.axvline(watershed, color=INK.black, lw=1.2, ls="--")
    ax.set_xscale("symlog", linthresh=1)
    rows(ax, starts)
    ax.set_xlabel(r"$\alpha_A$ at the start, in units of $1/(TK_Q)$")
    ax.legend(frameon=False, fontsize=9, loc="upper right")
    return fig
