"""Broken assumptions: how far each can be broken, leaks, signs, and what is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    MIRROR,
    OF_A,
    SGD,
    THEORY,
    TRUTH,
    drawn,
    figure,
    legend_below,
    panels,
    rows,
    zero,
)
from figures.shown import is_narrow

Points = tuple[ArrayLike, ArrayLike]


class Reach(NamedTuple):
    """What is left of an assumption where half of the runs fail."""

    trained: Sequence[float]  # value, low, high
    screened: Sequence[float] | None = None
    hand: float | None = None
    text: str = ""


@drawn
def how_far(reach: Mapping[str, Reach]) -> Figure:
    """Return for each assumption what must be left of it, all of it on the left."""
    narrow = is_narrow()
    fig, ax = figure(height=0.34 * len(reach) + 1.1)
    rows(ax, reach)
    if narrow:  # names above the bars, so that these keep their length
        fig.set_figheight(0.6 * len(reach) + 1.2)
        ax.set_yticks([])
    for y, (name, each) in enumerate(reach.items()):
        value, low, high = each.trained
        ax.plot([1, value], [y, y], color=INK.green, lw=7, alpha=0.3, solid_capstyle="butt")
        ax.plot([low, high], [y, y], color=OF_A, lw=1.6)
        ax.plot(value, y, "o", color=OF_A, ms=7, label="training" if y == 0 else "_")
        if each.screened is not None:
            at, *ends = each.screened
            ax.plot(ends, [y + 0.25, y + 0.25], color=INK.blue, lw=1.2)
            ax.plot(
                at, y + 0.25, "D", color=INK.blue, mfc=INK.paper, ms=5,
                label="_" if any(r.screened for r in list(reach.values())[:y]) else "screening",
            )  # fmt: skip
        if each.hand is not None:
            ax.plot(
                [each.hand] * 2, [y - (0.15 if narrow else 0.35), y + 0.35], color=THEORY, lw=1.2,
                label="_" if any(r.hand for r in list(reach.values())[:y]) else "by hand",
            )  # fmt: skip
        if narrow:
            ax.text(1.0, y - 0.2, f"{name}: {each.text}".rstrip(": "), va="bottom", fontsize=9)
        else:
            ax.text(1.01, y, each.text, transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.set(xscale="log", xlim=(1.15, 0.01), xlabel="what must be left of the assumption")
    ax.set_xticks([1, 0.3, 0.1, 0.03, 0.01], ["all", "0.3", "0.1", "0.03", "0.01"])
    ax.xaxis.minorticks_off()
    legend_below(fig, ax, 3, fontsize=10)
    return fig


@drawn
def leak(
    profiles: Mapping[str, Mapping[str, ArrayLike]],
    distance: ArrayLike,
    hand: Mapping[str, ArrayLike],
) -> Figure:
    """Return attention around attended positions, a panel a chain, early and late, and by hand.

    Values are (n, 3) with the ends of their intervals by moment, or (n,).
    """
    fig, each = panels(profiles, height=2.5, sharey=True)
    x = np.asarray(distance, float)
    looks = {"early": (OF_A, "o", -0.06), "late": (INK.green, "s", 0.06)}
    for ax, title, moments in each:
        zero(ax)
        ax.plot(x, hand[title], color=THEORY, lw=1.2, label="by hand")
        for name, values in moments.items():
            colour, mark, beside = looks[name.split(",")[0]]
            _marks(ax, x + beside, values, colour, mark, name)
        ax.set(xlabel="distance from an attended position", xticks=x)
        ax.set_title(title, loc="left")
    each[0][0].set_ylabel("entry, over the attended one")
    legend_below(fig, each[0][0], 3, fontsize=10)
    return fig


@drawn
def signs(shares: Mapping[str, Mapping[str, tuple[ArrayLike, float]]]) -> Figure:
    """Return shares of mirrors in rows, a panel for each family: (3,) values, and the law's."""
    fig, each = panels(shares, height=2.4, sharex=True)
    for ax, title, settings in each:
        rows(ax, settings)
        for y, (found, law) in enumerate(settings.values()):
            value, low, high = np.asarray(found, float)
            ax.plot([low, high], [y, y], color=MIRROR, lw=1.6)
            ax.plot(value, y, "s", color=MIRROR, ms=6, label="_" if y else "runs")
            ax.plot(
                [law] * 2, [y - 0.3, y + 0.3], color=THEORY, lw=1.4, label="_" if y else "by hand"
            )
        ax.set(xlim=(-0.01, 0.5), xlabel="share of mirrors")
        ax.set_title(title, loc="left")
    legend_below(fig, each[0][0], 2, fontsize=10)
    return fig


