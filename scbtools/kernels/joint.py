"""Several tokens as one number: sums and look-ups for a whole group of samples at once.

The tokens x_0 .. x_{m-1} of m samples at one position make the number x_0 + x_1 N + x_2 N^2 + ...
One addition into a table of N^m sums, and one look-up in a table of N^m values, then serve m
samples. Sums are integers, so that the detour changes no bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner

__all__ = ["add_at", "add_looked_up", "add_looked_up_twice", "fill_table", "marginals"]

Codes = NDArray[np.uint16]
Ints = NDArray[np.int64]


@inner
def add_at(codes: Codes, values: Ints, out: Ints) -> None:
    """Add values[t] to out[codes[t]] for every position."""
    for t in range(values.size):
        out[codes[t]] += values[t]


@inner
def marginals(table: Ints, vocab_size: int, out: Ints) -> None:
    """Add to row j of out (m, N) the sums of the table over all digits but the j-th.

    The table (N^m,) is used up.
    """
    block = table.size
    for j in range(out.shape[0] - 1, 0, -1):
        block //= vocab_size
        row = out[j]
        low = table[:block]
        for n in range(vocab_size):
            part = table[n * block : (n + 1) * block]
            total = 0
            for i in range(block):
                total += part[i]
            row[n] += total
            if n > 0:
                for i in range(block):
                    low[i] += part[i]
    row = out[0]
    for n in range(vocab_size):
        row[n] += table[n]


@inner
def fill_table(fixed: Ints, first: int, count: int, together: int, room: Ints) -> int:
    """Fill `room` with sums of w, one value per digit of a group; return how many (N^m) there are.

    The group begins at row `first` of fixed (S, N), and has `together` rows unless the first
    `count` rows end before.
    """
    vocab_size = fixed.shape[1]
    size = vocab_size
    for i in range(size):
        room[i] = fixed[first, i]
    for j in range(first + 1, min(first + together, count)):
        row, low = fixed[j], room[:size]
        for n in range(vocab_size - 1, -1, -1):
            part, more = room[n * size : (n + 1) * size], row[n]
            for i in range(size):
                part[i] = low[i] + more
        size *= vocab_size
    return int(size)


@inner
def add_looked_up(codes: Codes, table: Ints, out: Ints, fresh: bool) -> None:
    """Add table[codes[t]] to out[t] for every position; if fresh, to nothing."""
    if fresh:
        for t in range(out.size):
            out[t] = table[codes[t]]
    else:
        for t in range(out.size):
            out[t] += table[codes[t]]


@inner
def add_looked_up_twice(
    codes: Codes, table: Ints, more: Codes, second: Ints, out: Ints, fresh: bool
) -> None:
    """Add what two groups have at each position: out is read and written once for both."""
    if fresh:
        for t in range(out.size):
            out[t] = table[codes[t]] + second[more[t]]
    else:
        for t in range(out.size):
            out[t] += table[codes[t]] + second[more[t]]
