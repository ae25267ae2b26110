"""Live figures in notebooks: the same that stand on the built pages, as widgets.

The figures are the modules beside this file, `bundle` makes one text of them.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import anywidget
import numpy as np
import traitlets

import scbtools as scb
from live import bundle

__all__ = ["Figure", "Trainer", "show"]


class Figure(anywidget.AnyWidget):
    """A live figure.

    Parameters
    ----------
    name : str
        Such as "portrait"; the addresses of figures on pages end with #live-NAME.
    **state
        What its controls set, as in these addresses.

    Attributes
    ----------
    state : dict
        What the controls show; setting it moves them.
    data : dict
        The numbers that the figure shows, whenever it rests.
    steps : int
        Steps taken.
    """

    _css = (bundle.HERE / "live.css").read_text("utf8")
    figure = traitlets.Unicode().tag(sync=True)
    given = traitlets.Any().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    steps = traitlets.Int().tag(sync=True)

    def __init__(self, name: str, given: Any = None, **state: Any) -> None:
        super().__init__(figure=name, given=given, state=state, _esm=_module(name))

    def run_to(self, step: int) -> None:
        """Let the figure run to a step; `data` follows when it is there."""
        self.send({"run": step})


@functools.cache
def _module(name: str) -> str:
    return bundle.widget(name)


class Trainer(Figure):
    """The trainer on a task: training in the browser, step by step as `scbtools.train` does it.

    Parameters
    ----------
    task : SCBTask
        Small enough to be seen: N up to 6, T up to 2,000.
    **state
        B, eta, l1, seed, ...: what the trainer's controls set.

    Raises
    ------
    ValueError
        If the task is too large for a page.
    """

    B = traitlets.Int().tag(sync=False)
    eta = traitlets.Float().tag(sync=False)
    l1 = traitlets.Float().tag(sync=False)
    seed = traitlets.Int().tag(sync=False)

    def __init__(self, task: scb.SCBTask, **state: Any) -> None:
        if task.vocab_size > 6 or task.seq_len > 2000:
            raise ValueError(
                f"the trainer shows up to 6 tokens and sequences of 2,000, got {task!r}: use "
                f"scbtools.train"
            )
        positions, weights, _ = task.sparse_attention
        given = {
            "transition": task.transition.tolist(),
            "positions": positions.tolist(),
            "weights": weights.tolist(),  # padding is 0
            "seqLen": task.seq_len,
        }
        self._task = task
        super().__init__("trainer", given, **state)
        self.observe(self._follow, "state")
        self.observe(self._move, ["B", "eta", "l1", "seed"])

    def _follow(self, change: Any) -> None:
        """Let the controls' traits follow the page."""
        for name in ("B", "eta", "l1", "seed"):
            if name in self.state:
                setattr(self, name, self.state[name])

    def _move(self, change: Any) -> None:
        """Let the page follow a control's trait."""
        if self.state.get(change.name) != change.new:
            self.state = {**self.state, change.name: change.new}

    @property
    def history(self) -> dict[str, Any]:
        """Step, loss, alpha_V and alpha_A at every step, as in `scbtools.Run.history`."""
        return {name: np.array(column) for name, column in self.data.get("history", {}).items()}

    @property
    def params(self) -> scb.Params:
        """Return the parameters where the run rests, A (T, N) and V (N, N)."""
        if "A" not in self.data:
            return scb.uniform_start(self._task)
        return scb.Params(np.array(self.data["A"]).T, np.array(self.data["V"]))


def show(name: str, **state: Any) -> Figure | None:
    """Return a live figure for a notebook; nothing where the book is built, as it stands there."""
    return None if os.environ.get("SCB_BUILD") else Figure(name, **state)
