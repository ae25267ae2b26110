"""Many training steps in one compiled call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit
from scbtools.kernels.cpu import measure_rows, sweep, w_bound
from scbtools.kernels.frozen import support_of, value_gradient
from scbtools.kernels.measure import signal_of_attention, signal_of_value
from scbtools.kernels.passes import Rule
from scbtools.kernels.tables import Tables
from scbtools.kernels.update import descend, precondition_value
from scbtools.kernels.workspace import Workspace
from scbtools.stages import DIVERGED, LIMIT, MAX_SIGNAL, NO_TARGET, RAN, REACHED

__all__ = ["Truth", "reached", "run"]


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
def reached(attention: Any, value: Any, truth: Truth, kind: int, target: float) -> bool:
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
def _stays(l1: Any, value: Any, mu: Any, seq_len: int, rule: Rule, eta_v: float) -> bool:
    """Return whether no batch could carry the parameters beyond LIMIT in the next step.

    That is known before the batch is drawn: |w| bounds an entry of A's gradient, and
    |r_n c_m| <= (max |V| L + 1) L one of V's, with L the largest column sum of |A|. Thresholding
    does not raise a column's sum s, projecting makes it 2 s + 1 at most. Preconditioning divides
    by mu and takes away means. NaN does not stay.
    """
    bound = w_bound(l1, value)
    longest, least, most, square, top = 0.0, mu[0], mu[0], 0.0, 0.0
    for k in range(mu.size):
        longest, least, most = max(longest, l1[k]), min(least, mu[k]), max(most, mu[k])
        square += mu[k] * mu[k]
        for m in range(mu.size):
            top = max(top, abs(value[k, m]))
    for_v = (top * longest + 1.0) * longest
    if rule.preconditioned:
        for_v *= 2.0 * (1.0 / least + mu.size * most / square)
    fine = top + eta_v * for_v <= LIMIT
    for k in range(mu.size):
        spread = seq_len * bound * (2.0 / mu[k] if rule.preconditioned else 1.0)
        fine = fine and 2.0 * (l1[k] + rule.eta * spread) + 1.0 <= LIMIT
    return bool(fine)


@jit
def run(
    n: int, ws: Workspace, tables: Tables, truth: Truth, attention: Any, value: Any, grad_v: Any,
    key: Any, first: int, batch: int, eta_a: float, eta_v: float, l1: float, preconditioned: bool,
    frozen: bool, kind: int, target: float,
) -> tuple[int, int]:  # fmt: skip
    """Take up to n steps in place, starting with step `first` of the stream.

    Returns
    -------
    (int, int)
        Steps taken, and RAN, REACHED (the target, after the last of them) or DIVERGED: the next
        could carry parameters beyond LIMIT, and was not taken.
    """
    if frozen:
        begin, positions = support_of(attention)
        eta_a = 0.0
    else:
        begin, positions = np.zeros(1, np.int64), np.zeros(1, np.int64)
    rule = Rule(True, eta_a, l1, preconditioned)
    measure_rows(attention, ws.l1)
    for i in range(n):
        if not _stays(ws.l1, value, truth.mu, attention.shape[1], rule, eta_v):
            return i, DIVERGED
        step = np.uint64(first + i)
        if frozen:
            value_gradient(ws, tables, attention, begin, positions, value, key, step, batch, grad_v)
        else:
            sweep(ws, tables, attention, value, truth.mu, key, step, batch, rule, attention, grad_v)
        if preconditioned:
            precondition_value(grad_v, truth.mu)
        descend(value, grad_v, eta_v)
        if reached(attention, value, truth, kind, target):
            return i + 1, REACHED
    return n, RAN
