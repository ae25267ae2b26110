"""Drawing tokens: which random bits belong to which token, and which token they mean.

`stream.py` says where the bits are. The hot functions take plain arrays, not the tables as a
whole: handing a tuple of arrays around counts references, atomically, once per array and call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import inline, jit
from scbtools.kernels import philox, stream
from scbtools.kernels.stream import HIGH, LOW, SEGMENT, STRIP, TARGET
from scbtools.kernels.tables import UNDECIDED, Tables

__all__ = ["SEGMENT", "STRIP", "counters_for", "draw_target", "fill_bits", "token_at"]

_FLAG = np.uint64(0x8080808080808080)  # bit 7 of every byte: this token is undecided
_LOW32, _LOW16 = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_WORD, _HALF = np.uint64(32), np.uint64(16)

_philox_inline = inline(philox.philox4x32)
_philox = jit(philox.philox4x32)
_address = jit(stream.address)
_invert = jit(stream.invert)


@jit
def _half_word(key: Any, step: Any, sample: Any, t: Any, which: Any) -> Any:
    """Return the 16 bits that a stream holds for position t."""
    counter, word, shift = _address(t)
    words = _philox(
        np.uint64(counter), np.uint64(sample), np.uint64(step), which, key & _LOW32, key >> _WORD
    )
    return (words[word] >> np.uint64(shift)) & _LOW16


@jit
def token_at(thresholds: Any, key: Any, step: Any, sample: Any, t: Any) -> int:
    """Return token t of a sample: the definition, which every faster path must match."""
    high = _half_word(key, step, sample, t, HIGH)
    low = _half_word(key, step, sample, t, LOW)
    return int(_invert(thresholds, (high << _HALF) | low))


@jit
def draw_target(tables: Tables, key: Any, step: Any, sample: Any, last: Any) -> int:
    """Return the token to predict: s ~ q^(last), then x_o ~ P[:, x_s]."""
    w0, w1, _, _ = _philox(
        np.uint64(0), np.uint64(sample), np.uint64(step), TARGET, key & _LOW32, key >> _WORD
    )
    slot = _invert(tables.attended[last], w0 & _LOW32)
    source = token_at(tables.token, key, step, sample, tables.positions[last, slot])
    return int(_invert(tables.target[source], w1 & _LOW32))


@jit
def counters_for(size: Any) -> int:
    """Return how many counters hold the bits of `size` positions that begin a strip."""
    full, rest = size // STRIP, size % STRIP
    return int(full * 64 + (64 if rest >= SEGMENT else (rest + 1) // 2))


@jit
def fill_bits(
    w0: Any, w1: Any, w2: Any, w3: Any, key: Any, step: Any, sample: Any, first: Any
) -> None:
    """Fill four uint32 arrays with the words of consecutive counters from `first` on."""
    c1, c2 = np.uint64(sample), np.uint64(step)
    k0, k1 = key & _LOW32, key >> _WORD
    for j in range(w0.size):
        c0 = np.uint64(np.uint32(first + j))
        a, b, c, d = _philox_inline(c0, c1, c2, HIGH, k0, k1)
        w0[j], w1[j], w2[j], w3[j] = np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


@jit
def _compare_two(tokens: Any, bits: Any, h0: Any, h1: Any) -> None:
    """Tokens of a row for N <= 3, with bit 7 set where the draw is undecided."""
    for segment in range(tokens.size // SEGMENT):
        strip, word = segment // 4, segment % 4
        source = bits[word, strip * SEGMENT : (strip + 1) * SEGMENT]
        row = tokens[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            b = source[i]
            split = np.uint8((b == h0) | (b == h1)) << np.uint8(7)
            row[i] = np.uint8(b > h0) + np.uint8(b > h1) + split


@jit
def _compare_four(tokens: Any, bits: Any, h0: Any, h1: Any, h2: Any, h3: Any) -> None:
    """Add to the tokens of a row what four more thresholds count; flags are kept."""
    for segment in range(tokens.size // SEGMENT):
        strip, word = segment // 4, segment % 4
        source = bits[word, strip * SEGMENT : (strip + 1) * SEGMENT]
        row = tokens[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            b = source[i]
            count = np.uint8(b > h0) + np.uint8(b > h1) + np.uint8(b > h2) + np.uint8(b > h3)
            split = np.uint8((b == h0) | (b == h1) | (b == h2) | (b == h3)) << np.uint8(7)
            row[i] = (row[i] + count) | split


@jit
def compare(tokens: Any, bits: Any, high: Any) -> bool:
    """Map a row's bits to tokens by comparing with every threshold; return if any is undecided.

    Parameters
    ----------
    tokens : uint8 row, whole segments, 8-byte aligned
    bits : (4, 2 W) uint16 view of the random words
    high : padded upper halves of the thresholds
    """
    if high.size == 2:
        _compare_two(tokens, bits, high[0], high[1])
    else:
        tokens[:] = 0
        for g in range(0, high.size, 4):
            _compare_four(tokens, bits, high[g], high[g + 1], high[g + 2], high[g + 3])
    found = np.uint64(0)
    eights = tokens.view(np.uint64)
    for i in range(eights.size):
        found |= eights[i]
    return bool((found & _FLAG) != 0)


@jit
def refine(tokens: Any, thresholds: Any, key: Any, step: Any, sample: Any, start: Any) -> None:
    """Redraw the flagged tokens of a row that begins at position `start` from all 32 bits."""
    for i in range(tokens.size):
        if tokens[i] >= np.uint8(0x80):
            tokens[i] = token_at(thresholds, key, step, sample, start + i)


@jit
def look_up(
    tokens: Any,
    bits: Any,
    table: Any,
    thresholds: Any,
    key: Any,
    step: Any,
    sample: Any,
    start: Any,
) -> None:
    """Map a row's bits to tokens by table, undecided ones from all 32 bits."""
    for segment in range(tokens.size // SEGMENT):
        source = bits[segment % 4, segment // 4 * SEGMENT : (segment // 4 + 1) * SEGMENT]
        row = tokens[segment * SEGMENT : (segment + 1) * SEGMENT]
        for lane in range(SEGMENT):
            token = table[source[lane]]
            if token == UNDECIDED:
                t = start + segment * SEGMENT + lane
                token = np.uint16(token_at(thresholds, key, step, sample, t))
            row[lane] = token
