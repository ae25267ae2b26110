"""Pictures of Stage 2: signals and errors under two methods, the cut, the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = [
    "attention_entries",
    "cut_histogram",
    "cut_scaling",
    "long_stage_2",
    "penalty_sweep",
    "signals_and_errors",
    "similarities",
]

_METHODS = {"sgd": ("grey", "--", "SGD"), "proximal": ("blue", "-", "proximal")}
_STATE = {
    "alpha_V": r"$\alpha_V$",
    "alpha_A": r"$\alpha_A$",
    "delta_V": r"$\Vert \Delta_V\Vert_\mu$",
    "delta_A": r"$\Vert \Delta_A\Vert_\mu$",
}


def signals_and_errors(
    steps: ArrayLike,
    runs: Mapping[str, Mapping[str, ArrayLike]],
    *,
    switch: float | None = None,
    expected: ArrayLike | None = None,
    lines: bool = False,
) -> Figure:
    """Return figure 3: both signals and both errors against steps, with bands over runs.

    Parameters
    ----------
    steps : (n,) array
    runs : dict from method, "sgd" or "proximal", to a dict from column to a (seeds, n) array
        Columns alpha_V, alpha_A, delta_V and delta_A.
    switch : float, optional
        Step to mark.
    expected : (n, 2) array, optional
        alpha_V and alpha_A of the population recursion.
    lines : bool
        Also draw every run of the signals, where a band hides that they have two signs.
    """
    fig, axes = figure(2, 2, height=5.2, sharex=True)
    x = np.asarray(steps)
    for index, (ax, (column, name)) in enumerate(zip(axes.flat, _STATE.items(), strict=True)):
        for method, history in runs.items():
            colour, style, label = _METHODS[method]
            values = np.asarray(history[column], float)
            if lines and index < 2:
                ax.plot(x, values.T, style, color=COLOURS[colour], linewidth=0.5, alpha=0.6)
            band(ax, x, values, colour, label, style=style)
        if expected is not None and index < 2:
            path = np.asarray(expected)[:, index]
            ax.plot(x, path, ":", color=COLOURS["green"], linewidth=2.2, label="recursion")
        if index < 2:
            ax.axhline(0, color=COLOURS["black"], linewidth=0.8)
        else:
            ax.set(ylim=(0, None), xlabel=r"step $\tau$")
        _mark(ax, switch)
        ax.set_ylabel(name)
    axes[0, 0].legend(loc="upper left")
    return fig


def similarities(
    steps: ArrayLike,
    runs: Mapping[str, Mapping[str, ArrayLike]],
    normalised: ArrayLike,
    switch: float | None = None,
) -> Figure:
    """Return figure 4: similarity with the truth against steps, and after normalisation.

    Parameters
    ----------
    steps : (n,) array
    runs : dict from layer, "V" or "A", to a dict from method to a (seeds, n) array
        Cosines between -1 and 1.
    normalised : (seeds,) array
        That of A after normalising, drawn as a star for the median and a bar for the middle 80 %.
    switch : float, optional
        Step to mark.
    """
    fig, axes = figure(1, len(runs), height=3.3, sharey=True)
    end = float(np.max(np.asarray(steps)))
    for ax, (layer, methods) in zip(np.atleast_1d(axes), runs.items(), strict=True):
        for method, values in methods.items():
            colour, style, label = _METHODS[method]
            band(ax, steps, values, colour, label, style=style)
        if layer == "A":
            _star(ax, 1.05 * end, normalised)
        _mark(ax, switch)
        ax.set(xlabel=r"step $\tau$", ylabel=f"similarity of ${layer}$", ylim=(-0.05, 1.05))
        ax.yaxis.set_tick_params(labelleft=True)
        ax.legend(loc="lower right" if layer == "V" else "center right", fontsize=10)
    return fig


def cut_histogram(
    before: ArrayLike, after: ArrayLike, attended: ArrayLike, level: float, bins: int = 60
) -> Figure:
    """Return the entries of a column before and after the cut, attended ones marked one by one.

    Parameters
    ----------
    before, after : (T,) arrays
    attended : (T,) bool array
    level : float
        Where the cut is made.
    """
    panels = {"before the cut": np.asarray(before), "after the cut": np.asarray(after)}
    chosen = np.asarray(attended, bool)
    low = min(float(values.min()) for values in panels.values())
    high = max(float(values.max()) for values in panels.values())
    pad = 0.03 * (high - low)
    fig, axes = figure(1, 2, height=3.1, sharey=True)
    for ax, (title, values) in zip(axes, panels.items(), strict=True):
        edges = np.linspace(low - pad, high + pad, bins + 1)
        ax.hist(values[~chosen], bins=edges, color=COLOURS["grey"], label="other positions")
        ax.plot(
            values[chosen],
            np.ones(chosen.sum()),
            "o",
            color=COLOURS["blue"],
            ms=8,
            label="attended",
        )
        ax.axvline(
            level, color=COLOURS["red"], linestyle="--", label=r"level $\frac{1}{2}\alpha_V/Q$"
        )
        ax.set(title=title, xlabel=r"entry $a_t$", yscale="log", ylim=(0.5, 2 * chosen.size))
    axes[0].set_ylabel("positions")
    axes[0].yaxis.set_tick_params(labelleft=True)
    axes[1].legend(loc="upper right", fontsize=10)
    return fig


def cut_scaling(
    lengths: ArrayLike,
    attended: Mapping[str, Sequence[ArrayLike]],
    others: Mapping[str, Sequence[ArrayLike]],
    bounds: tuple[float, float],
) -> Figure:
    """Return, against T, the smallest attended and the largest other entry after the cut.

    Parameters
    ----------
    lengths : (n,) array
        T.
    attended, others : dict from a label to n arrays, one value a run
        In units of alpha_V / Q, and of 1 / T.
    bounds : pair of floats
        Below which no attended entry may lie, above which no other, drawn as dashed lines.
    """
    fig, axes = figure(1, 2, height=3.4)
    at = np.asarray(lengths, float)
    looks = (("blue", "o", -1), ("orange", "s", 1))
    panels = (
        (r"smallest attended entry $\cdot\ Q/\alpha_V$", attended, bounds[0]),
        (r"largest other entry $\cdot\ T$", others, bounds[1]),
    )
    for ax, (name, groups, bound) in zip(axes, panels, strict=True):
        for (label, samples), (colour, marker, side) in zip(groups.items(), looks, strict=False):
            for x, values in zip(at, samples, strict=True):
                spread = 1.07**side * np.geomspace(0.95, 1.05, max(np.size(values), 1))
                ax.plot(
                    x * spread[: np.size(values)],
                    np.sort(np.asarray(values, float)),
                    marker,
                    color=COLOURS[colour],
                    ms=3.5,
                    alpha=0.75,
                    linestyle="none",
                    label=label if x == at[0] else None,
                )
        ax.axhline(bound, color=COLOURS["red"], linestyle="--")
        ax.set(xlabel="$T$", ylabel=name, xscale="log")
        ax.set_xticks(at, [f"{x:g}" for x in at])
        ax.minorticks_off()
    axes[0].set_ylim(0, None)
    axes[1].set_yscale("log")
    axes[1].legend(loc="upper left", fontsize=10)
    return fig


def penalty_sweep(
    lambdas: ArrayLike,
    measured: Mapping[str, Sequence[ArrayLike]],
    predicted: Mapping[str, ArrayLike],
    marks: Mapping[str, float],
) -> Figure:
    """Return final quantities against lambda, one panel each: runs, and what is predicted.

    Parameters
    ----------
    lambdas : (n,) array
        Increasing; a first value of 0 is drawn one decade to the left of the next.
    measured : dict from an axis label to n arrays, one value a run
    predicted : dict from the same labels to (n,) arrays
        Need not have all of them.
    marks : dict from a label to a value of lambda
        Drawn as vertical lines.
    """
    place, ticks = _places(lambdas)
    fig, axes = figure(1, len(measured), height=3.9, width=9.2)
    for index, (ax, (name, samples)) in enumerate(
        zip(np.atleast_1d(axes), measured.items(), strict=True)
    ):
        values = [np.asarray(each, float) for each in samples]
        for x, runs in zip(place, values, strict=True):
            spread = np.geomspace(0.87, 1.15, max(runs.size, 1))[: runs.size]
            ax.plot(
                x * spread, np.sort(runs), ".", color=COLOURS["blue"], ms=3.5, alpha=0.6,
                label="runs" if x == place[0] else None,
            )  # fmt: skip
        middle = [np.median(runs) if runs.size else np.nan for runs in values]
        ax.plot(place, middle, color=COLOURS["blue"], linewidth=1.2, label="their median")
        if name in predicted:
            ax.plot(
                place, predicted[name], "s", mfc="none", color=COLOURS["red"], ms=8,
                linestyle="none", label="predicted",
            )  # fmt: skip
        for (label, at), style in zip(marks.items(), ("--", ":", "-."), strict=False):
            ax.axvline(at, color=COLOURS["green"], linestyle=style, linewidth=1.5, label=label)
        ax.set(xscale="log", xlabel=r"$\lambda$", ylabel=name)
        ax.set_xticks(place, ticks, rotation=60, fontsize=9)
        ax.minorticks_off()
        if index == 0:
            handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=10)
    return fig


def long_stage_2(
    steps: ArrayLike,
    runs: Mapping[str, ArrayLike],
    stops: Mapping[str, float],
    normalised: Mapping[str, ArrayLike],
    predicted: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Return the distance of A against steps of a long Stage 2, for several lambda.

    Parameters
    ----------
    steps : (n,) array
    runs : dict from a label to a (seeds, n) array
        |A - Q|_mu.
    stops : dict from the same labels to a step
        Where the early stop would have ended the run.
    normalised : dict from a label to a (seeds,) array
        |A - Q|_mu after stopping there and normalising, drawn as stars for medians.
    predicted : dict from a label to a (n,) array, optional
    """
    fig, ax = figure(height=3.9)
    looks = (("grey", "--"), ("blue", "-"), ("orange", "-."), ("purple", (0, (1, 1))))
    x = np.asarray(steps)
    for (label, values), (colour, style) in zip(runs.items(), looks, strict=False):
        array = np.asarray(values, float)
        low, middle, high = np.quantile(array, [0.1, 0.5, 0.9], axis=0)
        ax.fill_between(x, low, high, color=COLOURS[colour], alpha=0.22, linewidth=0)
        ax.plot(x, middle, linestyle=style, color=COLOURS[colour], label=label)
        if predicted is not None and label in predicted:
            ax.plot(x, predicted[label], "s", mfc="none", ms=5, color=COLOURS[colour])
        at = stops[label]
        ax.plot(at, np.interp(at, x, middle), "D", color=COLOURS[colour], ms=7)
        ax.plot(
            at,
            np.median(np.asarray(normalised[label], float)),
            "*",
            color=COLOURS[colour],
            ms=13,
            clip_on=False,
        )
    ax.plot([], [], "D", color=COLOURS["black"], ms=7, label="early stop")
    ax.plot([], [], "*", color=COLOURS["black"], ms=13, label="and normalised")
    if predicted:
        ax.plot([], [], "s", mfc="none", color=COLOURS["black"], ms=5, label="predicted")
    ax.set(xlabel="step of Stage 2", ylabel=r"$\Vert A - Q\Vert_\mu$", ylim=(-0.01, None))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=10)
    return fig


