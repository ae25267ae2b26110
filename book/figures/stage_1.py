"""Stage 1: mirrors, the coin toss, laws in T with their theory, random starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike
from scipy.special import ndtr

from figures.base import (
    INK,
    MIRROR,
    OF_A,
    THEORY,
    TRUTH,
    Curves,
    drawn,
    figure,
    legend_below,
    looks,
    panels,
    plain_log,
    rows,
    zero,
)

_KINDS = (INK.green, INK.red, INK.sky, INK.black)  # of measured points that have no role


class Law(NamedTuple):
    """One panel: measured points with intervals, and the lines that theory draws."""

    xlabel: str
    ylabel: str
    points: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x (n,), and (n, 3) values with the low and high end of their intervals."""
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x and y, each (m,). Those with a label of the points are thin and dark."""
    title: str = ""
    log: bool = True
    """Whether the vertical axis is logarithmic; the horizontal one is."""
    colours: Sequence[str] = _KINDS


ERROR_AND_SIGN = (OF_A, MIRROR)


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


def _points(
    ax: Axes, x: ArrayLike, found: ArrayLike, colour: str, mark: str, label: str, beside: float = 1
) -> None:
    """Draw (n, 3) values with their intervals at x, moved aside by a factor."""
    values, at = np.asarray(found, float).reshape(-1, 3), np.asarray(x, float)
    fine = np.isfinite(values[:, 0])
    middle, low, high = values[fine].T
    if middle.size:
        top = 10 * max(middle.max(), high[np.isfinite(high)].max(initial=0))
        high = np.where(np.isfinite(high), high, top)
    ax.errorbar(
        beside * at[fine], middle, np.maximum([middle - low, high - middle], 0), fmt=mark, ms=5,
        color=colour, capsize=2, elinewidth=1.2, mfc=INK.paper, label=label, zorder=3,
    )  # fmt: skip


def _law(ax: Axes, law: Law) -> None:
    for index, ((name, (x, found)), colour, _, mark) in enumerate(
        looks(law.points.items(), law.colours)
    ):
        # So that intervals can be told apart.
        beside = 1.03 ** (index - (len(law.points) - 1) / 2)
        _points(ax, x, found, colour, mark, name, beside)
    others = iter([(INK.grey, ":"), (INK.grey, "--"), (INK.grey, "-.")])
    told = "by hand"
    for name, (x, y) in law.lines.items():
        if name in law.points:
            ax.plot(x, y, color=THEORY, lw=1, label=told)
            told = "_"
        else:
            colour, style = next(others, (INK.grey, "-"))
            ax.plot(x, y, style, color=colour, lw=1.4, label=name)
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


@drawn
def columns(each: Curves, attended: ArrayLike) -> Figure:
    """Return one column of attention of several runs, a_t - 1/T, as sticks, (T,) by title.

    `attended` are the positions, from 0, with weight in this column of Q; they are ringed, in the
    mirror's colour where they point down.
    """
    where = np.asarray(attended, int)
    fig, axes = panels(each, height=2.9, sharey=True)
    for ax, title, column in axes:
        values = np.asarray(column, float)
        positions = np.arange(1, values.size + 1)
        rest = np.delete(positions, where)
        # One path for all sticks.
        x = np.column_stack([rest, rest, np.full(rest.size, np.nan)]).ravel()
        y = np.column_stack([0 * rest, values[rest - 1], np.full(rest.size, np.nan)]).ravel()
        ax.plot(x, y, color=INK.grey, lw=0.8, label="other positions")
        colour = OF_A if values[where].sum() > 0 else MIRROR
        ax.vlines(positions[where], 0, values[where], color=colour, lw=2)
        ax.plot(
            positions[where], values[where], "o", ms=8, mfc="none", mec=TRUTH, mew=1.5,
            label="attended positions",
        )  # fmt: skip
        zero(ax)
        ax.set(xlabel="position $t$", title=title)
        ax.grid(visible=False)
        ax.margins(y=0.12)
    fig.axes[0].set_ylabel(r"$a_t - 1/T$")
    legend_below(fig, fig.axes[0], 2, fontsize=9)
    return fig


@drawn
def fates(
    steps: ArrayLike, runs: ArrayLike, expected: Mapping[str, tuple[ArrayLike, ArrayLike]]
) -> Figure:
    """Return the attention signal of every run, (runs, n), by the sign with which it ends.

    `expected` is what happens without noise: steps and signal, each (m,), by label.
    """
    fig, ax = figure(height=3.4)
    _paths(ax, np.asarray(steps), np.asarray(runs, float))
    for label, (x, y) in expected.items():
        ax.plot(x, y, color=THEORY, lw=1.4, ls="--", label=label, zorder=4)
    zero(ax)
    ax.set(xlabel=r"step $\tau$", ylabel=r"$\alpha_A$")
    ax.legend(fontsize=9, loc="upper left")
    return fig


def _paths(ax: Axes, steps: ArrayLike, runs: ArrayLike) -> None:
    """Draw runs, (runs, n), in one colour where they end above zero and in another below."""
    table = np.asarray(runs, float)
    up = table[:, -1] > 0
    for chosen, colour, style, label in (
        (up, OF_A, "-", "right sign"), (~up, MIRROR, "-.", "mirror"),
    ):  # fmt: skip
        for index, values in enumerate(table[chosen]):
            told = "_" if index else label
            ax.plot(steps, values, style, color=colour, lw=1.1, alpha=0.85, label=told)


@drawn
def random_starts(shares: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Return shares of right signs against kappa / sqrt(NQ), beside the law.

    By label x (n,), and (n, 3) shares with their intervals.
    """
    fig, ax = figure(height=3.6)
    for index, (item, colour, _, mark) in enumerate(looks(shares.items(), _KINDS)):
        label, (x, found) = item
        _points(ax, x, found, colour, mark, label, 1.04 ** (index - (len(shares) - 1) / 2))
    fine = np.geomspace(0.25, 12, 100)
    ax.plot(fine, ndtr(1 / fine), color=THEORY, lw=1, label=r"$\Phi(\sqrt{NQ}/\kappa)$")
    ax.axhline(0.5, color=INK.grey, lw=1, ls=":", label="coin toss")
    ax.set(xscale="log", ylim=(0.4, 1.02))
    ax.set(xlabel=r"random part $\kappa/\sqrt{NQ}$", ylabel="share with the right sign")
    plain_log(ax.xaxis)
    legend_below(fig, ax, 3, fontsize=9)
    return fig


