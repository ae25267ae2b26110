"""Sums whose bits do not depend on the machine: floats in fixed lanes, or fixed point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner

__all__ = ["clear", "exponent_above", "lane_sum", "lane_sum_abs", "to_fixed", "to_fixed_row"]

Floats = NDArray[np.float64]

LANES = 8


@inner
def clear(x: NDArray[Any]) -> None:
    """Set a 1-D array to zero. Assigning to a slice would take seconds to compile."""
    for i in range(x.size):
        x[i] = 0


@inner
def lane_sum(x: Floats) -> float:
    """Return the sum of a 1-D array, taken in eight interleaved lanes.

    One written-out order: the compiler may put the lanes in wide registers, it may not reorder.
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        s0 += x[i]
        s1 += x[i + 1]
        s2 += x[i + 2]
        s3 += x[i + 3]
        s4 += x[i + 4]
        s5 += x[i + 5]
        s6 += x[i + 6]
        s7 += x[i + 7]
    for i in range(whole, x.size):
        s0 += x[i]
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@inner
def lane_sum_abs(x: Floats) -> float:
    """Return the sum of absolute values of a 1-D array, in the order of `lane_sum`."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        s0 += abs(x[i])
        s1 += abs(x[i + 1])
        s2 += abs(x[i + 2])
        s3 += abs(x[i + 3])
        s4 += abs(x[i + 4])
        s5 += abs(x[i + 5])
        s6 += abs(x[i + 6])
        s7 += abs(x[i + 7])
    for i in range(whole, x.size):
        s0 += abs(x[i])
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@inner
def exponent_above(bound: float) -> int:
    """Return an integer e with |bound| < 2^e, read off the float's own exponent."""
    e = 0
    while bound >= 1.0:
        bound *= 0.5
        e += 1
    while 0.0 < bound < 0.5:
        bound *= 2.0
        e -= 1
    return e


@inner
def to_fixed(x: float, scale: float) -> np.int64:
    """Return x * scale as int64, rounded to nearest (halves away from zero)."""
    scaled = x * scale
    return np.int64(scaled + (0.5 if scaled >= 0.0 else -0.5))


@inner
def to_fixed_row(values: Floats, scale: float, out: NDArray[np.int64]) -> None:
    """Fill out with `to_fixed` of every value."""
    for t in range(out.size):
        out[t] = to_fixed(values[t], scale)
