"""Training at the longest sequences: simulated and real runs laid over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    OF_A,
    OF_V,
    PHONE,
    SGD,
    STATE,
    THEORY,
    Curves,
    band,
    drawn,
    figure,
    gaussian,
    legend_below,
    panels,
    plain_log,
    quantiles,
    rows,
)
from figures.shown import is_narrow

_LAYER = {"alpha_V": OF_V, "delta_V": OF_V, "alpha_A": OF_A, "delta_A": OF_A}


@drawn
def figure_6(
    simulated: Mapping[str, Sequence[Curves]], real: Mapping[str, Sequence[Curves]],
    columns: Sequence[str] = tuple(STATE),
) -> Figure:  # fmt: skip
    """Return figure 6: signals and errors against steps, simulated runs thin, real ones thick.

    Both are runs by method, "sgd" or "proximal". A run maps "step" and the `columns` to arrays of
    one length.
    """
    down = max(len(columns) // 2, 1)
    fig, axes = figure(down, 2, height=2.7 * down, sharex=True, squeeze=False)
    for ax, column in zip(axes.flat, columns, strict=True):
        for method, colour, dash in (("sgd", SGD, (2.5, 1.2)), ("proximal", _LAYER[column], ())):
            runs = simulated.get(method, ())
            thin = {"lw": 0.6, "alpha": 0.45} if len(runs) > 8 else {"lw": 1.2, "alpha": 0.8}
            _courses(ax, runs, column, color=colour, **thin)
            thick = {"color": colour, "lw": 1.6, "dashes": dash}
            _courses(ax, real.get(method, ()), column, **thick)
        if column.startswith("delta"):
            ax.set(yscale="log", ylim=(1e-4, None))
        ax.set_ylabel(STATE[column])
    for ax in axes.flat if is_narrow() else axes[-1]:
        ax.set_xlabel(r"step $\tau$")
    kinds = [("simulated", {"lw": 0.8})] + ([("real", {"lw": 2})] if real else [])
    for name, width in kinds:  # in ink: the colour says which layer
        axes.flat[0].plot([], [], color=INK.black, label=f"proximal, {name}", **width)
        axes.flat[0].plot([], [], color=SGD, ls="--", label=f"without penalty, {name}", **width)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    columns_of_legend = 1 if is_narrow() else 2
    fig.legend(handles, labels, loc="outside lower center", ncols=columns_of_legend, frameon=False)
    return fig


def _courses(ax: Axes, runs: Sequence[Curves], column: str, **look: Any) -> None:
    """Draw one column of every run against its steps."""
    for run in runs:
        values = np.asarray(run[column], float)
        # Before the first step there is no error, which a logarithmic axis would draw as a wall.
        none = column.startswith("delta") & (values < 1e-12)
        ax.plot(run["step"], np.where(none, np.nan, values), **look)


@drawn
def entry_laws(entries: Curves) -> Figure:
    """Return densities of standardised entries on a logarithmic axis, with the Gaussian's."""
    fig, each = panels(entries, height=3.2, sharey=True)
    at, edges = np.linspace(-5, 5, 201), np.linspace(-6, 12, 109)
    for ax, title, values in each:
        x = np.asarray(values, float).ravel()
        density = np.histogram(x, edges)[0] / (max(x.size, 1) * np.diff(edges))
        ax.stairs(density, edges, fill=True, color=OF_A, alpha=0.6, label="real batch")
        ax.plot(at, gaussian(at), "--", color=THEORY, lw=1.2, label="Gaussian")
        ax.set(yscale="log", ylim=(1e-6, 10), title=title)
        ax.set_xlabel("entry of $-h_A$, in standard deviations")
    fig.axes[0].set_ylabel("density")
    fig.axes[0].legend(loc="upper right")
    return fig


@drawn
def side_by_side(pairs: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]]) -> Figure:
    """Return medians and middle 80 % of real and simulated values, over the simulated median.

    `pairs` are by title and label (real, simulated) values, one per seed.
    """
    most = max((len(each) for each in pairs.values()), default=1)
    fig, each = panels(pairs, height=1.1 + 0.33 * most)
    if is_narrow():  # one row of text needs its height on a phone too
        fig.set_size_inches(PHONE, len(pairs) * (1.0 + 0.27 * most))
    for ax, title, labelled in each:
        for row, (real, simulated) in enumerate(labelled.values()):
            for values, height, colour, mark, name in (
                (simulated, row + 0.17, INK.green, "o", "simulated"),
                (real, row - 0.17, INK.red, "D", "real"),
            ):
                low, middle, high = quantiles(values) / np.median(np.asarray(simulated))
                ax.plot([low, high], [height] * 2, color=colour, lw=2)
                ax.plot(middle, height, mark, color=colour, ms=5, label="_" if row else name)
        ax.axvline(1, color=THEORY, lw=0.8)
        ax.set(title=title, xlabel="over the simulated median")
        rows(ax, labelled)
    legend_below(fig, fig.axes[0], ncols=2)
    return fig


@drawn
def excess_noise(found: Mapping[int, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Return the noise past the threshold, real over Gaussian, against B / N^2, by N."""
    fig, ax = figure(height=3.4)
    styles = zip(found.items(), (INK.green, INK.sky, INK.red, INK.black), "os^D", strict=False)
    for (size, (x, y)), colour, mark in styles:
        ax.plot(x, y, mark, ls="-", color=colour, label=f"N = {size}")
    ax.axhline(1, color=THEORY, lw=1, ls="--")
    ax.set(xscale="log", yscale="log", xlabel="$B / N^2$")
    ax.set_ylabel("noise past the threshold,\nreal over Gaussian")
    plain_log(ax.xaxis)
    plain_log(ax.yaxis)
    ax.legend()
    return fig


@drawn
def from_half_way(simulated: Sequence[Curves], real: Sequence[Curves]) -> Figure:
    """Return signals and the attention's error from one start, a band simulated, lines real.

    Runs are as in `figure_6`; simulated ones are drawn as far as all of them go.
    """
    fig, axes = figure(1, 3, height=3.1)
    shared = min((np.size(run["step"]) for run in simulated), default=0)
    for ax, column in zip(axes, ("alpha_V", "alpha_A", "delta_A"), strict=True):
        colour = _LAYER[column]
        if shared:
            values = [np.asarray(run[column], float)[:shared] for run in simulated]
            step = np.asarray(simulated[0]["step"])[:shared]
            band(ax, step, values, colour, "simulated", lw=1)
        for i, run in enumerate(real):
            look = {"ms": 5, "lw": 2.2, "color": colour, "label": "_" if i else "real"}
            ax.plot(run["step"], run[column], "D--", **look)
        ax.set(xlabel=r"step $\tau$", title=STATE[column], ylim=(0, None))
    axes[0].legend()
    return fig