def attention_entries(
    column: ArrayLike,
    attended: ArrayLike,
    title: str,
    extent: tuple[float, float],
    linear: float = 0.02,
) -> Figure:
    """Return one column of attention over its positions, attended ones marked.

    Parameters
    ----------
    column : (T,) array
    attended : (T,) bool array
    extent : pair of floats
        Of the vertical axis, the same for every frame of a film.
    linear : float
        The axis is linear up to here and logarithmic beyond, so that noise and signal both show.
    """
    values, chosen = np.asarray(column, float), np.asarray(attended, bool)
    fig, ax = figure(height=2.9)
    at = np.arange(1, values.size + 1)
    ax.vlines(at, 0, values, color=COLOURS["grey"], linewidth=0.8, label="other positions")
    ax.plot(at[chosen], values[chosen], "o", color=COLOURS["blue"], ms=7, label="attended")
    ax.axhline(0, color=COLOURS["black"], linewidth=0.8)
    ax.set_yscale("symlog", linthresh=linear)
    ax.set(xlabel="position $t$", ylabel="$a_t$", ylim=extent)
    ax.set_title(title, loc="left")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=10)
    return fig


def _mark(ax: Axes, switch: float | None) -> None:
    """Mark the switch between the stages."""
    if switch is not None:
        ax.axvline(switch, color=COLOURS["black"], linewidth=0.8, linestyle=":")


def _star(ax: Axes, x: float, values: ArrayLike) -> None:
    """Draw a median as a star, on a bar for the middle 80 %."""
    low, middle, high = np.quantile(np.asarray(values, float), [0.1, 0.5, 0.9])
    ax.plot([x, x], [low, high], color=COLOURS["red"], linewidth=2)
    ax.plot(x, middle, "*", color=COLOURS["red"], ms=13, clip_on=False, label="normalised")


def _places(lambdas: ArrayLike) -> tuple[list[float], list[str]]:
    """Return where values of lambda stand on a logarithmic axis, and their labels."""
    values = [float(each) for each in np.asarray(lambdas, float)]
    positive = [each for each in values if each > 0]
    zero = min(positive) / 10 if positive else 1.0
    labels = [f"{each:.0e}".replace("e-0", "e-") if each else "0" for each in values]
    return [each if each > 0 else zero for each in values], labels
