"""Transfer: the one attention step, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    Curves,
    band,
    drawn,
    each_run,
    figure,
    legend_below,
    legend_beside,
    looks,
    panels,
    ticks_at,
)
from scbtools.plotting import attention_column

_COLOURS = (INK.blue, INK.orange, INK.green, INK.purple)


@drawn
def one_step(columns: Curves, attended: Sequence[int], expected: float, cut: float) -> Figure:
    """Return (T,) columns of attention after the one step, a panel per batch size.

    `attended` are positions from 0, whose entries should be `expected`, dashed, and above the
    `cut`.
    """
    fig, each = panels(columns, height=2.9, sharey=True)
    for ax, title, column in each:
        attention_column(column, attended, ax)
        ax.axhline(expected, color=INK.green, ls="--", lw=1.3)
        ax.axhline(cut, color=INK.red, lw=1.3)
        ax.set(title=title, ylabel="")
    for height, name, colour in ((expected, r"$\alpha_V/Q$", INK.green), (cut, "cut", INK.red)):
        place, coordinates = (1.01, height), ("axes fraction", "data")
        fig.axes[-1].annotate(name, place, xycoords=coordinates, va="center", color=colour)
    fig.axes[0].set_ylabel(r"$a_t$ after the step")
    legend_below(fig, fig.axes[0], ncols=2)
    return fig


@drawn
def handed_over(batches: ArrayLike, ratios: Curves) -> Figure:
    """Return how well the attention signal agrees with the value signal, against the batch.

    `ratios` are alpha_A / alpha_V, (seeds, n) by label.
    """
    at = np.asarray(batches, float)
    fig, (left, right) = figure(1, 2, height=3.3)
    off = {label: np.median(np.abs(np.asarray(r) - 1), axis=0) for label, r in ratios.items()}
    for (label, runs), colour, style, mark in looks(ratios.items(), _COLOURS):
        band(left, at, runs, colour, label, style)
        right.plot(at, off[label], mark, color=colour, label=label)
    line = next(iter(off.values()))[0] * np.sqrt(at[0] / at)
    right.plot(at, line, "--", color=INK.black, lw=1, label=r"$B^{-1/2}$")
    left.axhline(1, color=INK.black, lw=1)
    left.set(xscale="log", xlabel="batch $B$", ylabel=r"$\alpha_A / \alpha_V$")
    right.set(xscale="log", yscale="log", xlabel="batch $B$")
    right.set_ylabel(r"median $|\alpha_A/\alpha_V - 1|$")
    right.legend(frameon=False)
    return fig


@drawn
def samples_by_length(
    lengths: Curves, samples: Mapping[str, Sequence[ArrayLike]], predicted: Curves
) -> Figure:
    """Return samples against T: a mark per seed, and a line that nine in ten seeds stay below.

    By label: `lengths` (n,), `samples` n arrays, one value per seed, and, for some, what is
    `predicted`, (n,), dotted.
    """
    fig, ax = figure(height=3.8)
    for (label, seeds), colour, style, mark in looks(samples.items(), _COLOURS):
        _nine_in_ten(ax, lengths[label], seeds, colour, mark + style, label)
    for i, (label, line) in enumerate(predicted.items()):
        ax.plot(lengths[label], line, ":", color=INK.black, label="_" if i else "prediction")
    ax.set(xscale="log", yscale="log", xlabel="sequence length $T$", ylabel="samples")
    legend_beside(ax, frameon=False)
    return fig


@drawn
def least_batches(
    correlations: ArrayLike,
    batches: Sequence[ArrayLike],
    predicted: ArrayLike,
    condition: tuple[float, float] | None = None,
) -> Figure:
    """Return the least batch of the one step against the correlation, which is positive.

    `batches` are n arrays, one value per seed. From the first correlation of `condition` on one
    task, and from the second on every task, meets the paper's condition.
    """
    fig, ax = figure(height=3.6)
    rho = np.asarray(correlations, float)
    _condition(ax, condition)
    _nine_in_ten(ax, rho, batches, INK.blue, "o-", "nine in ten seeds")
    ax.plot(rho, predicted, ":", color=INK.black, label="prediction")
    ax.set(xscale="log", yscale="log", xlabel=r"correlation $\rho$", ylabel="least batch $B$")
    ticks_at(ax, rho[:: max(1, rho.size // 6)])
    ax.legend(frameon=False)
    return fig


@drawn
def transfer_share(
    correlations: ArrayLike,
    shares: Curves,
    condition: tuple[float, float] | None = None,
    dashed: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> Figure:
    """Return the share of whole runs that succeed against the correlation, with intervals.

    `shares` are share, low and high end, (n, 3) by label; `condition` as of `least_batches`;
    `dashed` are correlations and shares of a variant, without intervals.
    """
    fig, ax = figure(height=3.6)
    _condition(ax, condition)
    for i, ((label, found), colour, style, mark) in enumerate(looks(shares.items(), _COLOURS)):
        at = np.asarray(correlations, float) + 0.006 * (i - (len(shares) - 1) / 2)
        value, low, high = np.transpose(found)
        ax.plot(at, value, mark + style, color=colour, label=label, ms=5)
        ax.vlines(at, low, high, color=colour, lw=1, alpha=0.6)
    for label, (rho, values) in (dashed or {}).items():
        ax.plot(rho, values, "x--", color=INK.red, label=label)
    ax.axvline(0, color=INK.black, lw=0.8)
    ax.set(xlabel=r"correlation $\rho$", ylabel="share of runs that succeed", ylim=(-0.04, 1.04))
    legend_beside(ax, frameon=False)
    return fig


def _nine_in_ten(
    ax: Axes, x: ArrayLike, samples: Sequence[ArrayLike], colour: str, style: str, label: str
) -> None:
    """Draw every seed as a faint mark and the value that nine in ten seeds stay below."""
    each_run(ax, x, samples, colour, ".", 1.06, ms=3, alpha=0.5)
    most = [np.quantile(np.asarray(each), 0.9, method="inverted_cdf") for each in samples]
    ax.plot(x, most, style, color=colour, label=label)


def _condition(ax: Axes, ends: tuple[float, float] | None) -> None:
    """Shade the correlations from which on tasks meet the paper's condition."""
    if ends is not None:
        first, every = ends
        ax.axvspan(
            first, max(every, 1.0), color=INK.sky, alpha=0.3, lw=0, label="paper's condition"
        )
