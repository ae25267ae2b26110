"""Rounding: the valley, the error it leaves, its window, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from figures.base import INK, Curves, band, bars, drawn, figure, looks, mark_step, panels


@drawn
def adrift(
    steps: ArrayLike,
    product: ArrayLike,
    difference: ArrayLike,
    paths: Mapping[str, tuple[ArrayLike, ArrayLike]],
) -> Figure:
    """Return what becomes of the product and the difference of the signals with noise.

    `product` and `difference` are alpha_A alpha_V and alpha_A - alpha_V, (seeds, n), at steps since
    the stop; `paths` are pairs of the same two, (n,), by other descriptions.
    """
    found = {r"$\alpha_A\alpha_V$": product, r"$\alpha_A - \alpha_V$": difference}
    fig, each = panels(found, height=3.2)
    for i, (ax, name, runs) in enumerate(each):
        band(ax, steps, runs, INK.blue, "runs")
        styles = zip(
            paths.items(), (INK.red, INK.green, INK.purple), ("--", "-.", ":"), strict=False
        )
        for (label, pair), colour, style in styles:
            ax.plot(steps, pair[i], style, color=colour, label=label)
        ax.set(xlabel="steps after the stop", ylabel=name)
    fig.axes[0].set_ylim(0, 1.25)
    fig.axes[1].legend(loc="upper left")
    return fig


@drawn
def rounding_errors(sweeps: Mapping[str, tuple[ArrayLike, Curves]]) -> Figure:
    """Return the squared error after rounding against what was wrong before, on log axes.

    `sweeps` are by axis label pairs: values (n,), and squared errors, (cases, n) by label. Bands
    hold all cases; the dotted line has slope two.
    """
    fig, each = panels(sweeps, height=3.2)
    for ax, name, (values, groups) in each:
        x, top = np.asarray(values, float), 0.0
        for (label, cases), colour, style, mark in looks(groups.items()):
            errors = np.asarray(cases, float)
            middle = np.median(errors, axis=0)
            ax.plot(x, middle, mark + style, color=colour, label=label, ms=5)
            ax.fill_between(x, errors.min(0), errors.max(0), color=colour, alpha=0.22, lw=0)
            top = max(top, float(middle[-1]))
        ax.plot(x, 3 * top * (x / x[-1]) ** 2, ":", color=INK.black, lw=1, label="slope 2")
        ax.set(xscale="log", yscale="log", xlabel=name)
        ax.set_ylabel(r"$\Vert A^* - Q\Vert_\mu^2$ after rounding")
        ax.legend(loc="upper left")
    return fig


@drawn
def rounding_window(
    levels: ArrayLike,
    measures: Mapping[str, Curves],
    mark: float | None = None,
    log: Sequence[str] = (),
) -> Figure:
    """Return what rounding leaves against its constant c, one panel a measure.

    `measures` are (seeds, n) by axis label and label, nan where nothing was left to round; a level
    is drawn where at least half of the runs have a value. `mark` is a level to mark, `log` names
    measures on a logarithmic axis.
    """
    count = len(measures)
    lines = (count + 1) // 2
    fig, axes = figure(lines, 2, height=2.6 * lines, sharex=True, squeeze=False)
    x = np.asarray(levels, float)
    for ax, (name, groups) in zip(axes.flat, measures.items(), strict=False):
        for (label, runs), colour, style, _ in looks(groups.items()):
            values = np.asarray(runs, float)
            shown = np.isfinite(values).mean(axis=0) >= 0.5
            if shown.any():
                low, middle, high = np.nanquantile(values[:, shown], [0.1, 0.5, 0.9], axis=0)
                ax.fill_between(x[shown], low, high, color=colour, alpha=0.22, lw=0)
                ax.plot(x[shown], middle, style, color=colour, label=label)
        if ax.lines and ax is axes.flat[0]:
            ax.legend(loc="best")
        mark_step(ax, mark)
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


@drawn
def frozen_value(
    runs: Sequence[FrozenRuns], floors: Mapping[str, tuple[ArrayLike, ArrayLike]]
) -> Figure:
    """Return how V converges with A frozen, and the noise floor it ends on.

    `floors` are by label pairs: eta / B (n,), and squared distances (seeds, n) at the end. The
    dotted line is proportional to eta / B.
    """
    fig, (left, right) = figure(1, 2, height=3.3)
    for each, colour, style, _ in looks(runs):
        band(left, each.scaled_steps, each.squared, colour, each.label, style)
    longest = max(runs, key=lambda each: float(np.max(each.scaled_steps)))
    left.plot(
        longest.scaled_steps, longest.predicted, ":", color=INK.black, lw=1.2, label="no noise"
    )  # fmt: skip
    left.set(xlabel=r"$\eta\,\tau$", ylabel=r"$\Vert V - P\Vert_\mu^2$", yscale="log")
    left.set_ylim(0.2 * min(float(np.min(each.squared)) for each in runs), None)
    left.legend(loc="upper right")
    x, y = np.empty(0), np.empty(0)
    for (label, (noise, ends)), colour, _, mark in looks(floors.items()):
        samples = list(np.transpose(ends))
        middle = bars(right, noise, samples, colour, mark, label=label, ms=6, capsize=3)
        x, y = np.append(x, noise), np.append(y, middle)
    line = np.array([x.min(), x.max()])
    right.plot(line, line * np.exp(np.mean(np.log(y / x))), ":", color=INK.black, lw=1.2)
    right.set(xscale="log", yscale="log", xlabel=r"$\eta/B$")
    right.set_ylabel(r"floor of $\Vert V - P\Vert_\mu^2$")
    right.xaxis.set_minor_formatter(NullFormatter())
    right.legend(loc="upper left")
    return fig
