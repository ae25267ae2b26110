"""Many training steps in one compiled call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit
from scbtools.kernels.cpu import LIMIT, Workspace, gradient
from scbtools.kernels.frozen import support_of, value_gradient
from scbtools.kernels.measure import signal_of_attention, signal_of_value
from scbtools.kernels.sums import lane_sum_abs
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
def _attention_stays(attention: Any, gradient: Any, eta: float) -> bool:
    """Return whether a step leaves every column sum of |A| within LIMIT; NaN does not.

    Thresholding does not raise the sum s of a column, projecting makes it 2 s + 1 at most.
    """
    fine = True
    for k in range(attention.shape[0]):
        after = lane_sum_abs(attention[k]) + eta * lane_sum_abs(gradient[k])
        fine = fine and 2.0 * after + 1.0 <= LIMIT
    return fine


@jit
def _value_stays(value: Any, gradient: Any, eta: float) -> bool:
    """Return whether a step leaves every entry of |V| within LIMIT; NaN does not."""
    fine = True
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            fine = fine and abs(value[n, m]) + eta * abs(gradient[n, m]) <= LIMIT
    return fine


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
        Steps taken, and RAN, REACHED (the target, after the last of them) or DIVERGED: the next
        would carry parameters beyond LIMIT, and was not taken.
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
        if preconditioned:
            precondition_value(grad_v, truth.mu)
            if not frozen:
                precondition_attention(grad_a, truth.mu)
        if not _value_stays(value, grad_v, eta_v):
            return i, DIVERGED
        if not frozen:
            if not _attention_stays(attention, grad_a, eta_a):
                return i, DIVERGED
            proximal_step(attention, grad_a, eta_a, l1)
        descend(value, grad_v, eta_v)
        if _reached(attention, value, truth, kind, target):
            return i + 1, REACHED
    return n, RAN
