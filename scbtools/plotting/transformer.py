"""Pictures of the model: its computation, its loss, its gradients, what its steps keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from scbtools.plotting.base import COLOURS, band, figure
from scbtools.plotting.task import token_names

__all__ = [
    "computation",
    "constraints",
    "gradient_matrices",
    "loss_surface",
    "perturbations",
    "standardised",
]


def computation(V: ArrayLike, X: ArrayLike, a: ArrayLike) -> Figure:
    """Return the matrices V, X, a and the prediction V X a, side by side with their entries.

    Parameters
    ----------
    V : (N, N) array
    X : (N, T) array
        One-hot tokens.
    a : (T,) array
        The attention column of the last token.
    """
    value, tokens, column = (np.asarray(each, float) for each in (V, X, a))
    attended = tokens @ column
    parts = [value, tokens, column[:, None], value @ attended[:, None]]
    titles = [
        r"$\mathbf{V}$",
        r"$\mathbf{X}$",
        r"$\mathbf{A}\,\mathbf{e}_k$",
        r"$F = \mathbf{V}\mathbf{X}\mathbf{A}\,\mathbf{e}_k$",
    ]
    widths = [part.shape[1] for part in parts]
    tall = max(part.shape[0] for part in parts)
    fig, axes = figure(
        1, 4, height=min(4.5, 0.9 + 0.5 * tall),
        gridspec_kw={"width_ratios": [max(width, 1.2) for width in widths]},
    )  # fmt: skip
    names, sign = token_names(len(value)), ["", r"$\times$", r"$\times$", r"$=$"]
    for ax, part, title, before in zip(axes, parts, titles, sign, strict=True):
        matrix_panel(ax, part, map_name="Blues", low=0, high=1, numbers=True)
        ax.set_title(title)
        ax.set_xticks([])
        ax.set_yticks([])
        if before:
            ax.annotate(
                before, (0, 0.5), xytext=(-22, 0), xycoords="axes fraction",
                textcoords="offset points", ha="right", va="center", size=14,
            )  # fmt: skip
    for ax in (axes[0], axes[1], axes[3]):
        ax.set_yticks(range(len(names)), names)
    axes[0].set_xticks(range(len(names)), names)
    seq_len = tokens.shape[1]
    axes[1].set_xticks(range(seq_len), [str(t + 1) for t in range(seq_len)])
    axes[2].set_yticks(range(seq_len), [str(t + 1) for t in range(seq_len)])
    axes[1].set_xlabel("position $t$")
    for ax in axes:
        ax.tick_params(length=0)
    return fig


def matrix_panel(
    ax: Axes, matrix: ArrayLike, *, map_name: str, low: float, high: float, numbers: bool = False
) -> None:
    """Draw a matrix as a heat map with thin lines between its entries."""
    values = np.asarray(matrix, float)
    ax.imshow(values, cmap=map_name, vmin=low, vmax=high, interpolation="nearest")
    ax.grid(visible=False)
    rows, columns = values.shape
    if rows * columns <= 150:
        for edge in range(rows + 1):
            ax.axhline(edge - 0.5, color="white", linewidth=1)
        for edge in range(columns + 1):
            ax.axvline(edge - 0.5, color="white", linewidth=1)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if numbers and rows * columns <= 60:
        middle = (low + high) / 2
        for (row, column), entry in np.ndenumerate(values):
            ink = "white" if entry > middle + 0.1 * (high - low) else COLOURS["black"]
            ax.text(column, row, f"{entry:.3g}", ha="center", va="center", color=ink, size=10)


def loss_surface(
    alpha_V: ArrayLike,
    alpha_A: ArrayLike,
    excess: ArrayLike,
    *,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Return contours of the excess loss over the two signals.

    Parameters
    ----------
    alpha_V, alpha_A : (n,) and (m,) arrays
        Grids.
    excess : (m, n) array
        Loss minus Bayes loss, not negative.
    marks : mapping of name to (alpha_V, alpha_A), optional
        Points to name.
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
    for name, (x, y) in (marks or {}).items():
        ax.plot(x, y, "o", color=COLOURS["red"])
        ax.annotate(name, (x, y), xytext=(7, 5), textcoords="offset points")
    ax.set(
        xlabel=r"$\alpha_V$", ylabel=r"$\alpha_A$", aspect="equal",
        ylim=(np.min(alpha_A), np.max(alpha_A)),
    )  # fmt: skip
    ax.grid(visible=False)
    bar = fig.colorbar(filled, ax=ax, label="excess loss")
    ticks = levels[::3].tolist()
    bar.set_ticks(ticks, labels=[f"{level:.1g}" for level in ticks])
    return fig


def hyperbola(ax: Axes, alpha_V: NDArray[np.float64]) -> None:
    """Draw both branches of alpha_A alpha_V = 1 over the range of alpha_V, dashed."""
    low, high = float(alpha_V.min()), float(alpha_V.max())
    for sign, end in ((-1, -low), (1, high)):
        if end > 0:
            x = np.geomspace(end / 1000, end, 400)
            ax.plot(sign * x, sign / x, "--", color=COLOURS["black"], linewidth=1)


def perturbations(size: ArrayLike, excess: ArrayLike) -> Figure:
    """Return the excess loss of perturbed truths against the perturbation's size.

    Parameters
    ----------
    size, excess : (n,) arrays
        Length of each perturbation, and its loss minus the Bayes loss.
    """
    x, y = np.asarray(size, float), np.asarray(excess, float)
    fig, ax = figure(height=3.2)
    ax.plot(x, y, "o", markersize=2.5, color=COLOURS["blue"], alpha=0.5, label="perturbed")
    middle = np.exp(np.mean(np.log(y / x**2)))
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, middle * ends**2, "--", color=COLOURS["black"], label="slope 2")
    ax.set(xscale="log", yscale="log", xlabel="size of the perturbation", ylabel="excess loss")
    ax.legend(frameon=False)
    return fig


def standardised(
    groups: Mapping[str, ArrayLike], limit: float, quantiles: Mapping[str, ArrayLike]
) -> Figure:
    """Return sorted standardised deviations against those expected of Gaussians.

    Parameters
    ----------
    groups : mapping of name to (M,) array
        Deviations in standard errors.
    limit : float
        What the largest of all stays under.
    quantiles : mapping of name to (M,) array
        Expected sorted values.
    """
    fig, ax = figure(height=3.4)
    colours = ("blue", "orange", "green", "red")
    markers = ("o", "s", "^", "v")
    for (name, values), colour, marker in zip(groups.items(), colours, markers, strict=False):
        ax.plot(
            np.asarray(quantiles[name]), np.sort(np.asarray(values).ravel()), marker,
            color=COLOURS[colour], markersize=4, markerfacecolor="none", label=name,
        )  # fmt: skip
    edge = 1.08 * limit
    ax.plot([-edge, edge], [-edge, edge], color=COLOURS["grey"], linewidth=1)
    for sign in (-1, 1):
        ax.axhline(
            sign * limit, color=COLOURS["black"], linestyle=":", label="limit" if sign > 0 else None
        )
    ax.set(
        ylim=(-edge, edge), xlim=(-edge, edge),
        xlabel="expected of Gaussians", ylabel="standard errors off",
    )  # fmt: skip
    ax.legend(frameon=False, loc="upper left")
    return fig


def gradient_matrices(matrices: Sequence[ArrayLike], titles: Sequence[str]) -> Figure:
    """Return (N, N) matrices as heat maps, each on its own scale around zero."""
    fig, axes = figure(1, len(matrices), height=2.75, squeeze=False)
    for ax, matrix, title in zip(axes[0], matrices, titles, strict=True):
        values = np.asarray(matrix, float)
        top = float(np.abs(values).max()) or 1.0
        matrix_panel(ax, values, map_name="PuOr", low=-top, high=top)
        names = token_names(len(values))
        if len(names) <= 12:
            ax.set_xticks(range(len(names)), names)
            ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel(f"largest entry {top:.2g}")
    return fig


def constraints(steps: ArrayLike, groups: Mapping[str, ArrayLike], bound: float) -> Figure:
    """Return how far constraints are violated along training, with bands over seeds.

    Parameters
    ----------
    steps : (n,) array
    groups : mapping of name to (seeds, n) array
        Largest violation at each step. Up to three groups.
    bound : float
        Drawn as a dotted line.
    """
    fig, ax = figure(height=3.2)
    looks = (("blue", "-"), ("orange", "--"), ("green", "-."))
    for (name, values), (colour, style) in zip(groups.items(), looks, strict=False):
        floor = np.maximum(np.asarray(values, float), 1e-18)
        band(ax, steps, floor, colour, name, style=style)
    ax.axhline(bound, color=COLOURS["black"], linestyle=":", label="bound")
    ax.set(yscale="log", xlabel="step", ylabel="largest deviation")
    ax.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.68))
    return fig
