"""The counter-based random generator, as plain scalar functions.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011) turns a 128-bit counter and a 64-bit key into 128 random bits. There is no state: the
bits of any counter can be had in any order, on any thread, on any device. The functions here are
plain Python, to be compiled once for the CPU and once for the GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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
