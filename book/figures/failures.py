"""The gallery of failures: the same three curves of runs that went well and wrong."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from figures.base import (
    INK,
    OF_A,
    OF_V,
    THEORY,
    Curves,
    band,
    drawn,
    figure,
    legend_below,
    mark_step,
    zero,
)
from figures.shown import is_narrow

Lines = tuple[tuple[str, str, str, str], ...]

_SIGNALS: Lines = (
    ("alpha_V", OF_V, "--", r"$\mathbf{V}$"),
    ("alpha_A", OF_A, "-", r"$\mathbf{A}$"),
)
_ERRORS: Lines = (("delta_V", OF_V, "--", r"$\mathbf{V}$"), ("delta_A", OF_A, "-", r"$\mathbf{A}$"))
_LOSS: Lines = (("excess", INK.green, "-", "loss"),)


@drawn
def fault(curves: Curves, well: Curves, switch: float | None = None) -> Figure:
    """Return signals, errors and loss of runs with one fault, beside those of runs that went well.

    Curves are "step", an (n,) array, and "alpha_V", "alpha_A", "delta_V", "delta_A" (over the
    square roots of K_P and K_Q) and "excess", the loss above the best possible, (seeds, n) arrays.
    Dotted, the switch from Stage 1.
    """
    fig, (signals, errors, loss) = figure(1, 3, height=3.0)
    for ax, lines in ((signals, _SIGNALS), (errors, _ERRORS), (loss, _LOSS)):
        for name, colour, style, label in lines:
            band(ax, curves["step"], curves[name], colour, label, style)
            middle = np.median(np.asarray(well[name], float), axis=0)
            told = "all is well" if name == lines[0][0] else "_"
            ax.plot(well["step"], middle, ":", color=THEORY, lw=1.3, label=told)
        mark_step(ax, switch)
        ax.set_xlabel(r"step $\tau$")
    zero(signals)
    signals.set(title="signals", ylim=(-1.7, 2.3))
    # The start has no error at all, which a logarithmic axis cannot show.
    errors.set(title="errors", yscale="log", ylim=(0.003, 5))
    loss.set(title="loss above Bayes", yscale="log", ylim=(3e-4, 2))
    if is_narrow():
        legend_below(fig, signals, 3, fontsize=9)
    else:
        signals.legend(fontsize=9, loc="upper left", ncols=2, columnspacing=0.8)
    return fig
