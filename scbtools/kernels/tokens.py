"""Tokens: what the kernels know of a task, and which random bits mean which token.

A token is drawn by inverting a distribution function: with u uniform on 0 .. 2^32 - 1 and
thresholds h_n = round(2^32 (p_0 + ... + p_n)), it is the number of thresholds that u reaches.
Each probability is met to 2^-32. `stream.py` says where the bits are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner, jit
from scbtools.kernels import stream
from scbtools.kernels.stream import HIGH, LOW, SEGMENT, STRIP, TARGET
from scbtools.kernels.sums import clear

__all__ = [
    "COMPARE_LIMIT", "TILE", "Place", "Tables", "build_tables", "draw_batch", "draw_row",
    "draw_target", "new_scratch", "thresholds", "token_at",
]  # fmt: skip

COMPARE_LIMIT = 11
"""Largest vocabulary whose tokens are found by comparing with every threshold; above, by table."""

FLAG = np.uint16(0x8000)
"""Mark of a token that 16 bits do not decide."""

TILE = 4 * STRIP
"""Positions whose random words are drawn at once: 16 kB."""

_FLAG_BIT = np.uint16(15)
_FLAGS = np.uint64(0x8000800080008000)  # FLAG in every 16 bits
_LOW32, _LOW16 = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_WORD, _HALF = np.uint64(32), np.uint64(16)

Codes = NDArray[np.uint16]
Words = NDArray[np.uint32]

_philox = inner(stream.philox4x32)
_address = inner(stream.address)
_invert = inner(stream.invert)


class Tables(NamedTuple):
    """A task, ready for the kernels."""

    token: NDArray[np.uint32]  # (N - 1,) thresholds of mu
    high: Codes  # (M,) their upper halves, padded with 0xFFFF to M = 2
    table: Codes  # (65536,) token of each 16-bit draw, or (1,) if not used
    positions: NDArray[np.int64]  # (N, S) attended positions of each last token
    attended: NDArray[np.uint32]  # (N, S - 1) thresholds of their weights
    target: NDArray[np.uint32]  # (N, N - 1) row k: thresholds of P[:, k]


class Place(NamedTuple):
    """A sample's place in the token stream."""

    key: np.uint64  # the seed
    step: np.uint64
    sample: np.uint64


# --- tables, made once a task ---------------------------------------------------------------


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
    """Return the integer tables of a task, read-only.

    Parameters
    ----------
    stationary : (N,) array
    transition : (N, N) array, columns are distributions
    positions, weights : (N, S) arrays, rows padded with weight 0
    """
    token = thresholds(stationary)
    high = (token >> np.uint32(16)).astype(np.uint16)
    # Padding with 0xFFFF adds nothing to a count and only sends the draw 0xFFFF to `_refine`,
    # which knows the true thresholds.
    padded = np.full(max(2, high.size), 0xFFFF, np.uint16)
    padded[: high.size] = high
    tables = Tables(
        token=token,
        high=padded,
        table=_bucket_table(high) if len(stationary) > COMPARE_LIMIT else np.zeros(1, np.uint16),
        positions=np.array(positions, order="C"),
        attended=thresholds(weights),
        target=thresholds(np.ascontiguousarray(transition.T)),
    )
    for array in tables:
        array.setflags(write=False)
    return tables


def _bucket_table(high: Codes) -> Codes:
    """Return the token of each 16-bit draw, FLAG where a threshold falls in its bucket.

    Tokens that look like FLAG leave no room for it: then every draw is refined.
    """
    if high.size >= FLAG:
        return np.full(65536, FLAG)
    table = np.searchsorted(high, np.arange(65536), side="left").astype(np.uint16)
    table[high] = FLAG
    return table


# --- one token ------------------------------------------------------------------------------


@inner
def _half_word(place: Place, t: int, which: np.uint64) -> np.uint64:
    """Return the 16 bits that a stream holds for position t."""
    counter, word, shift = _address(t)
    key = place.key
    words = _philox(np.uint64(counter), place.sample, place.step, which, key & _LOW32, key >> _WORD)
    return np.uint64((words[word] >> np.uint64(shift)) & _LOW16)


@inner
def token_at(limits: Words, place: Place, t: int) -> int:
    """Return token t of a sample: the definition, which every faster path must match."""
    high = _half_word(place, t, HIGH) << _HALF
    token = _invert(limits, high)
    if token < limits.size and np.uint64(limits[token]) <= high | _LOW16:
        token = _invert(limits, high | _half_word(place, t, LOW))
    return int(token)


@inner
def draw_target(tables: Tables, place: Place, last: int) -> int:
    """Return the token to predict: s ~ q^(last), then x_o ~ P[:, x_s]."""
    key = place.key
    w0, w1, _, _ = _philox(
        np.uint64(0), place.sample, place.step, TARGET, key & _LOW32, key >> _WORD
    )
    slot = _invert(tables.attended[last], w0 & _LOW32)
    source = token_at(tables.token, place, tables.positions[last, slot])
    return int(_invert(tables.target[source], w1 & _LOW32))


# --- rows of tokens -------------------------------------------------------------------------


