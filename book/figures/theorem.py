"""The whole algorithm: one run by stages, final errors, samples of each stage against T."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, MIRROR, OF_A, OF_V, THEORY, Curves, band, drawn, figure, rows
from figures.shown import is_narrow

_ERRORS = (r"$\Vert A - Q\Vert_\mu^2$", r"$\Vert V - P\Vert_\mu^2$")
_LAYERS = ((OF_A, "--"), (OF_V, "-"))


class _Look(NamedTuple):
    """How the samples of a stage are drawn."""

    colour: str
    style: str
    fill: str


_STAGES = (
    _Look(INK.red, "o-", INK.red),
    _Look(INK.green, "s-", INK.green),
    _Look(INK.green, "^--", INK.paper),
    _Look(INK.sky, "D-.", INK.sky),
)


@drawn
def final_errors(
    groups: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]], epsilon: float
) -> Figure:
    """Return both squared errors of every run as dots, one row of dots per setting and recipe.

    `groups` are by setting and recipe three (seeds,) arrays: squared errors of A and of V, and
    whether the run was mirrored after Stage 1. The second recipe's marks are hollow.
    """
    height = 1.0 + 0.75 * len(groups)
    fig, axes = figure(1, 2, height=height, sharey=True)
    named: set[str] = set()
    for row, recipes in enumerate(groups.values()):
        for i, (recipe, (*pair, mirrored)) in enumerate(recipes.items()):
            centre = row + (i - (len(recipes) - 1) / 2) * 0.4
            for ax, values, (colour, _) in zip(axes, pair, _LAYERS, strict=True):
                order = np.argsort(np.asarray(values, float))
                ordered = np.asarray(values, float)[order]
                lift = centre + np.linspace(-0.13, 0.13, ordered.size)
                fill = {"mfc": INK.paper} if i else {}
                ax.plot(
                    ordered, lift, "s" if i else "o", color=colour, ms=4, **fill,
                    label="_" if recipe in named else recipe,
                )  # fmt: skip
                wrong = np.asarray(mirrored, bool)[order]
                if wrong.any():
                    name = "_" if "mirror" in named else "mirrored after Stage 1"
                    look = {"color": MIRROR, "ms": 9, "mew": 1.6, "mfc": "none", "label": name}
                    ax.plot(ordered[wrong], lift[wrong], "o", **look)
            named |= {recipe} | ({"mirror"} if np.any(mirrored) else set())
    for ax, name in zip(axes, _ERRORS, strict=True):
        ax.axvline(epsilon, color=THEORY, lw=1, ls="--")
        ax.set(xscale="log", xlabel=name)
        rows(ax, groups)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="outside lower center", ncols=1 if is_narrow() else 3, frameon=False
    )
    return fig


@drawn
def errors_by_batch(batches: ArrayLike, ends: Curves) -> Figure:
    """Return final squared errors against the batch after Stage 1, with a line falling as 1/B.

    `ends` are (seeds, n) by label for n batches, of A and V in turn; later pairs are hollow.
    """
    fig, ax = figure(height=3.4)
    x = np.asarray(batches, float)
    for i, (label, values) in enumerate(ends.items()):
        colour, style = _LAYERS[i % 2]
        fill = {} if i < 2 else {"mfc": INK.paper, "alpha": 0.8}
        band(ax, x, values, colour, label, ("os^D"[i % 4]) + style, ms=6, **fill)
    first = max(float(np.median(np.asarray(values)[:, 0])) for values in ends.values())
    ax.plot(x, 3 * first * x[0] / x, ":", color=THEORY, lw=1, label=r"$\propto 1/B$")
    ax.set(xscale="log", yscale="log", xlabel="batch $B$ after Stage 1")
    ax.set_ylabel("final squared distance")
    ax.legend(loc="lower left", fontsize=9)
    return fig


@drawn
def stage_samples(lengths: ArrayLike, samples: Curves, guide: ArrayLike | None = None) -> Figure:
    """Return the samples of each stage against T, medians and the middle 80 % of tasks.

    `samples` are (seeds, n) or (n,) by stage: Stage 1, Stage 2 with a fixed batch and with the
    least, Stage 3. `guide` is a curve to compare the first with.
    """
    fig, ax = figure(height=3.8)
    x = np.asarray(lengths, float)
    for (label, values), look in zip(samples.items(), _STAGES, strict=False):
        runs = np.atleast_2d(np.asarray(values, float))
        band(ax, x, runs, look.colour, label, look.style, ms=6, mfc=look.fill)
    if guide is not None:
        ax.plot(x, guide, color=THEORY, lw=1, ls=":", label=r"$\propto T \ln T$")
    ax.set(xscale="log", yscale="log", xlabel="length $T$", ylabel="samples of the stage")
    if is_narrow():
        fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", fontsize=9)
    else:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig


@drawn
def batch_shares(batches: ArrayLike, success: Curves) -> Figure:
    """Return the share of tasks that end right against the batch of Stage 2, a line per length.

    Longer sequences have darker lines.
    """
    fig, ax = figure(height=3.4)
    for (label, shares), shade in zip(
        success.items(), np.linspace(0.25, 1, len(success)), strict=True
    ):
        ax.plot(batches, shares, "o-", color=INK.green, alpha=shade, label=label, ms=4, lw=1.3)
    ax.axhline(0.9, color=THEORY, lw=0.8, ls=":")
    ax.set(xlabel="batch of Stage 2", ylabel="share of tasks that end right")
    ax.set_ylim(-0.03, 1.05)
    ax.set_xscale("log", base=2)
    ax.legend(loc="lower right", fontsize=9)
    return fig
