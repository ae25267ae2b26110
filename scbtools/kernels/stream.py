"""Where the stream keeps the bits of a token, as plain scalar functions.

Token t of sample i at step tau under seed s is a pure function of (s, tau, i, t). Positions come
in strips of 512, and a strip takes 64 consecutive counters of four words each: word w of the
strip's counter j holds positions 128 w + 2 j (low half) and 128 w + 2 j + 1 (high half). Laid out
like this, a loop over counters fills four arrays in order, which is what vectorises.

A counter's four words are (its number, sample, step, stream). The 16 bits of the stream HIGH
decide the token unless a threshold shares its upper half with them; then 16 more bits from the
stream LOW, same counter and lane, decide. The last token x_{T+1} is position T of the same
stream; the target token has a stream of its own.

Compiled once for the CPU (`tokens.py`) and once for the GPU (`cuda.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["HIGH", "LOW", "SEGMENT", "STRIP", "TARGET", "address", "invert"]

STRIP = 512  # positions whose bits come from 64 consecutive counters
SEGMENT = 128  # positions of a strip that share a word

HIGH, LOW, TARGET = np.uint64(0), np.uint64(1), np.uint64(2)  # a counter's last word


def address(t: Any) -> Any:
    """Return (counter, word, shift) of position t: its 16 bits are (words[word] >> shift)."""
    strip, place = t // STRIP, t % STRIP
    word, lane = place // SEGMENT, place % SEGMENT
    return strip * 64 + lane // 2, word, lane % 2 * 16


def invert(thresholds: Any, u: Any) -> Any:
    """Return how many of the ascending thresholds u reaches, by bisection."""
    low, high = 0, thresholds.size
    while low < high:
        middle = (low + high) // 2
        if np.uint64(thresholds[middle]) <= u:
            low = middle + 1
        else:
            high = middle
    return low
