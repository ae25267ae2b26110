"""Figures of transfer: the one attention step, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["handed_over", "least_batches", "one_step", "samples_by_length", "transfer_share"]

_LOOKS = (("blue", "-", "o"), ("orange", "--", "s"), ("green", "-.", "^"), ("purple", ":", "D"))


def one_step(
    columns: Mapping[str, ArrayLike], attended: Sequence[int], expected: float, cut: float
) -> Figure:
    """Return one column of attention after the one step, a panel per batch size.

    Parameters
    ----------
    columns : dict from a title to a (T,) array
    attended : list of int
        Positions, from 0.
    expected : float
        What an attended entry should be, drawn dashed.
    cut : float
        Drawn as a solid line.
    """
    fig, axes = figure(1, len(columns), height=2.9, sharey=True, squeeze=False)
    where = np.asarray(attended)
    for ax, (title, column) in zip(axes[0], columns.items(), strict=True):
        values = np.asarray(column, float)
        t = np.arange(1, values.size + 1)
        ax.plot(t, values, ".", color=COLOURS["grey"], ms=4, label="other positions")
        ax.plot(
            t[where], values[where], "o", color=COLOURS["blue"], ms=7, label="attended positions"
        )
        ax.axhline(expected, color=COLOURS["green"], linestyle="--", linewidth=1.3)
        ax.axhline(cut, color=COLOURS["red"], linewidth=1.3)
        ax.set(title=title, xlabel="position $t$")
    for height, name, colour in ((expected, r"$\alpha_V/Q$", "green"), (cut, "cut", "red")):
        axes[0, -1].annotate(
            name, (1.01, height), xycoords=("axes fraction", "data"), va="center",
            color=COLOURS[colour],
        )  # fmt: skip
    axes[0, 0].set_ylabel(r"$a_t$ after the step")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return fig


def handed_over(batches: ArrayLike, ratios: Mapping[str, ArrayLike]) -> Figure:
    """Return how well the attention signal agrees with the value signal, against the batch.

    Parameters
    ----------
    batches : (n,) array
    ratios : dict from a label to a (seeds, n) array
        alpha_A / alpha_V.
    """
    at = np.asarray(batches, float)
    fig, (left, right) = figure(1, 2, height=3.3)
    for (colour, style, marker), (label, runs) in zip(_LOOKS, ratios.items(), strict=False):
        values = np.asarray(runs, float)
        band(left, at, values, colour, label, style=style)
        off = np.median(np.abs(values - 1), axis=0)
        right.plot(at, off, marker, color=COLOURS[colour], label=label)
    top = np.median(np.abs(np.asarray(next(iter(ratios.values())), float)[:, 0] - 1))
    line = top * np.sqrt(at[0] / at)
    right.plot(at, line, "--", color=COLOURS["black"], linewidth=1, label=r"$B^{-1/2}$")
    left.axhline(1, color=COLOURS["black"], linewidth=1)
    left.set(xscale="log", xlabel="batch $B$", ylabel=r"$\alpha_A / \alpha_V$")
    right.set(
        xscale="log", yscale="log", xlabel="batch $B$", ylabel=r"median $|\alpha_A/\alpha_V - 1|$"
    )
    right.legend(frameon=False)
    return fig


def _least(
    ax: Axes, x: ArrayLike, samples: Sequence[ArrayLike], look: tuple[str, str, str], label: str
) -> None:
    """Draw every seed as a faint mark and the value that nine in ten seeds stay below."""
    colour, style, marker = look
    at = np.asarray(x, float)
    for place, values in zip(at, samples, strict=True):
        each = np.asarray(values, float)
        spread = np.exp(np.linspace(-0.06, 0.06, each.size))
        ax.plot(place * spread, np.sort(each), ".", color=COLOURS[colour], ms=3, alpha=0.5)
    most = [
        np.quantile(np.asarray(values, float), 0.9, method="inverted_cdf") for values in samples
    ]
    ax.plot(at, most, style, marker=marker, color=COLOURS[colour], label=label)


def samples_by_length(
    lengths: Mapping[str, ArrayLike],
    samples: Mapping[str, Sequence[ArrayLike]],
    predicted: Mapping[str, ArrayLike],
) -> Figure:
    """Return samples against T: a mark per seed, and a line that nine in ten seeds stay below.

    Parameters
    ----------
    lengths : dict from a label to an (n,) array
    samples : dict from the same labels to n arrays, one value per seed
    predicted : dict from some of these labels to an (n,) array
        Drawn dotted.
    """
    fig, ax = figure(height=3.8)
    for look, (label, seeds) in zip(_LOOKS, samples.items(), strict=False):
        _least(ax, lengths[label], seeds, look, label)
    for index, (label, line) in enumerate(predicted.items()):
        name = "prediction" if index == 0 else None
        ax.plot(lengths[label], line, ":", color=COLOURS["black"], label=name)
    ax.set(xscale="log", yscale="log", xlabel="sequence length $T$", ylabel="samples")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return fig


def least_batches(
    correlations: ArrayLike,
    batches: Sequence[ArrayLike],
    predicted: ArrayLike,
    condition: tuple[float, float] | None = None,
) -> Figure:
    """Return the least batch of the one step against the correlation.

    Parameters
    ----------
    correlations : (n,) array
        Positive.
    batches : n arrays, one value per seed
    predicted : (n,) array
    condition : pair of floats, optional
        From which correlation on the first, and every, task meets the paper's condition.
    """
    fig, ax = figure(height=3.6)
    rho = np.asarray(correlations, float)
    if condition is not None:
        _condition(ax, condition)
    _least(ax, rho, batches, _LOOKS[0], "nine in ten seeds")
    ax.plot(rho, predicted, ":", color=COLOURS["black"], label="prediction")
    ax.set(xscale="log", yscale="log", xlabel=r"correlation $\rho$", ylabel="least batch $B$")
    ticks = rho[:: max(1, rho.size // 6)]
    ax.set_xticks(ticks, [f"{each:g}" for each in ticks])
    ax.minorticks_off()
    ax.legend(frameon=False)
    return fig


def _condition(ax: Axes, condition: tuple[float, float]) -> None:
    ax.axvspan(
        condition[0], max(condition[1], 1.0), color=COLOURS["sky"], alpha=0.3, linewidth=0,
        label="paper's condition",
    )  # fmt: skip


def transfer_share(
    correlations: ArrayLike,
    shares: Mapping[str, ArrayLike],
    condition: tuple[float, float] | None = None,
    dashed: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> Figure:
    """Return the share of whole runs that succeed against the correlation, with intervals.

    Parameters
    ----------
    correlations : (n,) array
    shares : dict from a label to an (n, 3) array
        Share, low and high end.
    condition
        As of `least_batches`.
    dashed : dict from a label to a pair of (m,) arrays, optional
        Correlations and shares of a variant, without intervals.
    """
    fig, ax = figure(height=3.6)
    rho = np.asarray(correlations, float)
    if condition is not None:
        _condition(ax, condition)
    shift = 0.006 * (np.arange(len(shares)) - (len(shares) - 1) / 2)
    for (colour, style, marker), move, (label, found) in zip(
        _LOOKS, shift, shares.items(), strict=False
    ):
        value, low, high = np.asarray(found, float).T
        ax.plot(rho + move, value, style, marker=marker, color=COLOURS[colour], label=label, ms=5)
        ax.vlines(rho + move, low, high, color=COLOURS[colour], linewidth=1, alpha=0.6)
    for label, (at, values) in (dashed or {}).items():
        ax.plot(at, values, "--", marker="x", color=COLOURS["red"], label=label)
    ax.axvline(0, color=COLOURS["black"], linewidth=0.8)
    ax.set(xlabel=r"correlation $\rho$", ylabel="share of runs that succeed", ylim=(-0.04, 1.04))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return fig
