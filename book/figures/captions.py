"""The paper's figures 1, 3, 4 and 5 on many tasks, and what rounding makes of either method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    OF_A,
    OF_V,
    SGD,
    STATE,
    THEORY,
    Curves,
    band,
    drawn,
    figure,
    legend_below,
    mark_step,
    panels,
    plain_log,
    star,
)
from figures.shown import is_narrow

_METHODS = {"sgd": ("--", "SGD"), "slow": (":", "SGD, small rate"), "proximal": ("-", "proximal")}


def _methods(ax: Axes, steps: ArrayLike, runs: Curves, colour: str, switch: float | None) -> None:
    """Draw the band of each method's runs, (seeds, n), proximal ones in the layer's colour.

    At the switch a proximal run is what SGD's is, and then what the cut makes of it.
    """
    at = np.asarray(steps, float)
    for method, values in runs.items():
        style, label = _METHODS[method]
        x, y = at, np.asarray(values, float)
        if method == "proximal" and switch is not None and switch in at and "sgd" in runs:
            i = int(np.flatnonzero(at == switch)[0])
            x = np.insert(at, i, switch)
            y = np.insert(y, i, np.asarray(runs["sgd"])[:, i], axis=1)
        band(ax, x, y, colour if method == "proximal" else SGD, label, style)
    mark_step(ax, switch)


def _rounded(ax: Axes, x: float, runs: Curves, colour: str) -> None:
    """Draw each method's median after rounding: a hollow star for SGD, a full one beside it."""
    star(ax, 1.04 * x, runs["sgd"], SGD, mfc=INK.paper, mew=1.3, label="SGD, rounded")
    star(ax, 1.12 * x, runs["proximal"], colour, label="proximal, rounded")


class Setting(NamedTuple):
    """Runs at one setting: distances of A, (seeds, n), and after rounding, (seeds,), by method."""

    distances: Curves
    rounded: Curves
    ratios: Curves
    """By layer, (seeds, n): the proximal run's distance over SGD's."""


@drawn
def distances(
    steps: ArrayLike, settings: Mapping[str, Setting], switch: float, effect: float
) -> Figure:
    """Return figure 1: distances of A against steps, one column a setting, and ratios below.

    A dotted line marks `effect`, the ratio that would show one method converging.
    """
    fig, axes = figure(2, len(settings), height=3.0, squeeze=False)
    for column, (title, setting) in zip(axes.T, settings.items(), strict=True):
        top, bottom = column
        _methods(top, steps, setting.distances, OF_A, switch)
        _rounded(top, float(np.max(steps)), setting.rounded, OF_A)
        top.set(title=title, ylim=(-0.03, None), ylabel=r"$\Vert A - Q\Vert_\mu$")
        for layer, style in (("V", "--"), ("A", "-")):
            colour = {"V": OF_V, "A": OF_A}[layer]
            band(bottom, steps, setting.ratios[layer], colour, f"distance of {layer}", style)
        bottom.axhline(1, color=INK.black, lw=0.8)
        bottom.axhline(effect, color=INK.black, lw=1, ls=":")
        bottom.set_title(title if is_narrow() else "")
        bottom.set(ylim=(0.4, 1.1), xlabel=r"step $\tau$", ylabel="ratio")
        mark_step(bottom, switch)
    axes[1, 0].legend(loc="center left", fontsize=9)
    legend_below(fig, axes[0, 0], ncols=5, fontsize=9)
    return fig


@drawn
def signals_and_errors(
    steps: ArrayLike,
    runs: Mapping[str, Curves],
    *,
    switch: float | None = None,
    expected: ArrayLike | None = None,
) -> Figure:
    """Return figure 3: signals and errors against steps, one panel each, with bands over runs.

    `runs` are (seeds, n) by method and column, such as alpha_V and delta_A; `expected` (alpha_V,
    alpha_A), (n, 2), of the recursion without noise.
    """
    columns = {column: STATE[column] for column in next(iter(runs.values()))}
    fig, each = panels(columns, height=2.0)
    for ax, column, name in each:
        shown = {method: history[column] for method, history in runs.items()}
        _methods(ax, steps, shown, OF_A if column.endswith("A") else OF_V, switch)
        ax.set(title=name, xlabel=r"step $\tau$")
        if expected is not None and column in ("alpha_V", "alpha_A"):
            path = np.asarray(expected)[:, int(column == "alpha_A")]
            ax.plot(steps, path, color=THEORY, lw=1, label="without noise")
    room = {"frameon": False, "borderaxespad": 0.0, "handlelength": 1.4}
    fig.axes[0].legend(loc="upper left", fontsize=8, **room)
    return fig


