"""Products and steps of V, each in one written-out order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner, jit

__all__ = ["add_product", "descend", "precondition_value"]

Floats = NDArray[np.float64]


@inner
def add_product(rows: Floats, x: Floats, out: Floats) -> None:
    """Add x' rows to out: four rows at a time, yet in the order of one after the other.

    So the result does not depend on where a longer sum is cut.
    """
    whole = x.size // 4 * 4
    for m in range(0, whole, 4):
        x0, x1, x2, x3 = x[m], x[m + 1], x[m + 2], x[m + 3]
        for n in range(out.size):
            out[n] = (
                out[n]
                + rows[m, n] * x0
                + rows[m + 1, n] * x1
                + rows[m + 2, n] * x2
                + rows[m + 3, n] * x3
            )
    for m in range(whole, x.size):
        xm = x[m]
        for n in range(out.size):
            out[n] += rows[m, n] * xm


@jit
def precondition_value(gradient: Floats, mu: Floats, centred: bool) -> None:
    """Replace G by (I - 11'/N) G diag(1/mu) (I - mu c'), c = mu/|mu|^2 (eq. 4), or 1 if centred."""
    size = gradient.shape[0]
    square = 0.0
    for m in range(size):
        square += mu[m] * mu[m]
    for n in range(size):
        row = gradient[n]
        total, along = 0.0, 0.0
        for m in range(size):
            total += row[m]
            row[m] /= mu[m]
            along += row[m] * mu[m]
        along /= square
        for m in range(size):
            row[m] -= total if centred else along * mu[m]
    for m in range(size):
        mean = 0.0
        for n in range(size):
            mean += gradient[n, m]
        mean /= size
        for n in range(size):
            gradient[n, m] -= mean


@jit
def descend(matrix: Floats, gradient: Floats, eta: float) -> None:
    """Subtract eta times the gradient."""
    for n in range(matrix.shape[0]):
        row, grad = matrix[n], gradient[n]
        for m in range(row.size):
            row[m] -= eta * grad[m]
