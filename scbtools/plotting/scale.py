"""Figures of training at the longest sequences: simulated and real runs laid over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["entry_laws", "excess_noise", "figure_6", "from_half_way", "side_by_side"]

Course = Mapping[str, ArrayLike]

_NAMES = {
    "alpha_V": r"$\alpha_V$",
    "alpha_A": r"$\alpha_A$",
    "delta_V": r"$\Vert\Delta_V\Vert_\mu$",
    "delta_A": r"$\Vert\Delta_A\Vert_\mu$",
}
_METHODS = {"sgd": ("orange", "without penalty"), "proximal": ("blue", "proximal")}


def figure_6(
    simulated: Mapping[str, Sequence[Course]], real: Mapping[str, Sequence[Course]]
) -> Figure:
    """Return figure 6: signals and errors against steps, simulated runs thin, real ones thick.

    Parameters
    ----------
    simulated, real : dict from a method, "sgd" or "proximal", to runs
        A run maps "step", "alpha_V", "alpha_A", "delta_V" and "delta_A" to arrays of one length.
    """
    fig, axes = figure(2, 2, height=5.4, sharex=True)

    def shown(run: Course, column: str) -> NDArray[np.float64]:
        values = np.asarray(run[column], float)
        # Before the first step there is no error, which a logarithmic axis would draw as a wall.
        hide = column.startswith("delta") & (values < 1e-12)
        return np.where(hide, np.nan, values)

    for ax, (column, name) in zip(axes.flat, _NAMES.items(), strict=True):
        for method, (colour, label) in _METHODS.items():
            thin = 0.6 if len(simulated.get(method, ())) > 8 else 1.2
            for i, run in enumerate(simulated.get(method, ())):
                told = f"{label}, simulated" if i == 0 else "_"
                ax.plot(
                    run["step"], shown(run, column), color=COLOURS[colour], linewidth=thin,
                    alpha=0.4 if thin < 1 else 0.8, label=told,
                )  # fmt: skip
        for method, (_, label) in _METHODS.items():
            for i, run in enumerate(real.get(method, ())):
                told = f"{label}, real" if i == 0 else "_"
                ax.plot(
                    run["step"], shown(run, column), "--" if method == "sgd" else "-",
                    linewidth=2.2, color=COLOURS["red" if method == "sgd" else "black"], label=told,
                )  # fmt: skip
        if column.startswith("delta"):
            ax.set_yscale("log")
            ax.set_ylim(1e-4, None)
            ax.set_xlabel(r"step $\tau$")
        ax.set_ylabel(name)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    legend = fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    for handle in legend.get_lines():
        handle.set(alpha=1, linewidth=max(handle.get_linewidth(), 1.2))
    return fig


def entry_laws(panels: Mapping[str, ArrayLike]) -> Figure:
    """Return densities of standardised entries on a logarithmic axis, with the Gaussian's.

    Parameters
    ----------
    panels : dict from a title to values in units of their standard deviation
    """
    fig, axes = figure(1, len(panels), height=3.2, sharey=True, squeeze=False)
    at = np.linspace(-5, 5, 201)
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        x = np.asarray(values, float).ravel()
        edges = np.linspace(-6, 12, 109)
        counts = np.histogram(x, edges)[0] / (max(x.size, 1) * np.diff(edges))
        ax.stairs(counts, edges, fill=True, color=COLOURS["sky"], alpha=0.7, label="real batch")
        density = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
        ax.plot(at, density, "--", color=COLOURS["black"], label="Gaussian")
        ax.set(yscale="log", ylim=(1e-6, 10), title=title)
        ax.set_xlabel(r"entry of $-h_A$, in standard deviations")
    axes[0, 0].set_ylabel("density")
    axes[0, 0].legend(loc="upper right")
    return fig


def side_by_side(panels: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]]) -> Figure:
    """Return medians and middle 80 % of real and simulated values, over the simulated median.

    Parameters
    ----------
    panels : dict from a title to a dict from a label to (real, simulated) values, one per seed
    """
    rows = max((len(each) for each in panels.values()), default=1)
    fig, axes = figure(1, len(panels), height=0.9 + 0.33 * rows, squeeze=False)
    for ax, (title, pairs) in zip(axes[0], panels.items(), strict=True):
        for row, (real, simulated) in enumerate(pairs.values()):
            middle = float(np.median(np.asarray(simulated, float)))
            for values, lift, colour, marker in (
                (simulated, 0.17, "blue", "o"),
                (real, -0.17, "red", "D"),
            ):
                x = np.asarray(values, float) / middle
                low, centre, high = np.quantile(x, [0.1, 0.5, 0.9])
                ax.plot([low, high], [row + lift] * 2, color=COLOURS[colour], linewidth=2)
                ax.plot(
                    centre, row + lift, marker, color=COLOURS[colour], ms=5, linestyle="none",
                    label={"red": "real", "blue": "simulated"}[colour] if row == 0 else "_",
                )  # fmt: skip
        ax.axvline(1, color=COLOURS["black"], linewidth=0.8)
        ax.set_yticks(range(len(pairs)), list(pairs))
        ax.set(ylim=(len(pairs) - 0.5, -0.5), title=title)
        ax.set_xlabel("over the simulated median")
        ax.grid(axis="y", visible=False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return fig


def excess_noise(found: Mapping[int, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Return the noise past the threshold, real over Gaussian, against B / N^2.

    Parameters
    ----------
    found : dict from N to (B / N^2, ratio), arrays of one length
    """
    fig, ax = figure(height=3.4)
    styles = (("orange", "o"), ("blue", "s"), ("green", "^"), ("purple", "D"), ("red", "v"))
    for i, (size, (x, y)) in enumerate(found.items()):
        colour, marker = styles[i % len(styles)]
        ax.plot(x, y, marker, linestyle="-", color=COLOURS[colour], label=f"N = {size}")
    ax.axhline(1, color=COLOURS["black"], linewidth=1, linestyle="--")
    ax.set(xscale="log", yscale="log", xlabel=r"$B / N^2$")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("noise past the threshold,\nreal over Gaussian")
    ax.legend()
    return fig


def from_half_way(simulated: Sequence[Course], real: Sequence[Course]) -> Figure:
    """Return signals and the attention's error from one start, a band simulated, lines real.

    Parameters
    ----------
    simulated, real : sequences of runs
        As in `figure_6`. Simulated runs are drawn as far as all of them go.
    """
    fig, axes = figure(1, 3, height=3.3)
    shared = min((len(np.asarray(run["step"])) for run in simulated), default=0)
    for ax, column in zip(axes, ("alpha_V", "alpha_A", "delta_A"), strict=True):
        if shared:
            values = [np.asarray(run[column], float)[:shared] for run in simulated]
            band(ax, np.asarray(simulated[0]["step"])[:shared], values, "blue", "simulated")
        for i, run in enumerate(real):
            label = "real" if i == 0 else "_"
            ax.plot(run["step"], run[column], "D--", ms=4, color=COLOURS["red"], label=label)
        ax.set(xlabel=r"step $\tau$", title=_NAMES[column], ylim=(0, None))
    axes[0].legend()
    return fig
