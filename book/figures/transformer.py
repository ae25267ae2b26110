"""The model: its computation, its loss, its gradients, what its steps keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    MIRROR,
    OF_A,
    OF_V,
    SGD,
    THEORY,
    TRUTH,
    Curves,
    band,
    drawn,
    figure,
    hyperbola,
    panels,
    token_names,
)
from figures.shown import is_narrow
from figures.task import cells


@drawn
def data_flow(V: ArrayLike, tokens: ArrayLike, a: ArrayLike) -> Figure:
    """Return how a prediction comes about: row, attention, weight per token, V, prediction.

    `V` is (N, N), `tokens` are x_1 .. x_T from 0, `a` is the (T,) attention column of the last
    token.
    """
    value, row, column = np.asarray(V, float), np.asarray(tokens), np.asarray(a, float)
    names = token_names(len(value))
    per_token = np.bincount(row, weights=column, minlength=len(value))
    if is_narrow():
        fig, axes = figure(4, 1, height=8.2)
    else:
        fig, axes = figure(1, 4, height=2.7)
    first, second, third, fourth = axes
    _bars(first, column, [f"{t + 1}   {names[x]}" for t, x in enumerate(row)], OF_A)
    first.set_title("1  the row, and\ncolumn $\\mathbf{A}\\,\\mathbf{e}_k$")
    first.set(ylabel="position, token", xlabel="attention")
    _bars(second, per_token, names, OF_A)
    second.set_title("2  added up by token:\n$\\mathbf{X}\\mathbf{A}\\,\\mathbf{e}_k$")
    second.set(xlabel="attention", ylabel="token")
    cells(third, value, OF_V)
    third.set_title("3  what each token\nsays: $\\mathbf{V}$")
    third.set_xticks(range(len(names)), names)
    third.set_yticks(range(len(names)), names)
    third.set(xlabel="token", ylabel="what follows")
    _bars(fourth, value @ per_token, names, INK.green)
    fourth.set_title("4  prediction:\n$\\mathbf{V}\\mathbf{X}\\mathbf{A}\\,\\mathbf{e}_k$")
    fourth.set(xlabel="probability", ylabel="what follows")
    for ax in axes:
        ax.set_anchor("N")
    return fig


def _bars(ax: Axes, values: ArrayLike, names: Sequence[str], colour: str) -> None:
    """Draw a vector as horizontal bars from top to bottom, each with its number."""
    lengths = np.asarray(values, float)
    ax.barh(np.arange(len(lengths)), lengths, color=colour, height=0.62)
    for place, length in enumerate(lengths):
        ax.text(length + 0.04, place, f"{length:.2g}", va="center", fontsize=9, color=INK.black)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(0, 1.15), ylim=(len(names) - 0.4, -0.6), xticks=(0, 0.5, 1))
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


@drawn
def loss_surface(
    alpha_V: ArrayLike,
    alpha_A: ArrayLike,
    excess: ArrayLike,
    *,
    marks: Mapping[str, tuple[float, float]],
) -> Figure:
    """Return the excess loss over the two signals, and along three ways through the start.

    `excess`, (n, n), is the loss minus the Bayes loss, a row for each `alpha_A` and a column for
    each `alpha_V`, both the same grid (n,) around zero. `marks` are points (alpha_V, alpha_A) by
    name.
    """
    if is_narrow():
        fig, (ax, beside) = figure(2, 1, height=6.6)
    else:
        fig, (ax, beside) = figure(1, 2, height=3.1)
    values = np.asarray(excess, float)
    top = float(values.max())
    levels = top * np.geomspace(1e-4, 1, 13)
    shades = [to_rgba(INK.grey, 0.75 * n / (len(levels) - 2)) for n in range(len(levels) - 1)]
    ax.contourf(
        alpha_V, alpha_A, np.maximum(values, levels[0]), levels=levels, colors=shades,
        norm=LogNorm(levels[0], top),
    )  # fmt: skip
    hyperbola(ax, np.asarray(alpha_V, float))
    ax.axhline(0, color=OF_A, lw=1.2)
    ax.axvline(0, color=OF_V, lw=1.2)
    for (name, place), mark in zip(marks.items(), "osDv", strict=False):
        colour = {"truth": TRUTH, "mirror": MIRROR}.get(name, INK.red)
        ax.plot(*place, mark, color=colour, mec=INK.paper, ms=9)
        ax.annotate(
            name, place, xytext=(8, 6), textcoords="offset points", color=INK.black,
            bbox={"facecolor": INK.paper, "edgecolor": "none", "alpha": 0.7, "pad": 1.5},
        )  # fmt: skip
    ax.set_xlabel(r"$\alpha_V$: how far $\mathbf{V}$ is")
    ax.set_ylabel(r"$\alpha_A$: how far $\mathbf{A}$ is")
    ax.set(aspect="equal", ylim=(np.min(alpha_A), np.max(alpha_A)))
    ax.grid(visible=False)
    ax.set_title("the greyer, the higher", fontsize=10)
    v, a = np.asarray(alpha_V, float), np.asarray(alpha_A, float)
    along = ((values[np.abs(a).argmin()], OF_V, "--", r"$\mathbf{V}$ alone"),
             (values[:, np.abs(v).argmin()], OF_A, ":", r"$\mathbf{A}$ alone"),
             (values.diagonal(), INK.black, "-", "both alike"))  # fmt: skip
    for heights, colour, style, label in along:
        beside.plot(v, heights, style, color=colour, lw=2, label=label)
    beside.set(xlim=(-1.25, 1.25), ylim=(0, 1.7 * values[np.abs(a).argmin()].max()))
    beside.set(xlabel="how far from the start", ylabel="excess loss")
    beside.legend(frameon=False, fontsize=9)
    return fig


@drawn
def blindness(
    on_A: Mapping[str, ArrayLike], on_V: Mapping[str, ArrayLike], attended: ArrayLike
) -> Figure:
    """Return the pulls on one column of each layer, for several states of the other.

    `on_A` are the (T,) pulls on a column of A, `on_V` the (N,) pulls on a column of V, both by a
    title that says what the other layer knows, as many of each. `attended` are positions from 0.
    """
    columns = len(on_A)
    fig, axes = figure(2, columns, height=4.1, squeeze=False)
    rows = ((axes[0], on_A, OF_A), (axes[1], on_V, OF_V))
    for places, pulls, colour in rows:
        every = np.concatenate([np.asarray(each, float) for each in pulls.values()])
        low, high = min(0.0, float(every.min())), max(0.0, float(every.max()))
        room = 0.18 * (high - low)
        for ax, (title, pull) in zip(places, pulls.items(), strict=True):
            values = np.asarray(pull, float)
            ax.axhline(0, color=INK.black, lw=0.8)
            ax.bar(np.arange(1, len(values) + 1), values, color=colour, width=0.6)
            ax.set(title=title, ylim=(low - room, high + room))
            ax.grid(axis="x", visible=False)
    for ax, pull in zip(axes[0], on_A.values(), strict=True):
        rings = np.asarray(attended)
        heights = np.asarray(pull, float)[rings]
        ax.plot(rings + 1, heights, "o", ms=11, mfc="none", mec=INK.black, mew=1.3)
        ax.set(xlabel="position $t$")
    for ax in axes[1]:
        size = np.size(next(iter(on_V.values())))
        ax.set_xticks(range(1, size + 1), token_names(size))
        ax.set(xlabel="what follows")
    for ax in axes[0] if is_narrow() else axes[0, :1]:
        ax.set_ylabel(r"pull on $\mathbf{A}$")
    for ax in axes[1] if is_narrow() else axes[1, :1]:
        ax.set_ylabel(r"pull on $\mathbf{V}$")
    return fig


@drawn
def gradient_matrices(matrices: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Return (N, N) matrices as signed squares, each on its own scale around zero."""
    fig, each = panels(dict(zip(titles, matrices, strict=True)), height=3.0)
    for ax, title, matrix in each:
        values = np.asarray(matrix, float)
        top = float(np.abs(values).max()) or 1.0
        for (row, column), entry in np.ndenumerate(values):
            corner = (column - 0.5, row - 0.5)
            colour = INK.blue if entry > 0 else INK.red
            shade = 0.85 * abs(entry) / top
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=shade, linewidth=0))
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK.grid, lw=0.8))
            if abs(entry) > 0.1 * top:  # the sign, not by colour alone
                sign = "+" if entry > 0 else "\N{MINUS SIGN}"
                ax.text(column, row, sign, ha="center", va="center", fontsize=11, color=INK.black)
        ax.set(xlim=(-0.6, len(values) - 0.4), ylim=(len(values) - 0.4, -0.6), aspect="equal")
        names = token_names(len(values))
        ax.set_xticks(range(len(names)), names)
        ax.set_yticks(range(len(names)), names)
        ax.grid(visible=False)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set(title=title, xlabel=f"token; largest {top:.2g}")
    fig.axes[0].set_ylabel("what follows")
    return fig


