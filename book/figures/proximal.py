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
from figures.shown import is_narrow


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
        if not is_narrow():
            end = np.median(np.asarray(values), axis=0)[-1]
            ax.annotate(label, (np.max(steps), end), xytext=(6, 0), textcoords="offset points",
                        va="center", fontsize=10, annotation_clip=False)  # fmt: skip
    ax.plot([], [], "D", color="none", mec=TRUTH, ms=7, label="early stop")
    ax.plot([], [], "*", color="none", mec=TRUTH, ms=13, label="and rounded")
    if predicted:
        ax.plot([], [], color=THEORY, label="predicted", **hollow)
    ax.set(xlabel="step of Stage 2", ylabel=r"$\Vert A - Q\Vert_\mu$", ylim=(-0.01, None))
    legend_below(fig, ax, ncols=3, fontsize=10)
    return fig