def new_scratch(seq_len: int, groups: int = 1) -> tuple[Words, Codes, Codes]:
    """Return what drawing needs: words (4, W), tally (S,) and codes (groups, whole segments)."""
    width = TILE // 8
    room = np.empty(5 * width + 16, np.uint32)
    # From the beginning of a cache line: where vectors straddle two, drawing is much slower.
    words = room[-room.ctypes.data % 64 // 4 :][: 5 * width].reshape(5, width)
    codes: Codes = np.empty((groups, -(-seq_len // SEGMENT) * SEGMENT), np.uint16)
    return words[:4], words[4].view(np.uint16)[:SEGMENT], codes


@inner
def _fill_bits(words: Words, size: int, place: Place, start: int) -> None:
    """Draw the words of `size` positions from `start` on, where a strip begins."""
    full, rest = size // STRIP, size % STRIP
    count = full * 64 + (64 if rest >= SEGMENT else (rest + 1) // 2)
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    k0, k1, first = place.key & _LOW32, place.key >> _WORD, start // 8
    for j in range(count):
        counter = np.uint64(np.uint32(first + j))
        a, b, c, d = _philox(counter, place.sample, place.step, HIGH, k0, k1)
        w0[j], w1[j], w2[j], w3[j] = np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


@inner
def _add_by_two(codes: Codes, bits: Codes, h0: np.uint16, h1: np.uint16, unit: np.uint16) -> None:
    """Add unit times the tokens of a row for N <= 3, FLAG where the draw is undecided."""
    zero, twice = np.uint16(0), np.uint16(unit + unit)
    for segment in range(codes.size // SEGMENT):
        low = segment // 4 * SEGMENT
        source = bits[segment % 4, low : low + SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            b = source[i]
            add = unit if b > h0 else zero
            add = twice if b > h1 else add
            add = FLAG if b == h0 else add
            add = FLAG if b == h1 else add
            row[i] += add


@inner
def _add_by_counting(codes: Codes, bits: Codes, high: Codes, tally: Codes, unit: np.uint16) -> None:
    """Add unit times the tokens of a row by comparing with every threshold."""
    for segment in range(codes.size // SEGMENT):
        low = segment // 4 * SEGMENT
        source = bits[segment % 4, low : low + SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        for i in range(SEGMENT):
            tally[i] = 0
        for h in high:
            for i in range(SEGMENT):
                b = source[i]
                tally[i] = (tally[i] + np.uint16(b > h)) | (np.uint16(b == h) << _FLAG_BIT)
        for i in range(SEGMENT):
            row[i] += FLAG if tally[i] >= FLAG else unit * tally[i]


@inner
def _add_by_table(codes: Codes, bits: Codes, table: Codes, unit: np.uint16) -> None:
    """Add unit times the tokens of a row by table, FLAG where the draw is undecided."""
    for segment in range(codes.size // SEGMENT):
        low = segment // 4 * SEGMENT
        source = bits[segment % 4, low : low + SEGMENT]
        row = codes[segment * SEGMENT : (segment + 1) * SEGMENT]
        if unit == 1:
            for i in range(SEGMENT):
                row[i] = table[source[i]]
        else:
            for i in range(SEGMENT):
                token = table[source[i]]
                row[i] += FLAG if token >= FLAG else unit * token


@inner
def _refine(row: Codes, limits: Words, unit: np.uint16, place: Place, start: int) -> None:
    """Replace flags by unit times the token that all 32 bits give."""
    fours = row.view(np.uint64)
    found = np.uint64(0)
    for i in range(fours.size):
        found |= fours[i]
    if found & _FLAGS == 0:
        return
    for i in range(fours.size):
        if fours[i] & _FLAGS != 0:
            for at in range(4 * i, 4 * i + 4):
                if row[at] >= FLAG:
                    token = token_at(limits, place, start + at)
                    row[at] = np.uint16(row[at] - FLAG + unit * token)


@inner
def draw_row(
    codes: Codes, size: int, words: Words, tally: Codes, high: Codes, table: Codes, limits: Words,
    unit: np.uint16, place: Place, start: int,
) -> None:  # fmt: skip
    """Add unit times a sample's tokens from position `start` on to `size` numbers.

    Parameters
    ----------
    codes : uint16 row, 8-byte aligned, with room for whole segments; with unit 1 it is overwritten
    words, tally : scratch from `new_scratch`
    high, table, limits : as in `Tables` (limits is its `token`)
    unit : uint16, N^j for the sample's place j in its group
    start : where a strip begins
    """
    bits = words.view(np.uint16)
    for at in range(0, size, TILE):
        some = min(TILE, size - at)
        _fill_bits(words, some, place, start + at)
        row = codes[at : at + -(-some // SEGMENT) * SEGMENT]
        if table.size > 1:
            _add_by_table(row, bits, table, unit)
        else:
            if unit == 1:
                clear(row)
            if high.size <= 2:
                _add_by_two(row, bits, high[0], high[1], unit)
            else:
                _add_by_counting(row, bits, high, tally, unit)
        _refine(row, limits, unit, place, start + at)


@jit
def draw_batch(
    tables: Tables, key: np.uint64, step: np.uint64, words: Words, tally: Codes, codes: Codes,
    tokens: Any, last: Any, target: Any,
) -> None:  # fmt: skip
    """Fill tokens (B, T), last (B,) and target (B,) with one step of the stream.

    words, tally, codes : scratch from `new_scratch`
    """
    limits, high, table = tables.token, tables.high, tables.table
    size = tokens.shape[1]
    for i in range(tokens.shape[0]):
        place = Place(key, step, np.uint64(i))
        draw_row(codes[0], size, words, tally, high, table, limits, np.uint16(1), place, 0)
        row = tokens[i]
        for t in range(size):
            row[t] = codes[0, t]
        last[i] = token_at(limits, place, size)
        target[i] = draw_target(tables, place, last[i])
