"""The whole algorithm: final errors, errors and stages against samples, figure 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, Curves, band, drawn, figure, looks, mark_step, rows, star

_ERRORS = (r"$\Vert A - Q\Vert_\mu^2$", r"$\Vert V - P\Vert_\mu^2$")


@drawn
def final_errors(
    groups: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]], epsilon: float
) -> Figure:
    """Return both squared errors of every run as dots, one row of dots per setting.

    `groups` are by setting and recipe pairs of (seeds,) arrays: squared errors of A and of V.
    """
    fig, axes = figure(1, 2, height=1.0 + 0.75 * len(groups), sharey=True)
    seen: set[str] = set()
    for row, recipes in enumerate(groups.values()):
        for i, ((recipe, pair), colour, _, mark) in enumerate(looks(recipes.items())):
            centre = row + (i - (len(recipes) - 1) / 2) * 0.4
            label = "_" if recipe in seen else recipe
            for ax, values in zip(axes, pair, strict=True):
                ordered = np.sort(np.asarray(values, float))
                lift = np.linspace(-0.13, 0.13, ordered.size)
                ax.plot(ordered, centre + lift, mark, color=colour, ms=4, label=label)
            seen.add(recipe)
    for ax, name in zip(axes, _ERRORS, strict=True):
        ax.axvline(epsilon, color=INK.black, lw=1.2, ls="--")
        ax.set(xscale="log", xlabel=name)
        rows(ax, groups)
    axes[1].legend(loc="best")
    return fig


@drawn
def errors_by_stage(
    stages: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]], batches: ArrayLike, ends: Curves
) -> Figure:
    """Return squared errors against samples: through the stages, and against the last batches.

    `stages` are by stage three (seeds,) arrays: samples drawn by its end, and squared errors of A
    and of V there. `ends` are final squared errors, (seeds, n) by label, for n batch sizes.
    """
    fig, (left, right) = figure(1, 2, height=3.4)
    drawn, *errors = (np.array(each, float).T for each in zip(*stages.values(), strict=True))
    samples = np.median(drawn, axis=0)
    for (label, runs), colour, style, mark in looks(zip(_ERRORS, errors, strict=True)):
        band(left, samples, runs, colour, label, mark + style, ms=6)
    for i, (name, at) in enumerate(zip(stages, samples, strict=True)):
        left.annotate(
            name, (at, 1 if i % 2 else 0.93), xycoords=("data", "axes fraction"),
            ha="center", va="top", fontsize=8.5,
        )  # fmt: skip
        left.axvline(at, color=INK.grey, lw=0.6, ls=":")
    left.set(xscale="log", yscale="log", xlabel="samples drawn", ylabel="squared error")
    left.set_ylim(None, 12 * np.max(errors[0]))
    left.legend(loc="lower left")
    x = np.asarray(batches, float)
    for (label, values), colour, style, mark in looks(ends.items()):
        band(right, x, values, colour, label, mark + style, ms=6)
    first = max(float(np.median(np.asarray(values)[:, 0])) for values in ends.values())
    right.plot(x, 3 * first * x[0] / x, ":", color=INK.black, lw=1, label=r"$\sim 1/B$")
    right.set(xscale="log", yscale="log", xlabel="batch $B$ after Stage 2")
    right.set_ylabel("final squared error")
    right.legend(loc="lower left", fontsize=9)
    return fig


@drawn
def stage_samples(
    lengths: ArrayLike, samples: Curves, batches: ArrayLike, success: Curves
) -> Figure:
    """Return the samples of each stage against T, and how often each batch of Stage 2 serves.

    `samples` are (seeds, n) or (n,) by stage; `success` is the share of tasks that end right, for
    each of the `batches`, by length.
    """
    fig, (left, right) = figure(1, 2, height=3.4)
    for (label, values), colour, style, mark in looks(samples.items()):
        band(left, lengths, np.atleast_2d(values), colour, label, mark + style, ms=5)
    left.set(xscale="log", yscale="log", xlabel="length $T$", ylabel="samples of the stage")
    left.set_ylim(left.get_ylim()[0] / 30, None)  # room for the legend
    left.legend(loc="lower right")
    shades = np.linspace(0.75, 0.0, len(success))
    for (label, shares), shade in zip(success.items(), shades, strict=True):
        blue = (shade, 0.35 + 0.4 * shade, 0.7 + 0.2 * shade)
        right.plot(batches, shares, "o-", color=blue, label=label, ms=4, lw=1.3)
    right.axhline(0.9, color=INK.black, lw=0.8, ls=":")
    right.set(xlabel="batch of Stage 2", ylabel="share of tasks that end right")
    right.set_ylim(-0.03, 1.05)
    right.set_xscale("log", base=2)
    right.legend(loc="lower right", fontsize=9)
    return fig


class Vocabulary(NamedTuple):
    """Runs of one vocabulary through and beyond the early stop."""

    label: str
    steps: ArrayLike
    """(n,) relative to the stop."""
    error_V: ArrayLike
    """(seeds, n) |V - P|_mu."""
    error_A: ArrayLike
    excess: ArrayLike
    """(seeds, n) loss above the Bayes loss."""
    normalised: tuple[ArrayLike, ArrayLike, ArrayLike]
    """(seeds,) the same three after normalising at the stop."""


@drawn
def vocabularies(runs: list[Vocabulary]) -> Figure:
    """Return figure 5: distances and test loss of each vocabulary, with the stop marked.

    Stars are medians after normalising at the stop.
    """
    fig, axes = figure(2, len(runs), height=5.2, sharex="col", squeeze=False)
    for (top, bottom), each in zip(axes.T, runs, strict=True):
        band(top, each.steps, each.error_A, INK.blue, r"$\Vert A - Q\Vert_\mu$")
        band(top, each.steps, each.error_V, INK.red, r"$\Vert V - P\Vert_\mu$", "--")
        band(bottom, each.steps, each.excess, INK.green, "test loss", "-.")
        stars = zip(
            (top, top, bottom), (INK.red, INK.blue, INK.green), each.normalised, strict=True
        )
        for ax, colour, values in stars:
            star(ax, 0, values, colour, mec="white", zorder=5)
        mark_step(top, 0)
        mark_step(bottom, 0)
        top.set(title=each.label, ylim=(0, None))
        bottom.set(yscale="log", xlabel="steps after the stop")
    axes[0, 0].set_ylabel("distance")
    axes[1, 0].set_ylabel("test loss above Bayes")
    axes[0, 0].legend(loc="upper right", fontsize=9)
    return fig
