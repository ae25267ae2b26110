"""Gradient noise: its size, its shape, what it does to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    OF_A,
    OF_V,
    THEORY,
    TRUTH,
    Curves,
    Floats,
    band,
    bars,
    drawn,
    each_run,
    figure,
    gaussian,
    legend_below,
    looks,
    panels,
    plain_log,
    zero,
)


class Scaling(NamedTuple):
    """What one panel of `noise_scaling` shows."""

    label: str
    x: Floats  # (n,)
    measured: Mapping[str, Floats]  # "A" and "V" to (n, tasks)
    closed: Mapping[str, Floats]  # the same, (n,)


@drawn
def noise_scaling(scalings: Sequence[Scaling]) -> Figure:
    """Return E|h|^2 of both layers against T, B or N: median and middle 80 %, and closed forms."""
    each = {scaling.label: scaling for scaling in scalings}
    fig, drawn = panels(each, height=3.3, width=7.8, sharey=True)
    for ax, label, scaling in drawn:
        for layer, colour, style, mark in looks("AV", (OF_A, OF_V)):
            name = rf"$\mathrm{{E}}\,\Vert h_{layer}\Vert_\mu^2$, measured"
            bars(
                ax, scaling.x, list(scaling.measured[layer]), colour, mark, ms=5, capsize=3,
                label=name,
            )  # fmt: skip
            ax.plot(scaling.x, scaling.closed[layer], style, color=colour, lw=1.2,
                    label="closed form")  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel=label)
        _few_ticks(ax, scaling.x)
    fig.axes[0].set_ylabel("squared size of the noise")
    legend_below(fig, fig.axes[0], ncols=4, fontsize=9)
    return fig


@drawn
def noise_column(column: ArrayLike, attended: Sequence[int], deviation: float) -> Figure:
    """Return a column of h_A over positions, and its histogram against a Gaussian.

    `attended` are the positions, from 0, that the (T,) column should attend to; `deviation` is the
    Gaussian's.
    """
    values, where = np.asarray(column, float), np.asarray(attended, int)
    fig, (left, right) = figure(1, 2, height=3.1, width_ratios=(2, 1), sharey=True)
    left.plot(np.arange(values.size) + 1, values, ".", color=OF_A, ms=3, label="unattended")
    left.plot(
        where + 1, values[where], "o", color=TRUTH, ms=9, mfc="none", mew=1.8, label="attended"
    )
    zero(left)
    left.set(xlabel="position $t$", ylabel="entry of $h_A$")
    left.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
    limit = 1.25 * np.abs(values).max()
    left.set_ylim(-limit, limit)
    right.hist(
        values, bins=40, density=True, orientation="horizontal", color=OF_A, alpha=0.6,
    )  # fmt: skip
    grid = np.linspace(-limit, limit, 200)
    right.plot(gaussian(grid, deviation), grid, color=THEORY, lw=1.5, label="Gaussian")
    right.set_xlabel("density")
    right.legend(frameon=False, fontsize=9)
    return fig


@drawn
def samples_needed(
    lengths: ArrayLike, entries: ArrayLike, norm: ArrayLike, predicted: ArrayLike, line: ArrayLike
) -> Figure:
    """Return the batch sizes that make the noise small, by entry and by norm, against T.

    `entries` and `norm`, (n, tasks), make the largest entry and the mu-norm small enough.
    `predicted`, (n,), would for Gaussian noise; `line`, (n,), is straight in ln T, through the
    means of `entries`.
    """
    T, each = np.asarray(lengths, float), np.asarray(entries, float)
    fig, (left, right) = figure(1, 2, height=3.3)
    band(left, T, each.T, INK.green, "largest entry", "o-")
    band(left, T, np.transpose(norm), INK.red, r"norm $\Vert h_A\Vert_\mu$", "s--")
    left.set(xscale="log", yscale="log", xlabel="$T$", ylabel="$B$ needed")
    left.legend(frameon=False, fontsize=9, loc="upper left")
    each_run(right, T, list(each), INK.green, ".", 1.1, ms=4, alpha=0.5)
    right.plot(T, each.mean(axis=1), "o", color=INK.green, label="mean, largest entry")
    right.plot(T, line, color=INK.green, lw=1.2, label=r"line in $\ln T$")
    right.plot(T, predicted, ":", color=THEORY, lw=1.8, label="if it were Gaussian")
    right.set(xscale="log", xlabel="$T$", ylabel="$B$ needed", ylim=(0, None))
    right.legend(frameon=False, fontsize=9, loc="lower right")
    for ax in (left, right):
        _few_ticks(ax, T)
    return fig


@drawn
def run_terms(steps: ArrayLike, terms: Mapping[str, Curves]) -> Figure:
    """Return, side by side, the sizes of the terms that change a quantity at each step.

    `terms` are by title and name what the term adds, (n,), of either sign. "noise" is drawn as
    dots, with its running root mean square over 21 steps.
    """
    fig, each = panels(terms, height=3.4, width=8.6)
    own = {"signal": (INK.green, "-"), "shrinkage": (INK.sky, "-."), "noise": (INK.red, "--")}
    for ax, title, named in each:
        sizes = {name: np.abs(np.asarray(values, float)) for name, values in named.items()}
        top = max(float(size.max()) for size in sizes.values())
        for name, size in sizes.items():
            colour, style = own.get(name, (INK.blue, ":"))
            shown = size
            if name == "noise":
                ax.plot(steps, size, ".", color=INK.red, ms=2, alpha=0.35)
                window = np.ones(min(21, size.size))
                total, count = (np.convolve(x, window, "same") for x in (size**2, size**0))
                shown = np.sqrt(total / count)
            ax.plot(steps, np.where(shown > 0, shown, np.nan), style, color=colour, label=name)
        ax.set(yscale="log", xlabel="step", title=title, ylim=(1e-6 * top, 20 * top))
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    fig.axes[0].set_ylabel("size of the change in one step")
    return fig


@drawn
def column_paces(mu: ArrayLike, signals: Curves) -> Figure:
    """Return the signal of every column of A against the step, (steps, N), a panel per method."""
    fig, each = panels(signals, height=3.2, sharey=True)
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    colours = (INK.black, INK.green, INK.sky, INK.red, INK.grey, INK.blue)
    for ax, title, paths in each:
        for k, path in enumerate(np.transpose(paths)):
            name = rf"$\mu_k = {np.asarray(mu)[k]:.3f}$"
            ax.plot(path, ls=styles[k % 6], color=colours[k % 6], label=name)
        ax.set(xlabel="step", title=title)
    fig.axes[0].set_ylabel("signal of column $k$")
    fig.axes[0].legend(frameon=False, fontsize=9, loc="lower right")
    return fig


@drawn
def column_prices(mu: ArrayLike, arrived: Curves, off_line: Curves) -> Figure:
    """Return, against mu_k, when column k had half its signal, and its noise at the last step.

    Both by method, (N, tasks): `arrived` in steps, nan where it did not arrive; `off_line` the
    squared distance of the column from its line.
    """
    name = r"$\Vert\Delta_{a^{(k)}}\Vert^2$ at the last step"
    fig, each = panels({"steps to half the signal": arrived, name: off_line}, height=3.3)
    for ax, label, table in each:
        for (method, values), colour, style, mark in looks(table.items(), (INK.green, INK.red)):
            band(ax, mu, _finite_columns(values), colour, method, mark + style)
        ax.set(xscale="log", yscale="log", xlabel=r"$\mu_k$", ylabel=label)
        _few_ticks(ax, mu)
        plain_log(ax.yaxis, subs=(1, 2, 3, 5))  # less than a decade
    fig.axes[0].legend(frameon=False)
    return fig


def _finite_columns(values: ArrayLike) -> Floats:
    """Return (tasks, N) without the tasks in which a column did not arrive, if any is left."""
    table = np.asarray(values, float).T
    whole = np.isfinite(table).all(axis=1)
    if whole.any():
        return np.compress(whole, table, axis=0)
    filled: Floats = np.nan_to_num(table, nan=float(np.nanmax(table)))
    return filled


def _few_ticks(ax: Axes, x: ArrayLike) -> None:
    """Label the first, the last and every other point in between, and nothing else."""
    places = np.sort(np.asarray(x, float))
    shown = places[:: 2 if places.size > 4 else 1]
    ax.set_xticks(shown, [f"{value:.2g}" if value < 1 else f"{value:.0f}" for value in shown])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", labelsize=9)
