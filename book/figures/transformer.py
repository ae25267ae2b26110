"""The model: its computation, its loss, its gradients, what its steps keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from figures.base import (
    INK,
    OF_A,
    OF_V,
    SGD,
    THEORY,
    Curves,
    band,
    drawn,
    figure,
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
