"""Stage 2: a step, the cut, the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    OF_A,
    SGD,
    THEORY,
    TRUTH,
    Curves,
    band,
    drawn,
    each_run,
    figure,
    legend_below,
    panels,
    star,
    ticks_at,
    zero,
)


def _ring(ax: Axes, at: ArrayLike, values: ArrayLike, size: float = 10) -> None:
    """Ring attended entries."""
    ax.plot(at, values, "o", mfc="none", mec=TRUTH, mew=1.4, ms=size, label="attended")


@drawn
def shrinkage(columns: Curves, attended: ArrayLike) -> Figure:
    """Return a column of attention before and after each part of a step, (T,) by name, as bars.

    `attended`, (T,), is true at attended positions, which are ringed.
    """
    chosen = np.flatnonzero(np.asarray(attended, bool))
    fig, each = panels(columns, height=2.3, sharey=True)
    top = 1.15 * max(float(np.max(np.asarray(column))) for column in columns.values())
    for ax, label, column in each:
        values = np.asarray(column, float)
        ax.bar(np.arange(1, values.size + 1), values, color=OF_A, width=0.7)
        _ring(ax, chosen + 1, values[chosen])
        zero(ax)
        ax.set(xticks=np.arange(1, values.size + 1), ylim=(-0.08, top))
        ax.set_title(label, fontsize=10)
        ax.tick_params(labelsize=9)
        ax.set_xlabel("position $t$", fontsize=10)
    fig.axes[0].set_ylabel(r"$a_t$")
    return fig


@drawn
def cut_histogram(
    before: ArrayLike, after: ArrayLike, attended: ArrayLike, level: float, bins: int = 60
) -> Figure:
    """Return the entries of a column before and after the cut, attended ones marked one by one.

    `attended`, (T,), is true at attended positions; the cut is made at `level`.
    """
    columns = {"before the cut": np.asarray(before), "after the cut": np.asarray(after)}
    chosen = np.asarray(attended, bool)
    low, high = np.min(list(columns.values())), np.max(list(columns.values()))
    pad = 0.03 * (high - low)
    edges = np.linspace(low - pad, high + pad, bins + 1).tolist()
    fig, each = panels(columns, height=3.0, sharey=True)
    for ax, title, values in each:
        ax.hist(values[~chosen], bins=edges, color=OF_A, alpha=0.7, label="other positions")
        _ring(ax, values[chosen], np.ones(chosen.sum()))
        ax.axvline(level, color=THEORY, ls="--", lw=1.2, label=r"level $\frac{1}{2}\alpha_V/Q$")
        ax.set(title=title, xlabel=r"entry $a_t$", yscale="log", ylim=(0.5, 2 * chosen.size))
    for ax in fig.axes:
        ax.set_ylabel("positions")
    legend_below(fig, fig.axes[0], ncols=3, fontsize=10)
    return fig


@drawn
def cut_scaling(
    lengths: ArrayLike,
    attended: Mapping[str, Sequence[ArrayLike]],
    others: Mapping[str, Sequence[ArrayLike]],
    bounds: tuple[float, float],
) -> Figure:
    """Return, against T, the smallest attended and the largest other entry after the cut.

    By label n arrays, one value a run, in units of alpha_V / Q, and of 1 / T. No attended entry may
    lie below the first of the `bounds`, no other above the second.
    """
    at = np.asarray(lengths, float)
    entries = {
        r"smallest attended entry $\cdot\ Q/\alpha_V$": attended,
        r"largest other entry $\cdot\ T$": others,
    }
    fig, each = panels(entries, height=3.1)
    for (ax, name, groups), bound in zip(each, bounds, strict=True):
        for i, ((label, samples), mark, fill) in enumerate(
            zip(groups.items(), "os", (OF_A, "none"), strict=False)
        ):
            beside = at * 1.07 ** (2 * i - 1)
            each_run(ax, beside, samples, OF_A, mark, 1.05, label, ms=4, mfc=fill)
        ax.axhline(bound, color=THEORY, ls="--", lw=1.2)
        ax.set(xlabel="$T$", ylabel=name, xscale="log")
        ticks_at(ax, at)
    fig.axes[0].set_ylim(0, None)
    fig.axes[1].set_yscale("log")
    legend_below(fig, fig.axes[0], ncols=2)
    return fig


@drawn
def columns_by_penalty(columns: Curves, attended: ArrayLike, linear: float = 0.02) -> Figure:
    """Return one column of attention, (T,) by label, over its positions, attended ones ringed.

    The axis, the same in each panel, is linear up to `linear` and logarithmic beyond, so that noise
    and signal both show.
    """
    chosen = np.flatnonzero(np.asarray(attended, bool))
    top = 1.6 * max(float(np.max(np.abs(np.asarray(each)))) for each in columns.values())
    low = min(-0.1, 1.6 * min(float(np.min(np.asarray(each))) for each in columns.values()))
    rows = -(-len(columns) // 2)
    fig, axes = figure(rows, 2, height=2.1 * rows, sharex=True, sharey=True, squeeze=False)
    for ax, (label, column) in zip(axes.flat, columns.items(), strict=False):
        values = np.asarray(column, float)
        ax.vlines(np.arange(1, values.size + 1), 0, values, color=OF_A, lw=0.8)
        _ring(ax, chosen + 1, values[chosen], size=8)
        zero(ax)
        ax.set_yscale("symlog", linthresh=linear)
        ax.set(ylim=(low, top), yticks=[-linear, 0, linear, 0.1, 0.5])
        ax.set_yticklabels([f"{-linear:g}", "0", f"{linear:g}", "0.1", "0.5"], fontsize=9)
        ax.minorticks_off()
        ax.set_title(label, loc="left", fontsize=10)
        ax.set_ylabel("$a_t$")
    for ax in axes.flat[len(columns) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("position $t$")
    return fig


@drawn
def penalty_sweep(
    lambdas: ArrayLike,
    measured: Mapping[str, Sequence[ArrayLike]],
    predicted: Curves,
    marks: Mapping[str, float],
) -> Figure:
    """Return final quantities against lambda, one panel each: runs, and what is predicted.

    A first lambda of 0 is drawn one decade to the left of the next. `measured` are by axis label n
    arrays, one value a run; `predicted`, (n,), need not have all of them; `marks` are lambdas to
    mark.
    """
    values = np.asarray(lambdas, float)
    least = values[values > 0].min(initial=10.0)
    place = np.where(values > 0, values, least / 10)
    ticks = [f"{each:.0e}".replace("e-0", "e-") if each else "0" for each in values]
    fig, each_panel = panels(measured, height=3.2)
    for ax, name, samples in each_panel:
        each_run(ax, place, samples, OF_A, ".", 1.15, "runs", ms=3.5, alpha=0.6)
        middle = [np.median(np.asarray(runs)) if np.size(runs) else np.nan for runs in samples]
        ax.plot(place, middle, color=OF_A, lw=1.4, label="their median")
        if name in predicted:
            ax.plot(place, predicted[name], "s", mfc="none", color=THEORY, ms=7, label="predicted")
        for (label, at), style in zip(marks.items(), ("--", ":", "-."), strict=False):
            ax.axvline(at, color=THEORY, ls=style, lw=1.2, label=label)
        ax.set(xscale="log", xlabel=r"$\lambda$", ylabel=name)
        ax.set_xticks(place, ticks, rotation=60, fontsize=9)
        ax.minorticks_off()
    legend_below(fig, fig.axes[0], ncols=3, fontsize=10)
    return fig


@drawn
def long_stage_2(
    steps: ArrayLike,
    runs: Curves,
    stops: Mapping[str, float],
    normalised: Curves,
    predicted: Curves,
) -> Figure:
    """Return the distance of A against steps of a long Stage 2, for several lambda, none first.

    By label: `runs` of |A - Q|_mu, (seeds, n); the step where the early stop would have ended them;
    |A - Q|_mu after stopping there and rounding, (seeds,); and, for some, what is predicted, (n,).
    """
    fig, ax = figure(height=3.3)
    styles = ((SGD, "--"), (OF_A, "-"), (OF_A, ":"), (OF_A, "-."))
    hollow = {"marker": "s", "mfc": "none", "ms": 5, "ls": "none"}
    for (label, values), (colour, style) in zip(runs.items(), styles, strict=False):
        band(ax, steps, values, colour, label, style)
        if label in predicted:
            ax.plot(steps, predicted[label], color=THEORY, **hollow)
        at = stops[label]
        reached = np.interp(at, np.asarray(steps), np.median(np.asarray(values), axis=0))
        ax.plot(at, reached, "D", color=colour, mec=TRUTH, ms=7)
        star(ax, at, normalised[label], colour, mec=TRUTH)
    ax.plot([], [], "D", color="none", mec=TRUTH, ms=7, label="early stop")
    ax.plot([], [], "*", color="none", mec=TRUTH, ms=13, label="and rounded")
    if predicted:
        ax.plot([], [], color=THEORY, label="predicted", **hollow)
    ax.set(xlabel="step of Stage 2", ylabel=r"$\Vert A - Q\Vert_\mu$", ylim=(-0.01, None))
    legend_below(fig, ax, ncols=3, fontsize=10)
    return fig
