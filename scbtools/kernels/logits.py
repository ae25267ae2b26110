"""Attention as the softmax of logits, in place on the (N, T) rows layout."""

from __future__ import annotations

import math
from typing import Any

from scbtools._jit import jit
from scbtools.kernels.sums import lane_sum

__all__ = ["logit_step", "softmax_rows", "through_rows"]


@jit
def softmax_rows(logits: Any, attention: Any) -> None:
    """Fill each row of `attention` with the softmax of a row of logits."""
    for k in range(logits.shape[0]):
        row, out = logits[k], attention[k]
        top = row[0]
        for t in range(row.size):
            top = max(top, row[t])
        for t in range(row.size):
            out[t] = math.exp(row[t] - top)
        total = lane_sum(out)
        for t in range(row.size):
            out[t] /= total


@jit
def through_rows(attention: Any, gradient: Any) -> None:
    """Replace each row g by (diag(a) - a a') g, the gradient in the logits of a = softmax(w)."""
    for k in range(attention.shape[0]):
        row, grad = attention[k], gradient[k]
        for t in range(row.size):
            grad[t] *= row[t]
        mean = lane_sum(grad)
        for t in range(row.size):
            grad[t] -= mean * row[t]


@jit
def logit_step(logits: Any, gradient: Any, mu: Any, eta: float, preconditioned: bool) -> float:
    """Step along the gradient in the logits, over mu_k if preconditioned; return max |logit|.

    NaN among the logits is returned as such.
    """
    top = 0.0
    for k in range(logits.shape[0]):
        row, grad = logits[k], gradient[k]
        rate = eta / mu[k] if preconditioned else eta
        for t in range(row.size):
            row[t] -= rate * grad[t]
            size = abs(row[t])
            if not size <= top:
                top = size
    return top
