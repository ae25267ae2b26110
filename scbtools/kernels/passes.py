"""The phases of a step on a chunk of samples, each for one worker.

For each sample, with k = x_{T+1} and a = A[:, k] (eq. 3 of the paper):

    prepare    rows of A into fixed point
    pass one   draw tokens; c = X a, one number per token: the attention that lands on it
    between    r = V c - e_{x_o},  w = V' r
    pass two   gradient of V += r c',  gradient of a_t += w[x_t]
    update     rows that are complete: their gradient, or their next value

No one-hot matrix, no (B, T, N) array. The sums over positions (c) and over samples (A's gradient)
are integers with a power-of-two scale that cannot overflow, so that no split of the work and no
vector width changes a bit. V's sums over samples run in one fixed order in plain float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scbtools._jit import inline, jit
from scbtools.kernels import joint
from scbtools.kernels.draws import draw_row
from scbtools.kernels.stream import STRIP
from scbtools.kernels.sums import clear, lane_sum, lane_sum_abs, to_fixed_row
from scbtools.kernels.tables import Tables
from scbtools.kernels.workspace import TILE, Chunk, Workspace

__all__ = [
    "Rule",
    "add_value",
    "between",
    "pass_one",
    "pass_two",
    "prepare",
    "project",
    "residual",
    "update",
]

_SPAN = 8 * TILE  # positions of a row that stay in the second-level cache for all samples
_LOW = np.int64(0xFFFFFFFF)
_HALF = np.int64(32)


class Rule(NamedTuple):
    """What becomes of the gradient of A."""

    train: bool  # take a step; otherwise store the raw gradient
    eta: float
    l1: float
    preconditioned: bool


@jit
def share(total: int, worker: int, workers: int, grain: int) -> tuple[int, int]:
    """Return the worker's range of 0 .. total - 1, cut at multiples of `grain`."""
    grains = -(-total // grain)
    low = grains * worker // workers * grain
    high = grains * (worker + 1) // workers * grain
    return min(low, total), min(high, total)


@jit
def _by_position(seq_len: int, workers: int) -> bool:
    """Return whether pass one is shared out by position, as long sequences are."""
    return seq_len >= workers * STRIP


@inline
def prepare(worker: int, workers: int, ws: Workspace, chunk: Chunk, attention: Any) -> None:
    """Put the worker's positions of new rows into fixed point.

    Pass two begins their sums; those of rows without samples are cleared here.
    """
    t0, t1 = share(attention.shape[1], worker, workers, 16)
    for u in range(chunk.rows):
        if ws.fresh[u]:
            k, slot = ws.row[u], ws.slot[u]
            row, fixed, sums = attention[k, t0:t1], ws.fixed[slot, t0:t1], ws.sums[slot, t0:t1]
            if ws.begin[k] == ws.begin[k + 1]:
                clear(sums)
            else:
                to_fixed_row(row, ws.scale[k], fixed)


@inline
def pass_one(
    worker: int, workers: int, ws: Workspace, tables: Tables, chunk: Chunk, key: Any, step: Any
) -> None:
    """Draw the chunk's tokens and sum c over the worker's share.

    Long sequences are shared out by position, short ones by sample.
    """
    thresholds, high, table = tables.token, tables.high, tables.table
    words, tally, codes = ws.words[worker], ws.tally[worker], ws.codes
    sums = ws.joint[worker, 0]
    vocab_size, seq_len = ws.l1.size, ws.fixed.shape[1]
    if _by_position(seq_len, workers):
        t0, t1 = share(seq_len, worker, workers, STRIP)
        g0, g1, partial = 0, chunk.groups, ws.partial[worker]
    else:
        t0, t1 = 0, seq_len
        g0, g1 = share(chunk.groups, worker, workers, 1)
        partial = ws.partial[0]
    for s in range(ws.group[g0], ws.group[g1]):
        clear(partial[s])
    for start in range(t0, t1, _SPAN):
        size = min(_SPAN, t1 - start)
        for g in range(g0, g1):
            s0, s1 = ws.group[g], ws.group[g + 1]
            row, unit = codes[g, start:], 1
            for s in range(s0, s1):
                draw_row(
                    row, size, words, tally, high, table, thresholds, np.uint16(unit), key, step,
                    ws.order[chunk.first + s], start,
                )  # fmt: skip
                unit *= vocab_size
            a = ws.fixed[ws.group_slot[g], start : start + size]
            if s1 == s0 + 1:
                joint.add_at(row, a, partial[s0])
            else:
                both = sums[:unit]
                clear(both)
                joint.add_at(row, a, both)
                joint.marginals(both, vocab_size, partial[s0:s1])


@jit
def add_product(rows: Any, x: Any, out: Any) -> None:
    """Add x' rows to out: four rows at a time, yet in the order of one after the other.

    So the result does not depend on where a longer sum is cut.
    """
    whole = x.size // 4 * 4
    for m in range(0, whole, 4):
        x0, x1, x2, x3 = x[m], x[m + 1], x[m + 2], x[m + 3]
        for n in range(out.size):
            out[n] = (
                out[n]
                + rows[m, n] * x0
                + rows[m + 1, n] * x1
                + rows[m + 2, n] * x2
                + rows[m + 3, n] * x3
            )
    for m in range(whole, x.size):
        xm = x[m]
        for n in range(out.size):
            out[n] += rows[m, n] * xm


@jit
def residual(value: Any, v_rows: Any, c: Any, target: Any, r: Any, w: Any) -> None:
    """Compute r = V c - e_target and w = V' r of a sample, in one fixed order."""
    clear(r)
    add_product(v_rows, c, r)
    r[target] -= 1.0
    clear(w)
    add_product(value, r, w)


@inline
def between(
    worker: int, workers: int, ws: Workspace, chunk: Chunk, value: Any, w_scale: float
) -> None:
    """Turn the sums of pass one into c, r and w for the worker's samples of the chunk."""
    slots = workers if _by_position(ws.fixed.shape[1], workers) else 1
    s0, s1 = share(chunk.samples, worker, workers, 1)
    partial, v_rows, all_c, all_r, w, fixed = ws.partial, ws.v_rows, ws.c, ws.r, ws.w, ws.w_fixed
    order, last, target, scales = ws.order, ws.last, ws.target, ws.scale
    for s in range(s0, s1):
        i = order[chunk.first + s]
        sums, c, unit = partial[0, s], all_c[s], 1.0 / scales[last[i]]  # a power of two
        for slot in range(1, slots):
            more = partial[slot, s]
            for n in range(c.size):
                sums[n] += more[n]
        for n in range(c.size):
            c[n] = sums[n] * unit
        residual(value, v_rows, c, target[i], all_r[s], w[s])
        to_fixed_row(w[s], w_scale, fixed[s])


@jit
def _values_of(ws: Workspace, g: int, table: Any) -> Any:
    """Return the table of sums of w over the digits of group g."""
    s0, s1 = ws.group[g], ws.group[g + 1]
    if s1 == s0 + 1:
        return ws.w_fixed[s0]
    size = 1
    for _ in range(s0, s1):
        size *= ws.l1.size
    joint.joint_table(ws.w_fixed[s0:s1], table[:size])
    return table[:size]


@inline
def pass_two(worker: int, workers: int, ws: Workspace, chunk: Chunk) -> None:
    """Add the chunk to the gradient of A at the worker's positions."""
    codes, slots = ws.codes, ws.group_slot
    first, second = ws.joint[worker, 0], ws.joint[worker, 1]
    t0, t1 = share(ws.fixed.shape[1], worker, workers, 16)
    for start in range(t0, t1, _SPAN):
        stop = min(start + _SPAN, t1)
        g = 0
        while g < chunk.groups:
            out, row = ws.sums[slots[g], start:stop], codes[g, start:stop]
            values, fresh = _values_of(ws, g, first), ws.group_begins[g]
            if g + 1 < chunk.groups and slots[g] == slots[g + 1]:
                others = codes[g + 1, start:stop]
                more = _values_of(ws, g + 1, second)
                joint.add_looked_up_twice(row, values, others, more, out, fresh)
                g += 2
            else:
                joint.add_looked_up(row, values, out, fresh)
                g += 1
    for u in range(chunk.rows):
        if ws.done[u]:
            upper, lower = np.int64(0), np.int64(0)
            sums = ws.sums[ws.slot[u], t0:t1]
            for t in range(sums.size):
                upper += sums[t] >> _HALF
                lower += sums[t] & _LOW
            ws.totals[worker, u, 0], ws.totals[worker, u, 1] = upper, lower


@inline
def add_value(worker: int, workers: int, ws: Workspace, count: int, out: Any) -> None:
    """Add r c' of the first `count` samples of the chunk to the worker's rows of V's gradient."""
    n0, n1 = share(out.shape[0], worker, workers, 1)
    c, r = ws.c[:count], ws.r[:count]
    for n in range(n0, n1):
        add_product(c, r[:, n], out[n])


@jit
def _mean(ws: Workspace, u: int, workers: int, seq_len: int) -> float:
    """Return the mean of a row's fixed-point sums; a plain sum could overflow."""
    upper, lower = np.int64(0), np.int64(0)
    for worker in range(workers):
        upper += ws.totals[worker, u, 0]
        lower += ws.totals[worker, u, 1]
    return (float(upper) * 4294967296.0 + float(lower)) / seq_len


@inline
def update(
    worker: int, workers: int, ws: Workspace, chunk: Chunk, rule: Rule, mu: Any, factor: float,
    attention: Any, out: Any,
) -> None:  # fmt: skip
    """Store the gradient of complete rows, or take a step (eq. 6) with them, and sum the result.

    With a penalty the sums are those of the entries, which `project` needs; without one, those of
    absolute values, and the projected gradient has kept the row's sum.
    """
    seq_len = attention.shape[1]
    t0, t1 = share(seq_len, worker, workers, STRIP)
    for u in range(chunk.rows):
        if not ws.done[u]:
            continue
        k, slot = ws.row[u], ws.slot[u]
        sums = ws.sums[slot]
        if not rule.train:
            row = out[k]
            for t in range(t0, t1):
                row[t] = sums[t] * factor
            continue
        row, mean, rate = attention[k], 0.0, rule.eta * factor
        if rule.preconditioned:
            mean, rate = _mean(ws, u, workers, seq_len), rate / mu[k]
        for start in range(t0, t1, STRIP):
            some, steps = row[start : min(start + STRIP, t1)], sums[start : min(start + STRIP, t1)]
            if rule.l1 > 0.0:
                for t in range(some.size):
                    moved = some[t] - rate * (steps[t] - mean)
                    some[t] = max(moved - rule.l1, 0.0) + min(moved + rule.l1, 0.0)
                ws.blocks[slot, start // STRIP] = lane_sum(some)
            else:
                for t in range(some.size):
                    some[t] -= rate * (steps[t] - mean)
                ws.blocks[slot, start // STRIP] = lane_sum_abs(some)


@inline
def project(worker: int, workers: int, ws: Workspace, chunk: Chunk, attention: Any) -> None:
    """Shift complete rows so that they sum to 1, and sum their absolute values."""
    seq_len = attention.shape[1]
    t0, t1 = share(seq_len, worker, workers, STRIP)
    for u in range(chunk.rows):
        if ws.done[u]:
            row, blocks, shift = attention[ws.row[u]], ws.blocks[ws.slot[u]], ws.shift[u]
            for start in range(t0, t1, STRIP):
                some = row[start : min(start + STRIP, t1)]
                for t in range(some.size):
                    some[t] += shift
                blocks[start // STRIP] = lane_sum_abs(some)
