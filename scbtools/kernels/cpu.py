"""A training step on the CPU: one sequential function, `run`, that does a worker's share.

For each sample, with k = x_{T+1} and a = A[:, k] (eq. 3 of the paper):

    draw tokens; c = X a, one number per token: the attention that lands on it
    r = V c - e_{x_o},  w = V' r
    gradient of V += r c',  gradient of a_t += w[x_t]

No one-hot matrix, no (B, T, N) array. Samples are ordered by last token, so that the samples that
share a row of A come together: the row is put into fixed point, used, and updated while it is in
cache, and rows without samples cost nothing. A worker takes a contiguous share of the ordered
samples, and finishes rows that lie within it on the spot. Rows cut by a border are added up
afterwards. The sums over positions (c) and over samples (A's gradient) are integers with a
power-of-two scale that cannot overflow, so that no cut changes a bit. V's sums over samples run
in one fixed order in plain float64.

Nothing here allocates, and nothing but `run` is called from Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner, jit
from scbtools.kernels import joint
from scbtools.kernels.arrays import Batch, Desk, Model, Rule, Turn
from scbtools.kernels.bounds import measure_rows, row_scale, stays, w_bound
from scbtools.kernels.measure import Truth, reached
from scbtools.kernels.stream import STRIP
from scbtools.kernels.sums import clear, lane_sum, lane_sum_abs, to_fixed, to_fixed_row
from scbtools.kernels.tokens import TILE, Place, Tables, draw_row, draw_target, token_at
from scbtools.kernels.value import add_product, descend, precondition_value
from scbtools.stages import DIVERGED, RAN, REACHED

__all__ = [
    "BEGIN", "END", "JOIN", "MEASURE", "SHARE", "STEP", "VALUES", "run",
]  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASURE, BEGIN, SHARE, JOIN, VALUES, END = 1, 2, 4, 8, 16, 32
"""Parts of a step, each done by one worker but SHARE and VALUES, which all do."""

STEP = MEASURE | BEGIN | SHARE | JOIN | VALUES | END

_SPAN = 8 * TILE  # positions of a row that stay in the second-level cache for all samples
_LOW, _HALF = np.int64(0xFFFFFFFF), np.int64(32)


# --- before the shares ----------------------------------------------------------------------


@inner
def _draw_ends(batch: Batch, tables: Tables, key: np.uint64, step: np.uint64, seq_len: int) -> None:
    """Draw last and target tokens, and order the samples by last token."""
    last, target, order, begin = batch.last, batch.target, batch.order, batch.begin
    clear(begin)
    for i in range(last.size):
        place = Place(key, step, np.uint64(i))
        k = token_at(tables.token, place, seq_len)
        last[i] = k
        target[i] = draw_target(tables, place, k)
        begin[k + 1] += 1
    for k in range(begin.size - 1):
        begin[k + 1] += begin[k]
    for i in range(last.size):
        k = last[i]
        order[begin[k]] = i
        begin[k] += 1
    for k in range(begin.size - 1, 0, -1):
        begin[k] = begin[k - 1]
    begin[0] = 0


@inner
def _begin(
    model: Model, batch: Batch, tables: Tables, key: np.uint64, step: np.uint64, w: float
) -> None:
    """Get a step ready: ends of the samples, scales, an empty gradient of V."""
    scale, sizes, value = model.scale, model.sizes, model.value
    for k in range(sizes.size):
        scale[k] = row_scale(sizes[k])
        clear(model.grad_V[k])
        for m in range(sizes.size):
            model.value_rows[m, k] = value[k, m]
    scale[sizes.size] = row_scale(w * batch.last.size)
    _draw_ends(batch, tables, key, step, model.attention.shape[1])


# --- a worker's share -----------------------------------------------------------------------


@inner
def _residual(model: Model, batch: Batch, desk: Desk, at: int, target: int, s: int) -> None:
    """Turn c of a sample into r = V c - e_target, and w = V' r in fixed point."""
    c, r, w, n = batch.c[at], batch.r[at], desk.w, desk.w.size
    clear(r)
    add_product(model.value_rows, c, r)
    r[target] -= 1.0
    clear(w)
    add_product(model.value, r, w)
    to_fixed_row(w, model.scale[n], desk.partial[s])


