"""Several tokens as one number: sums and look-ups for a whole group of samples at once.

The tokens x_0 .. x_{m-1} of m samples at one position make the number x_0 + x_1 N + x_2 N^2 + ...
One addition into a table of N^m sums, and one look-up in a table of N^m values, then serve m
samples. Sums are integers, so that the detour changes no bit.
"""

from __future__ import annotations

from typing import Any

from scbtools._jit import inner

__all__ = ["add_at", "add_looked_up", "add_looked_up_twice", "joint_table", "marginals"]


@inner
def add_at(codes: Any, values: Any, out: Any) -> None:
    """Add values[t] to out[codes[t]] for every position."""
    for t in range(values.size):
        out[codes[t]] += values[t]


@inner
def marginals(table: Any, vocab_size: int, out: Any) -> None:
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
def joint_table(values: Any, table: Any) -> None:
    """Fill the table (N^m,) with sums of one value per digit, row j of values (m, N)."""
    vocab_size = values.shape[1]
    block = vocab_size
    first = values[0]
    for i in range(block):
        table[i] = first[i]
    for j in range(1, values.shape[0]):
        row, low = values[j], table[:block]
        for n in range(vocab_size - 1, -1, -1):
            part, more = table[n * block : (n + 1) * block], row[n]
            for i in range(block):
                part[i] = low[i] + more
        block *= vocab_size


@inner
def add_looked_up(codes: Any, table: Any, out: Any, fresh: bool) -> None:
    """Add table[codes[t]] to out[t] for every position; if fresh, to nothing."""
    if fresh:
        for t in range(out.size):
            out[t] = table[codes[t]]
    else:
        for t in range(out.size):
            out[t] += table[codes[t]]


@inner
def add_looked_up_twice(
    codes: Any, table: Any, more: Any, second: Any, out: Any, fresh: bool
) -> None:
    """Add what two groups have at each position: out is read and written once for both."""
    if fresh:
        for t in range(out.size):
            out[t] = table[codes[t]] + second[more[t]]
    else:
        for t in range(out.size):
            out[t] += table[codes[t]] + second[more[t]]


@inner
def fill_table(fixed: Any, first: int, count: int, together: int, room: Any) -> int:
    """Fill `room` with the sums of w over the digits of a group; return how many there are.

    The group begins at row `first` of fixed (S, N), and has `together` rows unless the first
    `count` rows end before.
    """
    last, size = min(first + together, count), 1
    for _ in range(first, last):
        size *= fixed.shape[1]
    joint_table(fixed[first:last], room[:size])
    return size
