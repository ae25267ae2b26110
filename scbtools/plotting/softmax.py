"""Figures of softmax attention beside linear attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scbtools.plotting.base import COLOURS, band, figure

__all__ = ["attention_maps", "balance", "courses", "from_the_mirror", "lengths", "response"]

_STYLES = (("blue", "-", "o"), ("red", "--", "s"), ("green", "-.", "^"), ("purple", ":", "D"))


def response(
    dominant: ArrayLike,
    computed: ArrayLike,
    formula: ArrayLike,
    weights: ArrayLike,
    moved: Mapping[str, ArrayLike],
) -> Figure:
    """Return how softmax scales a gradient: by a dominant entry's weight, and by a small one's.

    Parameters
    ----------
    dominant, computed, formula : (n,) arrays
        Weight of one dominant entry, its factor in the squared Jacobian, and the closed form.
    weights : (m,) array
        Of entries that are not attended.
    moved : dict from a label to an (m,) array
        How far each moves in a step.
    """
    fig, (left, right) = figure(1, 2)
    left.plot(dominant, formula, color=COLOURS["black"], label="$[a_1(1-a_1)]^2$")
    left.plot(dominant, computed, "o", color=COLOURS["blue"], ms=5, label="by matrices")
    left.set(xlabel="weight $a_1$ of one dominant entry", ylabel="its factor", ylim=(0, None))
    left.legend(loc="lower center")
    for (colour, _, marker), (label, steps) in zip(_STYLES, moved.items(), strict=False):
        right.loglog(weights, steps, marker, color=COLOURS[colour], ms=2.5, label=label)
    right.set(xlabel="weight $a_t$ of an unattended entry", ylabel="movement per unit of rate")
    right.legend(loc="center left", markerscale=3)
    return fig


def balance(
    steps: Mapping[str, ArrayLike],
    predicted: Mapping[str, float],
    scales: ArrayLike,
    ratios: ArrayLike,
    limit: float,
) -> Figure:
    """Return when softmax attention takes off, and how evenly it ends, for several rates.

    Parameters
    ----------
    steps : dict from a label to an (n,) array
        alpha_A after every step.
    predicted : dict from the same labels to a step
        Drawn as a vertical line.
    scales, ratios : (m,) arrays
        The rate's factor, and the least attended entry over the largest at the end.
    limit : float
        The largest factor at which the even solution is stable.
    """
    fig, (left, right) = figure(1, 2)
    for (colour, style, _), (label, path) in zip(_STYLES, steps.items(), strict=False):
        values = np.asarray(path, float)
        left.semilogx(
            np.arange(1, len(values) + 1), values, style, color=COLOURS[colour], label=label
        )
        left.axvline(predicted[label], color=COLOURS[colour], linewidth=1, linestyle=":")
    left.set(xlabel=r"step $\tau$", ylabel=r"$\alpha_A$", ylim=(-0.05, 1.3))
    left.legend(loc="upper left")
    right.semilogx(scales, ratios, "o-", color=COLOURS["blue"], ms=5, linewidth=1)
    right.axvline(limit, color=COLOURS["black"], linestyle="--", linewidth=1.2)
    right.annotate(
        "stable", (limit, 0.5), (-6, 0), textcoords="offset points", ha="right", va="center"
    )
    right.set(xlabel="factor $c$ of the rate", ylabel="least / largest attended", ylim=(-0.05, 1.1))
    return fig


def attention_maps(maps: Mapping[str, ArrayLike]) -> Figure:
    """Return attention matrices (T, N) side by side as heat maps with one colour scale."""
    fig, axes = figure(1, len(maps), height=4.2, sharey=True)
    top = max(float(np.max(values)) for values in maps.values())
    for ax, (label, values) in zip(axes, maps.items(), strict=True):
        image = ax.imshow(
            np.asarray(values, float), cmap="Blues", vmin=0, vmax=top, aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        ax.set(title=label, xlabel="last token $k$")
        ax.grid(visible=False)
    axes[0].set_ylabel("position $t$")
    fig.colorbar(image, ax=list(axes), label="$A_{tk}$", fraction=0.05)
    return fig


def courses(
    steps: ArrayLike, panels: Mapping[str, Mapping[str, ArrayLike]], *, log: Sequence[str] = ()
) -> Figure:
    """Return bands over seeds of several quantities, one panel each.

    Parameters
    ----------
    steps : (n,) array
    panels : dict from a quantity's name to a dict from a label to a (seeds, n) array
    log : names of panels with a logarithmic axis
    """
    fig, axes = figure(1, len(panels), height=3.3)
    for ax, (name, methods) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for (colour, style, _), (label, runs) in zip(_STYLES, methods.items(), strict=False):
            band(ax, steps, runs, colour, label, style=style)
        ax.set(xlabel=r"step $\tau$", ylabel=name)
        if name in log:
            ax.set_yscale("log")
        else:
            ax.set_ylim(0, None)
    np.atleast_1d(axes)[0].legend(loc="upper right")
    return fig


def lengths(seq_lens: ArrayLike, panels: Mapping[str, Mapping[str, Sequence[ArrayLike]]]) -> Figure:
    """Return quantities against T: medians over seeds, bars for the middle 80 %.

    Parameters
    ----------
    seq_lens : (n,) array
    panels : dict from a quantity's name to a dict from a label to n arrays, one per T
        Both axes are logarithmic. A label has one colour in all panels; the last has the legend.
    """
    fig, axes = figure(1, len(panels), height=3.5)
    x = np.asarray(seq_lens, float)
    labels = list(dict.fromkeys(label for p in list(panels.values())[::-1] for label in p))
    for ax, (name, methods) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for label, samples in methods.items():
            i = labels.index(label)
            colour, style, marker = _STYLES[i % len(_STYLES)]
            low, middle, high = np.array(
                [np.quantile(np.asarray(v), [0.1, 0.5, 0.9]) for v in samples]
            ).T
            at = x * 1.05 ** (i - 1.5)  # side by side
            ax.errorbar(
                at, middle, (middle - low, high - middle), linestyle=style, marker=marker, ms=5,
                color=COLOURS[colour], label=label, elinewidth=1,
            )  # fmt: skip
        ax.set(xlabel="$T$", ylabel=name, xscale="log", yscale="log")
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.xaxis.minorticks_off()
    np.atleast_1d(axes)[-1].legend(loc="lower left", fontsize=9)
    return fig


def from_the_mirror(paths: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Return signals over steps from a start with the wrong sign, a panel per kind of attention.

    Parameters
    ----------
    paths : dict from a title to a dict from a signal's name to an (n,) array
    """
    fig, axes = figure(1, len(paths), height=2.9, sharey=True)
    for ax, (title, signals) in zip(np.atleast_1d(axes), paths.items(), strict=True):
        for (colour, style, _), (name, values) in zip(_STYLES, signals.items(), strict=False):
            ax.plot(np.arange(len(np.asarray(values))), values, style, color=COLOURS[colour],
                    label=name)  # fmt: skip
        ax.axhline(0, color=COLOURS["black"], linewidth=0.8)
        ax.set(title=title, xlabel=r"step $\tau$")
    np.atleast_1d(axes)[0].legend(loc="lower left")
    np.atleast_1d(axes)[0].set_ylabel("signal")
    return fig