@inner
def _land(
    desk: Desk, order: Ints, first: int, count: int, start: int, size: int, tables: Tables,
    key: np.uint64, step: np.uint64,
) -> None:  # fmt: skip
    """Draw positions start .. start + size - 1 of `count` samples, and add up c."""
    vocab_size, together = desk.w.size, desk.together
    a, both = desk.fixed[start : start + size], desk.tables[0]
    partial, codes, words, tally = desk.partial, desk.codes, desk.words, desk.tally
    limits, high, table = tables.token, tables.high, tables.table
    for g in range(-(-count // together)):
        s0, s1 = g * together, min((g + 1) * together, count)
        row, unit = codes[g, start:], 1
        for s in range(s0, s1):
            place = Place(key, step, np.uint64(order[first + s]))
            draw_row(row, size, words, tally, high, table, limits, np.uint16(unit), place, start)
            unit *= vocab_size
        if s1 == s0 + 1:
            joint.add_at(row, a, partial[s0])
        else:
            clear(both[:unit])
            joint.add_at(row, a, both[:unit])
            joint.marginals(both[:unit], vocab_size, partial[s0:s1])


@inner
def _spread(desk: Desk, sums: Ints, count: int, start: int, size: int, fresh: bool) -> None:
    """Add w[x_t] of `count` samples to a stretch of the gradient, two groups at a time."""
    together = desk.together
    groups, g = -(-count // together), 0
    out, codes = sums[start : start + size], desk.codes
    first, second = desk.tables[0], desk.tables[1]
    while g < groups:
        size = joint.fill_table(desk.partial, g * together, count, together, first)
        if g + 1 < groups:
            more = joint.fill_table(desk.partial, (g + 1) * together, count, together, second)
            joint.add_looked_up_twice(
                codes[g, start:], first[:size], codes[g + 1, start:], second[:more], out, fresh
            )
        else:
            joint.add_looked_up(codes[g, start:], first[:size], out, fresh)
        fresh = False
        g += 2


@inner
def _row_gradient(
    model: Model, batch: Batch, tables: Tables, desk: Desk, sums: Ints, first: int, stop: int,
    start: int, key: np.uint64, step: np.uint64,
) -> None:  # fmt: skip
    """Set `sums` to the gradient that the ordered samples first .. stop - 1 give to their row."""
    seq_len, vocab_size = desk.fixed.size, desk.w.size
    unit = 1.0 / model.scale[batch.last[batch.order[first]]]  # a power of two
    most = min(desk.partial.shape[0], desk.codes.shape[0] * desk.together)
    fresh = True
    for at in range(first, stop, most):
        count = min(most, stop - at)
        for s in range(count):
            clear(desk.partial[s])
        for t in range(0, seq_len, _SPAN):
            size = min(_SPAN, seq_len - t)
            _land(desk, batch.order, at, count, t, size, tables, key, step)
        for s in range(count):
            c = batch.c[at - start + s]
            for n in range(vocab_size):
                c[n] = desk.partial[s, n] * unit
            _residual(model, batch, desk, at - start + s, batch.target[batch.order[at + s]], s)
        for t in range(0, seq_len, _SPAN):
            _spread(desk, sums, count, t, min(_SPAN, seq_len - t), fresh)
        fresh = False


@inner
def _finish(model: Model, truth: Truth, rule: Rule, k: int, sums: Ints) -> None:
    """Store the gradient of row k of A, or take its step (eq. 4, eq. 6), and measure it.

    With a penalty the row is shifted to sum 1; without one, the projected gradient keeps its sum.
    """
    row, seq_len, l1, total, mean = model.attention[k], sums.size, rule.l1, 0.0, 0.0
    rate = 1.0 / model.scale[model.sizes.size] / rule.batch  # takes fixed point to the gradient
    if not rule.train:
        out = model.grad_A[k]
        for t in range(seq_len):
            out[t] = sums[t] * rate
        return
    rate = rule.eta_A * rate
    if rule.preconditioned:
        upper, lower = np.int64(0), np.int64(0)  # a plain sum could overflow
        for t in range(seq_len):
            upper += sums[t] >> _HALF
            lower += sums[t] & _LOW
        mean, rate = (float(upper) * 4294967296.0 + float(lower)) / seq_len, rate / truth.mu[k]
    for start in range(0, seq_len, STRIP):
        some, g = row[start : start + STRIP], sums[start : start + STRIP]
        if l1 > 0.0:
            for t in range(some.size):
                moved = some[t] - rate * (g[t] - mean)
                some[t] = max(moved - l1, 0.0) + min(moved + l1, 0.0)
            total += lane_sum(some)
        else:
            for t in range(some.size):
                some[t] -= rate * (g[t] - mean)
            total += lane_sum_abs(some)
    if l1 > 0.0:
        shift, total = (1.0 - total) / seq_len, 0.0
        for start in range(0, seq_len, STRIP):
            some = row[start : start + STRIP]
            for t in range(some.size):
                some[t] += shift
            total += lane_sum_abs(some)
    model.sizes[k] = total


@inner
def _frozen_share(
    model: Model, batch: Batch, tables: Tables, desk: Desk, low: int, stop: int, start: int,
    key: np.uint64, step: np.uint64,
) -> None:  # fmt: skip
    """Find c and r of samples low .. stop - 1 from the positions where A is not zero.

    The stream can be read at any place, so this has the bits of drawing all positions.
    """
    fixed = desk.partial[0]
    for at in range(low, stop):
        i = batch.order[at]
        k, c = batch.last[i], batch.c[at - start]
        place = Place(key, step, np.uint64(i))
        clear(fixed)
        for j in range(model.begin[k], model.begin[k + 1]):
            t = model.kept[j]
            fixed[token_at(tables.token, place, t)] += to_fixed(
                model.attention[k, t], model.scale[k]
            )
        for n in range(c.size):
            c[n] = fixed[n] / model.scale[k]
        _residual(model, batch, desk, at - start, batch.target[i], 0)


@inner
def _share(
    model: Model, truth: Truth, rule: Rule, batch: Batch, tables: Tables, desk: Desk, turn: Turn,
    stop: int, key: np.uint64, step: np.uint64,
) -> None:  # fmt: skip
    """Do a worker's share of the round's samples; rows that it holds whole are finished."""
    p, workers, start = turn.worker, turn.workers, turn.start
    low, high = start + (stop - start) * p // workers, start + (stop - start) * (p + 1) // workers
    if rule.frozen:
        _frozen_share(model, batch, tables, desk, low, high, start, key, step)
        return
    for k in range(model.sizes.size):
        begin, end = batch.begin[k], batch.begin[k + 1]
        if begin == end:
            # Without samples there is a penalty to apply, or a zero to store.
            if start == 0 and k % workers == p and (not rule.train or rule.l1 > 0.0):
                clear(desk.sums)
                _finish(model, truth, rule, k, desk.sums)
            continue
        first, final = max(begin, low), min(end, high)
        if first >= final:
            continue
        whole = begin >= low and end <= high
        sums = desk.sums if whole else batch.cuts[2 * p + (0 if begin < low else 1)]
        to_fixed_row(model.attention[k], model.scale[k], desk.fixed)
        _row_gradient(model, batch, tables, desk, sums, first, final, start, key, step)
        if whole:
            _finish(model, truth, rule, k, sums)


# --- after the shares -----------------------------------------------------------------------


@inner
def _join(model: Model, truth: Truth, rule: Rule, batch: Batch, turn: Turn, stop: int) -> None:
    """Add up the rows that borders between shares cut, and finish those that end here."""
    start, workers = turn.start, turn.workers
    if rule.frozen or (workers == 1 and start == 0 and stop == rule.batch):
        return
    total = batch.cuts[2 * workers]
    for k in range(model.sizes.size):
        begin, end = batch.begin[k], batch.begin[k + 1]
        fresh, cut = begin >= start, False
        for p in range(workers):
            low = start + (stop - start) * p // workers
            high = start + (stop - start) * (p + 1) // workers
            if max(begin, low) < min(end, high) and not (begin >= low and end <= high):
                cut = True
                part = batch.cuts[2 * p + (0 if begin < low else 1)]
                for t in range(total.size):
                    total[t] = part[t] + (0 if fresh else total[t])
                fresh = False
        if cut and end <= stop:
            _finish(model, truth, rule, k, total)


@inner
def _add_values(model: Model, batch: Batch, turn: Turn, count: int) -> None:
    """Add r c' of the round's samples to the worker's rows of V's gradient."""
    grad, c = model.grad_V, batch.c[:count]
    size = grad.shape[0]
    for n in range(size * turn.worker // turn.workers, size * (turn.worker + 1) // turn.workers):
        add_product(c, batch.r[:count, n], grad[n])


@inner
def _end(model: Model, truth: Truth, rule: Rule) -> bool:
    """Average V's gradient and step along it; return whether the target is met."""
    grad = model.grad_V
    for n in range(grad.shape[0]):
        for m in range(grad.shape[0]):
            grad[n, m] /= rule.batch
    if not rule.train:
        return False
    if rule.preconditioned:
        precondition_value(grad, truth.mu, rule.centred)
    descend(model.value, grad, rule.eta_V)
    return reached(model.attention, model.value, truth, rule.kind, rule.target)


@jit
def run(
    n: int, turn: Turn, rule: Rule, key: np.uint64, step: int, model: Model, truth: Truth,
    tables: Tables, batch: Batch, desk: Desk,
) -> tuple[int, int]:  # fmt: skip
    """Take up to n steps in place, from step `step` of the stream on, or a worker's part of one.

    Parameters
    ----------
    turn : which parts of a step; n is 1 unless it is all of them
    rule : one step's rule. Without `train`, one batch's raw gradients are stored.
    key : the seed, uint64

    Returns
    -------
    (int, int)
        Steps taken, and RAN, REACHED (the target, after the last of them) or DIVERGED: the next
        could carry parameters beyond LIMIT, and was not taken.
    """
    parts, size, some = turn.parts, rule.batch, batch.c.shape[0]
    for i in range(n):
        now = np.uint64(step + i)
        if parts & MEASURE and i == 0:
            measure_rows(model.attention, model.sizes)
        if parts & BEGIN:
            w = w_bound(model.sizes, model.value)
            if not stays(model, truth.mu, rule, w):
                return i, DIVERGED
            _begin(model, batch, tables, key, now, w)
        start = turn.start
        while parts & (SHARE | JOIN | VALUES):
            stop = min(start + some, size)
            this = Turn(parts, turn.worker, turn.workers, start)
            if parts & SHARE:
                _share(model, truth, rule, batch, tables, desk, this, stop, key, now)
            if parts & JOIN:
                _join(model, truth, rule, batch, this, stop)
            if parts & VALUES:
                _add_values(model, batch, this, stop - start)
            start = stop
            if parts != STEP or start == size:
                break
        if parts & END and _end(model, truth, rule):
            return i + 1, REACHED
    return n, RAN
