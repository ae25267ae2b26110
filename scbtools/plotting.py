"""Two pictures for a first look: how training went, and where a column of attention points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scbtools.training import Run

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
except ImportError as error:
    raise ImportError(
        "scbtools.plotting needs matplotlib: run pip install scbtools[plot]"
    ) from error

__all__ = ["attention_column", "training"]

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#888888"


def training(runs: Run | Sequence[Run], axes: Sequence[Axes] | None = None) -> tuple[Axes, Axes]:
    """Return two Axes: signals, and squared distances from the truth, against steps.

    Parameters
    ----------
    runs : Run or sequence of Run
        As from `train`. Where it is one, grey lines mark where its stages change.
    axes : two Axes, optional
        Where to draw; of a new figure if not given.
    """
    each = [runs] if isinstance(runs, Run) else list(runs)
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(7.4, 3.2), layout="constrained")[1]
    left, right = axes
    thin: dict[str, Any] = {} if len(each) == 1 else {"linewidth": 0.8, "alpha": 0.7}
    for index, run in enumerate(each):
        steps = run.history["step"]
        for letter, truth, colour, style in (("V", "P", BLUE, "-"), ("A", "Q", ORANGE, "--")):
            names = [
                rf"$\alpha_{letter}$",
                rf"$\Vert\mathbf{{{letter}}} - \mathbf{{{truth}}}\Vert_\mu^2$",
            ]
            curves = run.history[f"alpha_{letter}"], run.history[f"error_{letter}"] ** 2
            for ax, name, curve in zip((left, right), names, curves, strict=True):
                label = "_" if index else name
                ax.plot(steps, curve, style, color=colour, label=label, **thin)
    for ax in (left, right):
        if isinstance(runs, Run):
            for change in runs.history["step"][1:][np.diff(runs.history["stage"]) > 0]:
                ax.axvline(change, color=GREY, linewidth=0.8, zorder=0)
        ax.set_xlabel("step")
        ax.legend(frameon=False)
    left.set_ylabel("signal")
    right.set(yscale="log", ylabel="squared distance")
    return left, right


def attention_column(column: ArrayLike, attended: Sequence[int], ax: Axes | None = None) -> Axes:
    """Return Axes with the entries of a column of attention, attended positions marked.

    Parameters
    ----------
    column : (T,) array
        A column of A.
    attended : sequence of int
        Positions from 0, such as ``task.sparse_attention.positions[token]``. They are drawn from 1.
    ax : Axes, optional
        Where to draw; of a new figure if not given.
    """
    if ax is None:
        ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")[1]
    values, where = np.asarray(column, float), np.asarray(attended)
    positions = np.arange(1, values.size + 1)
    ax.plot(positions, values, ".", color=GREY, ms=4, label="other positions")
    ax.plot(positions[where], values[where], "o", color=BLUE, ms=7, label="attended positions")
    ax.set(xlabel="position $t$", ylabel="$a_t$")
    return ax
