"""Figures of the whole algorithm: final errors, errors and stages against samples, figure 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["Vocabulary", "errors_by_stage", "final_errors", "stage_samples", "vocabularies"]

_LOOKS = (("blue", "-", "o"), ("red", "--", "s"), ("green", "-.", "^"), ("purple", ":", "D"))


def final_errors(
    groups: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]], epsilon: float
) -> Figure:
    """Return both squared errors of every run as dots, one row of dots per setting.

    Parameters
    ----------
    groups : dict from a setting to a dict from a recipe to a pair of (seeds,) arrays
        Squared errors of A and of V.
    epsilon : float
        Drawn as a line.
    """
    fig, axes = figure(1, 2, height=1.0 + 0.75 * len(groups), sharey=True)
    names = (r"$\Vert A - Q\Vert_\mu^2$", r"$\Vert V - P\Vert_\mu^2$")
    seen = set()
    for row, recipes in enumerate(groups.values()):
        for i, (recipe, pair) in enumerate(recipes.items()):
            colour, _, marker = _LOOKS[i]
            centre = row + (i - (len(recipes) - 1) / 2) * 0.4
            for ax, values in zip(axes, pair, strict=True):
                ordered = np.sort(np.asarray(values, float))
                lift = np.linspace(-0.13, 0.13, ordered.size)
                label = None if recipe in seen else recipe
                ax.plot(ordered, centre + lift, marker, color=COLOURS[colour], ms=4, label=label)
            seen.add(recipe)
    for ax, name in zip(axes, names, strict=True):
        ax.axvline(epsilon, color=COLOURS["black"], lw=1.2, ls="--")
        ax.set(xscale="log", xlabel=name, ylim=(len(groups) - 0.5, -0.5))
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(groups)), list(groups))
    axes[1].legend(loc="best")
    return fig


def errors_by_stage(
    stages: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    batches: ArrayLike,
    ends: Mapping[str, ArrayLike],
) -> Figure:
    """Return squared errors against samples: through the stages, and against the last batches.

    Parameters
    ----------
    stages : dict from a stage to three (seeds,) arrays
        Samples drawn by its end, and squared errors of A and of V there.
    batches : (n,) array
        Batch size of the last stages.
    ends : dict from a label to a (seeds, n) array
        Final squared errors.
    """
    fig, axes = figure(1, 2, height=3.4)
    labels = (r"$\Vert A - Q\Vert_\mu^2$", r"$\Vert V - P\Vert_\mu^2$")
    samples = [float(np.median(np.asarray(each[0]))) for each in stages.values()]
    for i, label in enumerate(labels):
        colour, style, marker = _LOOKS[i]
        quantiles = np.array(
            [np.quantile(np.asarray(each[1 + i]), [0.1, 0.5, 0.9]) for each in stages.values()]
        )
        axes[0].fill_between(
            samples, quantiles[:, 0], quantiles[:, 2], color=COLOURS[colour], alpha=0.2, lw=0
        )
        axes[0].plot(
            samples, quantiles[:, 1], marker + style, color=COLOURS[colour], label=label, ms=6
        )
    for i, (name, at) in enumerate(zip(stages, samples, strict=True)):
        axes[0].annotate(
            name, (at, 1 if i % 2 else 0.93), xycoords=("data", "axes fraction"),
            ha="center", va="top", fontsize=8.5,
        )  # fmt: skip
        axes[0].axvline(at, color=COLOURS["grey"], lw=0.6, ls=":")
    axes[0].set(xscale="log", yscale="log", xlabel="samples drawn", ylabel="squared error")
    axes[0].set_ylim(None, 12 * float(np.max([np.max(each[1]) for each in stages.values()])))
    axes[0].legend(loc="lower left")
    x = np.asarray(batches, float)
    for (colour, style, marker), (label, values) in zip(_LOOKS, ends.items(), strict=False):
        bottom, middle, top = np.quantile(np.asarray(values, float), [0.1, 0.5, 0.9], axis=0)
        axes[1].fill_between(x, bottom, top, color=COLOURS[colour], alpha=0.2, lw=0)
        axes[1].plot(x, middle, marker + style, color=COLOURS[colour], label=label, ms=6)
    first = max(float(np.median(np.asarray(values)[:, 0])) for values in ends.values())
    axes[1].plot(x, 3 * first * x[0] / x, ":", color=COLOURS["black"], lw=1, label=r"$\sim 1/B$")
    axes[1].set(
        xscale="log", yscale="log", xlabel="batch $B$ after Stage 2", ylabel="final squared error"
    )
    axes[1].legend(loc="lower left", fontsize=9)
    return fig


def stage_samples(
    lengths: ArrayLike,
    samples: Mapping[str, ArrayLike],
    batches: ArrayLike,
    success: Mapping[str, ArrayLike],
) -> Figure:
    """Return the samples of each stage against T, and how often each batch of Stage 2 serves.

    Parameters
    ----------
    lengths : (n,) array
        T.
    samples : dict from a stage to a (seeds, n) array, or (n,)
    batches : (m,) array
        Of Stage 2.
    success : dict from a length's label to an (m,) array
        Share of tasks that end right.
    """
    fig, axes = figure(1, 2, height=3.4)
    x = np.asarray(lengths, float)
    for (label, values), (colour, style, marker) in zip(samples.items(), _LOOKS, strict=False):
        runs = np.atleast_2d(np.asarray(values, float))
        low, middle, high = np.quantile(runs, [0.1, 0.5, 0.9], axis=0)
        axes[0].fill_between(x, low, high, color=COLOURS[colour], alpha=0.2, lw=0)
        axes[0].plot(x, middle, marker + style, color=COLOURS[colour], label=label, ms=5)
    axes[0].set(xscale="log", yscale="log", xlabel="length $T$", ylabel="samples of the stage")
    axes[0].set_ylim(axes[0].get_ylim()[0] / 30, None)  # room for the legend
    axes[0].legend(loc="lower right")
    shades = np.linspace(0.75, 0.0, len(success))
    for (label, shares), shade in zip(success.items(), shades, strict=True):
        axes[1].plot(
            batches, shares, "o-", color=(shade, 0.35 + 0.4 * shade, 0.7 + 0.2 * shade),
            label=label, ms=4, lw=1.3,
        )  # fmt: skip
    axes[1].axhline(0.9, color=COLOURS["black"], lw=0.8, ls=":")
    axes[1].set(
        xlabel="batch of Stage 2", ylabel="share of tasks that end right", ylim=(-0.03, 1.05)
    )
    axes[1].set_xscale("log", base=2)
    axes[1].legend(loc="lower right", fontsize=9)
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


def vocabularies(runs: list[Vocabulary]) -> Figure:
    """Return figure 5: distances and test loss of each vocabulary, with the stop marked.

    Stars are medians after normalising at the stop.
    """
    fig, axes = figure(2, len(runs), height=5.2, sharex="col", squeeze=False)
    for column, each in enumerate(runs):
        top, bottom = axes[:, column]
        band(top, each.steps, each.error_A, "blue", r"$\Vert A - Q\Vert_\mu$")
        band(top, each.steps, each.error_V, "red", r"$\Vert V - P\Vert_\mu$", style="--")
        band(bottom, each.steps, each.excess, "green", "test loss", style="-.")
        stars = zip((top, top, bottom), ("red", "blue", "green"), each.normalised, strict=True)
        for ax, colour, values in stars:
            ax.plot(
                0, np.median(np.asarray(values, float)), "*", color=COLOURS[colour], ms=13,
                clip_on=False, markeredgecolor="white", zorder=5,
            )  # fmt: skip
        for ax in (top, bottom):
            ax.axvline(0, color=COLOURS["black"], lw=0.8, ls=":")
        top.set(title=each.label, ylim=(0, None))
        bottom.set(yscale="log", xlabel="steps after the stop")
    axes[0, 0].set_ylabel("distance")
    axes[1, 0].set_ylabel("test loss above Bayes")
    axes[0, 0].legend(loc="upper right", fontsize=9)
    return fig
