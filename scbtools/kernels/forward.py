"""The forward pass on stored tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import jit

__all__ = ["predict_batch"]


@jit
def predict_batch(attention: Any, value: Any, tokens: Any, last: Any, out: Any) -> None:
    """Fill out (B, N) with V X a, where a is row `last` of the (N, T) attention."""
    c = np.empty(value.shape[0])
    for i in range(tokens.shape[0]):
        c[:] = 0.0
        a = attention[last[i]]
        for t in range(a.size):
            c[tokens[i, t]] += a[t]
        for n in range(c.size):
            total = 0.0
            for m in range(c.size):
                total += value[n, m] * c[m]
            out[i, n] = total
