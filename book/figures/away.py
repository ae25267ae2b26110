"""Looking away: shares of mirrors with two projections, and what each of them subtracts."""

from __future__ import annotations

from collections.abc import Mapping

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
    Floats,
    drawn,
    figure,
    legend_below,
    looks,
    panels,
    plain_log,
)

METHODS = {"paper": (MIRROR, "-.", "s"), "centred": (INK.green, "-", "o")}
NAMES = {"paper": "the paper's projection", "centred": "row sum subtracted"}
Points = tuple[ArrayLike, ArrayLike]


def _with_intervals(
    ax: Axes, x: ArrayLike, found: ArrayLike, colour: str, mark: str, label: str
) -> None:
    """Draw (n, 3) values with the ends of their intervals at x."""
    middle, low, high = np.asarray(found, float).reshape(-1, 3).T
    ax.errorbar(
        np.asarray(x, float), middle, (middle - low, high - middle), fmt=mark, ms=5, color=colour,
        capsize=2, elinewidth=1.2, mfc=INK.paper, label=label, zorder=3,
    )  # fmt: skip


@drawn
def by_length(
    shares: Mapping[str, Mapping[str, Points]], lines: Mapping[str, Mapping[str, Points]]
) -> Figure:
    """Return shares of mirrors against T, a panel for each kind of task.

    `shares` are T (n,) and (n, 3) shares with their intervals, by kind and by method; `lines` are
    the law's T and shares, (m,), likewise.
    """
    fig, each = panels(shares, height=3.7, sharey=True)
    for ax, kind, of_kind in each:
        ax.axhline(0.5, color=INK.grey, lw=1, ls=":", label="coin toss")
        for index, (method, (x, found)) in enumerate(of_kind.items()):
            colour, style, mark = METHODS[method]
            beside = 1.06 ** (index - 0.5)
            _with_intervals(ax, beside * np.asarray(x, float), found, colour, mark, NAMES[method])
            ax.plot(*lines[kind][method], style, color=colour, lw=1.2, label="by hand")
        ax.set(xscale="log", xlabel="length $T$", ylim=(-0.02, 0.66), title=kind)
    fig.axes[0].set_ylabel("share of mirrors")
    legend_below(fig, fig.axes[0], 5, fontsize=9)
    return fig


@drawn
def two_origins(
    cloud: ArrayLike, mu: ArrayLike, seq_len: int, noise: Mapping[str, Points],
    lines: Mapping[str, Points],
) -> Figure:  # fmt: skip
    """Return what V's gradient is multiplied with, two tokens, and the noise that this leaves.

    `cloud` are shares over mu, (samples, 2); `noise` are T (n,) and (n, 3) variances with their
    intervals, by method, and `lines` what they are by hand.
    """
    fig, (left, right) = figure(1, 2, height=3.9)
    points, weights = np.asarray(cloud, float), np.asarray(mu, float)
    foot = weights / (weights**2).sum()
    x = np.array([0.0, 1.7])
    left.plot(x, (1 - weights[0] * x) / weights[1], color=INK.grey, lw=1)
    left.plot(*points.T, ".", color=OF_A, ms=4, alpha=0.5, label=f"samples, $T = {seq_len}$")
    for name, place in (("paper", foot), ("centred", np.ones(2))):
        colour, _, mark = METHODS[name]
        left.plot([0, place[0]], [0, place[1]], color=colour, lw=1.4)
        left.plot(*place, mark, color=colour, ms=8, mfc=INK.paper, mew=1.8, label=NAMES[name])
    left.plot(0, 0, "o", color=TRUTH, ms=4)
    left.set(xlim=(-0.1, 1.75), ylim=(-0.1, 2.3), aspect="equal")
    left.set(xlabel=r"first token: share over $\mu_1$", ylabel=r"second token: share over $\mu_2$")
    for method, (at, found) in noise.items():
        colour, style, mark = METHODS[method]
        _with_intervals(right, at, found, colour, mark, NAMES[method])
        right.plot(*lines[method], style, color=colour, lw=1.2, label="by hand")
    right.set(xscale="log", yscale="log", xlabel="length $T$")
    right.set_ylabel(r"noise of $\alpha_V$: variance times $B$")
    right.xaxis.set_minor_formatter(NullFormatter())
    for ax in (left, right):
        ax.legend(
            frameon=False, fontsize=9, ncols=2 if ax is right else 1, loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
        )  # fmt: skip
    return fig


@drawn
def by_z(shares: Mapping[str, Points]) -> Figure:
    """Return shares of mirrors against z beside Phi(-z): z (n,) and (n, 3) shares by kind."""
    fig, ax = figure(height=3.6)
    for (label, (x, found)), colour, _, mark in looks(
        shares.items(), (INK.green, INK.red, INK.sky)
    ):
        _with_intervals(ax, x, found, colour, mark, label)
    z = np.linspace(0, 4, 100)
    ax.plot(z, ndtr(-z), color=THEORY, lw=1, label=r"$\Phi(-z)$")
    ax.set(xlabel="$z$, by hand", ylabel="share of mirrors", xlim=(0, 3.4), ylim=(-0.01, 0.55))
    legend_below(fig, ax, 4, fontsize=9)
    return fig


@drawn
def held_out(shares: Mapping[str, Points], law: Points) -> Figure:
    """Return how often a loss on fresh samples names the mirror: n / T (m,) and (m, 3) shares."""
    fig, ax = figure(height=3.4)
    for (label, (x, found)), colour, _, mark in looks(shares.items()):
        _with_intervals(ax, x, found, colour, mark, label)
    line: Floats = np.asarray(law[1], float)
    ax.plot(np.asarray(law[0], float), line, color=THEORY, lw=1, label="by hand")
    ax.set(xscale="log", xlabel="held-out samples over $T$", ylabel="share named rightly")
    plain_log(ax.xaxis)
    legend_below(fig, ax, 4, fontsize=9)
    return fig
