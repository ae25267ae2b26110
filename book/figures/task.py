"""The task: a sequence, attention columns, how tokens are drawn, and its laws."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from figures import base
from figures.base import INK, drawn, figure, token_colour, token_names

_ARC = 0.25  # height of an arrow's arc, as twice its part of the distance


@drawn
def sequence(
    tokens: ArrayLike,
    last: int,
    positions: ArrayLike,
    weights: ArrayLike,
    *,
    vocab_size: int,
    source: int | None = None,
    target: int | None = None,
) -> Figure:
    """Return a picture of one sample: boxes for tokens, and where the last one points.

    `tokens` are x_1 .. x_T, from 0, of which at most 40 are drawn; `last` is x_{T+1} and attends to
    `positions`, from 0, with `weights`. `source` is the position that was drawn, `target` the token
    that followed.
    """
    row = np.asarray(tokens)[:40]
    names, size = token_names(vocab_size), len(row)
    shown = np.asarray(positions) < size
    where, how_much = np.asarray(positions)[shown], np.asarray(weights)[shown]
    low, high = (-2.5 if target is not None else -1.0), 0.95 + _ARC / 2 * (size + 0.8)
    width = max(size + 2.3, 7.4 / 0.7)  # in boxes; a short sequence keeps them small
    fig, ax = figure(height=(high - low) * 7.4 / width)
    ax.set_axis_off()
    ax.set_aspect("equal")
    centred = {"ha": "center", "va": "center", "color": INK.black}
    for t, token in enumerate(row):
        _box(ax, t, 0, int(token), names[token])
        ax.text(t, -0.62, rf"$x_{{{t + 1}}}$", **centred)
    end = size + 0.8
    _box(ax, end, 0, last, names[last])
    ax.text(end, -0.62, rf"$x_{{{size + 1}}} = {names[last]}$", **centred)
    for t, weight in zip(where, how_much, strict=True):
        certain = source is None or t == source
        arrow = {
            "arrowstyle": "-|>", "connectionstyle": f"arc3,rad={_ARC}", "shrinkA": 1, "shrinkB": 2,
            "lw": 1 + 3 * float(weight), "ls": "-" if certain else (0, (3, 2)),
            "color": INK.black if certain else INK.grey,
        }  # fmt: skip
        ax.annotate("", xy=(t, 0.5), xytext=(end, 0.5), arrowprops=arrow)
        ax.text(t, 0.62, f"{weight:.2g}  ", ha="right", va="bottom", fontsize=10, color=INK.black)
    if source is not None and target is not None and source < size:
        below = -2.0
        arrow = {"arrowstyle": "-|>", "lw": 1.6, "color": INK.black}
        ax.annotate("", xy=(source, below + 0.5), xytext=(source, -0.85), arrowprops=arrow)
        ax.text(source + 0.15, -1.17, r"one step of $\mathbf{P}$", va="center", color=INK.black)
        _box(ax, source, below, target, names[target])
        ax.text(source + 0.6, below, r"$x_o$: to be predicted", va="center", color=INK.black)
    spare = (width - size - 2.3) / 2
    ax.set(xlim=(-0.7 - spare, width - 0.7 - spare), ylim=(low, high))
    return fig


def _box(ax: Axes, x: float, y: float, token: int, name: str) -> None:
    corner = (x - 0.4, y - 0.4)
    ax.add_patch(Rectangle(corner, 0.8, 0.8, facecolor=token_colour(token), alpha=0.4))
    ax.add_patch(Rectangle(corner, 0.8, 0.8, fill=False, edgecolor=INK.black, lw=1))
    ax.text(x, y, name, ha="center", va="center", fontsize=13, color=INK.black)


@drawn
def attention_columns(matrices: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Return heat maps of attention matrices (T, N), positions downwards, last token across."""
    maps = dict(zip(titles, matrices, strict=True))
    fig = base.attention_maps(maps, r"$q_t^{(k)}$", height=3.1)
    for ax, matrix in zip(fig.axes, matrices, strict=False):
        seq_len, vocab_size = np.shape(matrix)
        if vocab_size <= 12:
            ax.set_xticks(range(1, vocab_size + 1), token_names(vocab_size))
        if seq_len <= 12:
            ax.set_yticks(range(1, seq_len + 1))
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


@drawn
def agreement(
    predicted: ArrayLike, observed: ArrayLike, evidence: ArrayLike, limit: float, control: ArrayLike
) -> Figure:
    """Return observed frequencies against a closed form, and the evidence against it, cell by cell.

    All (M,) arrays: `evidence` is n KL(observed, predicted) under the closed form, `control` the
    same under one that is wrong. The largest evidence stays under `limit` if the closed form is
    right.
    """
    fig, (left, right) = figure(1, 2, height=3.3)
    left.plot([0, 1], [0, 1], color=INK.grey, lw=1)
    left.plot(predicted, observed, "o", color=INK.blue, ms=3, alpha=0.6)
    top = 1.05 * float(max(np.max(predicted), np.max(observed)))
    left.set(xlim=(0, top), ylim=(0, top), xlabel="closed form", ylabel="observed frequency")
    for values, colour, style, label in (
        (evidence, INK.blue, "-", "closed form"),
        (control, INK.orange, "--", "a wrong one"),
    ):
        ordered = np.sort(np.maximum(np.asarray(values, float), 1e-3))
        at_least = 1 - np.arange(ordered.size) / ordered.size
        right.plot(ordered, at_least, style, color=colour, label=label)
    right.axvline(limit, color=INK.black, ls=":", label="limit")
    right.set(xscale="log", yscale="log", xlabel=r"evidence against, $n\cdot$KL (nats)")
    right.set_ylabel("share of cells with more")
    right.legend(frameon=False)
    return fig
