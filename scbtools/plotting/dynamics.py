"""Pictures of the two signals: their flow, the length of Stage 1, the valley."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from scbtools.plotting.base import COLOURS, figure
from scbtools.plotting.transformer import hyperbola

__all__ = [
    "Portrait",
    "contraction",
    "flow_frame",
    "one_run",
    "phase_portrait",
    "stage_lengths",
    "two_descriptions",
    "valley",
]


class Portrait(NamedTuple):
    """What one panel of a phase portrait shows."""

    title: str
    alpha_V: NDArray[np.float64]  # (n,) grid
    alpha_A: NDArray[np.float64]  # (m,) grid
    flow_V: NDArray[np.float64]  # (m, n) change of alpha_V in one step
    flow_A: NDArray[np.float64]  # (m, n) change of alpha_A
    side: NDArray[np.float64]  # (m, n) positive where the flow ends at the truth
    marks: Mapping[str, tuple[float, float]]
    paths: Sequence[NDArray[np.float64]] = ()  # each (steps, 2)


def phase_portrait(panels: Sequence[Portrait]) -> Figure:
    """Return phase portraits side by side: flow, nullclines, watershed, paths."""
    fig, axes = figure(1, len(panels), height=3.9, squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        _portrait(ax, panel)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return fig


def _portrait(ax: Axes, panel: Portrait) -> None:
    x, y = panel.alpha_V, panel.alpha_A
    ax.streamplot(
        x, y, panel.flow_V, panel.flow_A, density=0.9, color=COLOURS["sky"], linewidth=0.8,
        arrowsize=0.9,
    )  # fmt: skip
    ax.contour(x, y, panel.flow_V, [0], colors=COLOURS["green"], linestyles="dotted", linewidths=2)
    ax.contour(x, y, panel.flow_A, [0], colors=COLOURS["orange"], linestyles="dashed")
    ax.contour(x, y, panel.side, [0], colors=COLOURS["red"], linewidths=2)
    for colour, style, label in (
        ("green", ":", r"$\alpha_V$ at rest"),
        ("orange", "--", r"$\alpha_A$ at rest"),
        ("red", "-", "watershed"),
    ):
        ax.plot([], [], style, color=COLOURS[colour], label=label)
    for index, path in enumerate(panel.paths):
        name = "path" if index == 0 else None
        ax.plot(path[:, 0], path[:, 1], color=COLOURS["black"], linewidth=2.2, label=name)
    for name, (v, a) in panel.marks.items():
        ax.plot(v, a, "o", color=COLOURS["black"], markersize=5)
        ax.annotate(
            name, (v, a), xytext=(6, 5), textcoords="offset points",
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    ax.set(
        xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), title=panel.title,
        xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$", aspect="equal",
    )  # fmt: skip
    ax.ticklabel_format(scilimits=(-2, 3))
    ax.grid(visible=False)


def two_descriptions(
    steps: ArrayLike, path: ArrayLike, matrices: ArrayLike, differences: Mapping[str, ArrayLike]
) -> Figure:
    """Return signals from the recursion and from the matrices, and how far they differ.

    Parameters
    ----------
    steps : (n,) array
    path, matrices : (n, 2) arrays
        (alpha_V, alpha_A) from the recursion and measured on the matrices.
    differences : mapping of name to (n,) array
        Distances that should be zero.
    """
    x, line, dots = np.asarray(steps), np.asarray(path), np.asarray(matrices)
    fig, (left, right) = figure(1, 2, height=3.2)
    every = slice(0, None, max(1, len(x) // 25))
    looks = ((r"$\alpha_V$", "blue", "-", "o"), (r"$\alpha_A$", "orange", "--", "s"))
    for column, (name, colour, style, marker) in enumerate(looks):
        left.plot(x, line[:, column], style, color=COLOURS[colour], label=f"{name}, recursion")
        left.plot(
            x[every], dots[every, column], marker, color=COLOURS[colour], markersize=4,
            markerfacecolor="none", label=f"{name}, matrices",
        )  # fmt: skip
    left.set(xlabel="step", ylabel="signal")
    left.legend(frameon=False, loc="upper left", fontsize=9)
    for (name, values), style, colour in zip(
        differences.items(), ("-", "--", "-."), ("green", "purple", "black"), strict=False
    ):
        right.plot(
            x,
            np.maximum(np.asarray(values, float), 1e-18),
            style,
            color=COLOURS[colour],
            label=name,
        )
    right.set(xlabel="step", ylabel="distance", yscale="log", ylim=(1e-18, 1e-10))
    right.legend(frameon=False, loc="upper left", fontsize=9)
    return fig


def stage_lengths(
    reach: ArrayLike, lengths: Mapping[float, ArrayLike], predicted: Mapping[float, ArrayLike]
) -> Figure:
    """Return the length of Stage 1 against T K_Q, measured and predicted.

    Parameters
    ----------
    reach : (n,) array
        T K_Q.
    lengths, predicted : mapping of eta to (n,) array
        Steps until the signal reached its target.
    """
    fig, (left, right) = figure(1, 2, height=3.3)
    marks = ("o", "s", "^", "v", "D")
    colours = ("blue", "orange", "green", "purple", "red")
    for (eta, values), mark, colour in zip(lengths.items(), marks, colours, strict=False):
        look = {"color": COLOURS[colour], "markersize": 5, "markerfacecolor": "none"}
        left.plot(reach, values, mark, label=rf"$\eta = {eta:g}$", **look)
        left.plot(reach, predicted[eta], "--", color=COLOURS[colour], linewidth=1)
        right.plot(reach, np.asarray(values) * np.log1p(eta), mark, **look)
        right.plot(
            reach, np.asarray(predicted[eta]) * np.log1p(eta), "--", color=COLOURS["black"],
            linewidth=1,
        )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel=r"$T K_Q$", ylabel="steps of Stage 1")
    left.set_ylim(bottom=0.2 * min(np.min(np.asarray(each)) for each in lengths.values()))
    left.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
    right.set(xscale="log", xlabel=r"$T K_Q$", ylabel=r"steps $\times\ \ln(1 + \eta)$")
    right.set_ylim(bottom=0)
    return fig


def valley(steps: ArrayLike, paths: Mapping[str, ArrayLike]) -> Figure:
    """Return how far paths are from the valley, and how far apart their signals stay.

    Parameters
    ----------
    steps : (n,) array
        Positive.
    paths : mapping of name to (n, 2) array
        (alpha_V, alpha_A).
    """
    fig, (left, right) = figure(1, 2, height=3.2, sharey=True)
    looks = (("blue", "-"), ("orange", "--"), ("green", "-."), ("purple", ":"))
    for (name, path), (colour, style) in zip(paths.items(), looks, strict=False):
        v, a = np.asarray(path, float).T
        left.plot(steps, np.abs(1 - a * v), style, color=COLOURS[colour], label=name)
        right.plot(steps, np.abs(a - v), style, color=COLOURS[colour], label=name)
    left.set(
        xscale="log", yscale="log", xlabel="step", ylim=(1e-7, 3),
        ylabel=r"$|1 - \alpha_A\alpha_V|$",
    )  # fmt: skip
    right.set(xscale="log", xlabel="step", ylabel=r"$|\alpha_A - \alpha_V|$")
    right.tick_params(labelleft=True)
    left.legend(frameon=False, fontsize=9, title="start")
    return fig


def contraction(
    reach: ArrayLike, measured: Mapping[str, ArrayLike], linearised: Mapping[str, ArrayLike]
) -> Figure:
    """Return rates per step against T K_Q: measured as marks, linearised as lines."""
    fig, ax = figure(height=3.2)
    looks = (("blue", "o", "-"), ("orange", "s", "--"))
    for (name, rates), (colour, mark, style) in zip(measured.items(), looks, strict=False):
        ax.plot(
            reach, rates, mark, color=COLOURS[colour], markerfacecolor="none",
            label=f"{name}, measured",
        )  # fmt: skip
        ax.plot(reach, linearised[name], style, color=COLOURS[colour], label="linearised")
    ax.set(xscale="log", yscale="log", xlabel=r"$T K_Q$", ylabel="share lost per step")
    ax.legend(frameon=False)
    return fig


def flow_frame(
    positions: ArrayLike, right_side: ArrayLike, step: int, extent: float = 1.8
) -> Figure:
    """Return where many starts have come to after some steps, as one frame of a film.

    Parameters
    ----------
    positions : (n, 2) array
        (alpha_V, alpha_A) of each start by now.
    right_side : (n,) bool array
        Whether the start is on the truth's side of the watershed.
    step : int
    extent : float
        Axes reach from minus to plus this.
    """
    now, good = np.asarray(positions, float), np.asarray(right_side, bool)
    fig, ax = figure(height=4.5, width=4.6)
    fig.set_layout_engine("none")  # all frames alike, and in half the time
    ax.set_position((0.16, 0.19, 0.81, 0.75))
    hyperbola(ax, np.array([-extent, extent]))
    for chosen, colour, mark, label in (
        (good, "blue", "o", "to the truth"),
        (~good, "orange", "^", "to the mirror"),
    ):
        ax.plot(
            now[chosen, 0], now[chosen, 1], mark, color=COLOURS[colour], markersize=4, label=label
        )
    ax.plot(1, 1, "*", color=COLOURS["black"], markersize=11, label="truth", zorder=1)
    ax.set(
        xlim=(-extent, extent), ylim=(-extent, extent), xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$",
        aspect="equal", title=f"step {step:,}",
    )  # fmt: skip
    fig.legend(loc="lower center", ncols=3, fontsize=9, frameon=False)
    return fig


def one_run(history: Mapping[str, ArrayLike]) -> Figure:
    """Return a run's signals and squared distances from the truth, with its stages marked.

    Parameters
    ----------
    history : mapping of name to (n,) array
        As in `Run.history`: step, stage, alpha_V, alpha_A, error_V, error_A.
    """
    column = {name: np.asarray(values, float) for name, values in history.items()}
    steps = column["step"]
    changes = steps[1:][np.diff(column["stage"]) > 0]
    fig, (left, right) = figure(1, 2, height=3.2)
    for letter, colour, style in (("V", "blue", "-"), ("A", "orange", "--")):
        look = {"color": COLOURS[colour], "linestyle": style}
        left.plot(steps, column[f"alpha_{letter}"], label=rf"$\alpha_{letter}$", **look)
        truth = {"V": "P", "A": "Q"}[letter]
        name = rf"$\Vert\mathbf{{{letter}}} - \mathbf{{{truth}}}\Vert_\mu^2$"
        right.plot(steps, column[f"error_{letter}"] ** 2, label=name, **look)
    for ax in (left, right):
        for change in changes:
            ax.axvline(change, color=COLOURS["grey"], linewidth=0.8, zorder=0)
        ax.set_xlabel("step")
        ax.legend(frameon=False)
    left.set_ylabel("signal")
    right.set(yscale="log", ylabel="squared distance")
    return fig
