"""Speed: what a one-hot product does, the ladder of kernels, the peers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from figures.base import INK, Curves, drawn, figure, legend_below, panels, token_colour, token_names

_PEERS = ((INK.red, "s"), (INK.orange, "D"), (INK.purple, "^"), (INK.green, "v"), (INK.blue, "o"))


@drawn
def scatter(tokens: ArrayLike, values: Sequence[int], *, vocab_size: int) -> Figure:
    """Return two pictures of X a: as a product with a one-hot matrix, and as sums at addresses.

    `tokens` are T, from 0; `values` are a_t, T integers in some unit.
    """
    row, names = np.asarray(tokens), token_names(vocab_size)
    size, middle = len(row), {"ha": "center", "va": "center"}
    fig, (left, right) = figure(1, 2, height=2.7)
    for ax, title in ((left, "as a matrix product"), (right, "as sums at addresses")):
        ax.set(title=title, xlim=(-1.1, size + 1.0), ylim=(vocab_size + 0.7, -1.7))
        ax.set_aspect("equal")
        ax.axis("off")
        for t, value in enumerate(values):
            ax.text(t, -1, str(value), **middle)
    goals = (np.arange(vocab_size) + 0.5) * size / vocab_size - 0.5  # where sums are drawn
    low = vocab_size - 0.2
    for t, token in enumerate(row):
        for n in range(vocab_size):
            _box(left, t, n, str(int(n == token)), token_colour(n) if n == token else None)
        _box(right, t, 0, names[token], token_colour(token))
        right.plot([t, goals[token]], [0.42, low - 0.42], color=token_colour(token), lw=1.5)
    for n, name in enumerate(names):
        total = sum(value for value, token in zip(values, row, strict=True) if token == n)
        left.text(-0.9, n, name, **middle)
        left.text(size + 0.3, n, f"= {total}", **middle)
        _box(right, goals[n], low, str(total), token_colour(n))
        right.text(goals[n] - 0.65, low, name, **middle)
    return fig


def _box(ax: Axes, x: float, y: float, text: str, colour: str | None) -> None:
    """Draw a box with a text in it, filled where it has a colour."""
    corner = (x - 0.42, y - 0.42)
    if colour:
        ax.add_patch(Rectangle(corner, 0.84, 0.84, facecolor=colour, alpha=0.35))
    ax.add_patch(Rectangle(corner, 0.84, 0.84, fill=False, edgecolor=colour or "#cccccc"))
    ax.text(x, y, text, ha="center", va="center", color=INK.black if colour else INK.grey)


def _plain(ax: Axes, low: float, high: float) -> None:
    """Make the horizontal axis logarithmic, with plain numbers at the ticks."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_formatter("{x:g}")


@drawn
def ladder(
    names: Sequence[str], speed_ups: Curves, times: Curves, floors: Mapping[str, float]
) -> Figure:
    """Return a panel per setting with a bar per kernel, as long as it is faster than the first.

    For R `names`, by setting: `speed_ups` are median, lower and upper quartile, (3, R); `times`,
    (R,), are nanoseconds a token; `floors` the speed-up of drawing the tokens alone.
    """
    fig, each = panels(speed_ups, height=0.9 + 0.36 * len(names), sharey=True)
    places = np.arange(len(names))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    for ax, setting, values in each:
        middle, low, high = np.asarray(values, float)
        # A bar begins at one, where a logarithmic axis has its natural zero.
        colours = [INK.grey] + [INK.blue] * (len(names) - 1)
        ax.barh(places, middle - 1, left=1, color=colours, height=0.62)
        ax.hlines(places, low, high, color=INK.black, lw=1)
        for place, end, time in zip(places, high, np.asarray(times[setting], float), strict=True):
            label = f"{time:.0f} ns" if time >= 10 else f"{time:.2g} ns"
            ax.text(1.15 * max(end, 1), float(place), label, va="center", fontsize=9, bbox=box)
        floor = floors[setting]
        ax.axvline(
            floor, color=INK.orange, ls="--", lw=1.5, label="drawing and storing the tokens alone"
        )
        ax.axvline(1, color=INK.black, lw=0.8)
        ax.set(xlabel="times as fast as the first", title=setting)
        _plain(ax, min(0.8, 0.9 * float(low.min())), 5 * max(float(high.max()), floor))
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    first = fig.axes[0]
    first.tick_params(axis="y", length=3.5)
    first.set_yticks(places, [f"{place + 1}  {name}" for place, name in enumerate(names)])
    first.set_ylim(len(names) - 0.4, -0.6)
    fig.legend(*first.get_legend_handles_labels(), loc="outside lower right", frameon=False)
    return fig


