"""Transfer: the one attention step, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping

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
    Curves,
    band,
    drawn,
    figure,
    legend_below,
    looks,
    ticks_at,
)
from figures.shown import is_narrow

_LOOKS = ((OF_A, "-", "o"), (OF_A, "--", "s"), (SGD, "-.", "^"))


@drawn
def handed_over(batches: ArrayLike, ratios: Curves) -> Figure:
    """Return how well the attention signal agrees with the value signal, against the batch.

    `ratios` are alpha_A / alpha_V, (seeds, n) by label.
    """
    at = np.asarray(batches, float)
    fig, (left, right) = figure(1, 2, height=3.3)
    off = {label: np.median(np.abs(np.asarray(r) - 1), axis=0) for label, r in ratios.items()}
    for (label, runs), colour, style, mark in looks(ratios.items(), (OF_A, INK.green, INK.sky)):
        band(left, at, runs, colour, label, style)
        right.plot(at, off[label], mark, color=colour, label=label)
    line = next(iter(off.values()))[0] * np.sqrt(at[0] / at)
    right.plot(at, line, "--", color=THEORY, lw=1, label=r"$B^{-1/2}$")
    left.axhline(1, color=THEORY, lw=1)
    left.set(xscale="log", xlabel="batch $B$", ylabel=r"$\alpha_A / \alpha_V$")
    right.set(xscale="log", yscale="log", xlabel="batch $B$")
    right.set_ylabel(r"median $|\alpha_A/\alpha_V - 1|$")
    right.legend(frameon=False)
    return fig


@drawn
def samples_by_length(lengths: Curves, samples: Curves, predicted: Curves) -> Figure:
    """Return samples against T, with intervals.

    By label: `lengths` (n,), `samples` and the ends of their intervals, (n, 3), and, for some, what
    is `predicted`, (n,).
    """
    fig, ax = figure(height=3.3)
    for i, (label, found) in enumerate(samples.items()):
        _with_ends(ax, lengths[label], found, *_LOOKS[i], label)
    for i, (label, line) in enumerate(predicted.items()):
        ax.plot(lengths[label], line, color=THEORY, lw=1, label="_" if i else "by hand")
    ax.set(xscale="log", yscale="log", xlabel="sequence length $T$", ylabel="samples")
    legend_below(fig, ax, ncols=4, fontsize=10)
    return fig


@drawn
def least_batches(
    correlations: ArrayLike,
    batches: ArrayLike,
    predicted: ArrayLike,
    condition: tuple[float, float] | None = None,
) -> Figure:
    """Return the batch that the one step needs against the correlation, which is positive.

    `batches` have their intervals, (n, 3). From the first correlation of `condition` on one task,
    and from the second on every task, meets the paper's condition.
    """
    fig, ax = figure(height=3.4)
    rho = np.asarray(correlations, float)
    _condition(ax, condition)
    _with_ends(ax, rho, batches, OF_A, "none", "o", "nine in ten tasks")
    ax.plot(rho, predicted, color=THEORY, lw=1, label="by hand")
    ax.set(xscale="log", yscale="log", xlabel=r"correlation $\rho$", ylabel="batch $B$")
    ticks_at(ax, rho[:: max(1, rho.size // 6)][:: 2 if is_narrow() else 1])
    legend_below(fig, ax, ncols=3, fontsize=10)
    return fig


@drawn
def transfer_share(
    correlations: ArrayLike,
    shares: Curves,
    condition: tuple[float, float] | None = None,
    reflected: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> Figure:
    """Return the share of whole runs that succeed against the correlation, with intervals.

    `shares` are share, low and high end, (n, 3) by label; `condition` as of `least_batches`;
    `reflected` are correlations and shares of runs that were reflected.
    """
    fig, ax = figure(height=3.2)
    _condition(ax, condition)
    for i, (label, found) in enumerate(shares.items()):
        at = np.asarray(correlations, float) + 0.008 * (i - (len(shares) - 1) / 2)
        _with_ends(ax, at, found, *_LOOKS[i], label)
    for label, (rho, values) in (reflected or {}).items():
        ax.plot(rho, values, "X", color=MIRROR, ms=8, label=label)
    ax.axvline(0, color=INK.black, lw=0.8)
    ax.set(xlabel=r"correlation $\rho$", ylabel="share of runs that succeed", ylim=(-0.04, 1.06))
    legend_below(fig, ax, ncols=2, fontsize=10)
    return fig


def _with_ends(
    ax: Axes, x: ArrayLike, found: ArrayLike, colour: str, style: str, mark: str, label: str
) -> None:
    """Draw values with their intervals, (n, 3)."""
    value, low, high = np.transpose(np.asarray(found, float))
    ax.plot(x, value, marker=mark, ls=style, color=colour, label=label, ms=5, lw=1.2)
    ax.vlines(x, low, high, color=colour, lw=1.2, alpha=0.7)


def _condition(ax: Axes, ends: tuple[float, float] | None) -> None:
    """Shade the correlations from which on tasks meet the paper's condition."""
    if ends is not None:
        first, every = ends
        ax.axvspan(
            first, max(every, 1.0), color=INK.sky, alpha=0.25, lw=0, label="paper's condition"
        )
