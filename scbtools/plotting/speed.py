"""Figures about speed: what a one-hot product does, the ladder of kernels, the peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, figure
from scbtools.plotting.task import token_colour, token_names

__all__ = ["ladder", "peers", "scatter"]

_MARKERS = (("red", "s"), ("orange", "D"), ("purple", "^"), ("green", "v"), ("blue", "o"))


def _box(ax: Axes, x: float, y: float, text: str, colour: str, filled: bool) -> None:
    """Draw a box of width one with a text in it."""
    face = colour if filled else "none"
    edge = colour if filled else "#cccccc"
    ax.add_patch(
        Rectangle((x - 0.42, y - 0.42), 0.84, 0.84, facecolor=face, alpha=0.35 if filled else 1)
    )
    ax.add_patch(Rectangle((x - 0.42, y - 0.42), 0.84, 0.84, fill=False, edgecolor=edge))
    ink = COLOURS["black"] if filled else COLOURS["grey"]
    ax.text(x, y, text, ha="center", va="center", color=ink)


def scatter(tokens: ArrayLike, values: Sequence[int], *, vocab_size: int) -> Figure:
    """Return two pictures of X a: as a product with a one-hot matrix, and as sums at addresses.

    Parameters
    ----------
    tokens : (T,) integer array
        Tokens from 0.
    values : (T,) integers
        a_t, in some unit.
    vocab_size : int
    """
    row, names = np.asarray(tokens), token_names(vocab_size)
    sums = [sum(v for v, x in zip(values, row, strict=True) if x == n) for n in range(vocab_size)]
    fig, axes = figure(1, 2, height=2.7)
    for ax, title in zip(axes, ("as a matrix product", "as sums at addresses"), strict=True):
        ax.set(title=title, xlim=(-1.1, len(row) + 1.0), ylim=(vocab_size + 0.7, -1.7))
        ax.set_aspect("equal")
        ax.axis("off")
    left, right = axes
    for t, (token, value) in enumerate(zip(row, values, strict=True)):
        left.text(t, -1, str(value), ha="center", va="center")
        right.text(t, -1, str(value), ha="center", va="center")
        for n in range(vocab_size):
            _box(left, t, n, str(int(n == token)), token_colour(n), n == token)
        _box(right, t, 0, names[token], token_colour(token), True)
        goal = _bin(token, len(row), vocab_size)
        right.plot([t, goal], [0.42, vocab_size - 0.62], color=token_colour(token), linewidth=1.5)
    for n, total in enumerate(sums):
        left.text(-0.9, n, names[n], ha="center", va="center")
        left.text(len(row) + 0.3, n, f"= {total}", ha="center", va="center")
        at = _bin(n, len(row), vocab_size)
        _box(right, at, vocab_size - 0.2, str(total), token_colour(n), True)
        right.text(at - 0.65, vocab_size - 0.2, names[n], ha="center", va="center")
    return fig


def _plain(ax: Axes, low: float, high: float) -> None:
    """Make the horizontal axis logarithmic, with plain numbers at the ticks."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_formatter("{x:g}")


def _bin(token: int, length: int, vocab_size: int) -> float:
    """Return where the sum for a token is drawn, below a row of boxes."""
    return float((token + 0.5) * length / vocab_size - 0.5)


def ladder(
    names: Sequence[str],
    speed_ups: Mapping[str, ArrayLike],
    times: Mapping[str, ArrayLike],
    floors: Mapping[str, float],
) -> Figure:
    """Return a panel per setting with a bar per kernel, as long as it is faster than the first.

    Parameters
    ----------
    names : sequence of R str
    speed_ups : dict from a setting to a (3, R) array
        Median, lower and upper quartile.
    times : dict from a setting to a (R,) array
        Nanoseconds a token, written at the bars.
    floors : dict from a setting to float
        Speed-up of drawing the tokens alone, marked by a line.
    """
    fig, axes = figure(
        1, len(speed_ups), height=0.9 + 0.36 * len(names), sharey=True, squeeze=False
    )
    places = np.arange(len(names))
    for ax, (setting, values) in zip(axes[0], speed_ups.items(), strict=True):
        middle, low, high = np.asarray(values, float)
        colours = [COLOURS["grey"]] + [COLOURS["blue"]] * (len(names) - 1)
        # A bar begins at one, where a logarithmic axis has its natural zero.
        ax.barh(places, middle - 1, left=1, color=colours, height=0.62)
        ax.hlines(places, low, high, color=COLOURS["black"], linewidth=1)
        spent = np.asarray(times[setting], float)
        for place, end, time in zip(places, np.maximum(high, 1), spent, strict=True):
            label = f"{time:.0f} ns" if time >= 10 else f"{time:.2g} ns"
            ax.text(
                1.15 * end, place, label, va="center", fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
        ax.axvline(
            floors[setting], color=COLOURS["orange"], linestyle="--", linewidth=1.5,
            label="drawing and storing the tokens alone",
        )  # fmt: skip
        ax.axvline(1, color=COLOURS["black"], linewidth=0.8)
        longest = max(float(high.max()), floors[setting])
        ax.set(xlabel="times as fast as the first", title=setting)
        _plain(ax, min(0.8, 0.9 * float(low.min())), 5 * longest)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(places, [f"{place + 1}  {name}" for place, name in enumerate(names)])
    axes[0, 0].set_ylim(len(names) - 0.4, -0.6)
    for ax in axes[0, 1:]:
        ax.tick_params(axis="y", length=0)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower right", frameon=False)
    return fig


def peers(cells: Sequence[str], ratios: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Return how many times as long each peer takes, a panel per number of threads.

    Parameters
    ----------
    cells : sequence of n str
        The settings that were raced, one row each.
    ratios : dict from a panel's title to a dict from a peer's name to a (n,) array
        Time over the library's; NaN where a peer did not race.
    """
    fig, axes = figure(
        1, len(ratios), height=1.5 + 0.36 * len(cells), sharey=True, sharex=True, squeeze=False
    )
    rows = np.arange(len(cells))
    marks = [np.asarray(values, float) for panel in ratios.values() for values in panel.values()]
    least, most = float(np.nanmin(marks)), float(np.nanmax(marks))
    for ax, (title, by_peer) in zip(axes[0], ratios.items(), strict=True):
        apart = np.linspace(-0.2, 0.2, len(by_peer))  # so that none hides another
        for (name, values), (colour, marker), up in zip(
            by_peer.items(), _MARKERS, apart, strict=False
        ):
            ax.plot(
                np.asarray(values, float), rows + up, marker, color=COLOURS[colour], ms=7,
                label=name, linestyle="none",
            )  # fmt: skip
        ax.axvline(1, color=COLOURS["black"], linewidth=1.5)
        ax.set(xlabel="time / scbtools' time", title=title)
        _plain(ax, min(0.7, 0.8 * least), 1.3 * most)
        ax.set_yticks(rows, list(cells))
        ax.set_ylim(len(cells) - 0.5, -0.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return fig
