"""Whole batches of tokens, stored: for looking at, for references, and for other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import jit
from scbtools.kernels.tables import Tables
from scbtools.kernels.tokens import (
    SEGMENT,
    STRIP,
    compare,
    counters_for,
    draw_target,
    fill_bits,
    look_up,
    refine,
    token_at,
)

__all__ = ["draw_batch"]


@jit
def draw_batch(tables: Tables, key: Any, step: Any, tokens: Any, last: Any, target: Any) -> None:
    """Fill tokens (B, T), last (B,) and target (B,) with one step of the stream."""
    thresholds, high, table = tables.token, tables.high, tables.table
    seq_len = tokens.shape[1]
    n = counters_for(seq_len)
    words = np.empty((4, -(-seq_len // STRIP) * 64), np.uint32)
    bits = words.view(np.uint16)
    row = np.empty(-(-seq_len // SEGMENT) * SEGMENT, tokens.dtype)
    for i in range(tokens.shape[0]):
        fill_bits(words[0, :n], words[1, :n], words[2, :n], words[3, :n], key, step, i, 0)
        if table.size > 1:
            look_up(row, bits, table, thresholds, key, step, i, 0)
        elif compare(row, bits, high):
            refine(row, thresholds, key, step, i, 0)
        tokens[i] = row[:seq_len]
        last[i] = token_at(thresholds, key, step, i, seq_len)
        target[i] = draw_target(tables, key, step, i, last[i])
