"""The picture of the front page: a column of attention at five moments, twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.base import INK, MIRROR, OF_A, OF_V, PHONE, STATE, STYLE, TRUTH, drawn, mark_step, zero
from figures.shown import is_narrow

__all__ = ["five_moments"]


@drawn
def five_moments(
    runs: Mapping[str, Mapping[str, ArrayLike]],
    signals: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    truth: ArrayLike,
    ends: Sequence[float],
) -> Figure:
    """Return two runs side by side: a column of A at each moment, and the signals beneath.

    `runs` has for each of two titles a column (T,) by moment, the truth last; `signals` has for
    each run the steps and both signals, that of V first; `truth` is the true column, whose
    positions are ringed; `ends` are the steps at which Stage 1 ended.
    """
    names = list(next(iter(runs.values())))
    # One form for both widths: runs side by side, moments below each other.
    size = (PHONE, 6.6) if is_narrow() else (7.4, 6.6)
    style = {**STYLE, "font.size": 9, "axes.labelsize": 9}
    with plt.rc_context(style):  # type: ignore[arg-type]
        fig = plt.figure(figsize=size, dpi=110, layout="constrained", facecolor=INK.paper)
        axes = fig.subplots(
            len(names) + 1, 2, height_ratios=[1.0] * len(names) + [1.9], sharey="row"
        )
    for at, ((title, columns), path, end) in enumerate(
        zip(runs.items(), signals, ends, strict=True)
    ):
        colour = (OF_A, MIRROR)[at]
        for ax, name in zip(axes[:-1, at], names, strict=True):
            last = name == names[-1]
            _column(
                ax,
                np.asarray(columns[name], float),
                np.asarray(truth, float),
                TRUTH if last else colour,
            )
            ax.set_title(name, fontsize=9, loc="left", pad=2)
            ax.tick_params(labelbottom=last)
        _signals(axes[-1, at], path, end)
        axes[0, at].set_title(f"{title}\n{names[0]}", fontsize=9, loc="left", pad=2)
        axes[-2, at].set_xlabel("position $t$")
    for row, name in enumerate(names):
        top = max(float(np.abs(np.asarray(each[name])).max()) for each in runs.values())
        reach = 0.35 if top < 0.35 else 0.75
        axes[row, 0].set(ylim=(-reach, reach), yticks=[-reach + 0.05, 0, reach - 0.05])
    axes[-1, 0].legend(loc="upper left", fontsize=8, handlelength=1.2)
    return fig


def _column(ax: Axes, values: np.ndarray, truth: np.ndarray, colour: str) -> None:
    """Draw a column of A by position; what the truth attends to is ringed."""
    place = np.arange(1, values.size + 1)
    attended = truth > 0
    ax.vlines(place, 0, values, color=colour, lw=1.2)
    zero(ax)
    ax.plot(
        place[attended],
        values[attended],
        "o",
        mfc="none",
        mec=TRUTH,
        mew=1.1,
        ms=5.5,
        clip_on=False,
    )
    ax.grid(visible=False)
    ax.set_xlim(0, values.size + 1)
    ax.set_xticks([1, values.size // 2, values.size])


def _signals(ax: Axes, path: tuple[ArrayLike, ArrayLike, ArrayLike], end: float) -> None:
    """Draw both signals by step; a dotted line where Stage 1 ends."""
    steps, alpha_V, alpha_A = (np.asarray(each, float) for each in path)
    zero(ax)
    ax.plot(steps, alpha_V, color=OF_V, label=STATE["alpha_V"])
    ax.plot(steps, alpha_A, "--", color=OF_A, label=STATE["alpha_A"])
    mark_step(ax, end)
    ax.set(xlabel="step", ylim=(-1.5, 1.5), yticks=[-1, 0, 1], xlim=(0, None))
    ax.set_title("signals", fontsize=9, loc="left", pad=2)
