"""Figures of rounding: the valley, the error it leaves, its window, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["FrozenRuns", "adrift", "frozen_value", "rounding_errors", "rounding_window"]

_LOOKS = (("blue", "-", "o"), ("red", "--", "s"), ("green", "-.", "^"), ("purple", ":", "D"))


def adrift(
    steps: ArrayLike,
    product: ArrayLike,
    difference: ArrayLike,
    paths: Mapping[str, tuple[ArrayLike, ArrayLike]],
) -> Figure:
    """Return what becomes of the product and the difference of the signals with noise.

    Parameters
    ----------
    steps : (n,) array
        Since the stop.
    product, difference : (seeds, n) arrays
        alpha_A alpha_V and alpha_A - alpha_V of the runs.
    paths : dict from a label to a pair of (n,) arrays
        The same two of other descriptions, drawn as lines.
    """
    fig, axes = figure(1, 2, height=3.2)
    names = (r"$\alpha_A\alpha_V$", r"$\alpha_A - \alpha_V$")
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        band(ax, steps, (product, difference)[i], "blue", "runs")
        for (label, pair), look in zip(paths.items(), _LOOKS[1:], strict=False):
            ax.plot(np.asarray(steps), pair[i], look[1], color=COLOURS[look[0]], label=label)
        ax.set(xlabel=r"steps after the stop", ylabel=name)
    axes[0].set_ylim(0, 1.25)
    axes[1].legend(loc="upper left")
    return fig


def rounding_errors(sweeps: Mapping[str, tuple[ArrayLike, Mapping[str, ArrayLike]]]) -> Figure:
    """Return the squared error after rounding against what was wrong before, on log axes.

    Parameters
    ----------
    sweeps : dict from an axis label to a pair
        Values (n,), and a dict from a label to a (cases, n) array of squared errors. The dotted
        line has slope two.
    """
    fig, axes = figure(1, len(sweeps), height=3.2, squeeze=False)
    for ax, (name, (values, groups)) in zip(axes[0], sweeps.items(), strict=True):
        x, top = np.asarray(values, float), 0.0
        for (label, cases), look in zip(groups.items(), _LOOKS, strict=False):
            errors = np.asarray(cases, float)
            middle = np.median(errors, axis=0)
            ax.loglog(x, middle, look[2] + look[1], color=COLOURS[look[0]], label=label, ms=5)
            ax.fill_between(
                x, errors.min(axis=0), errors.max(axis=0), color=COLOURS[look[0]], alpha=0.2, lw=0
            )
            top = max(top, float(middle[-1]))
        ax.loglog(x, 3 * top * (x / x[-1]) ** 2, ":", color=COLOURS["black"], lw=1, label="slope 2")
        ax.set(xlabel=name, ylabel=r"$\Vert A^* - Q\Vert_\mu^2$ after rounding")
        ax.legend(loc="upper left")
    return fig


def rounding_window(
    levels: ArrayLike,
    measures: Mapping[str, Mapping[str, ArrayLike]],
    mark: float | None = None,
    log: Sequence[str] = (),
) -> Figure:
    """Return what rounding leaves against its constant c, one panel a measure.

    Parameters
    ----------
    levels : (n,) array
        c.
    measures : dict from an axis label to a dict from a label to a (seeds, n) array
        nan where nothing was left to round; a level is drawn where at least half of the runs
        have a value.
    mark : float, optional
        A level to mark in every panel.
    log : sequence of str
        Measures on a logarithmic axis.
    """
    count = len(measures)
    rows = (count + 1) // 2
    fig, axes = figure(rows, 2, height=2.6 * rows, sharex=True, squeeze=False)
    x = np.asarray(levels, float)
    for ax, (name, groups) in zip(axes.flat, measures.items(), strict=False):
        for (label, runs), look in zip(groups.items(), _LOOKS, strict=False):
            values = np.asarray(runs, float)
            shown = np.isfinite(values).mean(axis=0) >= 0.5
            if not shown.any():
                continue
            ends = np.nanquantile(values[:, shown], [0.1, 0.5, 0.9], axis=0)
            colour = COLOURS[look[0]]
            ax.fill_between(x[shown], ends[0], ends[2], color=colour, alpha=0.2, lw=0)
            ax.plot(x[shown], ends[1], look[1], color=colour, label=label)
        if ax.lines and ax is axes.flat[0]:
            ax.legend(loc="best")
        if mark is not None:
            ax.axvline(mark, color=COLOURS["black"], lw=0.8, ls=":")
        ax.set(ylabel=name, xscale="log", yscale="log" if name in log else "linear")
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("constant $c$ of rounding")
    return fig


class FrozenRuns(NamedTuple):
    """Runs of V alone at one rate."""

    label: str
    scaled_steps: ArrayLike
    """(n,) step times eta."""
    squared: ArrayLike
    """(seeds, n) squared distances of V."""
    predicted: ArrayLike
    """(n,) what the noiseless rate says."""


def frozen_value(
    runs: Sequence[FrozenRuns], floors: Mapping[str, tuple[ArrayLike, ArrayLike]]
) -> Figure:
    """Return how V converges with A frozen, and the noise floor it ends on.

    Parameters
    ----------
    runs : sequence of FrozenRuns
    floors : dict from a label to a pair
        eta / B (n,), and squared distances (seeds, n) at the end. The dotted line is
        proportional to eta / B.
    """
    fig, axes = figure(1, 2, height=3.3)
    for each, look in zip(runs, _LOOKS, strict=False):
        band(axes[0], each.scaled_steps, each.squared, look[0], each.label, style=look[1])
    longest = max(runs, key=lambda each: float(np.max(np.asarray(each.scaled_steps))))
    axes[0].plot(
        np.asarray(longest.scaled_steps), np.asarray(longest.predicted), ":",
        color=COLOURS["black"], lw=1.2, label="no noise",
    )  # fmt: skip
    axes[0].set(
        xlabel=r"$\eta\,\tau$", ylabel=r"$\Vert V - P\Vert_\mu^2$", yscale="log",
        ylim=(0.2 * min(float(np.min(np.asarray(each.squared))) for each in runs), None),
    )  # fmt: skip
    axes[0].legend(loc="upper right")
    xs, ys = [], []
    for (label, (noise, ends)), look in zip(floors.items(), _LOOKS, strict=False):
        x, squared = np.asarray(noise, float), np.asarray(ends, float)
        low, middle, high = np.quantile(squared, [0.1, 0.5, 0.9], axis=0)
        axes[1].errorbar(
            x, middle, [middle - low, high - middle], fmt=look[2], color=COLOURS[look[0]],
            label=label, ms=6, capsize=3,
        )  # fmt: skip
        xs.append(x)
        ys.append(middle)
    x, y = np.concatenate(xs), np.concatenate(ys)
    line = np.array([x.min(), x.max()])
    axes[1].plot(line, line * np.exp(np.mean(np.log(y / x))), ":", color=COLOURS["black"], lw=1.2)
    axes[1].set(
        xlabel=r"$\eta/B$", ylabel=r"floor of $\Vert V - P\Vert_\mu^2$", xscale="log", yscale="log"
    )
    axes[1].xaxis.set_minor_formatter(NullFormatter())
    axes[1].legend(loc="upper left")
    return fig