@drawn
def perturbations(size: ArrayLike, excess: ArrayLike) -> Figure:
    """Return the excess loss of perturbed truths against the length of the perturbation."""
    x, y = np.asarray(size, float), np.asarray(excess, float)
    fig, ax = figure(height=3.2)
    ax.plot(x, y, "o", ms=2.5, color=INK.grey, alpha=0.5, label="perturbed", rasterized=True)
    ends = np.array([x.min(), x.max()])
    middle = np.exp(np.mean(np.log(y / x**2)))
    ax.plot(ends, middle * ends**2, "--", color=THEORY, label="slope 2")
    ax.set(xscale="log", yscale="log", xlabel="size of the perturbation", ylabel="excess loss")
    ax.legend(frameon=False)
    return fig


@drawn
def standardised(groups: Curves, limit: float, quantiles: Curves) -> Figure:
    """Return sorted standardised deviations against those expected of Gaussians.

    `groups` are deviations in standard errors, (M,) by name, the largest of which stays under
    `limit`; `quantiles` are the expected sorted values. Names end in the layer, A or V.
    """
    fig, ax = figure(height=3.4)
    for (name, values), mark in zip(groups.items(), "osx+", strict=False):
        ordered = np.sort(np.asarray(values).ravel())
        colour = OF_A if name.endswith("A") else OF_V
        ax.plot(quantiles[name], ordered, mark, color=colour, ms=4, mfc="none", label=name)
    edge = 1.08 * limit
    ax.plot([-edge, edge], [-edge, edge], color=THEORY, lw=1)
    ax.axhline(-limit, color=INK.black, ls=":")
    ax.axhline(limit, color=INK.black, ls=":", label="limit")
    ax.set(ylim=(-edge, edge), xlim=(-edge, edge))
    ax.set(xlabel="expected of Gaussians", ylabel="standard errors off")
    ax.legend(frameon=False, loc="upper left", fontsize=9)
    return fig


@drawn
def constraints(steps: ArrayLike, kept: ArrayLike, drift: ArrayLike, bound: float) -> Figure:
    """Return how far constraints are violated along training, with bands over seeds.

    `kept` and `drift` are the largest violations at each step, (seeds, n), with the projections and
    of plain SGD.
    """
    fig, ax = figure(height=3.2)
    band(ax, steps, np.maximum(np.asarray(kept, float), 1e-18), INK.green, "projected")
    band(ax, steps, drift, SGD, "plain SGD", "--")
    ax.axhline(bound, color=INK.black, ls=":", label="bound")
    ax.set(yscale="log", xlabel="step", ylabel="largest deviation")
    ax.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.68))
    return fig
