"""Figures of training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["distances", "final_signals", "shrinkage"]

_METHODS = {"sgd": ("grey", "--", "SGD"), "proximal": ("blue", "-", "proximal")}


def distances(
    steps: ArrayLike,
    error_V: Mapping[str, ArrayLike],
    error_A: Mapping[str, ArrayLike],
    normalised_V: ArrayLike,
    normalised_A: ArrayLike,
    switch: float | None = None,
) -> Figure:
    """Return figure 1: distances of both layers against steps, and after normalisation.

    Parameters
    ----------
    steps : (n,) array
    error_V, error_A : dict from method, "sgd" or "proximal", to a (seeds, n) array
        |V - P|_mu and |A - Q|_mu.
    normalised_V, normalised_A : (seeds,) arrays
        The same after normalisation, drawn as a star for the median and a bar for the middle 80 %.
    switch : float, optional
        Step to mark.
    """
    fig, axes = figure(1, 2, height=3.3)
    panels = (
        (r"$\Vert V - P\Vert_\mu$", error_V, normalised_V),
        (r"$\Vert A - Q\Vert_\mu$", error_A, normalised_A),
    )
    end = float(np.max(steps))
    for ax, (name, errors, after) in zip(axes, panels, strict=True):
        for method, runs in errors.items():
            colour, style, label = _METHODS[method]
            band(ax, steps, runs, colour, label, style=style)
        low, middle, high = np.quantile(np.asarray(after, float), [0.1, 0.5, 0.9])
        ax.plot([1.05 * end] * 2, [low, high], color=COLOURS["red"], linewidth=2)
        ax.plot(
            1.05 * end, middle, "*", color=COLOURS["red"], ms=13, clip_on=False, label="normalised"
        )
        if switch is not None:
            ax.axvline(switch, color=COLOURS["black"], linewidth=0.8, linestyle=":")
        ax.set(xlabel=r"step $\tau$", ylabel=name, ylim=(0, None))
    axes[0].legend(loc="lower left")
    return fig


def final_signals(alphas: Mapping[str, ArrayLike], expected: float) -> Figure:
    """Return each run's final attention signal as a dot, runs sorted, one row per experiment.

    Parameters
    ----------
    alphas : dict from a label to a (seeds,) array
        Final alpha_A.
    expected : float
        What the population recursion reaches by then, drawn as a line.
    """
    fig, ax = figure(height=0.9 + 0.75 * len(alphas))
    for row, values in enumerate(alphas.values()):
        ordered = np.sort(np.asarray(values, float))
        lift = np.linspace(-0.28, 0.28, ordered.size)
        wrong = ordered < 0
        for chosen, colour, marker in ((wrong, "red", "X"), (~wrong, "blue", "o")):
            ax.plot(ordered[chosen], row + lift[chosen], marker, color=COLOURS[colour], ms=5)
    ax.axvline(0, color=COLOURS["black"], linewidth=1)
    ax.axvline(expected, color=COLOURS["green"], linewidth=1.5, linestyle="--")
    ax.set_yticks(range(len(alphas)), list(alphas))
    ax.set(xlabel=r"$\alpha_A$ at the last step", ylim=(len(alphas) - 0.5, -0.5))
    ax.grid(axis="y", visible=False)
    return fig


def shrinkage(before: Sequence[float], steps: Mapping[str, ArrayLike]) -> Figure:
    """Return one column of attention before and after each part of a proximal step, as bars.

    Parameters
    ----------
    before : (T,) array
    steps : dict from a label to a (T,) array
    """
    panels = {"before": np.asarray(before), **{k: np.asarray(v) for k, v in steps.items()}}
    fig, axes = figure(1, len(panels), height=2.4, sharey=True)
    for ax, (label, column) in zip(axes, panels.items(), strict=True):
        positions = np.arange(len(column))
        ax.bar(positions, column, color=COLOURS["blue"], width=0.7)
        ax.axhline(0, color=COLOURS["black"], linewidth=0.8)
        ax.set_title(label)
        ax.set_xticks(positions)
        ax.set_xlabel("position $t$")
    axes[0].set_ylabel(r"$a_t$")
    return fig