@drawn
def memory(
    step: ArrayLike, runs: Mapping[str, Mapping[str, ArrayLike]], hand: Mapping[str, float]
) -> Figure:
    """Return losses after Stage 1, (n, 3) with intervals, a panel for each size of the set.

    By size: "plain, on the set", "plain, in truth", "l1, in truth" and "rounded, in truth".
    """
    fig, each = panels(runs, height=3.3, sharey=True)
    looks = {
        "plain, on the set": (SGD, "v", "--"),
        "plain, in truth": (OF_A, "o", "-"),
        "l1, in truth": (INK.blue, "s", "-."),
        "rounded, in truth": (INK.green, "D", ":"),
    }
    x = np.asarray(step, float)
    for ax, title, curves in each:
        zero(ax)
        ax.axhline(1, color=TRUTH, lw=0.8, ls=":", label="knowing nothing")
        ax.axhline(hand[title], color=THEORY, lw=1.1, ls=(0, (6, 2)), label="memory, by hand")
        for name, values in curves.items():
            colour, mark, style = looks[name]
            found = np.asarray(values, float).reshape(-1, 3)
            ax.plot(x[-len(found) :], found[:, 0], style, color=colour, lw=1.2)
            _marks(ax, x[-len(found) :], found, colour, mark, name)
        ax.set(xlabel="steps after Stage 1")
        ax.set_title(title, loc="left")
    each[0][0].set_ylabel("excess loss, the start's = 1")
    legend_below(fig, each[0][0], 3, fontsize=9)
    return fig


@drawn
def on_sets(size: ArrayLike, shares: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Return shares against the size of a fixed set, a panel for each length.

    By length: "runs" (n, 3) with intervals, "linear theory" and "height alone" (n,).
    """
    fig, each = panels(shares, height=3.0, sharey=True)
    x = np.asarray(size, float)
    for ax, title, found in each:
        ax.plot(x, found["height alone"], ":", color=TRUTH, lw=1.4, label="height alone")
        ax.plot(x, found["linear theory"], "-", color=THEORY, lw=1.4, label="linear theory")
        _marks(ax, x, found["runs"], OF_A, "o", "runs")
        ax.set(xscale="log", xlabel="samples in the set", ylim=(-0.04, 1.04))
        ax.set_xticks(x, [f"{each:.0f}" for each in x])
        ax.xaxis.minorticks_off()
        ax.set_title(title, loc="left")
    each[0][0].set_ylabel("share shown")
    legend_below(fig, each[0][0], 3, fontsize=10)
    return fig


@drawn
def collapse(points: Mapping[str, Points], line: Points) -> Figure:
    """Return shares against a scaled batch, (n, 3) with intervals, and the share by hand."""
    fig, ax = figure(height=3.4)
    colours = (INK.black, INK.blue, INK.green, INK.orange, INK.red)
    for (name, (x, found)), colour, mark in zip(points.items(), colours, "os^Dv", strict=False):
        _marks(ax, np.asarray(x, float), found, colour, mark, name)
    ax.plot(*line, color=THEORY, lw=1.2, label="by hand")
    ax.set(xscale="log", xlabel=r"batch times $\varphi^2$", ylabel="share that shows the support")
    ax.set_xticks([4, 8, 16, 32, 64, 128], ["4", "8", "16", "32", "64", "128"])
    ax.xaxis.minorticks_off()
    legend_below(fig, ax, 3, fontsize=10)
    return fig


def _marks(ax: Axes, x: ArrayLike, found: ArrayLike, colour: str, mark: str, label: str) -> None:
    """Draw (n, 3) values with the ends of their intervals."""
    at, (value, low, high) = np.asarray(x, float), np.asarray(found, float).reshape(-1, 3).T
    ax.vlines(at, low, high, color=colour, lw=1.3)
    ax.plot(at, value, mark, color=colour, ms=5, mfc=INK.paper, label=label)
