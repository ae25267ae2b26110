"""Pictures of gradient noise: its size, its shape, what it does to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from scbtools.plotting.base import COLOURS, band, figure

__all__ = [
    "Scaling",
    "batch_frame",
    "column_paces",
    "column_prices",
    "noise_column",
    "noise_scaling",
    "run_terms",
    "samples_needed",
    "signal_and_noise",
]

_LAYERS = {"A": ("blue", "o", "-"), "V": ("orange", "s", "--")}


class Scaling(NamedTuple):
    """What one panel of `noise_scaling` shows."""

    label: str
    x: NDArray[np.float64]  # (n,)
    measured: Mapping[str, NDArray[np.float64]]  # "A" and "V" to (n, tasks)
    closed: Mapping[str, NDArray[np.float64]]  # the same, (n,)


def noise_scaling(panels: Sequence[Scaling]) -> Figure:
    """Return E|h|^2 of both layers against T, B or N: median and middle 80 %, and closed forms."""
    fig, axes = figure(1, len(panels), height=3.3, width=7.8, squeeze=False, sharey=True)
    for ax, panel in zip(axes[0], panels, strict=True):
        for layer, (colour, mark, style) in _LAYERS.items():
            runs = np.asarray(panel.measured[layer], float)
            low, middle, high = np.quantile(runs, [0.1, 0.5, 0.9], axis=1)
            name = rf"$\mathrm{{E}}\,\Vert h_{layer}\Vert_\mu^2$"
            ax.errorbar(
                panel.x, middle, [middle - low, high - middle], fmt=mark, color=COLOURS[colour],
                markersize=5, capsize=3, label=f"{name}, measured",
            )  # fmt: skip
            ax.plot(
                panel.x, panel.closed[layer], style, color=COLOURS[colour], linewidth=1.2,
                label="closed form",
            )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel=panel.label)
        _few_ticks(ax, panel.x)
    axes[0, 0].set_ylabel("squared size of the noise")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return fig


def noise_column(column: ArrayLike, attended: Sequence[int], deviation: float) -> Figure:
    """Return a column of h_A over positions, and its histogram against a Gaussian.

    Parameters
    ----------
    column : (T,) array
    attended : sequence of int
        Positions that the column should attend to, counted from 0.
    deviation : float
        Standard deviation of the Gaussian.
    """
    values, where = np.asarray(column, float), np.asarray(attended, int)
    fig, (left, right) = figure(1, 2, height=3.1, width_ratios=(2, 1), sharey=True)
    positions = np.arange(1, len(values) + 1)
    left.plot(positions, values, ".", color=COLOURS["blue"], markersize=3, label="unattended")
    left.plot(
        where + 1, values[where], "D", color=COLOURS["red"], markersize=7, markerfacecolor="none",
        label="attended",
    )  # fmt: skip
    left.axhline(0, color=COLOURS["black"], linewidth=0.8)
    left.set(xlabel="position $t$", ylabel="entry of $h_A$")
    left.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
    limit = 1.25 * np.abs(values).max()
    left.set_ylim(-limit, limit)
    right.hist(
        values, bins=40, density=True, orientation="horizontal", color=COLOURS["sky"],
        edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    grid = np.linspace(-limit, limit, 200)
    bell = np.exp(-0.5 * (grid / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    right.plot(bell, grid, color=COLOURS["black"], linewidth=1.5, label="Gaussian")
    right.set_xlabel("density")
    right.legend(frameon=False, fontsize=9)
    return fig


def signal_and_noise(
    lengths: ArrayLike,
    entry: Mapping[str, ArrayLike],
    norm: Mapping[str, ArrayLike],
) -> Figure:
    """Return signal and noise against T, entry by entry and as a whole.

    Parameters
    ----------
    lengths : (n,) array
        T.
    entry, norm : mappings of "signal" and "noise" to (n, tasks) arrays
        Standard deviation of an entry against the expected gradient there; |.|_mu of both.
    """
    fig, axes = figure(1, 2, height=3.2, sharey=True)
    looks = (("signal", "green", "-"), ("noise", "red", "--"))
    for ax, values, title in zip(
        axes,
        (entry, norm),
        ("one entry", r"the whole gradient, $\Vert\cdot\Vert_\mu$"),
        strict=True,
    ):
        for name, colour, style in looks:
            band(ax, lengths, np.asarray(values[name], float).T, colour, name, style=style)
        ax.set(xscale="log", yscale="log", xlabel="$T$", title=title)
        _few_ticks(ax, np.asarray(lengths, float))
    axes[0].set_ylabel("size")
    axes[1].tick_params(labelleft=True)
    axes[0].legend(frameon=False)
    return fig


def batch_frame(
    column: ArrayLike, attended: Sequence[int], expected: float, batch_size: int, limit: float
) -> Figure:
    """Return the histogram of a column of minus the batch gradient, as one frame of a film.

    Parameters
    ----------
    column : (T,) array
    attended : sequence of int
        Positions with a signal, drawn one by one below the histogram.
    expected : float
        The expected value at attended positions.
    batch_size : int
    limit : float
        The axis reaches from minus to plus this.
    """
    values, where = np.asarray(column, float), np.asarray(attended, int)
    rest = np.delete(values, where)
    fig, ax = figure(height=3.1, width=6.2)
    fig.set_layout_engine("none")  # all frames alike, and in half the time
    ax.set_position((0.11, 0.17, 0.86, 0.73))
    ax.hist(
        np.clip(rest, -limit, limit), bins=np.linspace(-limit, limit, 71), color=COLOURS["sky"],
        label="unattended",
    )  # fmt: skip
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(-0.6, 2 * len(values))
    ax.set_yticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    ax.plot(
        np.clip(values[where], -limit, limit), np.full(len(where), -0.3), "D", clip_on=False,
        color=COLOURS["red"], markersize=8, label="attended",
    )  # fmt: skip
    ax.axvline(expected, color=COLOURS["green"], linestyle="--", label="expected there")
    ax.set(xlim=(-limit, limit), xlabel="entry of minus the gradient", ylabel="entries")
    ax.set_title(f"$B = {batch_size}$")
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return fig


def samples_needed(
    lengths: ArrayLike,
    entries: ArrayLike,
    norm: ArrayLike,
    predicted: ArrayLike,
    line: ArrayLike,
) -> Figure:
    """Return the batch sizes that make the noise small, by entry and by norm, against T.

    Parameters
    ----------
    lengths : (n,) array
        T.
    entries, norm : (n, tasks) arrays
        Batch size at which the largest entry, and the mu-norm, is small enough.
    predicted : (n,) array
        For the largest entry, were the noise Gaussian.
    line : (n,) array
        The straight line in ln T through the means of `entries`.
    """
    T, each = np.asarray(lengths, float), np.asarray(entries, float)
    fig, (left, right) = figure(1, 2, height=3.3)
    band(left, T, each.T, "blue", "largest entry", style="o-")
    band(left, T, np.asarray(norm, float).T, "orange", r"norm $\Vert h_A\Vert_\mu$", style="s--")
    left.set(xscale="log", yscale="log", xlabel="$T$", ylabel="$B$ needed")
    left.legend(frameon=False, fontsize=9, loc="upper left")
    shifts = np.linspace(-0.04, 0.04, each.shape[1])
    for at, values in zip(T, each, strict=True):
        right.plot(at * 10**shifts, np.sort(values), ".", color=COLOURS["sky"], markersize=4)
    right.plot(T, each.mean(axis=1), "o", color=COLOURS["blue"], label="mean, largest entry")
    right.plot(T, line, color=COLOURS["blue"], linewidth=1.2, label=r"line in $\ln T$")
    right.plot(T, predicted, ":", color=COLOURS["black"], label="if it were Gaussian")
    right.set(xscale="log", xlabel="$T$", ylabel="$B$ needed")
    right.set_ylim(0, None)
    right.legend(frameon=False, fontsize=9, loc="lower right")
    for ax in (left, right):
        _few_ticks(ax, T)
    return fig


def run_terms(steps: ArrayLike, panels: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Return, side by side, the sizes of the terms that change a quantity at each step.

    Parameters
    ----------
    steps : (n,) array
    panels : mapping of a title to a mapping of a term's name to an (n,) array
        What the term adds, of either sign. "noise" is drawn as dots, with its running root mean
        square over 21 steps.
    """
    fig, axes = figure(1, len(panels), height=3.4, width=8.6, squeeze=False)
    looks = {"signal": ("green", "-"), "shrinkage": ("purple", "-.")}
    for ax, (title, terms) in zip(axes[0], panels.items(), strict=True):
        top = 0.0
        for name, values in terms.items():
            size = np.abs(np.asarray(values, float))
            top = max(top, float(size.max()))
            if name == "noise":
                ax.plot(steps, size, ".", color=COLOURS["red"], markersize=2, alpha=0.35)
                window = min(21, len(size))
                mean = np.convolve(size**2, np.ones(window) / window, mode="same")
                count = np.convolve(np.ones(len(size)), np.ones(window) / window, mode="same")
                size, colour, style = np.sqrt(mean / count), "red", "--"
            else:
                colour, style = looks.get(name, ("blue", ":"))
            ax.plot(steps, size, style, color=COLOURS[colour], label=name)
        ax.set(yscale="log", xlabel="step", title=title, ylim=(1e-6 * top, 20 * top))
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    axes[0, 0].set_ylabel("size of the change in one step")
    return fig


