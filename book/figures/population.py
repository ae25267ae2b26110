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

_COLOURS = (INK.blue, INK.orange, INK.green, INK.purple, INK.red)


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
        x, y, panel.flow_V, panel.flow_A, density=0.9, color=INK.sky, linewidth=0.8, arrowsize=0.9
    )
    ax.contour(x, y, panel.flow_V, [0], colors=INK.green, linestyles="dotted", linewidths=2)
    ax.contour(x, y, panel.flow_A, [0], colors=INK.orange, linestyles="dashed")
    ax.contour(x, y, panel.side, [0], colors=INK.red, linewidths=2)
    ax.plot([], [], ":", color=INK.green, label=r"$\alpha_V$ at rest")
    ax.plot([], [], "--", color=INK.orange, label=r"$\alpha_A$ at rest")
    ax.plot([], [], "-", color=INK.red, label="watershed")
    for index, path in enumerate(panel.paths):
        ax.plot(*path.T, color=INK.black, lw=2.2, label="_" if index else "path")
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5}
    for name, place in panel.marks.items():
        ax.plot(*place, "o", color=INK.black, ms=5)
        ax.annotate(name, place, xytext=(6, 5), textcoords="offset points", bbox=box)
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), title=panel.title, aspect="equal")
    ax.set(xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$")
    ax.ticklabel_format(scilimits=(-2, 3))
    ax.grid(visible=False)


@drawn
def two_descriptions(
    steps: ArrayLike, path: ArrayLike, matrices: ArrayLike, differences: Curves
) -> Figure:
    """Return signals from the recursion and from the matrices, and how far they differ.

    `path` and `matrices` are (alpha_V, alpha_A), (n, 2), of either; `differences` are distances
    that should be zero, (n,) by name.
    """
    x, line, dots = np.asarray(steps), np.asarray(path), np.asarray(matrices)
    fig, (left, right) = figure(1, 2, height=3.2)
    every = slice(0, None, max(1, len(x) // 25))
    names = (r"$\alpha_V$", r"$\alpha_A$")
    for (i, name), colour, style, mark in looks(enumerate(names), _COLOURS):
        left.plot(x, line[:, i], style, color=colour, label=f"{name}, recursion")
        left.plot(
            x[every], dots[every, i], mark, color=colour, ms=4, mfc="none",
            label=f"{name}, matrices",
        )  # fmt: skip
    left.set(xlabel="step", ylabel="signal")
    for (name, values), colour, style, _ in looks(
        differences.items(), (INK.green, INK.purple, INK.black)
    ):
        right.plot(x, np.maximum(values, 1e-18), style, color=colour, label=name)
    right.set(xlabel="step", ylabel="distance", yscale="log", ylim=(1e-18, 1e-10))
    for ax in (left, right):
        ax.legend(frameon=False, loc="upper left", fontsize=9)
    return fig


@drawn
def stage_lengths(
    reach: ArrayLike, lengths: Mapping[float, ArrayLike], predicted: Mapping[float, ArrayLike]
) -> Figure:
    """Return the length of Stage 1 against T K_Q, measured and predicted, (n,) by eta."""
    fig, (left, right) = figure(1, 2, height=3.3)
    for (eta, steps), colour, mark in zip(lengths.items(), _COLOURS, "os^vD", strict=False):
        measured, foreseen = np.asarray(steps, float), np.asarray(predicted[eta], float)
        for ax, factor, dashes in ((left, 1.0, colour), (right, np.log1p(eta), INK.black)):
            ax.plot(
                reach, factor * measured, mark, color=colour, ms=5, mfc="none",
                label=rf"$\eta = {eta:g}$",
            )  # fmt: skip
            ax.plot(reach, factor * foreseen, "--", color=dashes, lw=1)
    left.set(xscale="log", yscale="log", xlabel=r"$T K_Q$", ylabel="steps of Stage 1")
    left.set_ylim(bottom=0.2 * min(np.min(steps) for steps in lengths.values()))
    left.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
    right.set(xscale="log", xlabel=r"$T K_Q$", ylabel=r"steps $\times\ \ln(1 + \eta)$")
    right.set_ylim(bottom=0)
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
    ax.plot(*now[good].T, "o", color=INK.blue, ms=4, label="to the truth")
    ax.plot(*now[~good].T, "^", color=INK.orange, ms=4, label="to the mirror")
    ax.plot(1, 1, "*", color=INK.black, ms=11, label="truth", zorder=1)
    ax.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal", title=f"step {step:,}")
    ax.set(xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$")
    fig.legend(loc="lower center", ncols=3, fontsize=9, frameon=False)
    return fig
