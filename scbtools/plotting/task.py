"""Pictures of the task: a sequence, attention columns, how tokens are drawn, and its laws."""

from __future__ import annotations

import itertools
import string
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from scbtools.plotting.base import COLOURS, figure

__all__ = ["agreement", "attention_columns", "intervals", "sequence", "token_colour", "token_names"]

_TOKENS = ("blue", "orange", "green", "red", "purple", "sky")
_INK = COLOURS["black"]
_ARC = 0.25  # height of an arrow's arc, as twice its part of the distance


def token_names(vocab_size: int) -> list[str]:
    """Return short names: letters up to 26 tokens, numbers from 1 beyond."""
    if vocab_size <= 26:
        return list(string.ascii_lowercase[:vocab_size])
    return [str(token + 1) for token in range(vocab_size)]


def token_colour(token: int) -> str:
    """Return a token's colour; names tell apart what shares one."""
    return COLOURS[_TOKENS[token % len(_TOKENS)]]


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

    Parameters
    ----------
    tokens : (T,) integer array
        x_1 .. x_T, tokens from 0. At most 40 are drawn.
    last : int
        x_{T+1}.
    positions, weights : (S,) arrays
        Where `last` attends, from 0, and how much.
    vocab_size : int
    source, target : int, optional
        The position that was drawn, and the token that followed.
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
    for t, token in enumerate(row):
        _box(ax, t, 0, int(token), names[token])
        ax.text(t, -0.62, rf"$x_{{{t + 1}}}$", ha="center", va="center", color=_INK)
    _box(ax, size + 0.8, 0, last, names[last])
    ax.text(
        size + 0.8, -0.62, rf"$x_{{{size + 1}}} = {names[last]}$", ha="center", va="center",
        color=_INK,
    )  # fmt: skip
    for t, weight in zip(where, how_much, strict=True):
        chosen = t == source
        ax.annotate(
            "",
            xy=(t, 0.5),
            xytext=(size + 0.8, 0.5),
            arrowprops={
                "arrowstyle": "-|>",
                "connectionstyle": f"arc3,rad={_ARC}",
                "lw": 1 + 3 * float(weight),
                "ls": "-" if chosen or source is None else (0, (3, 2)),
                "color": _INK if chosen or source is None else COLOURS["grey"],
                "shrinkA": 1,
                "shrinkB": 2,
            },
        )
        ax.text(t, 0.62, f"{weight:.2g}  ", ha="right", va="bottom", fontsize=10, color=_INK)
    if source is not None and target is not None and source < size:
        below = -2.0
        ax.annotate(
            "", xy=(source, below + 0.5), xytext=(source, -0.85),
            arrowprops={"arrowstyle": "-|>", "lw": 1.6, "color": _INK},
        )  # fmt: skip
        ax.text(source + 0.15, -1.17, r"one step of $\mathbf{P}$", va="center", color=_INK)
        _box(ax, source, below, target, names[target])
        ax.text(source + 0.6, below, r"$x_o$: to be predicted", va="center", color=_INK)
    spare = (width - size - 2.3) / 2
    ax.set(xlim=(-0.7 - spare, width - 0.7 - spare), ylim=(low, high))
    return fig


def _box(ax: Axes, x: float, y: float, token: int, name: str) -> None:
    face = Rectangle((x - 0.4, y - 0.4), 0.8, 0.8, facecolor=token_colour(token), alpha=0.4)
    edge = Rectangle((x - 0.4, y - 0.4), 0.8, 0.8, fill=False, edgecolor=_INK, linewidth=1)
    ax.add_patch(face)
    ax.add_patch(edge)
    ax.text(x, y, name, ha="center", va="center", fontsize=13, color=_INK)


