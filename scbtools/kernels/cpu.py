"""The mini-batch gradient on the CPU, and the step of A that follows from it, in one call.

Samples are ordered by last token, so that the samples that share a row of A come together: the
row is put into fixed point, used, and updated while it is in cache, and rows without samples
cost nothing. `passes.py` holds the phases, `workspace.py` the cut into chunks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit, parallel
from scbtools.kernels import passes
from scbtools.kernels.passes import Rule
from scbtools.kernels.stream import STRIP
from scbtools.kernels.sums import clear, exponent_above, lane_sum_abs
from scbtools.kernels.tables import Tables
from scbtools.kernels.tokens import draw_target, token_at
from scbtools.kernels.workspace import Chunk, Workspace, next_chunk, start_chunks, workspace
from scbtools.stages import LIMIT

__all__ = [
    "Workspace",
    "draw_ends",
    "gradient",
    "measure_rows",
    "row_scale",
    "sweep",
    "threads_for",
    "transpose",
    "w_bound",
    "workspace",
]

_RAW = Rule(False, 0.0, 0.0, False)
_WORTH = 1 << 17  # tokens that are worth waking another thread


@jit
def measure_rows(attention: Any, out: Any) -> None:
    """Fill out (N,) with the rows' sums of absolute values, as `passes.update` keeps them."""
    for k in range(attention.shape[0]):
        total = 0.0
        for start in range(0, attention.shape[1], STRIP):
            total += lane_sum_abs(attention[k, start : start + STRIP])
        out[k] = total


@jit
def w_bound(l1: Any, value: Any) -> float:
    """Return a bound on |w|, or NaN where the parameters have diverged.

    |c| is at most the largest column sum L of |A|, and |w| at most max_m |V_m|^2 L + max |V| by
    Cauchy-Schwarz over the columns V_m.
    """
    longest = 0.0
    for total in l1:
        if not total <= LIMIT:
            return np.nan
        longest = max(longest, total)
    top, square = 0.0, 0.0
    for m in range(value.shape[1]):
        column = 0.0
        for n in range(value.shape[0]):
            v = abs(value[n, m])
            if not v <= LIMIT:
                return np.nan
            top = max(top, v)
            column += v * v
        square = max(square, column)
    return square * longest + top


@jit
def row_scale(bound: float) -> float:
    """Return the power of two that takes sums of at most `bound` to less than 2^61.

    Operands below 2^-900 lose accuracy, so that the scale does not overflow.
    """
    return float(2.0 ** (61 - max(exponent_above(bound), -900)))


@jit
def draw_ends(ws: Workspace, tables: Tables, key: Any, step: Any, batch: int, seq_len: int) -> None:
    """Draw last and target tokens, and order the samples by last token."""
    vocab_size = ws.v_rows.shape[0]
    begin = ws.begin
    clear(begin)
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
    for k in range(vocab_size, 0, -1):
        begin[k] = begin[k - 1]
    begin[0] = 0


@jit
def transpose(value: Any, out: Any) -> None:
    """Write the transpose of `value` to `out`."""
    for n in range(value.shape[0]):
        for m in range(value.shape[1]):
            out[m, n] = value[n, m]


_PREPARE, _PASS_ONE, _BETWEEN, _PASS_TWO, _UPDATE, _PROJECT = 0, 1, 2, 3, 4, 5


@jit
def _work(
    phase: Any, worker: Any, workers: int, ws: Workspace, tables: Tables, attention: Any,
    value: Any, mu: Any, key: Any, step: Any, first: int, samples: int, groups: int, rows: int,
    rule: Rule, w_scale: float, factor: float, out_a: Any, out_v: Any,
) -> None:  # fmt: skip
    """Do one worker's share of one phase."""
    chunk = Chunk(first, samples, groups, rows)
    if phase == _PREPARE:
        passes.prepare(worker, workers, ws, chunk, attention)
    elif phase == _PASS_ONE:
        passes.pass_one(worker, workers, ws, tables, chunk, key, step)
    elif phase == _BETWEEN:
        passes.between(worker, workers, ws, chunk, value, w_scale)
    elif phase == _PASS_TWO:
        passes.pass_two(worker, workers, ws, chunk)
        passes.add_value(worker, workers, ws, chunk.samples, out_v)
    elif phase == _UPDATE:
        passes.update(worker, workers, ws, chunk, rule, mu, factor, attention, out_a)
    else:
        passes.project(worker, workers, ws, chunk, attention)


