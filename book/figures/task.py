"""The task: one sample, what pairs show, and its laws."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from numpy.typing import ArrayLike

from figures.base import INK, OF_A, OF_V, THEORY, drawn, figure, panels, token_names
from figures.shown import is_narrow

_ARC = 0.3  # height of an arrow's arc, as twice its part of the distance


def cells(
    ax: Axes, matrix: ArrayLike, colour: str, *, top: float = 1.0, lit: int | None = None,
    numbers: bool = True,
) -> None:  # fmt: skip
    """Draw a small matrix as squares, shaded up to `top`, with its entries.

    With `lit` one column is framed and the others are faint. Shades let the paper through, so that
    they are right in both themes.
    """
    values = np.asarray(matrix, float)
    rows, columns = values.shape
    for (row, column), entry in np.ndenumerate(values):
        faint = lit is not None and column != lit
        shade = min(abs(entry) / top, 1) * (0.25 if faint else 0.75)
        corner = (column - 0.5, row - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=shade, linewidth=0))
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK.grid, lw=0.8))
        if numbers:
            text = f"{entry:.2g}".replace("0.", ".") if entry else "0"
            ax.text(
                column, row, text, ha="center", va="center", fontsize=9,
                color=INK.grey if faint or not entry else INK.black,
            )  # fmt: skip
    if lit is not None:
        frame = (lit - 0.5, -0.5)
        ax.add_patch(Rectangle(frame, 1, rows, fill=False, edgecolor=colour, lw=2.5, zorder=3))
    ax.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6), aspect="equal")
    ax.grid(visible=False)
    ax.tick_params(length=0, labelsize=10)
    for spine in ax.spines.values():
        spine.set_visible(False)


@drawn
def one_sample(
    Q: ArrayLike, P: ArrayLike, tokens: ArrayLike, last: int, source: int, target: int
) -> Figure:
    """Return how one sample comes about: a column of Q, a position of the row, a step of P.

    `Q` is (T, N) and `P` (N, N); `tokens` are x_1 .. x_T and `last` is x_{T+1}, from 0. `source` is
    the position that was drawn, from 0, and `target` the token that followed.
    """
    attention, chain, row = np.asarray(Q, float), np.asarray(P, float), np.asarray(tokens)
    names = token_names(len(chain))
    if is_narrow():
        fig, (left, middle, right) = figure(3, 1, height=7.4)
    else:
        fig, (left, middle, right) = figure(1, 3, height=2.75, width_ratios=(1.0, 1.6, 1.0))
    cells(left, attention, OF_A, lit=last)
    left.set(title=f"1  {names[last]} is last:\ncolumn {names[last]} of $\\mathbf{{Q}}$")
    left.set(xlabel="last token", ylabel="position")
    left.set_xticks(range(len(chain)), names)
    left.set_yticks(range(len(row)), [str(t + 1) for t in range(len(row))])
    _row(middle, row, last, attention[:, last], source, names)
    middle.set_title(f"2  one attended position\nis drawn: {source + 1}")
    seen = int(row[source])
    cells(right, chain, OF_V, lit=seen)
    right.add_patch(Circle((seen, target), 0.42, fill=False, edgecolor=INK.black, lw=1.8, zorder=4))
    step = rf"3  {names[seen]} takes a step of $\mathbf{{P}}$:"
    right.set_title(f"{step}\nthe target is {names[target]}")
    right.set(xlabel="token", ylabel="what follows")
    right.set_xticks(range(len(chain)), names)
    right.set_yticks(range(len(chain)), names)
    for ax in (left, middle, right):
        ax.set_anchor("N")  # titles on one line
    return fig


def _row(
    ax: Axes, row: ArrayLike, last: int, weights: ArrayLike, source: int, names: list[str]
) -> None:
    """Draw the row of tokens, the last one apart, and arrows to the positions it attends to."""
    tokens, weight = np.asarray(row), np.asarray(weights, float)
    end = len(tokens) + 0.5
    for t, token in enumerate(tokens):
        _box(ax, t, names[token], t == source)
        ax.text(t, 0.85, str(t + 1), ha="center", va="center", fontsize=10, color=INK.black)
    _box(ax, end, names[last], False)
    ax.text(end, 0.85, "last", ha="center", va="center", fontsize=10, color=INK.black)
    for t in np.flatnonzero(weight).tolist():
        drawn_one = t == source
        ax.add_patch(Circle((t, 0), 0.58, fill=False, edgecolor=OF_A, lw=2.2, clip_on=False))
        arrow = {
            "arrowstyle": "-|>", "connectionstyle": f"arc3,rad={_ARC}", "shrinkA": 1, "shrinkB": 1,
            "lw": 2, "ls": "-" if drawn_one else (0, (3, 2)),
            "color": INK.black if drawn_one else INK.grey,
        }  # fmt: skip
        ax.annotate("", xy=(t, -0.6), xytext=(end, -0.45), arrowprops=arrow)
        share = ax.text(t - 0.1, -0.85, f"{weight[t]:.2g}", ha="right", va="center")
        share.set(fontsize=10, color=INK.black)
    high = 0.7 + _ARC / 2 * end
    ax.set(xlim=(-0.75, end + 0.6), ylim=(1.2, -high - 0.3), aspect="equal")
    ax.set_axis_off()


def _box(ax: Axes, x: float, name: str, strong: bool) -> None:
    corner = (x - 0.38, -0.38)
    ax.add_patch(Rectangle(corner, 0.76, 0.76, facecolor=INK.grid, alpha=0.6))
    ax.add_patch(
        Rectangle(corner, 0.76, 0.76, fill=False, edgecolor=INK.black, lw=2 if strong else 0.9)
    )
    ax.text(x, 0, name, ha="center", va="center", fontsize=13, color=INK.black)


@drawn
def pair_excess(
    found: ArrayLike, errors: ArrayLike, expected: ArrayLike, attended: ArrayLike, label: str
) -> Figure:
    """Return by how much a pair of token and target is more frequent than chance, by position.

    All (T, N): `found` and its standard errors from samples, `expected` from the closed form,
    and whether a position is `attended` by the last token of that column. A panel per last token.
    """
    excess, error, law = (np.asarray(each, float) for each in (found, errors, expected))
    rings = np.asarray(attended, bool)
    names, positions = token_names(excess.shape[1]), np.arange(1, len(excess) + 1)
    columns = {f"last token {name}": k for k, name in enumerate(names)}
    fig, each = panels(columns, height=2.7, sharey=True)
    for ax, title, k in each:
        ax.axhline(0, color=INK.black, lw=0.8)
        ax.hlines(law[:, k], positions - 0.38, positions + 0.38, color=THEORY, lw=1.4)
        ax.errorbar(
            positions, excess[:, k], 1.96 * error[:, k], fmt="o", color=OF_A, ms=5, capsize=2
        )
        here = rings[:, k]
        ax.plot(
            positions[here], excess[here, k], "o", ms=13, mfc="none", mec=INK.black, mew=1.3
        )  # fmt: skip
        ax.set(title=title, xlabel="position $t$", xlim=(0.4, len(positions) + 0.6))
        ax.set_xticks(positions)
        ax.margins(y=0.15)
    fig.axes[0].set_ylabel(label)
    if is_narrow():
        for ax in fig.axes[1:]:
            ax.set_ylabel(label)
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
    left.plot(predicted, observed, "o", color=INK.green, ms=3, alpha=0.6)
    top = 1.05 * float(max(np.max(predicted), np.max(observed)))
    left.set(xlim=(0, top), ylim=(0, top), xlabel="closed form", ylabel="observed frequency")
    for values, colour, style, label in (
        (evidence, INK.green, "-", "closed form"),
        (control, INK.red, "--", "a wrong one"),
    ):
        highest = np.sort(np.maximum(np.asarray(values, float), 1e-3))[::-1]
        rank = np.unique(np.geomspace(1, highest.size, 600).astype(int))[::-1]  # enough of them
        right.plot(
            highest[rank - 1], rank / highest.size, style, color=colour, label=label
        )  # fmt: skip
    right.axvline(limit, color=INK.black, ls=":", label="limit")
    right.set(xscale="log", yscale="log", xlabel=r"evidence against, $n\cdot$KL (nats)")
    right.set_ylabel("share of cells with more")
    right.legend(frameon=False, loc="lower left")
    return fig
