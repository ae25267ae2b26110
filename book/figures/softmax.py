"""Softmax attention beside linear attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures import base
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
    legend_below,
    panels,
    plain_log,
    ticks_at,
    zero,
)

# Linear attention has attention's colour; each way to train has one look in every figure.
_WAYS = {
    "linear": (OF_A, "-", "o"),
    "linear, slow": (OF_A, "--", "s"),
    "softmax": (INK.green, "-", "^"),
    "softmax, slow": (INK.green, "-", "^"),
    "softmax, matched": (INK.red, ":", "v"),
}


@drawn
def response(
    dominant: ArrayLike, computed: ArrayLike, formula: ArrayLike, weights: ArrayLike, moved: Curves
) -> Figure:
    """Return how softmax scales a gradient: by a dominant entry's weight, and by a small one's.

    A `dominant` entry's weight, its factor in the squared Jacobian as `computed` and by `formula`,
    (n,); `weights` of entries that are not attended, (m,), and how far each is `moved` in a step by
    linear attention and by softmax.
    """
    fig, (left, right) = figure(1, 2, height=3.3)
    left.plot(dominant, formula, color=THEORY, lw=1, label="$[a_1(1-a_1)]^2$")
    left.plot(dominant, computed, "o", color=INK.green, ms=4, label="by matrices")
    left.set(xlabel="weight $a_1$ of one dominant entry", ylabel="its factor", ylim=(0, None))
    left.legend(loc="lower center", fontsize=10)
    for label, steps in moved.items():
        colour, _, mark = _WAYS[label]
        right.loglog(weights, steps, mark, color=colour, ms=2.5, label=label)
    right.set(xlabel="weight $a_t$ of an unattended entry", ylabel="movement per rate")
    right.legend(loc="center left", markerscale=3, fontsize=10)
    return fig


@drawn
def attention_maps(maps: Curves, attended: ArrayLike) -> Figure:
    """Return attention matrices (T, N) as heat maps with one scale, `attended` entries ringed.

    `attended` is a (T, N) mask.
    """
    top = max(float(np.max(values)) for values in maps.values())
    at, of = np.nonzero(np.asarray(attended))
    fig = base.attention_maps(maps, "$A_{tk}$", top=top, height=4.0, sharey=True)
    for ax, _ in zip(fig.axes, maps, strict=False):
        ax.set_xticks(range(1, int(np.max(of)) + 2, 3))
        ax.plot(of + 1, at + 1, "o", mfc="none", mec=TRUTH, mew=0.9, ms=5)
    return fig


@drawn
def courses(steps: ArrayLike, measures: Mapping[str, Curves], *, log: Sequence[str] = ()) -> Figure:
    """Return bands over seeds of several quantities, one panel each.

    `measures` are (seeds, n) by quantity and way to train; `log` names quantities on a logarithmic
    axis.
    """
    fig, each = panels(measures, height=3.3)
    for ax, name, ways in each:
        for label, runs in ways.items():
            colour, style, _ = _WAYS[label]
            band(ax, steps, runs, colour, label, style)
        ax.set(xlabel=r"step $\tau$", ylabel=name)
        ax.set(**{"yscale": "log"} if name in log else {"ylim": (0, None)})
    fig.axes[0].legend(loc="upper right")
    return fig


@drawn
def lengths(measures: Mapping[str, tuple[ArrayLike, Mapping[str, Sequence[ArrayLike]]]]) -> Figure:
    """Return quantities against T: medians over seeds, bars for the middle 80 %, on log axes.

    By quantity: its n lengths, and by way to train n arrays of values, one per length.
    """
    fig, each = panels(measures, height=3.5)
    named: dict[Any, Any] = {}
    for ax, name, (seq_lens, groups) in each:
        x = np.asarray(seq_lens, float)
        for i, (label, samples) in enumerate(groups.items()):
            colour, style, mark = _WAYS[label]
            beside = x * 1.05 ** (i - (len(groups) - 1) / 2)
            bars(ax, beside, samples, colour, mark + style, ms=5, elinewidth=1, label=label)
        ax.set(xlabel="$T$", ylabel=name, xscale="log", yscale="log")
        ticks_at(ax, x)
        plain_log(ax.yaxis)
        ax.tick_params(labelsize=9)
        named |= {label: line for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(
        list(named.values()), list(named), loc="outside lower center",
        ncols=2, fontsize=10, frameon=False,
    )  # fmt: skip
    return fig


@drawn
def from_the_mirror(paths: Mapping[str, Curves]) -> Figure:
    """Return signals over steps from a start with the wrong sign, a panel per kind of attention.

    `paths` are (n,) by title, that of V and that of A.
    """
    fig, each = panels(paths, height=2.9, sharey=True)
    for ax, title, signals in each:
        for (name, values), colour, style in zip(
            signals.items(), (OF_V, OF_A), ("-", "--"), strict=False
        ):
            ax.plot(values, style, color=colour, label=name)
        zero(ax)
        ax.set(xlabel=r"step $\tau$")
        ax.set_title(title, loc="left")
    fig.axes[0].set_ylabel("signal")
    legend_below(fig, fig.axes[0], ncols=2)
    return fig
