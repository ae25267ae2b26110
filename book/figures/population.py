"""The two signals without noise: their flow, the length of Stage 1, the valley."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, OF_A, OF_V, THEORY, Curves, Floats, drawn, figure, looks

_COLOURS = (INK.green, INK.red, INK.sky, INK.black)  # of rates and starts, which have no role


@drawn
def one_run(path: ArrayLike, summed: ArrayLike, apart: ArrayLike) -> Figure:
    """Return the signals of one run against the step, and their sum and difference.

    `path` is (alpha_V, alpha_A), (n, 2); `summed` and `apart`, (n,), are what the linear regime
    predicts of sum and difference.
    """
    v, a = np.asarray(path, float).T
    steps = np.arange(v.size)
    fig, (left, right) = figure(1, 2, height=3.2)
    left.plot(steps, v, color=OF_V, lw=2, label=r"$\alpha_V$")
    left.plot(steps, a, "--", color=OF_A, lw=2, label=r"$\alpha_A$")
    left.set(xlabel="step", ylabel="signal")
    for values, colour, name in ((v + a, INK.green, "sum"), (v - a, INK.red, "difference")):
        right.plot(steps[1:], values[1:], color=colour, lw=2, label=name)
    line = {"color": THEORY, "ls": ":", "lw": 1.2}
    right.plot(steps[1:], np.minimum(np.asarray(summed)[1:], 20), **line, label="if it were linear")
    right.plot(steps[1:], np.asarray(apart)[1:], **line)
    right.set(xlabel="step", yscale="log", ylim=(0.3 * (v - a)[1], 9))
    for ax in (left, right):
        ax.legend(frameon=False)
    return fig


class Lengths(NamedTuple):
    """Lengths of Stage 1 at one learning rate, in steps."""

    eta: float
    reach: Floats  # (n,) T K_Q
    steps: Floats  # (n,); with an interval (3, n), its ends last


@drawn
def stage_lengths(without: Sequence[Lengths], batches: Sequence[Lengths], target: float) -> Figure:
    """Return the length of Stage 1 against T K_Q, in steps and over what the formula predicts.

    `without` noise, and of mini-`batches`, with bars for their intervals; it ends where the larger
    signal reaches the `target`.
    """

    def law(eta: float, reach: Floats) -> Floats:
        steps: Floats = np.log1p(2 * target * reach) / np.log1p(eta)
        return steps

    fig, (left, right) = figure(1, 2, height=3.3)
    for each, colour, mark in zip(without, _COLOURS, "os^D", strict=False):
        predicted = law(each.eta, each.reach)
        look = {"color": colour, "ms": 5, "mfc": "none", "label": rf"$\eta = {each.eta:g}$"}
        left.plot(each.reach, predicted, color=THEORY, lw=1)
        left.plot(each.reach, each.steps, mark, **look)
        right.plot(each.reach, each.steps / predicted, mark, **look)
    right.axhline(1, color=THEORY, lw=1)
    for index, each in enumerate(batches):
        name = "_" if index else "mini-batches"
        middle, low, high = each.steps / law(each.eta, each.reach)
        right.errorbar(
            each.reach, middle, (middle - low, high - middle), fmt="x", color=INK.blue, ms=6,
            mew=1.8, capsize=3, label=name,
        )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel=r"$T K_Q$", ylabel="steps of Stage 1")
    right.set(xscale="log", xlabel=r"$T K_Q$", ylabel="measured / formula", ylim=(0.79, 1.21))
    left.set_ylim(bottom=0.3 * min(float(np.min(each.steps)) for each in without))
    left.legend(frameon=False, ncols=2, fontsize=9, loc="lower right")
    right.legend(*([each[-1]] for each in right.get_legend_handles_labels()), frameon=False)
    return fig


@drawn
def contraction(reach: ArrayLike, measured: Curves, linearised: Curves) -> Figure:
    """Return rates per step against T K_Q: measured as marks, linearised as lines."""
    fig, ax = figure(height=3.2)
    for (name, rates), colour, style, mark in looks(measured.items(), _COLOURS):
        ax.plot(reach, rates, mark, color=colour, mfc="none", label=f"{name}, measured")
        ax.plot(reach, linearised[name], style, color=colour, label="linearised")
    ax.set(xscale="log", yscale="log", xlabel=r"$T K_Q$", ylabel="share lost per step")
    ax.legend(frameon=False)
    return fig
