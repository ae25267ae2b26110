"""Pictures of Stage 1: laws in T with their theory, a column of attention, random starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, figure

__all__ = ["Law", "attention_frame", "laws", "start_and_end"]

_LOOKS = (
    ("blue", "o", "-"),
    ("red", "s", "--"),
    ("green", "^", "-."),
    ("purple", "D", ":"),
    ("black", "v", "-"),
)


class Law(NamedTuple):
    """One panel: measured points with intervals, and the lines that theory draws."""

    xlabel: str
    ylabel: str
    points: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x (n,), and (n, 3) values with the low and high end of their intervals."""
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]]
    """By label: x and y, each (m,). A label of the points takes their colour, and no legend."""
    title: str = ""
    log: bool = True
    """Whether the vertical axis is logarithmic; the horizontal one is."""


def laws(panels: Sequence[Law], *, height: float = 4.0) -> Figure:
    """Return panels of measured points with 95 % intervals over the lines of theory.

    Points of several labels are drawn a little beside each other; those that are not finite are
    left out. Ends of intervals that are not finite are drawn as
    far as the panel goes.
    """
    fig, axes = figure(1, len(panels), height=height, squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        _law(ax, panel)
    return fig


def _law(ax: Axes, panel: Law) -> None:
    own = dict(zip(panel.points, _LOOKS, strict=False))
    for index, (name, (x, found)) in enumerate(panel.points.items()):
        colour, mark, _ = own[name]
        beside = 1.03 ** (
            index - (len(panel.points) - 1) / 2
        )  # so that intervals can be told apart
        values = np.asarray(found, float).reshape(-1, 3)
        at, fine = beside * np.asarray(x, float), np.isfinite(values[:, 0])
        middle, low, high = values[fine].T
        if middle.size:
            top = 10 * max(middle.max(), high[np.isfinite(high)].max(initial=0))
            high = np.where(np.isfinite(high), high, top)
        ax.errorbar(
            at[fine], middle, np.maximum([middle - low, high - middle], 0), fmt=mark, ms=5,
            color=COLOURS[colour], capsize=2, elinewidth=1.2, markerfacecolor="white", label=name,
            zorder=3,
        )  # fmt: skip
    others = iter((("grey", ":"), ("black", "--"), ("orange", "-."), ("sky", "-")))
    for name, (x, y) in panel.lines.items():
        if name in own:
            colour, _, style = own[name]
            ax.plot(x, y, style, color=COLOURS[colour], linewidth=1.4)
        else:
            colour, style = next(others, ("grey", "-"))
            ax.plot(x, y, style, color=COLOURS[colour], linewidth=1.6, label=name)
    ax.set(xscale="log", xlabel=panel.xlabel, ylabel=panel.ylabel, title=panel.title)
    if panel.log:
        ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis)[: 1 + panel.log]:
        low, high = axis.get_view_interval()
        if high < 60 * low:  # powers of ten alone would be too few
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    # Below the panel: inside, it would cover intervals.
    ax.legend(frameon=False, fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def attention_frame(
    columns: Mapping[str, ArrayLike], attended: ArrayLike, step: int, extent: float
) -> Figure:
    """Return columns of A side by side at one step, as one frame of a film.

    Parameters
    ----------
    columns : mapping of title to (T,) array
        a_t - 1/T.
    attended : sequence of int
        Positions with weight in this column of Q.
    step : int
    extent : float
        Axes reach from minus to plus this.
    """
    where = np.asarray(attended, int)
    fig, axes = figure(1, len(columns), height=2.9, width=6.6, sharey=True, squeeze=False)
    fig.set_layout_engine("none")  # all frames alike, and in half the time
    width = 0.84 / len(columns)
    for index, (title, column) in enumerate(columns.items()):
        ax = axes[0, index]
        ax.set_position((0.13 + index * width, 0.19, 0.94 * width, 0.6))
        values = np.asarray(column, float)
        rest = np.setdiff1d(np.arange(values.size), where)
        ax.plot(rest, values[rest], ".", ms=2.5, color=COLOURS["grey"])
        ax.vlines(where, 0, values[where], color=COLOURS["red"], linewidth=1.5)
        ax.plot(where, values[where], "o", ms=6, color=COLOURS["red"])
        ax.set(xlabel="position $t$", title=title, ylim=(-extent, extent))
        ax.grid(visible=False)
    axes[0, 0].set_ylabel(r"$a_t - 1/T$")
    fig.suptitle(f"step {step}", fontsize=12)
    return fig


def start_and_end(
    starts: Mapping[str, ArrayLike], ends: Mapping[str, ArrayLike], watershed: float = -1.0
) -> Figure:
    """Return runs as dots: signal at the start across, sign at the end by mark, a row per group.

    Parameters
    ----------
    starts, ends : mapping of a label to a (runs,) array
        Signal of the first A, in units of the drift; signal when Stage 1 ends.
    watershed : float
        Starts to its left should end with a negative signal.
    """
    fig, ax = figure(height=1.1 + 0.55 * len(starts))
    for row, (name, values) in enumerate(starts.items()):
        at, end = np.asarray(values, float), np.asarray(ends[name], float)
        lift = np.linspace(-0.28, 0.28, at.size)[np.argsort(np.argsort(at))]
        for chosen, colour, mark, label in (
            (end >= 0, "blue", "o", "ends positive"),
            (end < 0, "red", "X", "ends negative"),
        ):
            ax.plot(
                at[chosen], row + lift[chosen], mark, color=COLOURS[colour], ms=4.5,
                label=label if row == 0 else None, linestyle="none",
            )  # fmt: skip
    ax.axvline(watershed, color=COLOURS["black"], linewidth=1.2, linestyle="--")
    ax.set_xscale("symlog", linthresh=1)
    ax.set_yticks(range(len(starts)), list(starts))
    ax.set(
        ylim=(len(starts) - 0.5, -0.5), xlabel=r"$\alpha_A$ at the start, in units of $1/(TK_Q)$"
    )
    ax.grid(axis="y", visible=False)
    ax.legend(frameon=False, fontsize=9, loc="upper right")
    return fig
