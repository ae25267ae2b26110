"""Where the stream keeps the bits of a token, as plain scalar functions.

Token t of sample i at step tau under seed s is a pure function of (s, tau, i, t). Positions come
in strips of 512, and a strip takes 64 consecutive counters of four words each: word w of the
strip's counter j holds positions 128 w + 2 j (low half) and 128 w + 2 j + 1 (high half). Laid out
like this, a loop over counters fills four arrays in order, which is what vectorises.

A counter's four words are (its number, sample, step, stream). The 16 bits of the stream HIGH
decide the token unless a threshold shares its upper half with them; then 16 more bits from the
stream LOW, same counter and lane, decide. The last token x_{T+1} is position T of the same
stream; the target token has a stream of its own.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
as 1, 2, 3", SC 2011): it turns a 128-bit counter and a 64-bit key into 128 random bits. There is
no state, so the bits of any counter can be had in any order, on any thread, on any device.

Compiled once for the CPU (`tokens.py`) and once for the GPU (`cuda/kernels.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["HIGH", "LOW", "SEGMENT", "STRIP", "TARGET", "address", "invert", "philox4x32"]

STRIP = 512  # positions whose bits come from 64 consecutive counters
SEGMENT = 128  # positions of a strip that share a word

HIGH, LOW, TARGET = np.uint64(0), np.uint64(1), np.uint64(2)  # a counter's last word

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)


def philox4x32(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the four 32-bit words of Philox4x32-10, each in the low half of a uint64.

    Parameters are the counter's four words and the key's two, as uint64. High halves of what
    comes back are not cleaned: cast to uint32. Words stay in 64-bit lanes because a 32 by 32
    bit product is then one vector instruction that ignores the high halves by itself.
    """
    for _ in range(10):
        p0 = _MULTIPLIER_0 * (c0 & _LOW)
        p1 = _MULTIPLIER_1 * (c2 & _LOW)
        c0, c1, c2, c3 = (p1 >> _WORD) ^ c1 ^ k0, p1, (p0 >> _WORD) ^ c3 ^ k1, p0
        # Left uncleaned, the keys' carries stay above bit 32, where the next mask drops them.
        k0 = k0 + _WEYL_0
        k1 = k1 + _WEYL_1
    return c0, c1, c2, c3


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
