"""Stage 2: signals and errors under two methods, the cut, the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    STATE,
    Curves,
    band,
    drawn,
    each_run,
    figure,
    legend_below,
    legend_beside,
    looks,
    mark_step,
    panels,
    rows,
    star,
    star_on_bar,
    ticks_at,
    zero,
)
from figures.film import film as film  # for the chapter

_METHODS = {"sgd": (INK.grey, "--", "SGD"), "proximal": (INK.blue, "-", "proximal")}


def _methods(ax: Axes, steps: ArrayLike, runs: Curves, switch: float | None) -> None:
    """Draw the band of each method's runs, (seeds, n), and the switch between the stages."""
    for method, values in runs.items():
        colour, style, label = _METHODS[method]
        band(ax, steps, values, colour, label, style)
    mark_step(ax, switch)
    ax.set_xlabel(r"step $\tau$")


@drawn
def shrinkage(before: Sequence[float], steps: Curves) -> Figure:
    """Return a (T,) column of attention before and after each part of a proximal step, as bars."""
    fig, each = panels({"before": before, **steps}, height=2.4, sharey=True)
    for ax, label, column in each:
        positions = np.arange(np.size(column))
        ax.bar(positions, column, color=INK.blue, width=0.7)
        zero(ax)
        ax.set(title=label, xticks=positions, xlabel="position $t$")
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
    fig, each = panels(columns, height=3.1, sharey=True)
    for ax, title, values in each:
        ax.hist(values[~chosen], bins=edges, color=INK.grey, label="other positions")
        ax.plot(values[chosen], np.ones(chosen.sum()), "o", color=INK.blue, ms=8, label="attended")
        ax.axvline(level, color=INK.red, ls="--", label=r"level $\frac{1}{2}\alpha_V/Q$")
        ax.set(title=title, xlabel=r"entry $a_t$", yscale="log", ylim=(0.5, 2 * chosen.size))
    fig.axes[0].set_ylabel("positions")
    fig.axes[1].legend(loc="upper right", fontsize=10)
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
    fig, each = panels(entries, height=3.4)
    for (ax, name, groups), bound in zip(each, bounds, strict=True):
        for (i, (label, samples)), colour, _, mark in looks(
            enumerate(groups.items()), (INK.blue, INK.orange)
        ):
            beside = at * 1.07 ** (2 * i - 1)
            each_run(ax, beside, samples, colour, mark, 1.05, label, ms=3.5, alpha=0.75)
        ax.axhline(bound, color=INK.red, ls="--")
        ax.set(xlabel="$T$", ylabel=name, xscale="log")
        ticks_at(ax, at)
    fig.axes[0].set_ylim(0, None)
    fig.axes[1].set_yscale("log")
    fig.axes[1].legend(loc="upper left", fontsize=10)
    return fig


@drawn
def final_signals(alphas: Curves, expected: float) -> Figure:
    """Return each run's final alpha_A as a dot, runs sorted, one row per experiment.

    `expected` is what the population recursion reaches by then.
    """
    fig, ax = figure(height=0.9 + 0.75 * len(alphas))
    for row, values in enumerate(alphas.values()):
        ordered = np.sort(np.asarray(values, float))
        lift = np.linspace(-0.28, 0.28, ordered.size)
        wrong = ordered < 0
        for chosen, colour, mark in ((wrong, INK.red, "X"), (~wrong, INK.blue, "o")):
            ax.plot(ordered[chosen], row + lift[chosen], mark, color=colour, ms=5)
    ax.axvline(0, color=INK.black, lw=1)
    ax.axvline(expected, color=INK.green, lw=1.5, ls="--")
    rows(ax, alphas)
    ax.set_xlabel(r"$\alpha_A$ at the last step")
    return fig


@drawn
def distances(
    steps: ArrayLike,
    error_V: Curves,
    error_A: Curves,
    normalised_V: ArrayLike,
    normalised_A: ArrayLike,
    switch: float | None = None,
) -> Figure:
    """Return figure 1: distances of both layers against steps, and after normalisation.

    `error_V` and `error_A` are |V - P|_mu and |A - Q|_mu, (seeds, n) by method, "sgd" or
    "proximal"; `normalised_V` and `normalised_A`, (seeds,), the same after normalising: a star for
    the median and a bar for the middle 80 %. `switch` is a step to mark.
    """
    errors = {
        r"$\Vert V - P\Vert_\mu$": (error_V, normalised_V),
        r"$\Vert A - Q\Vert_\mu$": (error_A, normalised_A),
    }
    fig, each = panels(errors, height=3.3)
    for ax, name, (methods, after) in each:
        _methods(ax, steps, methods, switch)
        star_on_bar(ax, 1.05 * np.max(steps), after)
        ax.set(ylabel=name, ylim=(0, None))
    fig.axes[0].legend(loc="lower left")
    return fig


