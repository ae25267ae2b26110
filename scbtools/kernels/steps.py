"""Many training steps in one compiled call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit
from scbtools.kernels.cpu import Workspace, gradient
from scbtools.kernels.frozen import support_of, value_gradient
from scbtools.kernels.measure import signal_of_attention, signal_of_value
from scbtools.kernels.tables import Tables
from scbtools.kernels.update import (
    descend,
    precondition_attention,
    precondition_value,
    proximal_step,
)

__all__ = ["DIVERGED", "MAX_SIGNAL", "MEAN_SIGNAL", "NO_TARGET", "RAN", "REACHED", "Truth", "run"]

RAN, REACHED, DIVERGED = 0, 1, 2
NO_TARGET, MAX_SIGNAL, MEAN_SIGNAL = 0, 1, 2


class Truth(NamedTuple):
    """What signals are measured against."""

    transition: NDArray[np.float64]
    mu: NDArray[np.float64]
    positions: NDArray[np.int64]
    weights: NDArray[np.float64]
    counts: NDArray[np.int64]
    k_p: float
    k_q: float


@jit
def _reached(attention: Any, value: Any, truth: Truth, kind: int, target: float) -> bool:
    """Return whether the signals meet the stage's target, whichever their sign."""
    if kind == NO_TARGET:
        return False
    a = signal_of_attention(
        attention, truth.positions, truth.weights, truth.counts, truth.mu, truth.k_q
    )
    v = signal_of_value(value, truth.transition, truth.mu, truth.k_p)
    if kind == MAX_SIGNAL:
        return max(abs(a), abs(v)) >= target
    return abs(a + v) / 2 >= target


@jit
def run(
    n: int, ws: Workspace, tables: Tables, truth: Truth, attention: Any, value: Any, grad_a: Any,
    grad_v: Any, key: Any, first: int, batch: int, eta_a: float, eta_v: float, l1: float,
    preconditioned: bool, frozen: bool, kind: int, target: float,
) -> tuple[int, int]:  # fmt: skip
    """Take up to n steps in place, starting with step `first` of the stream.

    Returns
    -------
    (int, int)
        Steps taken, and RAN, REACHED (the target, after the last of them) or DIVERGED (before
        the next, so that the parameters are the last ones that were fine).
    """
    if frozen:
        begin, positions = support_of(attention)
    else:
        begin, positions = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for i in range(n):
        step = np.uint64(first + i)
        if frozen:
            fine = value_gradient(
                ws, tables, attention, begin, positions, value, key, step, batch, grad_v
            )
        else:
            fine = gradient(ws, tables, attention, value, key, step, batch, grad_a, grad_v)
        if not fine:
            return i, DIVERGED
        if not frozen:
            if preconditioned:
                precondition_attention(grad_a, truth.mu)
            proximal_step(attention, grad_a, eta_a, l1)
        if preconditioned:
            precondition_value(grad_v, truth.mu)
        descend(value, grad_v, eta_v)
        if _reached(attention, value, truth, kind, target):
            return i + 1, REACHED
    return n, RAN
