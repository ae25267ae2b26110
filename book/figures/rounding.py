"""Rounding: the valley, the error it leaves, its window and signature, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    OF_A,
    OF_V,
    THEORY,
    TRUTH,
    Curves,
    band,
    bars,
    drawn,
    figure,
    hyperbola,
    legend_below,
    mark_step,
    panels,
    plain_log,
)


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
        band(ax, steps, runs, INK.green, "runs")  # neither layer alone
        for (label, pair), style in zip(paths.items(), ("--", ":", "-."), strict=False):
            ax.plot(steps, pair[i], style, color=THEORY, lw=1.4, label=label)
        ax.set(xlabel="steps after the stop", ylabel=name)
    fig.axes[0].set_ylim(0, 1.25)
    legend_below(fig, fig.axes[1], ncols=3)
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
        for (label, cases), style in zip(groups.items(), ("o-", "s--"), strict=False):
            errors = np.asarray(cases, float)
            middle = np.median(errors, axis=0)
            ax.plot(x, middle, style, color=OF_A, label=label, ms=5)
            ax.fill_between(x, errors.min(0), errors.max(0), color=OF_A, alpha=0.22, lw=0)
            top = max(top, float(middle[-1]))
        ax.plot(x, 3 * top * (x / x[-1]) ** 2, ":", color=THEORY, lw=1, label="slope 2")
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
    fig, each = panels(measures, height=3.3)
    x = np.asarray(levels, float)
    for ax, name, groups in each:
        for (label, runs), style in zip(groups.items(), ("-", "--"), strict=False):
            values = np.asarray(runs, float)
            shown = np.isfinite(values).mean(axis=0) >= 0.5
            if shown.any():
                low, middle, high = np.nanquantile(values[:, shown], [0.1, 0.5, 0.9], axis=0)
                ax.fill_between(x[shown], low, high, color=OF_A, alpha=0.2, lw=0)
                ax.plot(x[shown], middle, style, color=OF_A, label=label)
        mark_step(ax, mark)
        ax.set(ylabel=name, xscale="log", yscale="log" if name in log else "linear")
        ax.set_xlabel("constant $c$ of rounding")
        plain_log(ax.xaxis)
    if fig.axes[0].lines:
        legend_below(fig, fig.axes[0], ncols=2)
    return fig


@drawn
def signature(cases: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Return the plane of both signals after rounding: alpha_A and alpha_V of cases, by label.

    Thin: the hyperbola on which noise kept, spread thinly, must lie; dotted: one.
    """
    fig, ax = figure(height=3.9, width=6.4)
    marks = zip(cases.items(), (("^", "none"), ("o", OF_A), ("v", OF_A)), strict=False)
    for (label, (alpha_A, alpha_V)), (mark, fill) in marks:
        ax.plot(alpha_A, alpha_V, mark, mfc=fill, mec=OF_A, ms=5, alpha=0.8, label=label)
    every = np.concatenate([np.asarray(alpha_A, float) for alpha_A, _ in cases.values()])
    hyperbola(ax, every)
    ax.axhline(1, color=TRUTH, lw=0.8, ls=":")
    ax.axvline(1, color=TRUTH, lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel=r"$\alpha_A$", ylabel=r"$\alpha_V$ of least squares")
    plain_log(ax.xaxis)
    plain_log(ax.yaxis)
    ax.set_xlim(0.8 * every.min(), 1.25 * every.max())
    tops = [np.max(np.asarray(alpha_V, float)) for _, alpha_V in cases.values()]
    ax.set_ylim(0.5, 1.3 * max(tops))
    legend_below(fig, ax, ncols=3)
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
    for each, style in zip(runs, ("-", "--", "-.", ":"), strict=False):
        band(left, each.scaled_steps, each.squared, OF_V, each.label, style)
    longest = max(runs, key=lambda each: float(np.max(each.scaled_steps)))
    left.plot(longest.scaled_steps, longest.predicted, color=THEORY, lw=1, label="no noise")
    left.set(xlabel=r"$\eta\,\tau$", ylabel=r"$\Vert V - P\Vert_\mu^2$", yscale="log")
    left.set_ylim(0.2 * min(float(np.min(each.squared)) for each in runs), None)
    left.legend(loc="upper right", fontsize=9)
    x, y = np.empty(0), np.empty(0)
    for (label, (noise, ends)), mark, fill in zip(
        floors.items(), "os", (OF_V, "none"), strict=False
    ):
        samples = list(np.transpose(ends))
        middle = bars(right, noise, samples, OF_V, mark, label=label, ms=6, capsize=3, mfc=fill)
        x, y = np.append(x, noise), np.append(y, middle)
    line = np.array([x.min(), x.max()])
    right.plot(line, line * np.exp(np.mean(np.log(y / x))), ":", color=THEORY, lw=1.2)
    right.set(xscale="log", yscale="log", xlabel=r"$\eta/B$")
    right.set_ylabel(r"floor of $\Vert V - P\Vert_\mu^2$")
    right.xaxis.set_minor_formatter(NullFormatter())
    right.legend(loc="upper left", fontsize=9)
    return fig