@drawn
def signals_and_errors(
    steps: ArrayLike,
    runs: Mapping[str, Curves],
    *,
    switch: float | None = None,
    expected: ArrayLike | None = None,
    lines: bool = False,
) -> Figure:
    """Return figure 3: both signals and both errors against steps, with bands over runs.

    `runs` are (seeds, n) by method, "sgd" or "proximal", and column: alpha_V, alpha_A, delta_V,
    delta_A. `switch` is a step to mark, `expected` (alpha_V, alpha_A), (n, 2), of the population
    recursion. With `lines` every run of the signals is drawn, where a band hides two signs.
    """
    fig, axes = figure(2, 2, height=5.2, sharex=True)
    for i, (ax, column) in enumerate(zip(axes.flat, STATE, strict=True)):
        shown = {method: history[column] for method, history in runs.items()}
        if lines and i < 2:
            for method, values in shown.items():
                colour, style, _ = _METHODS[method]
                ax.plot(steps, np.transpose(values), style, color=colour, lw=0.5, alpha=0.6)
        _methods(ax, steps, shown, switch)
        ax.set_ylabel(STATE[column])
        if i >= 2:
            ax.set_ylim(0, None)
            continue
        ax.set_xlabel("")
        zero(ax)
        if expected is not None:
            path = np.asarray(expected)[:, i]
            ax.plot(steps, path, ":", color=INK.green, lw=2.2, label="recursion")
    axes[0, 0].legend(loc="upper left")
    return fig


@drawn
def similarities(
    steps: ArrayLike, runs: Mapping[str, Curves], normalised: ArrayLike, switch: float | None = None
) -> Figure:
    """Return figure 4: similarity with the truth against steps, and after normalisation.

    `runs` are cosines, (seeds, n) by layer, "V" or "A", and method; `normalised`, (seeds,), is that
    of A after normalising: a star for the median and a bar for the middle 80 %.
    """
    fig, each = panels(runs, height=3.3, sharey=True)
    for ax, layer, methods in each:
        _methods(ax, steps, methods, switch)
        if layer == "A":
            star_on_bar(ax, 1.05 * np.max(steps), normalised)
        ax.set(ylabel=f"similarity of ${layer}$", ylim=(-0.05, 1.05))
        ax.tick_params(labelleft=True)
        ax.legend(loc="lower right" if layer == "V" else "center right", fontsize=10)
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
    fig, drawn = panels(measured, height=3.9, width=9.2)
    for ax, name, samples in drawn:
        each_run(ax, place, samples, INK.blue, ".", 1.15, "runs", ms=3.5, alpha=0.6)
        middle = [np.median(np.asarray(runs)) if np.size(runs) else np.nan for runs in samples]
        ax.plot(place, middle, color=INK.blue, lw=1.2, label="their median")
        if name in predicted:
            ax.plot(place, predicted[name], "s", mfc="none", color=INK.red, ms=8, label="predicted")
        for (label, at), style in zip(marks.items(), ("--", ":", "-."), strict=False):
            ax.axvline(at, color=INK.green, ls=style, lw=1.5, label=label)
        ax.set(xscale="log", xlabel=r"$\lambda$", ylabel=name)
        ax.set_xticks(place, ticks, rotation=60, fontsize=9)
        ax.minorticks_off()
    legend_below(fig, fig.axes[0], ncols=5, fontsize=10)
    return fig


@drawn
def long_stage_2(
    steps: ArrayLike,
    runs: Curves,
    stops: Mapping[str, float],
    normalised: Curves,
    predicted: Curves,
) -> Figure:
    """Return the distance of A against steps of a long Stage 2, for several lambda.

    By label: `runs` of |A - Q|_mu, (seeds, n); the step where the early stop would have ended them;
    |A - Q|_mu after stopping there and normalising, (seeds,); and, for some, what is predicted,
    (n,).
    """
    fig, ax = figure(height=3.9)
    styles = ((INK.grey, "--"), (INK.blue, "-"), (INK.orange, "-."), (INK.purple, ":"))
    hollow = {"marker": "s", "mfc": "none", "ms": 5, "ls": "none"}
    for (label, values), (colour, style) in zip(runs.items(), styles, strict=False):
        band(ax, steps, values, colour, label, style)
        if label in predicted:
            ax.plot(steps, predicted[label], color=colour, **hollow)
        at = stops[label]
        reached = np.interp(at, np.asarray(steps), np.median(np.asarray(values), axis=0))
        ax.plot(at, reached, "D", color=colour, ms=7)
        star(ax, at, normalised[label], colour)
    ax.plot([], [], "D", color=INK.black, ms=7, label="early stop")
    ax.plot([], [], "*", color=INK.black, ms=13, label="and normalised")
    if predicted:
        ax.plot([], [], color=INK.black, label="predicted", **hollow)
    ax.set(xlabel="step of Stage 2", ylabel=r"$\Vert A - Q\Vert_\mu$", ylim=(-0.01, None))
    legend_beside(ax, fontsize=10)
    return fig


@drawn
def attention_entries(
    column: ArrayLike,
    attended: ArrayLike,
    title: str,
    extent: tuple[float, float],
    linear: float = 0.02,
) -> Figure:
    """Return one column of attention over its positions, attended ones marked.

    `extent` is that of the vertical axis, the same for every frame of a film. The axis is linear up
    to `linear` and logarithmic beyond, so that noise and signal both show.
    """
    values, chosen = np.asarray(column, float), np.asarray(attended, bool)
    fig, ax = figure(height=2.9)
    at = np.arange(1, values.size + 1)
    ax.vlines(at, 0, values, color=INK.grey, lw=0.8, label="other positions")
    ax.plot(at[chosen], values[chosen], "o", color=INK.blue, ms=7, label="attended")
    zero(ax)
    ax.set_yscale("symlog", linthresh=linear)
    ax.set(xlabel="position $t$", ylabel="$a_t$", ylim=extent)
    ax.set_title(title, loc="left")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=10)
    return fig
