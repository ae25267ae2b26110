"""Real languages: the conditions, learning, transfer, and the tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.cluster import hierarchy

from figures.base import (
    INK,
    OF_A,
    OF_V,
    PHONE,
    THEORY,
    Curves,
    drawn,
    figure,
    legend_below,
    looks,
    panels,
    plain_log,
)
from figures.shown import is_narrow

_CLEAR = LinearSegmentedColormap.from_list("clear_blue", [to_rgba(OF_V, 0), to_rgba(OF_V, 1)])


@drawn
def tree_and_matrix(
    links: ArrayLike, names: Sequence[str], shares: ArrayLike, groups: Sequence[str]
) -> Figure:
    """Return a tree of languages and, in its order, the share of columns, (targets, teachers).

    `links` are scipy's; `groups` are families, whose first letters stand before the names.
    """
    fig, (left, right) = figure(1, 2, height=5.2, width_ratios=[1, 1.5])
    if is_narrow():
        fig.set_size_inches(PHONE, 8.4)  # each name needs its row
    found = hierarchy.dendrogram(np.asarray(links, float), no_plot=True)
    order = found["leaves"]
    for places, heights in zip(found["icoord"], found["dcoord"], strict=True):
        left.plot(heights, (np.array(places) - 5) / 10, color=INK.black, lw=1)
    labels = [f"{names[i]} · {groups[i][:3]}" for i in order]
    left.set_yticks(range(len(order)), labels, fontsize=8)
    left.yaxis.tick_right()
    left.set(xlabel="one minus share", ylim=(len(order) - 0.5, -0.5))
    left.invert_xaxis()
    left.grid(visible=False)
    left.spines[["left", "bottom"]].set_visible(False)
    values = np.asarray(shares, float)[np.ix_(order, order)]
    image = right.imshow(values, cmap=_CLEAR, vmin=0, vmax=1, aspect="auto")
    codes = [names[i] for i in order]
    right.set_xticks(range(len(order)), codes, fontsize=8, rotation=90)
    right.set_yticks(range(len(order)), codes, fontsize=8)
    right.set(xlabel="teacher", ylabel="learner")
    right.grid(visible=False)
    where = "bottom" if is_narrow() else "right"
    fig.colorbar(image, ax=right, label="share of columns found", location=where)
    return fig


@drawn
def conditions(least: ArrayLike, ratios: ArrayLike, names: Sequence[str]) -> Figure:
    """Return K_P over |mu|^2 against the rarest letter's frequency, a name for each language."""
    x, y = np.asarray(least, float), np.asarray(ratios, float)
    fig, ax = figure(height=3.6)
    ax.axhspan(1, max(1.3, y.max() + 0.05), color=INK.sky, alpha=0.25, lw=0)
    ax.axhline(1, color=THEORY, lw=1, label="condition (c) holds above")
    ax.plot(x, y, ".", color=OF_V, ms=5, label="a language")
    _named(ax, x, y, names)
    ax.set(xscale="log", xlabel=r"rarest letter, least $\mu_k$", ylabel=r"$K_P/\Vert\mu\Vert^2$")
    legend_below(fig, ax, ncols=2, fontsize=10)
    return fig


@drawn
def endings(reserves: Curves, found: Mapping[str, ArrayLike], edge: float = 1.0) -> Figure:
    """Return the share of runs that finish against the reserve, with intervals, by setting.

    `reserves` are (n,) and `found` share, low and high end, (n, 3); theory's bound is at `edge`.
    """
    fig, ax = figure(height=3.2)
    for (label, x), colour, _, mark in looks(reserves.items()):
        value, low, high = np.transpose(np.asarray(found[label], float))
        ax.plot(x, value, mark, color=colour, ms=6, label=label)
        ax.vlines(x, low, high, color=colour, lw=1.2, alpha=0.6)
    ax.axvline(edge, color=THEORY, lw=1, label="stable from here")
    ax.set(xscale="log", ylim=(-0.04, 1.06), ylabel="share of runs that finish")
    ax.set_xlabel(r"reserve of the rarest letter, $2RB\mu_k/(\eta T)$")
    legend_below(fig, ax, ncols=2, fontsize=10)
    return fig


@drawn
def against_correlation(
    targets: Mapping[str, Mapping[str, Any]], everyone: tuple[ArrayLike, ArrayLike]
) -> Figure:
    """Return the share of columns found against the correlation, a panel for each learner.

    A target has its `rho`, `share` and `names`, (n,) each, and a curve: `at` and `law`. All pairs,
    rho and share, are drawn faint behind each.
    """
    fig, each = panels(targets, height=3.4, sharey=True)
    for ax, title, found in each:
        ax.plot(*everyone, ".", color=INK.grey, ms=2, alpha=0.35, label="all pairs")
        ax.plot(found["at"], found["law"], color=THEORY, lw=1, label="by hand")
        ax.plot(found["rho"], found["share"], ".", color=OF_A, ms=6, label="a teacher")
        _named(ax, np.asarray(found["rho"]), np.asarray(found["share"]), found["names"])
        ax.set(xlabel=r"correlation $\rho$", ylim=(-0.04, 1.06))
        ax.set_title(f"{title} learns", loc="left")
    each[0][0].set_ylabel("share of columns found")
    legend_below(fig, fig.axes[0], ncols=3, fontsize=10)
    return fig


@drawn
def law(measured: ArrayLike, predicted: ArrayLike) -> Figure:
    """Return measured shares against those promised by signal and noise."""
    fig, ax = figure(height=3.4, width=4.6)
    ax.plot([0, 1], [0, 1], color=THEORY, lw=1, label="equal")
    ax.plot(np.ravel(predicted), np.ravel(measured), ".", color=OF_A, ms=3, label="a pair")
    ax.set(xlabel="share promised", ylabel="share found", xlim=(0, 1), ylim=(0, 1))
    legend_below(fig, ax, ncols=2, fontsize=10)
    return fig


@drawn
def growth(reserves: ArrayLike, measured: ArrayLike, expected: ArrayLike) -> Figure:
    """Return the factor by which a step changes a squared difference, against the reserve."""
    fig, ax = figure(height=2.8, width=4.6)
    ax.plot(reserves, expected, color=THEORY, lw=1, label="by hand")
    ax.plot(reserves, measured, "o", color=OF_A, label="measured")
    ax.axhline(1, color=INK.black, lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="reserve", ylabel="factor")
    plain_log(ax.yaxis)
    legend_below(fig, ax, ncols=2, fontsize=10)
    return fig


def _named(ax: Axes, x: Any, y: Any, names: Sequence[str]) -> None:
    """Write each name beside its place; an empty one is left out."""
    for place, name in zip(zip(x, y, strict=True), names, strict=True):
        if not name:
            continue
        ax.annotate(
            str(name), place, xytext=(3, 2), textcoords="offset points", fontsize=8, color=INK.black
        )
