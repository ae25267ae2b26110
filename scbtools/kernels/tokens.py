"""Drawing tokens: which random bits belong to which token, and which token they mean.

`stream.py` says where the bits are. The hot functions take plain arrays, not the tables as a
whole: handing a tuple of arrays around counts references, atomically, once per array and call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import inline, jit
from scbtools.kernels import stream
from scbtools.kernels.stream import HIGH, LOW, SEGMENT, STRIP, TARGET
from scbtools.kernels.sums import clear
from scbtools.kernels.tables import FLAG, Tables

__all__ = ["add_tokens", "counters_for", "draw_target", "fill_bits", "token_at"]

_FLAG_BIT = np.uint16(15)
_FLAGS = np.uint64(0x8000800080008000)  # FLAG in every 16 bits
_LOW32, _LOW16 = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_WORD, _HALF = np.uint64(32), np.uint64(16)

_philox_inline = inline(stream.philox4x32)
_philox = jit(stream.philox4x32)
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
    high = _half_word(key, step, sample, t, HIGH) << _HALF
    token = _invert(thresholds, high)
    if token < thresholds.size and np.uint64(thresholds[token]) <= high | _LOW16:
        token = _invert(thresholds, high | _half_word(key, step, sample, t, LOW))
    return int(token)


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
def _add_by_two(codes: Any, bits: Any, h0: Any, h1: Any, unit: Any) -> None:
    """Add unit times the tokens of a row for N <= 3, FLAG where the draw is undecided."""
    zero, twice = np.uint16(0), np.uint16(unit + unit)
    for segment in range(codes.size // SEGMENT):
        strip, word = segment // 4, segment % 4
        source = bits[word, strip * SEGMENT : (strip + 1) * SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            b = source[i]
            add = unit if b > h0 else zero
            add = twice if b > h1 else add
            add = FLAG if b == h0 else add
            add = FLAG if b == h1 else add
            row[i] += add


@jit
def _add_by_counting(codes: Any, bits: Any, high: Any, tally: Any, unit: Any) -> None:
    """Add unit times the tokens of a row by comparing with every threshold."""
    for segment in range(codes.size // SEGMENT):
        strip, word = segment // 4, segment % 4
        source = bits[word, strip * SEGMENT : (strip + 1) * SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            tally[i] = 0
        for h in high:
            for i in range(SEGMENT):
                b = source[i]
                tally[i] = (tally[i] + np.uint16(b > h)) | (np.uint16(b == h) << _FLAG_BIT)
        for i in range(SEGMENT):
            row[i] += FLAG if tally[i] >= FLAG else unit * tally[i]


@jit
def _set_by_table(codes: Any, bits: Any, table: Any) -> None:
    """Set the tokens of a row by table, FLAG where the draw is undecided."""
    for segment in range(codes.size // SEGMENT):
        source = bits[segment % 4, segment // 4 * SEGMENT : (segment // 4 + 1) * SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            row[i] = table[source[i]]


@jit
def _add_by_table(codes: Any, bits: Any, table: Any, unit: Any) -> None:
    """Add unit times the tokens of a row by table, FLAG where the draw is undecided."""
    for segment in range(codes.size // SEGMENT):
        source = bits[segment % 4, segment // 4 * SEGMENT : (segment // 4 + 1) * SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            token = table[source[i]]
            row[i] += FLAG if token >= FLAG else unit * token


@jit
def _refine(
    codes: Any, thresholds: Any, unit: Any, key: Any, step: Any, sample: Any, start: Any
) -> None:
    """Replace flags by unit times the token that all 32 bits give."""
    fours = codes.view(np.uint64)
    found = np.uint64(0)
    for i in range(fours.size):
        found |= fours[i]
    if found & _FLAGS == 0:
        return
    for i in range(fours.size):
        if fours[i] & _FLAGS != 0:
            for at in range(4 * i, 4 * i + 4):
                if codes[at] >= FLAG:
                    token = token_at(thresholds, key, step, sample, start + at)
                    codes[at] = np.uint16(codes[at] - FLAG + unit * token)


@jit
def add_tokens(
    codes: Any, bits: Any, high: Any, table: Any, thresholds: Any, tally: Any, unit: Any, key: Any,
    step: Any, sample: Any, start: Any,
) -> None:  # fmt: skip
    """Add unit times the tokens of a sample to a row of numbers that begins at `start`.

    Parameters
    ----------
    codes : uint16 row, whole segments, 8-byte aligned; with unit 1 it is overwritten
    bits : (4, 2 W) uint16 view of the random words
    high, table, thresholds : as in `Tables`
    tally : (SEGMENT,) uint16 scratch
    unit : uint16, N^j for the sample's place j in its group
    """
    if table.size > 1:
        if unit == 1:
            _set_by_table(codes, bits, table)
        else:
            _add_by_table(codes, bits, table, unit)
    else:
        if unit == 1:
            clear(codes)
        if high.size <= 2:
            _add_by_two(codes, bits, high[0], high[1], unit)
        else:
            _add_by_counting(codes, bits, high, tally, unit)
    _refine(codes, thresholds, unit, key, step, sample, start)
