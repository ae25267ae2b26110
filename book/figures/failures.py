"""The gallery of failures: the same three curves of runs that went well and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.base import INK, Curves, band, drawn, figure, zero

Lines = tuple[tuple[str, str, str, str], ...]

_SIGNALS: Lines = (
    ("alpha_V", INK.orange, "--", r"$\alpha_V$"),
    ("alpha_A", INK.blue, "-", r"$\alpha_A$"),
)
_ERRORS: Lines = (
    ("delta_V", INK.orange, "--", r"$\Vert\Delta_V\Vert_\mu/\sqrt{K_P}$"),
    ("delta_A", INK.blue, "-", r"$\Vert\Delta_A\Vert_\mu/\sqrt{K_Q}$"),
)
_EXCESS: Lines = (("excess", INK.green, "-", "excess loss"),)
_COLUMNS = (("signals", _SIGNALS), ("what is left", _ERRORS), ("loss above Bayes", _EXCESS))


def _panel(ax: Axes, curves: Curves, lines: Lines) -> None:
    """Draw some curves of one kind of run, each a (seeds, n) array."""
    for name, colour, style, label in lines:
        band(ax, curves["step"], curves[name], colour, label, style)


@drawn
def gallery(cases: Mapping[str, Curves]) -> Figure:
    """Return one row of panels per kind of run: signals, errors, loss above the best possible.

    Curves are "step", an (n,) array, and "alpha_V", "alpha_A", "delta_V", "delta_A" (over the
    square roots of K_P and K_Q) and "excess", (seeds, n) arrays.
    """
    height = 0.9 + 1.6 * len(cases)
    fig, axes = figure(
        len(cases), 3, height=height, sharex="col", sharey="col", squeeze=False
    )  # fmt: skip
    for row, (title, curves) in zip(axes, cases.items(), strict=True):
        for ax, (_, lines) in zip(row, _COLUMNS, strict=True):
            _panel(ax, curves, lines)
        zero(row[0])
        row[0].axhline(1, color=INK.black, lw=0.8, ls=":")
        row[0].set_ylabel(title)
    # The start has no error at all, which a logarithmic axis cannot show.
    axes[0, 1].set(yscale="log", ylim=(0.003, 4))
    axes[0, 2].set_yscale("log")
    for ax, (heading, lines) in zip(axes[0], _COLUMNS, strict=True):
        if len(lines) == 1:
            ax.set_title(heading)
        else:
            ax.legend(
                title=heading, fontsize=9, ncols=2, columnspacing=1, handlelength=1.6,
                loc="lower center", bbox_to_anchor=(0.5, 1.0),
            )  # fmt: skip
    for ax in axes[-1]:
        ax.set_xlabel(r"step $\tau$")
    return fig


@drawn
def riddle(runs: Sequence[Curves]) -> Figure:
    """Return the signals and errors of single runs, numbered and without their names.

    Curves are as in `gallery`, with one run each: (n,) arrays.
    """
    fig, axes = figure(2, len(runs), height=3.6, sharex=True, sharey="row", squeeze=False)
    for number, (column, curves) in enumerate(zip(axes.T, runs, strict=True), start=1):
        one = {name: np.atleast_2d(np.asarray(curves[name])) for name in curves}
        one["step"] = one["step"][0]
        for ax, (_, lines) in zip(column, _COLUMNS[:2], strict=True):
            _panel(ax, one, lines)
        zero(column[0])
        column[0].set_title(f"run {number}")
        column[1].set(xlabel=r"step $\tau$", ylim=(0, 2))
    for ax, name in zip(axes[:, 0], ("signals", "what is left"), strict=True):
        ax.legend(fontsize=9)
        ax.set_ylabel(name)
    return fig
