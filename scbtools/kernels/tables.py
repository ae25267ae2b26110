"""What the kernels need to know of a task, as plain arrays: integer thresholds instead of laws.

A token is drawn by inverting a distribution function: with u uniform on 0 .. 2^32 - 1 and
thresholds h_n = round(2^32 (p_0 + ... + p_n)), it is the number of thresholds that u reaches.
Each probability is met to 2^-32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPARE_LIMIT", "Tables", "build_tables", "thresholds"]

COMPARE_LIMIT = 11
"""Largest vocabulary whose tokens are found by comparing with every threshold; above, by table."""

FLAG = np.uint16(0x8000)
"""Mark of a token that 16 bits do not decide."""


class Tables(NamedTuple):
    """A task, ready for the kernels."""

    token: NDArray[np.uint32]  # (N - 1,) thresholds of mu
    high: NDArray[np.uint16]  # (M,) their upper halves, padded with 0xFFFF to M = 2
    table: NDArray[np.uint16]  # (65536,) token of each 16-bit draw, or (1,) if not used
    positions: NDArray[np.int64]  # (N, S) attended positions of each last token
    attended: NDArray[np.uint32]  # (N, S - 1) thresholds of their weights
    target: NDArray[np.uint32]  # (N, N - 1) row k: thresholds of P[:, k]


def thresholds(probabilities: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the (..., n - 1) thresholds of distributions along the last axis.

    The last threshold would be 2^32, which no draw reaches, so it is left out. One that rounds
    up to 2^32 for want of probability behind it is moved to 2^32 - 1.
    """
    steps = np.rint(np.cumsum(probabilities, axis=-1)[..., :-1] * 2.0**32)
    return np.minimum(steps, 2.0**32 - 1).astype(np.uint32)


def build_tables(
    stationary: NDArray[np.float64],
    transition: NDArray[np.float64],
    positions: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> Tables:
    """Return the integer tables of a task.

    Parameters
    ----------
    stationary : (N,) array
    transition : (N, N) array, columns are distributions
    positions, weights : (N, S) arrays, rows padded with weight 0
    """
    token = thresholds(stationary)
    high = (token >> np.uint32(16)).astype(np.uint16)
    return Tables(
        token=token,
        high=_padded(high),
        table=_bucket_table(high) if len(stationary) > COMPARE_LIMIT else np.zeros(1, np.uint16),
        positions=np.ascontiguousarray(positions),
        attended=thresholds(weights),
        target=thresholds(np.ascontiguousarray(transition.T)),
    )


def _padded(high: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the upper halves, at least two of them.

    Padding with 0xFFFF adds nothing to the count and only sends the draw 0xFFFF to refinement,
    which knows the true thresholds.
    """
    padded = np.full(max(2, high.size), 0xFFFF, np.uint16)
    padded[: high.size] = high
    return padded


def _bucket_table(high: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the token of each 16-bit draw, FLAG where a threshold falls in its bucket.

    Tokens that look like FLAG leave no room for it: then every draw is refined.
    """
    if high.size >= FLAG:
        return np.full(65536, FLAG)
    table = np.searchsorted(high, np.arange(65536), side="left").astype(np.uint16)
    table[high] = FLAG
    return table
