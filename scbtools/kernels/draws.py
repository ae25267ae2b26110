"""Whole batches of tokens, stored: for looking at, for references, and for other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import jit
from scbtools.kernels.stream import SEGMENT
from scbtools.kernels.tables import Tables
from scbtools.kernels.tokens import add_tokens, counters_for, draw_target, fill_bits, token_at
from scbtools.kernels.workspace import TILE

__all__ = ["draw_batch", "draw_row"]


@jit
def draw_row(
    codes: Any, size: Any, words: Any, tally: Any, high: Any, table: Any, thresholds: Any,
    unit: Any, key: Any, step: Any, sample: Any, start: Any,
) -> None:  # fmt: skip
    """Add unit times a sample's tokens from position `start` on to `size` numbers.

    See `add_tokens` for the parameters; words is scratch (4, TILE / 8) uint32, `start` begins a
    strip, and codes has room for whole segments.
    """
    bits = words.view(np.uint16)
    for at in range(0, size, TILE):
        some = min(TILE, size - at)
        n, first = counters_for(some), (start + at) // 8
        fill_bits(words[0, :n], words[1, :n], words[2, :n], words[3, :n], key, step, sample, first)
        row = codes[at : at + -(-some // SEGMENT) * SEGMENT]
        add_tokens(row, bits, high, table, thresholds, tally, unit, key, step, sample, start + at)


@jit
def draw_batch(tables: Tables, key: Any, step: Any, tokens: Any, last: Any, target: Any) -> None:
    """Fill tokens (B, T), last (B,) and target (B,) with one step of the stream."""
    thresholds, high, table = tables.token, tables.high, tables.table
    seq_len = tokens.shape[1]
    words = np.empty((4, TILE // 8), np.uint32)
    tally = np.empty(SEGMENT, np.uint16)
    codes = np.empty(-(-seq_len // SEGMENT) * SEGMENT, np.uint16)
    for i in range(tokens.shape[0]):
        draw_row(
            codes, seq_len, words, tally, high, table, thresholds, np.uint16(1), key, step, i, 0
        )
        row = tokens[i]
        for t in range(seq_len):
            row[t] = codes[t]
        last[i] = token_at(thresholds, key, step, i, seq_len)
        target[i] = draw_target(tables, key, step, i, last[i])
