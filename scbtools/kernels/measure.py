"""What is recorded about a run, in one order of operations whatever the machine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner, jit
from scbtools.stages import MAX_SIGNAL, NO_TARGET

__all__ = ["Truth", "distances", "meets", "reached"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Truth(NamedTuple):
    """What parameters are measured against: P, mu, Q by its nonzero entries, and two lengths."""

    transition: Floats  # (N, N)
    mu: Floats  # (N,)
    positions: Ints  # (N, S)
    weights: Floats  # (N, S)
    counts: Ints  # (N,)
    K_P: float
    K_Q: float


@inner
def _signal_of_attention(attention: Floats, truth: Truth) -> float:
    """Return alpha_A = (<A, Q>_mu - 1/T) / K_Q (Lemma C.1), 0 where there is no line."""
    if not truth.K_Q > 0.0:
        return 0.0
    positions, weights, uniform = truth.positions, truth.weights, 1.0 / attention.shape[1]
    total = 0.0
    for k in range(attention.shape[0]):
        excess = 0.0
        for j in range(truth.counts[k]):
            excess += weights[k, j] * (attention[k, positions[k, j]] - uniform)
        total += truth.mu[k] * excess
    return total / truth.K_Q


@inner
def _signal_of_value(value: Floats, truth: Truth) -> float:
    """Return alpha_V = (<V, P>_mu - |mu|^2) / K_P (Lemma C.1), 0 where there is no line."""
    if not truth.K_P > 0.0:
        return 0.0
    transition, mu, total = truth.transition, truth.mu, 0.0
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            total += (value[n, m] - mu[n]) * transition[n, m] * mu[m]
    return total / truth.K_P


@inner
def reached(attention: Floats, value: Floats, truth: Truth, kind: int, target: float) -> bool:
    """Return whether the signals meet a stage's target, whichever their sign."""
    if kind == NO_TARGET:
        return False
    a, v = _signal_of_attention(attention, truth), _signal_of_value(value, truth)
    if kind == MAX_SIGNAL:
        return max(abs(a), abs(v)) >= target
    return abs(a + v) / 2 >= target


@jit
def meets(attention: Floats, value: Floats, truth: Truth, kind: int, target: float) -> bool:
    """Return what `reached` does, to Python."""
    return reached(attention, value, truth, kind, target)


@jit
def distances(
    attention: Floats, value: Floats, truth: Truth, lanes: Floats, out: Floats
) -> tuple[float, float]:
    """Return alpha_V and alpha_A; fill out (3, N) with squared distances of rows.

    Those are from alpha_A Q + (1 - alpha_A)/T, from Q and from 1/T. Each difference is taken
    before it is squared, so that small distances stay accurate. lanes (3, 8) is scratch.
    """
    seq_len, counts = attention.shape[1], truth.counts
    alpha_v, alpha_a = _signal_of_value(value, truth), _signal_of_attention(attention, truth)
    uniform, base = 1.0 / seq_len, (1.0 - alpha_a) / seq_len
    for k in range(attention.shape[0]):
        a = attention[k]
        line = true = flat = 0.0
        for lane in range(8):
            lanes[0, lane] = lanes[1, lane] = lanes[2, lane] = 0.0
        begin = 0
        for j in range(counts[k] + 1):
            end = truth.positions[k, j] if j < counts[k] else seq_len
            _add_squares(a[begin:end], base, lanes[0])
            _add_squares(a[begin:end], 0.0, lanes[1])
            _add_squares(a[begin:end], uniform, lanes[2])
            if j < counts[k]:
                entry, q = a[end], truth.weights[k, j]
                line += (entry - alpha_a * q - base) ** 2
                true += (entry - q) ** 2
                flat += (entry - uniform) ** 2
            begin = end + 1
        out[0, k] = line + _total(lanes[0])
        out[1, k] = true + _total(lanes[1])
        out[2, k] = flat + _total(lanes[2])
    return alpha_v, alpha_a


@inner
def _total(lanes: Floats) -> float:
    """Return the sum of the lanes, one after the other."""
    total = 0.0
    for lane in lanes:
        total += lane
    return total


@inner
def _add_squares(x: Floats, shift: float, lanes: Floats) -> None:
    """Add (x - shift)^2 lane by lane: eight sums, so that the compiler may use wide registers."""
    whole = x.size // 8 * 8
    for i in range(0, whole, 8):
        for lane in range(8):
            lanes[lane] += (x[i + lane] - shift) * (x[i + lane] - shift)
    for i in range(whole, x.size):
        lanes[0] += (x[i] - shift) * (x[i] - shift)
