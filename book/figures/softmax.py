"""Softmax attention beside linear attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures import base
from figures.base import INK, Curves, band, bars, drawn, figure, looks, panels, ticks_at, zero


@drawn
def response(
    dominant: ArrayLike, computed: ArrayLike, formula: ArrayLike, weights: ArrayLike, moved: Curves
) -> Figure:
    """Return how softmax scales a gradient: by a dominant entry's weight, and by a small one's.

    A `dominant` entry's weight, its factor in the squared Jacobian as `computed` and by `formula`,
    (n,); `weights` of entries that are not attended, (m,), and how far each is `moved` in a step.
    """
    fig, (left, right) = figure(1, 2)
    left.plot(dominant, formula, color=INK.black, label="$[a_1(1-a_1)]^2$")
    left.plot(dominant, computed, "o", color=INK.blue, ms=5, label="by matrices")
    left.set(xlabel="weight $a_1$ of one dominant entry", ylabel="its factor", ylim=(0, None))
    left.legend(loc="lower center")
    for (label, steps), colour, _, mark in looks(moved.items()):
        right.loglog(weights, steps, mark, color=colour, ms=2.5, label=label)
    right.set(xlabel="weight $a_t$ of an unattended entry", ylabel="movement per unit of rate")
    right.legend(loc="center left", markerscale=3)
    return fig


@drawn
def balance(
    steps: Curves,
    predicted: Mapping[str, float],
    scales: ArrayLike,
    ratios: ArrayLike,
    limit: float,
) -> Figure:
    """Return when softmax attention takes off, and how evenly it ends, for several rates.

    By label: alpha_A after each of n `steps`, and the step `predicted` for take-off. `ratios` are
    the least attended entry over the largest at the end, by the rate's factor in `scales`, up to
    whose `limit` the even solution is stable.
    """
    fig, (left, right) = figure(1, 2)
    for (label, path), colour, style, _ in looks(steps.items()):
        left.semilogx(np.arange(np.size(path)) + 1, path, style, color=colour, label=label)
        left.axvline(predicted[label], color=colour, lw=1, ls=":")
    left.set(xlabel=r"step $\tau$", ylabel=r"$\alpha_A$", ylim=(-0.05, 1.3))
    left.legend(loc="upper left")
    right.semilogx(scales, ratios, "o-", color=INK.blue, ms=5, lw=1)
    right.axvline(limit, color=INK.black, ls="--", lw=1.2)
    right.annotate(
        "stable", (limit, 0.5), (-6, 0), textcoords="offset points", ha="right", va="center"
    )
    right.set(xlabel="factor $c$ of the rate", ylabel="least / largest attended", ylim=(-0.05, 1.1))
    return fig


@drawn
def attention_maps(maps: Curves) -> Figure:
    """Return attention matrices (T, N) side by side as heat maps with one colour scale."""
    top = max(float(np.max(values)) for values in maps.values())
    return base.attention_maps(maps, "$A_{tk}$", top=top, first=0, height=4.2, sharey=True)


@drawn
def courses(steps: ArrayLike, measures: Mapping[str, Curves], *, log: Sequence[str] = ()) -> Figure:
    """Return bands over seeds of several quantities, one panel each.

    `measures` are (seeds, n) by quantity and label; `log` names quantities on a logarithmic axis.
    """
    fig, each = panels(measures, height=3.3)
    for ax, name, methods in each:
        for (label, runs), colour, style, _ in looks(methods.items()):
            band(ax, steps, runs, colour, label, style)
        ax.set(xlabel=r"step $\tau$", ylabel=name)
        ax.set(**{"yscale": "log"} if name in log else {"ylim": (0, None)})
    fig.axes[0].legend(loc="upper right")
    return fig


@drawn
def lengths(
    seq_lens: ArrayLike, measures: Mapping[str, Mapping[str, Sequence[ArrayLike]]]
) -> Figure:
    """Return quantities against T: medians over seeds, bars for the middle 80 %, on log axes.

    `measures` are by quantity and label n arrays, one per T. A label has one colour in all panels;
    the last has the legend.
    """
    fig, each = panels(measures, height=3.5)
    x = np.asarray(seq_lens, float)
    labels = dict.fromkeys(label for groups in list(measures.values())[::-1] for label in groups)
    for ax, name, groups in each:
        for (i, label), colour, style, mark in looks(enumerate(labels)):
            if label in groups:
                beside = x * 1.05 ** (i - 1.5)
                bars(ax, beside, groups[label], colour, mark + style, ms=5, elinewidth=1,
                     label=label)  # fmt: skip
        ax.set(xlabel="$T$", ylabel=name, xscale="log", yscale="log")
        ticks_at(ax, x)
    fig.axes[-1].legend(loc="lower left", fontsize=9)
    return fig


@drawn
def from_the_mirror(paths: Mapping[str, Curves]) -> Figure:
    """Return signals over steps from a start with the wrong sign, a panel per kind of attention.

    `paths` are (n,) by title and by the signal's name.
    """
    fig, each = panels(paths, height=2.9, sharey=True)
    for ax, title, signals in each:
        for (name, values), colour, style, _ in looks(signals.items()):
            ax.plot(values, style, color=colour, label=name)
        zero(ax)
        ax.set(title=title, xlabel=r"step $\tau$")
    fig.axes[0].legend(loc="lower left")
    fig.axes[0].set_ylabel("signal")
    return fig
