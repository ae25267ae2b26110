"""Updates of the parameters in place, on the (N, T) rows layout of attention."""

from __future__ import annotations

from typing import Any

from scbtools._jit import jit
from scbtools.kernels.sums import lane_sum

__all__ = [
    "descend",
    "precondition_attention",
    "precondition_value",
    "project_row",
    "proximal_step",
    "reflect",
    "round_rows",
    "threshold_rows",
]


@jit
def precondition_attention(gradient: Any, mu: Any) -> None:
    """Replace each row g by (g - mean g) / mu_k (eq. 4)."""
    seq_len = gradient.shape[1]
    for k in range(gradient.shape[0]):
        row = gradient[k]
        mean, weight = lane_sum(row) / seq_len, mu[k]
        for t in range(seq_len):
            row[t] = (row[t] - mean) / weight


@jit
def precondition_value(gradient: Any, mu: Any) -> None:
    """Replace G by (I - 11'/N) G diag(1/mu) (I - mu mu'/|mu|^2) (eq. 4)."""
    size = gradient.shape[0]
    square = 0.0
    for m in range(size):
        square += mu[m] * mu[m]
    for n in range(size):
        row = gradient[n]
        along = 0.0
        for m in range(size):
            row[m] /= mu[m]
            along += row[m] * mu[m]
        along /= square
        for m in range(size):
            row[m] -= along * mu[m]
    for m in range(size):
        mean = 0.0
        for n in range(size):
            mean += gradient[n, m]
        mean /= size
        for n in range(size):
            gradient[n, m] -= mean


@jit
def project_row(row: Any) -> None:
    """Shift a row so that it sums to 1."""
    shift = (1.0 - lane_sum(row)) / row.size
    for t in range(row.size):
        row[t] += shift


@jit
def proximal_step(attention: Any, gradient: Any, eta: float, l1: float) -> None:
    """Take a gradient step, soft-threshold by l1 itself, and project to sum 1 (eq. 6).

    With l1 = 0 there is nothing to threshold, and the projected gradient keeps the sum.
    """
    for k in range(attention.shape[0]):
        row, grad = attention[k], gradient[k]
        if l1 == 0.0:
            for t in range(row.size):
                row[t] -= eta * grad[t]
        else:
            for t in range(row.size):
                moved = row[t] - eta * grad[t]
                row[t] = max(moved - l1, 0.0) + min(moved + l1, 0.0)
            project_row(row)


@jit
def descend(matrix: Any, gradient: Any, eta: float) -> None:
    """Subtract eta times the gradient."""
    for n in range(matrix.shape[0]):
        row, grad = matrix[n], gradient[n]
        for m in range(row.size):
            row[m] -= eta * grad[m]


@jit
def threshold_rows(attention: Any, level: float) -> None:
    """Keep entries >= level, then project to sum 1 (E.1, E.2).

    What the kept entries lack of 1 is spread over all positions.
    """
    for k in range(attention.shape[0]):
        row = attention[k]
        for t in range(row.size):
            if row[t] < level:
                row[t] = 0.0
        project_row(row)


@jit
def round_rows(attention: Any, level: float) -> int:
    """Keep entries >= level and divide by their sum (F.1).

    Returns
    -------
    int
        -1, or the first row in which nothing reaches the level; then nothing is changed.
    """
    for k in range(attention.shape[0]):
        top = attention[k, 0]
        for t in range(attention.shape[1]):
            top = max(top, attention[k, t])
        if top < level:
            return k
    for k in range(attention.shape[0]):
        row = attention[k]
        for t in range(row.size):
            if row[t] < level:
                row[t] = 0.0
        total = lane_sum(row)
        for t in range(row.size):
            row[t] /= total
    return -1


@jit
def reflect(attention: Any, value: Any, mu: Any) -> None:
    """Replace A by 2/T - A and V by 2 mu 1' - V, which turns the sign of both signals.

    With D = V - mu 1' and E = A - 1/T, predictions are mu + D X (1/T + E): the product D X E
    does not see the sign, and D X 1 / T is mere sampling noise about D mu = 0.
    """
    twice = 2.0 / attention.shape[1]
    for k in range(attention.shape[0]):
        row = attention[k]
        for t in range(row.size):
            row[t] = twice - row[t]
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            value[n, m] = 2.0 * mu[n] - value[n, m]
