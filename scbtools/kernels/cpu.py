"""The mini-batch gradient on the CPU: sample, forward and both gradients in one call.

For each sample, with k = x_{T+1} and a = A[:, k] (science of the loss: eq. 3 of the paper):

    pass one   c = X a              one number per token: the attention that lands on it
    between    r = V c - e_{x_o},  w = V' r
    pass two   gradient of V += r c',  gradient of a_t += w[x_t]

No one-hot matrix, no (B, T, N) array. The sums over positions (c) and over samples (A's gradient)
are integers with a power-of-two scale that cannot overflow, so that no split of the work and no
vector width changes a bit. V's sums over samples run in one fixed order in plain float64.

Samples are ordered by last token, so that consecutive ones share a row of A. They are taken in
chunks whose tokens stay in cache between the passes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit, parallel
from scbtools.kernels.sums import exponent_above, lane_sum_abs, to_fixed
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

__all__ = [
    "LIMIT",
    "Workspace",
    "add_value",
    "draw_ends",
    "gradient",
    "residual",
    "scales",
    "transpose",
    "workspace",
]

_TILE = 4 * STRIP  # positions of one row of A that are worked on at once: 16 kB
_TOKEN_BYTES = 1 << 19  # token buffer per worker: half a usual second-level cache
_CHUNK = 4096  # samples at most between the passes
LIMIT = 1e6
"""Largest column sum of |A|, and entry of |V|, that is not yet called divergence."""


class Workspace(NamedTuple):
    """Scratch arrays of one training run: O(N T + B), whatever the batch."""

    fixed: NDArray[np.int64]  # (N, T) attention in fixed point
    totals: NDArray[np.int64]  # (W, N) its row sums, by worker
    words: NDArray[np.uint32]  # (W, 4, 256) random bits of a tile
    tokens: NDArray[Any]  # (S, padded T) tokens of a chunk
    partial: NDArray[np.int64]  # (W, S, N) c in fixed point, by worker
    c: NDArray[np.float64]  # (S, N)
    r: NDArray[np.float64]  # (S, N)
    w: NDArray[np.float64]  # (S, N)
    w_fixed: NDArray[np.int64]  # (S, N)
    v_rows: NDArray[np.float64]  # (N, N) transpose of V
    last: NDArray[np.int64]  # (B,)
    target: NDArray[np.int64]  # (B,)
    order: NDArray[np.int64]  # (B,) samples by last token


def workspace(vocab_size: int, seq_len: int, batch_size: int, workers: int) -> Workspace:
    """Return scratch arrays for `gradient` on batches of up to `batch_size`."""
    dtype = np.dtype(np.uint8 if vocab_size <= 256 else np.uint16)
    padded = -(-seq_len // STRIP) * STRIP
    room = _TOKEN_BYTES * workers // (padded * dtype.itemsize)
    chunk = max(1, min(batch_size, room, _CHUNK, max(64, (1 << 20) // vocab_size)))
    small = (chunk, vocab_size)
    return Workspace(
        fixed=np.empty((vocab_size, seq_len), np.int64),
        totals=np.empty((workers, vocab_size), np.int64),
        words=np.empty((workers, 4, _TILE // 8), np.uint32),
        tokens=np.empty((chunk, padded), dtype),
        partial=np.empty((workers, *small), np.int64),
        c=np.empty(small),
        r=np.empty(small),
        w=np.empty(small),
        w_fixed=np.empty(small, np.int64),
        v_rows=np.empty((vocab_size, vocab_size)),
        last=np.empty(batch_size, np.int64),
        target=np.empty(batch_size, np.int64),
        order=np.empty(batch_size, np.int64),
    )


# --- scales -----------------------------------------------------------------------------------


@jit
def scales(attention: Any, value: Any, batch_size: int) -> tuple[float, float]:
    """Return the fixed-point scales of a and w, or (0, 0) where the parameters have diverged.

    |c| is at most the largest column sum L of |A|, and |w| at most max_m |V_m|^2 L + max |V| by
    Cauchy-Schwarz over the columns V_m. Sums of `batch_size` of them stay under 2^62. Operands
    below 2^-900 lose accuracy, so that no scale overflows.
    """
    l1 = 0.0
    for k in range(attention.shape[0]):
        row = lane_sum_abs(attention[k])
        if not row <= LIMIT:
            return 0.0, 0.0
        l1 = max(l1, row)
    top, square = 0.0, 0.0
    for m in range(value.shape[1]):
        column = 0.0
        for n in range(value.shape[0]):
            v = abs(value[n, m])
            if not v <= LIMIT:
                return 0.0, 0.0
            top = max(top, v)
            column += v * v
        square = max(square, column)
    w = square * l1 + top
    for_a, for_w = max(exponent_above(l1), -900), max(exponent_above(w * batch_size), -900)
    return 2.0 ** (61 - for_a), 2.0 ** (61 - for_w)


# --- the phases, each for one worker ------------------------------------------------------------


@jit
def _share(total: int, worker: int, workers: int, grain: int) -> tuple[int, int]:
    """Return the worker's range of 0 .. total - 1, cut at multiples of `grain`."""
    grains = -(-total // grain)
    low = grains * worker // workers * grain
    high = grains * (worker + 1) // workers * grain
    return min(low, total), min(high, total)


@jit
def _prepare(
    worker: int, workers: int, ws: Workspace, attention: Any, scale: Any, out: Any
) -> None:
    """Put the worker's positions of A into fixed point and clear its part of the gradient."""
    t0, t1 = _share(attention.shape[1], worker, workers, STRIP)
    for k in range(attention.shape[0]):
        row, fixed, grad = attention[k, t0:t1], ws.fixed[k, t0:t1], out[k, t0:t1]
        total = np.int64(0)
        for t in range(row.size):
            fixed[t] = to_fixed(row[t], scale)
            total += fixed[t]
            grad[t] = 0
        ws.totals[worker, k] = total


@jit
def _add_masked(tokens: Any, a: Any, c: Any) -> None:
    """Add a to the first two entries of c, by masks: the fast way for N <= 3.

    The last entry follows from the row's total, in `_between`.
    """
    first, second = np.int64(0), np.int64(0)
    for t in range(a.size):
        value = a[t]
        first += value if tokens[t] == 0 else 0
        second += value if tokens[t] == 1 else 0
    c[0] += first
    if c.size > 2:
        c[1] += second


@jit
def _add_scattered(tokens: Any, a: Any, c: Any) -> None:
    """Add a_t to c[x_t] for every position."""
    for t in range(a.size):
        c[tokens[t]] += a[t]


@jit
def _pass_one(
    worker: int, workers: int, ws: Workspace, tables: Tables, key: Any, step: Any, chunk: Any
) -> None:
    """Draw tokens of the chunk's samples and sum c over the worker's share.

    Long sequences are shared out by position, short ones by sample.
    """
    fixed, partial, tokens, last = ws.fixed, ws.partial, ws.tokens, ws.last
    seq_len, vocab_size = fixed.shape[1], fixed.shape[0]
    if seq_len >= workers * STRIP:
        t0, t1 = _share(seq_len, worker, workers, STRIP)
        s0, s1, slot = 0, chunk.size, worker
    else:
        t0, t1 = 0, seq_len
        s0, s1 = _share(chunk.size, worker, workers, 1)
        slot = 0
    partial[slot, s0:s1] = 0
    words = ws.words[worker]
    bits = words.view(np.uint16)
    thresholds, high, table = tables.token, tables.high, tables.table
    for start in range(t0, t1, _TILE):
        size = min(_TILE, t1 - start)
        n, first = counters_for(size), start // STRIP * 64
        w0, w1, w2, w3 = words[0, :n], words[1, :n], words[2, :n], words[3, :n]
        drawn = start + -(-size // SEGMENT) * SEGMENT
        for s in range(s0, s1):
            i = chunk[s]
            row = tokens[s, start:drawn]
            fill_bits(w0, w1, w2, w3, key, step, i, first)
            if table.size > 1:
                look_up(row, bits, table, thresholds, key, step, i, start)
            elif compare(row, bits, high):
                refine(row, thresholds, key, step, i, start)
            a = fixed[last[i], start : start + size]
            if vocab_size <= 3:
                _add_masked(row, a, partial[slot, s])
            else:
                _add_scattered(row, a, partial[slot, s])


@jit
def residual(ws: Workspace, value: Any, s: int, target: Any) -> None:
    """Compute r = V c - e_target and w = V' r of sample s, in one fixed order."""
    vocab_size = value.shape[0]
    c, r, w = ws.c[s], ws.r[s], ws.w[s]
    r[:] = 0.0
    for m in range(vocab_size):
        v, cm = ws.v_rows[m], c[m]
        for n in range(vocab_size):
            r[n] += v[n] * cm
    r[target] -= 1.0
    w[:] = 0.0
    for n in range(vocab_size):
        v, rn = value[n], r[n]
        for m in range(vocab_size):
            w[m] += v[m] * rn


@jit
def _between(
    worker: int, workers: int, ws: Workspace, value: Any, chunk: Any, a_scale: Any, w_scale: Any
) -> None:
    """Turn the sums of pass one into c, r and w for the worker's samples of the chunk."""
    vocab_size, seq_len = ws.fixed.shape
    slots = workers if seq_len >= workers * STRIP else 1
    s0, s1 = _share(chunk.size, worker, workers, 1)
    for s in range(s0, s1):
        i = chunk[s]
        c = ws.partial[0, s]
        for slot in range(1, slots):
            c += ws.partial[slot, s]
        if vocab_size <= 3:
            c[vocab_size - 1] = ws.totals[:, ws.last[i]].sum() - c[: vocab_size - 1].sum()
        for n in range(vocab_size):
            ws.c[s, n] = c[n] / a_scale
        residual(ws, value, s, ws.target[i])
        for n in range(vocab_size):
            ws.w_fixed[s, n] = to_fixed(ws.w[s, n], w_scale)


@jit
def _add_selected(tokens: Any, w: Any, out: Any) -> None:
    """Add w[x_t] to out_t by selection: the fast way for N <= 3."""
    w0, w1, w2 = w[0], w[1], w[w.size - 1]
    for t in range(out.size):
        token = tokens[t]
        out[t] += w0 if token == 0 else (w1 if token == 1 else w2)


@jit
def _add_looked_up(tokens: Any, w: Any, out: Any) -> None:
    """Add w[x_t] to out_t by look-up."""
    for t in range(out.size):
        out[t] += w[tokens[t]]


@jit
def _pass_two(worker: int, workers: int, ws: Workspace, chunk: Any, out: Any) -> None:
    """Add the chunk to the gradient of A at the worker's positions."""
    tokens, last, w_fixed = ws.tokens, ws.last, ws.w_fixed
    vocab_size, seq_len = out.shape
    t0, t1 = _share(seq_len, worker, workers, STRIP if seq_len >= workers * STRIP else 16)
    for start in range(t0, t1, _TILE):
        stop = min(start + _TILE, t1)
        for s in range(chunk.size):
            row = out[last[chunk[s]], start:stop]
            if vocab_size <= 3:
                _add_selected(tokens[s, start:stop], w_fixed[s], row)
            else:
                _add_looked_up(tokens[s, start:stop], w_fixed[s], row)


@jit
def add_value(worker: int, workers: int, ws: Workspace, count: int, out: Any) -> None:
    """Add r c' of the first `count` samples of the chunk to the worker's rows of V's gradient."""
    vocab_size = out.shape[0]
    n0, n1 = _share(vocab_size, worker, workers, 1)
    for n in range(n0, n1):
        row = out[n]
        for s in range(count):
            rn, c = ws.r[s, n], ws.c[s]
            for m in range(vocab_size):
                row[m] += rn * c[m]


@jit
def _finish(worker: int, workers: int, out: Any, fixed: Any, w_scale: Any, batch: int) -> None:
    """Turn the worker's fixed-point sums, in place, into means over the batch."""
    t0, t1 = _share(out.shape[1], worker, workers, STRIP)
    factor = 1.0 / w_scale / batch
    for k in range(out.shape[0]):
        grad, total = out[k, t0:t1], fixed[k, t0:t1]
        for t in range(grad.size):
            grad[t] = total[t] * factor


@jit
def draw_ends(ws: Workspace, tables: Tables, key: Any, step: Any, batch: int, seq_len: int) -> None:
    """Draw last and target tokens, and order the samples by last token."""
    vocab_size = ws.v_rows.shape[0]
    begin = np.zeros(vocab_size + 1, np.int64)
    for i in range(batch):
        k = token_at(tables.token, key, step, i, seq_len)
        ws.last[i] = k
        ws.target[i] = draw_target(tables, key, step, i, k)
        begin[k + 1] += 1
    for k in range(vocab_size):
        begin[k + 1] += begin[k]
    for i in range(batch):
        k = ws.last[i]
        ws.order[begin[k]] = i
        begin[k] += 1


@jit
def transpose(value: Any, out: Any) -> None:
    """Write the transpose of `value` to `out`."""
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            out[m, n] = value[n, m]


# --- all phases, on one thread or many ----------------------------------------------------------

_PREPARE, _PASS_ONE, _BETWEEN, _PASS_TWO, _FINISH = 0, 1, 2, 3, 4


@jit
def _work(
    phase: int, worker: Any, workers: int, ws: Workspace, tables: Tables, attention: Any,
    value: Any, key: Any, step: Any, chunk: Any, a_scale: float, w_scale: float, batch: int,
    out_a: Any, out_v: Any,
) -> None:  # fmt: skip
    """Do one worker's share of one phase."""
    if phase == _PREPARE:
        _prepare(worker, workers, ws, attention, a_scale, out_a.view(np.int64))
    elif phase == _PASS_ONE:
        _pass_one(worker, workers, ws, tables, key, step, chunk)
    elif phase == _BETWEEN:
        _between(worker, workers, ws, value, chunk, a_scale, w_scale)
    elif phase == _PASS_TWO:
        _pass_two(worker, workers, ws, chunk, out_a.view(np.int64))
        add_value(worker, workers, ws, chunk.size, out_v)
    else:
        _finish(worker, workers, out_a, out_a.view(np.int64), w_scale, batch)


@parallel
def gradient(
    ws: Workspace, tables: Tables, attention: Any, value: Any, key: Any, step: Any, batch: int,
    out_a: Any, out_v: Any,
) -> bool:  # fmt: skip
    """Compute the raw mini-batch gradients of A and V, averaged over the batch.

    Parameters
    ----------
    ws : scratch from `workspace`; its number of workers is the number of threads used
    attention : (N, T) array, rows are columns of A
    value : (N, N) array
    key, step : the seed and the step of the token stream, uint64
    batch : samples, at most the workspace's
    out_a, out_v : arrays to fill, shaped like `attention` and `value`

    Returns
    -------
    bool
        False, with nothing computed, where the parameters have diverged (see `LIMIT`).
    """
    a_scale, w_scale = scales(attention, value, batch)
    if a_scale == 0.0:
        return False
    draw_ends(ws, tables, key, step, batch, attention.shape[1])
    transpose(value, ws.v_rows)
    for n in range(out_v.shape[0]):
        for m in range(out_v.shape[1]):
            out_v[n, m] = 0.0
    size = ws.c.shape[0]
    chunks = -(-batch // size)
    # One loop over all phases, and one parallel function for all: each costs seconds to compile.
    workers = ws.words.shape[0]
    for turn in range(3 * chunks + 2):
        at = max(turn - 1, 0) // 3 * size
        chunk = ws.order[at : min(at + size, batch)]
        if turn == 0:
            phase = _PREPARE
        elif turn == 3 * chunks + 1:
            phase = _FINISH
        else:
            phase = _PASS_ONE + (turn - 1) % 3
        for p in numba.prange(workers):
            _work(
                phase, np.int64(p), workers, ws, tables, attention, value, key, step, chunk,
                a_scale, w_scale, batch, out_a, out_v,
            )  # fmt: skip
    for n in range(out_v.shape[0]):
        for m in range(out_v.shape[1]):
            out_v[n, m] /= batch
    return True