@drawn
def peers(cells: Sequence[str], ratios: Mapping[str, Curves]) -> Figure:
    """Return how many times as long each peer takes, a panel per number of threads.

    `cells` are the n settings that were raced, one row each; `ratios` are by title and peer times
    over the library's, (n,), NaN where a peer did not race.
    """
    fig, each = panels(ratios, height=1.5 + 0.36 * len(cells), sharey=True, sharex=True)
    every = [np.asarray(values, float) for panel in ratios.values() for values in panel.values()]
    least, most = float(np.nanmin(every)), float(np.nanmax(every))
    for ax, title, by_peer in each:
        apart = np.linspace(-0.2, 0.2, len(by_peer))  # so that none hides another
        styles = zip(by_peer.items(), _PEERS, apart, strict=False)
        for (name, values), (colour, mark), up in styles:
            ax.plot(values, np.arange(len(cells)) + up, mark, color=colour, ms=7, label=name)
        ax.axvline(1, color=INK.black, lw=1.5)
        ax.set(xlabel="time / scbtools' time", title=title)
        _plain(ax, min(0.7, 0.8 * least), 1.3 * most)
        ax.set_yticks(range(len(cells)), cells)
        ax.set_ylim(len(cells) - 0.5, -0.5)
    legend_below(fig, fig.axes[0], ncols=3)
    return fig


@drawn
def intervals(law: ArrayLike, draws: ArrayLike, bits: int = 16) -> Figure:
    """Return how random bits become tokens: the unit interval above, a split bucket below.

    `law` are the (N,) probabilities of the tokens; `draws` are words of `bits` bits, each marked
    where it falls.
    """
    probabilities, words = np.asarray(law, float), np.asarray(draws)
    ends = np.concatenate([[0.0], np.cumsum(probabilities)])
    names, buckets = token_names(len(probabilities)), 2**bits
    fig, (top, below) = figure(2, 1, height=3.4)
    for token, (low, high) in enumerate(itertools.pairwise(ends)):
        top.barh(0, high - low, left=low, color=token_colour(token), alpha=0.4, height=1)
        if high - low > 0.03:
            top.text((low + high) / 2, 0, names[token], ha="center", va="center", color=INK.black)
    top.plot(words / buckets, np.full(len(words), 0.75), "v", color=INK.black, ms=5)
    top.set(xlim=(0, 1), ylim=(-0.5, 1), yticks=[], xlabel=f"the draw, as a part of $2^{{{bits}}}$")
    top.set_xticks(ends, [f"{end:.3f}" for end in ends])

    edge = ends[1] * buckets
    first = int(edge) - 2
    for bucket in range(first, first + 5):
        token = int(bucket > first + 2)
        split = bucket == first + 2
        face: dict[str, Any] = {"facecolor": "none", "hatch": "///"}
        if not split:
            face = {"facecolor": token_colour(token), "alpha": 0.4}
            below.text(bucket + 0.5, 0.5, names[token], ha="center", va="center")
        below.add_patch(Rectangle((bucket, 0), 1, 1, edgecolor=INK.black, **face))
    below.plot([edge, edge], [-0.15, 1.3], color=INK.red)
    below.text(edge, 1.4, "threshold", ha="center", va="bottom", color=INK.black)
    below.set(xlim=(first, first + 5), ylim=(-0.15, 2), yticks=[])
    below.set_xticks(np.arange(first, first + 5) + 0.5, map(str, range(first, first + 5)))
    below.set_xlabel(f"{bits}-bit word; the hatched one needs {bits} more bits")
    for ax in (top, below):
        ax.grid(visible=False)
        ax.spines["left"].set_visible(False)
    return fig
