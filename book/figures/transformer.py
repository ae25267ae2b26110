"""The model: its computation, its loss, its gradients, what its steps keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, Curves, band, drawn, figure, hyperbola, looks, panels, token_names


@drawn
def computation(V: ArrayLike, X: ArrayLike, a: ArrayLike) -> Figure:
    """Return the matrices V, X, a and the prediction V X a, side by side with their entries.

    `V` is (N, N), `X` the (N, T) one-hot tokens, `a` the (T,) attention column of the last token.
    """
    value, tokens, column = (np.asarray(each, float) for each in (V, X, a))
    parts = {
        r"$\mathbf{V}$": value,
        r"$\mathbf{X}$": tokens,
        r"$\mathbf{A}\,\mathbf{e}_k$": column[:, None],
        r"$F = \mathbf{V}\mathbf{X}\mathbf{A}\,\mathbf{e}_k$": value @ (tokens @ column)[:, None],
    }
    tall = max(len(part) for part in parts.values())
    widths = [max(part.shape[1], 1.2) for part in parts.values()]
    fig, each = panels(parts, height=min(4.5, 0.9 + 0.5 * tall), width_ratios=widths)
    signs = ("", r"$\times$", r"$\times$", r"$=$")
    for (ax, title, part), before in zip(each, signs, strict=True):
        _matrix(ax, part, "Blues", 0, 1, numbers=True)
        ax.set(title=title, xticks=[], yticks=[])
        ax.tick_params(length=0)
        ax.annotate(
            before, (0, 0.5), xytext=(-22, 0), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="center", size=14,
        )  # fmt: skip
    names = token_names(len(value))
    positions = [str(t + 1) for t in range(tokens.shape[1])]
    axes = fig.axes
    for place in (0, 1, 3):
        axes[place].set_yticks(range(len(names)), names)
    axes[0].set_xticks(range(len(names)), names)
    axes[1].set_xticks(range(len(positions)), positions)
    axes[2].set_yticks(range(len(positions)), positions)
    axes[1].set_xlabel("position $t$")
    return fig


def _matrix(
    ax: Axes, values: np.ndarray, map_name: str, low: float, high: float, numbers: bool = False
) -> None:
    """Draw a matrix as a heat map with thin lines between its entries."""
    ax.imshow(values, cmap=map_name, vmin=low, vmax=high, interpolation="nearest")
    ax.grid(visible=False)
    rows, columns = values.shape
    if values.size <= 150:
        for edge in range(rows + 1):
            ax.axhline(edge - 0.5, color="white", lw=1)
        for edge in range(columns + 1):
            ax.axvline(edge - 0.5, color="white", lw=1)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if numbers and values.size <= 60:
        for (row, column), entry in np.ndenumerate(values):
            ink = "white" if entry > (low + high) / 2 + 0.1 * (high - low) else INK.black
            ax.text(column, row, f"{entry:.3g}", ha="center", va="center", color=ink, size=10)


@drawn
def loss_surface(
    alpha_V: ArrayLike,
    alpha_A: ArrayLike,
    excess: ArrayLike,
    *,
    marks: Mapping[str, tuple[float, float]],
) -> Figure:
    """Return contours of the excess loss over the two signals.

    `excess`, (m, n), is the loss minus the Bayes loss over the grids `alpha_V`, (n,), and
    `alpha_A`, (m,). `marks` are points (alpha_V, alpha_A) by name.
    """
    fig, ax = figure(height=4.3, width=5.6)
    values = np.asarray(excess, float)
    top = float(values.max())
    levels = top * np.geomspace(1e-4, 1, 13)
    shades = plt.get_cmap("Blues").with_extremes(under="white")
    filled = ax.contourf(
        alpha_V, alpha_A, np.maximum(values, levels[0] / 2), levels=levels, cmap=shades,
        norm=LogNorm(levels[0], top), extend="min",
    )  # fmt: skip
    hyperbola(ax, np.asarray(alpha_V, float))
    for name, place in marks.items():
        ax.plot(*place, "o", color=INK.red)
        ax.annotate(name, place, xytext=(7, 5), textcoords="offset points")
    ax.set(xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$", aspect="equal")
    ax.set_ylim(np.min(alpha_A), np.max(alpha_A))
    ax.grid(visible=False)
    bar = fig.colorbar(filled, ax=ax, label="excess loss")
    ticks = levels[::3].tolist()
    bar.set_ticks(ticks, labels=[f"{level:.1g}" for level in ticks])
    return fig


@drawn
def perturbations(size: ArrayLike, excess: ArrayLike) -> Figure:
    """Return the excess loss of perturbed truths against the length of the perturbation."""
    x, y = np.asarray(size, float), np.asarray(excess, float)
    fig, ax = figure(height=3.2)
    ax.plot(x, y, "o", ms=2.5, color=INK.blue, alpha=0.5, label="perturbed")
    ends = np.array([x.min(), x.max()])
    middle = np.exp(np.mean(np.log(y / x**2)))
    ax.plot(ends, middle * ends**2, "--", color=INK.black, label="slope 2")
    ax.set(xscale="log", yscale="log", xlabel="size of the perturbation", ylabel="excess loss")
    ax.legend(frameon=False)
    return fig


@drawn
def standardised(groups: Curves, limit: float, quantiles: Curves) -> Figure:
    """Return sorted standardised deviations against those expected of Gaussians.

    `groups` are deviations in standard errors, (M,) by name, the largest of which stays under
    `limit`; `quantiles` are the expected sorted values.
    """
    fig, ax = figure(height=3.4)
    styles = zip(groups.items(), (INK.blue, INK.orange, INK.green, INK.red), "os^v", strict=False)
    for (name, values), colour, mark in styles:
        ordered = np.sort(np.asarray(values).ravel())
        ax.plot(quantiles[name], ordered, mark, color=colour, ms=4, mfc="none", label=name)
    edge = 1.08 * limit
    ax.plot([-edge, edge], [-edge, edge], color=INK.grey, lw=1)
    ax.axhline(-limit, color=INK.black, ls=":")
    ax.axhline(limit, color=INK.black, ls=":", label="limit")
    ax.set(ylim=(-edge, edge), xlim=(-edge, edge))
    ax.set(xlabel="expected of Gaussians", ylabel="standard errors off")
    ax.legend(frameon=False, loc="upper left")
    return fig


@drawn
def gradient_matrices(matrices: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Return (N, N) matrices as heat maps, each on its own scale around zero."""
    fig, each = panels(dict(zip(titles, matrices, strict=True)), height=2.75)
    for ax, title, matrix in each:
        values = np.asarray(matrix, float)
        top = float(np.abs(values).max()) or 1.0
        _matrix(ax, values, "PuOr", -top, top)
        names = token_names(len(values))
        if len(names) <= 12:
            ax.set_xticks(range(len(names)), names)
            ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel(f"largest entry {top:.2g}")
    return fig


@drawn
def constraints(steps: ArrayLike, groups: Curves, bound: float) -> Figure:
    """Return how far constraints are violated along training, with bands over seeds.

    `groups` are the largest violations at each step, (seeds, n) by name, up to three.
    """
    fig, ax = figure(height=3.2)
    for (name, values), colour, style, _ in looks(
        groups.items(), (INK.blue, INK.orange, INK.green)
    ):
        band(ax, steps, np.maximum(np.asarray(values, float), 1e-18), colour, name, style)
    ax.axhline(bound, color=INK.black, ls=":", label="bound")
    ax.set(yscale="log", xlabel="step", ylabel="largest deviation")
    ax.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.68))
    return fig
