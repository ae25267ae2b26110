"""The two signals without noise: their flow, the length of Stage 1, the valley."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    MIRROR,
    OF_A,
    OF_V,
    THEORY,
    TRUTH,
    Curves,
    Floats,
    drawn,
    figure,
    frame,
    hyperbola,
    legend_below,
    looks,
    panels,
)
from figures.film import film as film  # for the chapter

_COLOURS = (INK.green, INK.red, INK.sky, INK.black)  # of rates and starts, which have no role


class Portrait(NamedTuple):
    """What one panel of a phase portrait shows."""

    title: str
    alpha_V: Floats  # (n,) grid
    alpha_A: Floats  # (m,) grid
    flow_V: Floats  # (m, n) change of alpha_V in one step
    flow_A: Floats  # (m, n) change of alpha_A
    side: Floats  # (m, n) positive where the flow ends at the truth
    marks: Mapping[str, tuple[float, float]]
    paths: Sequence[Floats] = ()  # each (steps, 2)


@drawn
def phase_portrait(portraits: Sequence[Portrait]) -> Figure:
    """Return phase portraits side by side: flow, nullclines, watershed, paths."""
    fig, each = panels({portrait.title: portrait for portrait in portraits}, height=3.9)
    for ax, _, portrait in each:
        _portrait(ax, portrait)
    legend_below(fig, fig.axes[0], ncols=4)
    return fig


def _portrait(ax: Axes, panel: Portrait) -> None:
    x, y = panel.alpha_V, panel.alpha_A
    ax.streamplot(
        x, y, panel.flow_V, panel.flow_A, density=0.8, color=INK.grey, linewidth=0.7, arrowsize=0.8
    )
    ax.contour(x, y, panel.flow_V, [0], colors=OF_V, linestyles="dotted", linewidths=2.2)
    ax.contour(x, y, panel.flow_A, [0], colors=OF_A, linestyles="dashed", linewidths=1.8)
    ax.contour(x, y, panel.side, [0], colors=INK.red, linewidths=2.2)
    ax.plot([], [], "-", color=INK.red, lw=2.2, label="watershed")
    ax.plot([], [], ":", color=OF_V, lw=2.2, label=r"$\alpha_V$ at rest")
    ax.plot([], [], "--", color=OF_A, lw=1.8, label=r"$\alpha_A$ at rest")
    for index, path in enumerate(panel.paths):
        ax.plot(*path.T, color=INK.green, lw=2.5, label="_" if index else "path of the run")
    box = {"facecolor": INK.paper, "alpha": 0.85, "edgecolor": "none", "pad": 0.8}
    for name, place in panel.marks.items():
        ax.plot(*place, "o", color=TRUTH, ms=6, mec=INK.paper, zorder=4)
        beside, side = (8, "left") if min(place) > 0 else (-8, "right")
        ax.annotate(
            name, place, xytext=(beside, -14), textcoords="offset points", ha=side, bbox=box,
            zorder=3,
        )  # fmt: skip
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), title=panel.title, aspect="equal")
    ax.set(xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$")
    ax.ticklabel_format(scilimits=(-2, 3))
    ax.grid(visible=False)


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
def valley(steps: ArrayLike, paths: Curves) -> Figure:
    """Return how far paths are from the valley, and how far apart their signals stay.

    `paths` are (alpha_V, alpha_A), (n, 2) by name, after each of the `steps`, which are positive.
    """
    fig, (left, right) = figure(1, 2, height=3.2, sharey=True)
    for (name, path), colour, style, _ in looks(paths.items(), _COLOURS):
        v, a = np.asarray(path, float).T
        left.plot(steps, np.abs(1 - a * v), style, color=colour, label=name)
        right.plot(steps, np.abs(a - v), style, color=colour, label=name)
    left.set(xscale="log", yscale="log", xlabel="step", ylim=(1e-7, 3))
    left.set_ylabel(r"$|1 - \alpha_A\alpha_V|$")
    right.set(xscale="log", xlabel="step", ylabel=r"$|\alpha_A - \alpha_V|$")
    right.tick_params(labelleft=True)
    left.legend(frameon=False, fontsize=9, title="start")
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


def flow_frame(
    positions: ArrayLike, right_side: ArrayLike, step: int, extent: float = 1.8
) -> Figure:
    """Return where many starts have come to after some steps, as one frame of a film.

    `positions` are their (alpha_V, alpha_A), (n, 2), by now; `right_side` says which of them began
    on the truth's side of the watershed. Axes reach from minus to plus `extent`.
    """
    now, good = np.asarray(positions, float), np.asarray(right_side, bool)
    fig, ax = frame((0.16, 0.19, 0.81, 0.75), height=4.5, width=4.6)
    hyperbola(ax, np.array([-extent, extent]))
    ax.plot(*now[good].T, "o", color=INK.green, ms=4, label="to the truth")
    ax.plot(*now[~good].T, "^", color=MIRROR, ms=4, label="to the mirror")
    ax.plot(1, 1, "*", color=TRUTH, ms=11, label="truth", zorder=1)
    ax.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal", title=f"step {step:,}")
    ax.set(xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$")
    fig.legend(loc="lower center", ncols=3, fontsize=9, frameon=False)
    return fig
