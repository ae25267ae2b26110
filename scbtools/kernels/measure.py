"""What is recorded about a run, in one order of operations whatever the machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import jit

__all__ = ["attended_excess", "attention_squares", "signal_of_attention", "signal_of_value"]


@jit
def attended_excess(attention: Any, positions: Any, weights: Any, counts: Any, k: int) -> float:
    """Return <a, q> - 1/T for row k of the (N, T) attention; it reads only attended positions."""
    uniform = 1.0 / attention.shape[1]
    total = 0.0
    for j in range(counts[k]):
        total += weights[k, j] * (attention[k, positions[k, j]] - uniform)
    return total


@jit
def signal_of_attention(
    attention: Any, positions: Any, weights: Any, counts: Any, mu: Any, k_q: float
) -> float:
    """Return alpha_A = (<A, Q>_mu - 1/T) / K_Q (Lemma C.1)."""
    total = 0.0
    for k in range(attention.shape[0]):
        total += mu[k] * attended_excess(attention, positions, weights, counts, k)
    return total / k_q


@jit
def signal_of_value(value: Any, transition: Any, mu: Any, k_p: float) -> float:
    """Return alpha_V = (<V, P>_mu - |mu|^2) / K_P (Lemma C.1)."""
    total = 0.0
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            total += (value[n, m] - mu[n]) * transition[n, m] * mu[m]
    return total / k_p


@jit
def attention_squares(
    attention: Any, positions: Any, weights: Any, counts: Any, alpha: float, out: Any
) -> None:
    """Fill out (N, 3): squared distances of rows from alpha Q + (1 - alpha)/T, Q and 1/T.

    Each difference is taken before it is squared, so that small distances stay accurate.
    """
    vocab_size, seq_len = attention.shape
    uniform = 1.0 / seq_len
    base = (1.0 - alpha) / seq_len
    lanes = np.zeros((3, 8))
    for k in range(vocab_size):
        lanes[:] = 0.0
        a = attention[k]
        line = truth = flat = 0.0
        begin = 0
        for j in range(counts[k] + 1):
            end = positions[k, j] if j < counts[k] else seq_len
            _segment(a, begin, end, base, uniform, lanes)
            if j < counts[k]:
                value, q = a[end], weights[k, j]
                line += (value - alpha * q - base) ** 2
                truth += (value - q) ** 2
                flat += (value - uniform) ** 2
            begin = end + 1
        out[k, 0] = line + lanes[0].sum()
        out[k, 1] = truth + lanes[1].sum()
        out[k, 2] = flat + lanes[2].sum()


@jit
def _segment(a: Any, begin: int, end: int, base: float, uniform: float, lanes: Any) -> None:
    """Add the squares of a segment without attended positions, lane by lane."""
    whole = begin + (end - begin) // 8 * 8
    for i in range(begin, whole, 8):
        for lane in range(8):
            value = a[i + lane]
            lanes[0, lane] += (value - base) * (value - base)
            lanes[1, lane] += value * value
            lanes[2, lane] += (value - uniform) * (value - uniform)
    for i in range(whole, end):
        value = a[i]
        lanes[0, 0] += (value - base) * (value - base)
        lanes[1, 0] += value * value
        lanes[2, 0] += (value - uniform) * (value - uniform)