def column_paces(mu: ArrayLike, signals: Mapping[str, ArrayLike]) -> Figure:
    """Return the signal of every column of A against the step, one panel per method.

    Parameters
    ----------
    mu : (N,) array
    signals : mapping of a title to a (steps, N) array
    """
    fig, axes = figure(1, len(signals), height=3.2, squeeze=False, sharey=True)
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    colours = ("blue", "orange", "green", "purple", "red", "black")
    for ax, (title, paths) in zip(axes[0], signals.items(), strict=True):
        for k, path in enumerate(np.asarray(paths, float).T):
            ax.plot(
                path, linestyle=styles[k % 6], color=COLOURS[colours[k % 6]],
                label=rf"$\mu_k = {np.asarray(mu)[k]:.3f}$",
            )  # fmt: skip
        ax.set(xlabel="step", title=title)
    axes[0, 0].set_ylabel("signal of column $k$")
    axes[0, 0].legend(frameon=False, fontsize=9, loc="lower right")
    return fig


def column_prices(
    mu: ArrayLike, arrived: Mapping[str, ArrayLike], off_line: Mapping[str, ArrayLike]
) -> Figure:
    """Return, against mu_k, when column k had half its signal, and its noise at the last step.

    Parameters
    ----------
    mu : (N,) array
    arrived, off_line : mappings of a method to an (N, tasks) array
        Steps (nan where it did not arrive); squared distance of the column from its line.
    """
    fig, axes = figure(1, 2, height=3.3)
    looks = (("blue", "o-"), ("orange", "s--"))
    names = ("steps to half the signal", r"$\Vert\Delta_{a^{(k)}}\Vert^2$ at the last step")
    for ax, table, name in zip(axes, (arrived, off_line), names, strict=True):
        for (method, values), (colour, style) in zip(table.items(), looks, strict=False):
            band(ax, mu, _finite_columns(values), colour, method, style=style)
        ax.set(xscale="log", yscale="log", xlabel=r"$\mu_k$", ylabel=name)
        _few_ticks(ax, np.asarray(mu, float))
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))  # less than a decade
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    axes[0].legend(frameon=False)
    return fig


def _finite_columns(values: ArrayLike) -> NDArray[np.float64]:
    """Return (tasks, N) without the tasks in which a column did not arrive, if any is left."""
    table = np.asarray(values, float).T
    whole = np.isfinite(table).all(axis=1)
    if whole.any():
        return np.compress(whole, table, axis=0)
    filled: NDArray[np.float64] = np.nan_to_num(table, nan=float(np.nanmax(table)))
    return filled


def _few_ticks(ax: Axes, x: NDArray[np.float64]) -> None:
    """Label the first, the last and every other point in between, and nothing else."""
    shown = np.sort(x)[:: 2 if len(x) > 4 else 1]
    ax.set_xticks(shown, [f"{value:.2g}" if value < 1 else f"{value:.0f}" for value in shown])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", labelsize=9)