class Recovery(NamedTuple):
    """What one setting makes of both methods, each a mapping by method."""

    similarity: Curves
    """(seeds, n) of A with the truth."""
    rounded: Curves
    """(seeds,) after rounding."""
    at_level: Curves
    """(n, 3): the share of runs that recover at each c, and its interval."""
    at_gap: Mapping[str, tuple[float, float, float]]
    """The same where the cut is made at the largest gap."""


@drawn
def recovery(
    steps: ArrayLike, levels: ArrayLike, settings: Mapping[str, Recovery], switch: float
) -> Figure:
    """Return figure 4, similarity against steps, and below it the share of runs that recover.

    That share is drawn against the c of a cut at c / Q, and once for a cut at the largest gap:
    marks at the right edge.
    """
    c = np.asarray(levels, float)
    fig, axes = figure(2, len(settings), height=3.4, squeeze=False)
    for (top, bottom), (title, each) in zip(axes.T, settings.items(), strict=True):
        _methods(top, steps, each.similarity, OF_A, switch)
        _rounded(top, float(np.max(steps)), each.rounded, OF_A)
        top.set(title=title, xlabel=r"step $\tau$", ylim=(-0.05, 1.08), ylabel="similarity")
        for i, (method, values) in enumerate(each.at_level.items()):
            colour = OF_A if method == "proximal" else SGD
            middle, low, high = np.asarray(values, float).T
            bottom.fill_between(c, low, high, color=colour, alpha=0.2, linewidth=0)
            bottom.plot(c, middle, _METHODS[method][0], color=colour, lw=1.6)
            value, below, above = each.at_gap[method]
            reach = [[value - below], [above - value]]
            mark = {"fmt": "o" if i else "s", "color": colour, "ms": 6}
            label = f"{_METHODS[method][1]}, at the gap"
            bottom.errorbar(c.max() * (1.7 + 0.9 * i), value, reach, label=label, **mark)
        bottom.axvline(1.25 * c.max(), color=INK.grey, lw=0.6)
        bottom.set(xscale="log", xlabel="$c$ of a cut at $c/Q$", ylim=(-0.04, 1.04))
        bottom.set(ylabel="share", title=title if is_narrow() else "")
        plain_log(bottom.xaxis, subs=(1,))
        bottom.set_xticks([0.01, 0.1, 1])
    handles = [handle for ax in axes[:, 0] for handle in ax.get_legend_handles_labels()[0]]
    names = [name for ax in axes[:, 0] for name in ax.get_legend_handles_labels()[1]]
    columns = 2 if is_narrow() else 3
    fig.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    return fig


class Vocabulary(NamedTuple):
    """Runs of one vocabulary through and beyond the stop, by method."""

    label: str
    steps: ArrayLike
    """(n,) relative to the stop."""
    curves: Mapping[str, Curves]
    """By method and column: error_A and excess loss, (seeds, n)."""
    rounded: Curves
    """By column, (seeds,) after rounding the proximal run at the stop."""


@drawn
def vocabularies(runs: Sequence[Vocabulary]) -> Figure:
    """Return figure 5: the distance of A and the test loss of each vocabulary."""
    names = {"error_A": ("distance\nof $A$", OF_A), "excess": ("loss above\nBayes", INK.green)}
    fig, axes = figure(2, len(runs), height=2.9, sharex="col", squeeze=False)
    for column, each in zip(axes.T, runs, strict=True):
        for ax, (name, (label, colour)) in zip(column, names.items(), strict=True):
            shown = {method: curves[name] for method, curves in each.curves.items()}
            _methods(ax, each.steps, shown, colour, None)
            mark_step(ax, 0)
            star(ax, 0, each.rounded[name], colour, label="proximal, rounded", zorder=5)
            ax.set(title=each.label, xlabel="steps after the stop")
            ax.set_ylabel(label, fontsize=9)
            if name == "excess":
                ax.set_yscale("log")
            else:
                ax.set_ylim(-0.03, None)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    for ax in axes[1:].flat if not is_narrow() else ():
        ax.set_title("")
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    fig.align_ylabels(axes[:, 0])
    legend_below(fig, axes[0, 0], ncols=3, fontsize=9)
    return fig