def attention_columns(matrices: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Return heat maps of attention matrices (T, N), positions downwards, last token across."""
    fig, axes = figure(1, len(matrices), height=3.1, squeeze=False)
    for ax, matrix, title in zip(axes[0], matrices, titles, strict=True):
        values = np.asarray(matrix, float)
        seq_len, vocab_size = values.shape
        image = ax.imshow(
            values, cmap="Blues", vmin=0, vmax=1, aspect="auto",
            extent=(0.5, vocab_size + 0.5, seq_len + 0.5, 0.5), interpolation="nearest",
        )  # fmt: skip
        ax.grid(visible=False)
        if vocab_size <= 12:
            ax.set_xticks(range(1, vocab_size + 1), token_names(vocab_size))
        if seq_len <= 12:
            ax.set_yticks(range(1, seq_len + 1))
        ax.set_title(title)
        ax.set_xlabel("last token $k$")
    axes[0, 0].set_ylabel("position $t$")
    fig.colorbar(image, ax=list(axes[0]), label=r"$q_t^{(k)}$")
    return fig


def intervals(law: ArrayLike, draws: ArrayLike, bits: int = 16) -> Figure:
    """Return how random bits become tokens: the unit interval above, a split bucket below.

    Parameters
    ----------
    law : (N,) array
        Probabilities of the tokens.
    draws : (n,) integer array
        `bits`-bit words; each is marked where it falls.
    bits : int
    """
    probabilities, words = np.asarray(law, float), np.asarray(draws)
    ends = np.concatenate([[0.0], np.cumsum(probabilities)])
    names, buckets = token_names(len(probabilities)), 2**bits
    fig, (top, below) = figure(2, 1, height=3.4)
    for token, (low, high) in enumerate(itertools.pairwise(ends)):
        top.barh(0, high - low, left=low, color=token_colour(token), alpha=0.4, height=1)
        if high - low > 0.03:
            top.text((low + high) / 2, 0, names[token], ha="center", va="center", color=_INK)
    top.plot(words / buckets, np.full(len(words), 0.75), "v", color=_INK, markersize=5)
    top.set(xlim=(0, 1), ylim=(-0.5, 1), yticks=[], xlabel=f"the draw, as a part of $2^{{{bits}}}$")
    top.set_xticks(ends, [f"{end:.3f}" for end in ends])
    top.grid(visible=False)

    edge = ends[1] * buckets
    first = int(edge) - 2
    for place in range(5):
        bucket = first + place
        split = place == 2
        below.add_patch(
            Rectangle(
                (bucket, 0), 1, 1, facecolor="none" if split else token_colour(int(place > 2)),
                alpha=1 if split else 0.4, edgecolor=_INK, hatch="///" if split else None,
            )
        )  # fmt: skip
        if not split:
            below.text(bucket + 0.5, 0.5, names[int(place > 2)], ha="center", va="center")
    below.plot([edge, edge], [-0.15, 1.3], color=COLOURS["red"])
    below.text(edge, 1.4, "threshold", ha="center", va="bottom", color=_INK)
    below.set(xlim=(first, first + 5), ylim=(-0.15, 2), yticks=[])
    below.set_xticks([first + place + 0.5 for place in range(5)], map(str, range(first, first + 5)))
    below.set_xlabel(f"{bits}-bit word; the hatched one needs {bits} more bits")
    below.grid(visible=False)
    for ax in (top, below):
        ax.spines["left"].set_visible(False)
    return fig


def agreement(
    predicted: ArrayLike, observed: ArrayLike, evidence: ArrayLike, limit: float, control: ArrayLike
) -> Figure:
    """Return observed frequencies against a closed form, and the evidence against it, cell by cell.

    Parameters
    ----------
    predicted, observed : (M,) arrays
        Probabilities and frequencies.
    evidence, control : (M,) arrays
        n KL(observed, predicted) under the closed form, and under one that is wrong.
    limit : float
        What the largest evidence stays under if the closed form is right.
    """
    fig, (left, right) = figure(1, 2, height=3.3)
    left.plot([0, 1], [0, 1], color=COLOURS["grey"], linewidth=1)
    left.plot(predicted, observed, "o", color=COLOURS["blue"], markersize=3, alpha=0.6)
    top = 1.05 * float(np.max([np.max(np.asarray(predicted)), np.max(np.asarray(observed))]))
    left.set(xlim=(0, top), ylim=(0, top), xlabel="closed form", ylabel="observed frequency")
    for values, colour, style, label in (
        (evidence, "blue", "-", "closed form"),
        (control, "orange", "--", "a wrong one"),
    ):
        x, y = _exceedance(np.asarray(values, float))
        right.plot(x, y, style, color=COLOURS[colour], label=label)
    right.axvline(limit, color=COLOURS["black"], linestyle=":", label="limit")
    right.set(
        xscale="log", yscale="log", xlabel=r"evidence against, $n\cdot$KL (nats)",
        ylabel="share of cells with more",
    )  # fmt: skip
    right.legend(frameon=False)
    return fig


def _exceedance(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sorted values and the share of values at least as large, for drawing."""
    ordered = np.sort(np.maximum(values, 1e-3))
    share = 1 - np.arange(len(ordered)) / len(ordered)
    return ordered, share