@jit
def _combine(phase: Any, ws: Workspace, rows: int, rule: Rule, seq_len: int) -> None:
    """Add up what the workers left behind, in the order of positions."""
    for u in range(rows):
        if ws.done[u]:
            total = 0.0
            for block in ws.blocks[ws.slot[u]]:
                total += block
            if phase == _UPDATE and rule.l1 > 0.0:
                ws.shift[u] = (1.0 - total) / seq_len
            else:
                ws.l1[ws.row[u]] = total


@parallel
def sweep(
    ws: Workspace, tables: Tables, attention: Any, value: Any, mu: Any, key: Any, step: Any,
    batch: int, rule: Rule, out_a: Any, out_v: Any,
) -> bool:  # fmt: skip
    """Draw a batch, compute the raw gradient of V, and store the gradient of A or step along it.

    Parameters
    ----------
    ws : scratch from `workspace`, with l1 measured; as many workers as threads are used
    attention : (N, T) array, rows are columns of A; changed if `rule.train`
    value : (N, N) array
    mu : (N,) array
    key, step : the seed and the step of the token stream, uint64
    batch : samples, at most the workspace's
    rule : what becomes of A's gradient
    out_a, out_v : arrays to fill with means over the batch, shaped like `attention` (unless
        `rule.train`) and `value`

    Returns
    -------
    bool
        False, with nothing computed, where the parameters have diverged (see `LIMIT`).
    """
    vocab_size, seq_len = attention.shape
    bound = w_bound(ws.l1, value)
    if not bound >= 0.0:
        return False
    w_scale = row_scale(bound * batch)
    factor = 1.0 / w_scale / batch
    draw_ends(ws, tables, key, step, batch, seq_len)
    transpose(value, ws.v_rows)
    for k in range(vocab_size):
        ws.scale[k] = row_scale(ws.l1[k])
        for m in range(vocab_size):
            out_v[k, m] = 0.0
    together = 1
    while vocab_size ** (together + 1) <= ws.joint.shape[2]:
        together += 1
    every = not rule.train or rule.l1 > 0.0
    workers = ws.words.shape[0]
    start_chunks(ws)
    first, samples, groups, rows = next_chunk(ws, every, together)
    phase = np.int64(_PREPARE)
    # One loop over all phases, and one parallel function for all: each costs seconds to compile.
    # So does a second signature of `_work`, hence int64 where a constant would do.
    while rows > 0:
        for p in numba.prange(workers):
            _work(
                phase, np.int64(p), workers, ws, tables, attention, value, mu, key, step, first,
                samples, groups, rows, rule, w_scale, factor, out_a, out_v,
            )  # fmt: skip
        if phase >= _UPDATE and rule.train:
            _combine(phase, ws, rows, rule, seq_len)
        if phase == _PROJECT or (phase == _UPDATE and not (rule.train and rule.l1 > 0.0)):
            first, samples, groups, rows = next_chunk(ws, every, together)
            phase = np.int64(_PREPARE)
        else:
            phase += np.int64(1)
    for n in range(vocab_size):
        for m in range(vocab_size):
            out_v[n, m] /= batch
    return True


@contextlib.contextmanager
def threads_for(tokens: int) -> Iterator[int]:
    """Let numba use only as many threads as a step of `tokens` keeps busy; give their number.

    Waking a thread costs some microseconds, which is as long as a small step takes.
    """
    before = numba.get_num_threads()
    workers = min(before, 1 + tokens // _WORTH)
    if workers == before:
        yield workers
        return
    numba.set_num_threads(workers)
    try:
        yield workers
    finally:
        numba.set_num_threads(before)


def gradient(
    ws: Workspace, tables: Tables, attention: NDArray[np.float64], value: NDArray[np.float64],
    mu: NDArray[np.float64], key: Any, step: Any, batch: int, out_a: NDArray[np.float64],
    out_v: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Fill out_a (N, T) and out_v (N, N) with the raw gradients; see `sweep`."""
    measure_rows(attention, ws.l1)
    return bool(sweep(ws, tables, attention, value, mu, key, step, batch, _RAW, out_a, out_v))