@drawn
def start_and_end(starts: Curves, ends: Curves, watershed: float = -1.0) -> Figure:
    """Return runs as dots: signal at the start across, sign at the end by mark, a row per group.

    `starts` is the signal of the first A in units of the drift, `ends` the signal when Stage 1
    ends, (runs,) by label. Starts to the left of `watershed` should end with a negative signal.
    """
    fig, ax = figure(height=1.4 + 0.55 * len(starts))
    for row, (name, values) in enumerate(starts.items()):
        at, end = np.asarray(values, float), np.asarray(ends[name], float)
        lift = np.linspace(-0.28, 0.28, at.size)[np.argsort(np.argsort(at))]
        for chosen, colour, mark, label in (
            (end >= 0, OF_A, "o", "right sign"),
            (end < 0, MIRROR, "X", "mirror"),
        ):
            told = "_" if row else label
            ax.plot(at[chosen], row + lift[chosen], mark, color=colour, ms=4.5, label=told)
    ax.axvline(watershed, color=THEORY, lw=1.2, ls="--", label="watershed")
    ax.set_xscale("symlog", linthresh=1)
    rows(ax, starts)
    ax.set_xlabel(r"$\alpha_A$ at the start, in units of $1/(TK_Q)$")
    legend_below(fig, ax, 3, fontsize=9)
    return fig
