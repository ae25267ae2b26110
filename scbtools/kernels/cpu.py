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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner, jit
from scbtools.kernels import joint
from scbtools.kernels.bounds import measure_rows, row_scale, stays, w_bound
from scbtools.kernels.measure import Truth, reached
from scbtools.kernels.stream import SEGMENT, STRIP
from scbtools.kernels.sums import clear, lane_sum, lane_sum_abs, to_fixed, to_fixed_row
from scbtools.kernels.tokens import (
    TILE,
    Place,
    Tables,
    draw_row,
    draw_target,
    new_scratch,
    token_at,
)
from scbtools.kernels.value import add_product, descend, precondition_value
from scbtools.stages import DIVERGED, NO_TARGET, RAN, REACHED

__all__ = [
    "BEGIN", "END", "JOIN", "MEASURE", "SHARE", "STEP", "VALUES", "Batch", "Desk", "Model", "Rule",
    "Turn", "batch_arrays", "desk_arrays", "group_size", "run",
]  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASURE, BEGIN, SHARE, JOIN, VALUES, END = 1, 2, 4, 8, 16, 32
"""Parts of a step, each done by one worker but SHARE and VALUES, which all do."""

STEP = MEASURE | BEGIN | SHARE | JOIN | VALUES | END

_SPAN = 8 * TILE  # positions of a row that stay in the second-level cache for all samples
_CODE_BYTES = 1 << 21  # tokens kept between the passes, per worker
_JOINT = 4096  # entries of the largest table over the joint symbols of a group: 32 kB
_SAMPLES = 4096  # samples at most whose c and r are kept
_LOW, _HALF = np.int64(0xFFFFFFFF), np.int64(32)


class Rule(NamedTuple):
    """What a step does."""

    batch: int
    train: bool = False  # step along the gradients; otherwise store them raw
    frozen: bool = False  # A stays: only its nonzero positions are drawn
    preconditioned: bool = False
    eta_A: float = 0.0
    eta_V: float = 0.0
    l1: float = 0.0
    kind: int = NO_TARGET
    target: float = 0.0


class Turn(NamedTuple):
    """Which parts of a step a call does, and as which worker."""

    parts: int = STEP
    worker: int = 0
    workers: int = 1
    start: int = 0  # the first sample of the round, for SHARE, JOIN and VALUES


class Model(NamedTuple):
    """Parameters and what goes with them."""

    attention: Floats  # (N, T), rows are columns of A
    value: Floats  # (N, N)
    value_rows: Floats  # (N, N) transpose of V
    grad_A: Floats  # (N, T), or empty when training
    grad_V: Floats  # (N, N)
    sizes: Floats  # (N,) sums of |A| over positions
    scale: Floats  # (N + 1,) fixed-point scales of the rows, and of w
    begin: Ints  # (N + 1,) where each row's entry of `kept` begins, if A is frozen
    kept: Ints  # positions where a frozen row is not zero


class Batch(NamedTuple):
    """The batch at work, shared by the workers."""

    last: Ints  # (B,)
    target: Ints  # (B,)
    order: Ints  # (B,) samples by last token
    begin: Ints  # (N + 1,) where each last token begins in `order`
    c: Floats  # (R, N) of a round of R samples
    r: Floats  # (R, N)
    cuts: Ints  # (2 W + 1, T) gradients of rows cut at the ends of shares; the last is their sum


class Desk(NamedTuple):
    """What a worker has to itself; G groups and S samples are at work at once."""

    fixed: Ints  # (T,) a row of A in fixed point
    sums: Ints  # (T,) its gradient
    words: NDArray[np.uint32]  # (4, 256) random bits of a tile
    tally: NDArray[np.uint16]  # (128,) scratch of drawing
    codes: NDArray[np.uint16]  # (G, padded T) tokens of a group, as one number
    tables: Ints  # (2, J) over these numbers
    partial: Ints  # (S, N) c, then w, in fixed point
    w: Floats  # (N,)


def group_size(vocab_size: int, seq_len: int) -> int:
    """Return how many samples share a number: their joint table must pay for itself."""
    size, limit = 1, min(_JOINT, seq_len // 4)
    while vocab_size ** (size + 1) <= limit:
        size += 1
    return size


def batch_arrays(vocab_size: int, seq_len: int, batch: int, workers: int) -> Batch:
    """Return arrays for batches of this size.

    With W workers, 24 B + 8 N bytes, 8 MiB (1 kB a token if N > 8192), and 2 W + 1 rows of A.
    """
    some = min(batch, _SAMPLES, max(64, (1 << 19) // vocab_size))
    return Batch(
        last=np.empty(batch, np.int64),
        target=np.empty(batch, np.int64),
        order=np.empty(batch, np.int64),
        begin=np.empty(vocab_size + 1, np.int64),
        c=np.empty((some, vocab_size)),
        r=np.empty((some, vocab_size)),
        cuts=np.empty((2 * workers + 1, seq_len), np.int64),
    )


def desk_arrays(vocab_size: int, seq_len: int, batch: int) -> Desk:
    """Return a worker's arrays.

    At most 2 MiB of tokens or one group's, 1 MiB of samples (or 64), 64 KiB of tables (or two of
    N entries), two rows of A, and 5 kB beside 8 N.
    """
    together = group_size(vocab_size, seq_len)
    width = -(-seq_len // SEGMENT) * SEGMENT
    groups = max(1, min(-(-batch // together), _CODE_BYTES // (2 * width)))
    samples = min(groups * together, max(64, (1 << 17) // vocab_size))
    words, tally, codes = new_scratch(seq_len, groups)
    return Desk(
        fixed=np.empty(seq_len, np.int64),
        sums=np.empty(seq_len, np.int64),
        words=words,
        tally=tally,
        codes=codes,
        tables=np.empty((2, vocab_size**together), np.int64),
        partial=np.empty((samples, vocab_size), np.int64),
        w=np.empty(vocab_size),
    )


# --- before the shares ----------------------------------------------------------------------


@inner
def _goes_on(model: Model, truth: Truth, rule: Rule, w: float) -> bool:
    """Return whether the parameters are fine, and would be after the next step."""
    if not rule.train or not w >= 0.0:
        return w >= 0.0
    eta_A, seq_len = 0.0 if rule.frozen else rule.eta_A, model.attention.shape[1]
    return stays(
        model.sizes, model.value, truth.mu, seq_len, w, eta_A, rule.eta_V, rule.preconditioned
    )


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
    model: Model, batch: Batch, tables: Tables, key: np.uint64, step: np.uint64, bound: float
) -> None:
    """Get a step ready: ends of the samples, scales, an empty gradient of V."""
    scale, sizes, value = model.scale, model.sizes, model.value
    for k in range(sizes.size):
        scale[k] = row_scale(sizes[k])
        clear(model.grad_V[k])
        for m in range(sizes.size):
            model.value_rows[m, k] = value[k, m]
    scale[sizes.size] = row_scale(bound * batch.last.size)
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
    desk: Desk, order: Ints, first: int, count: int, together: int, start: int, size: int,
    tables: Tables, key: np.uint64, step: np.uint64,
) -> None:  # fmt: skip
    """Draw positions start .. start + size - 1 of `count` samples, and add up c."""
    vocab_size = desk.w.size
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
def _spread(
    desk: Desk, sums: Ints, count: int, together: int, start: int, size: int, fresh: bool
) -> None:
    """Add w[x_t] of `count` samples to a stretch of the gradient, two groups at a time."""
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
    seq_len, vocab_size, together = desk.fixed.size, desk.w.size, 1
    while vocab_size ** (together + 1) <= desk.tables.shape[1]:
        together += 1
    unit = 1.0 / model.scale[batch.last[batch.order[first]]]  # a power of two
    most = min(desk.partial.shape[0], desk.codes.shape[0] * together)
    fresh = True
    for at in range(first, stop, most):
        count = min(most, stop - at)
        for s in range(count):
            clear(desk.partial[s])
        for t in range(0, seq_len, _SPAN):
            size = min(_SPAN, seq_len - t)
            _land(desk, batch.order, at, count, together, t, size, tables, key, step)
        for s in range(count):
            c = batch.c[at - start + s]
            for n in range(vocab_size):
                c[n] = desk.partial[s, n] * unit
            _residual(model, batch, desk, at - start + s, batch.target[batch.order[at + s]], s)
        for t in range(0, seq_len, _SPAN):
            _spread(desk, sums, count, together, t, min(_SPAN, seq_len - t), fresh)
        fresh = False


@inner
def finish_row(
    row: Floats, sums: Ints, out: Floats, rule: Rule, rate: float, weight: float
) -> float:
    """Store the gradient of a row, or take its step (eq. 4, eq. 6); return the new sum of |row|.

    `rate` takes fixed point to the gradient, times eta_A when training; weight is mu_k. With a
    penalty the row is shifted to sum 1; without one, the projected gradient has kept its sum.
    """
    seq_len, l1 = row.size, rule.l1
    if not rule.train:
        for t in range(seq_len):
            out[t] = sums[t] * rate
        return 0.0
    mean = 0.0
    if rule.preconditioned:
        upper, lower = np.int64(0), np.int64(0)  # a plain sum could overflow
        for t in range(seq_len):
            upper += sums[t] >> _HALF
            lower += sums[t] & _LOW
        mean, rate = (float(upper) * 4294967296.0 + float(lower)) / seq_len, rate / weight
    total = 0.0
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
    return total


@inner
def _finish(model: Model, truth: Truth, rule: Rule, batch: int, k: int, sums: Ints) -> None:
    """Do with row k of A what the rule says."""
    rate = 1.0 / model.scale[model.sizes.size] / batch
    if rule.train:
        rate = rule.eta_A * rate
        out = model.attention[k]
    else:
        out = model.grad_A[k]
    size = finish_row(model.attention[k], sums, out, rule, rate, truth.mu[k])
    if rule.train:
        model.sizes[k] = size


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
    p, workers, start, size = turn.worker, turn.workers, turn.start, batch.last.size
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
                _finish(model, truth, rule, size, k, desk.sums)
            continue
        first, final = max(begin, low), min(end, high)
        if first >= final:
            continue
        whole = begin >= low and end <= high
        sums = desk.sums if whole else batch.cuts[2 * p + (0 if begin < low else 1)]
        to_fixed_row(model.attention[k], model.scale[k], desk.fixed)
        _row_gradient(model, batch, tables, desk, sums, first, final, start, key, step)
        if whole:
            _finish(model, truth, rule, size, k, sums)


# --- after the shares -----------------------------------------------------------------------


@inner
def _join(model: Model, truth: Truth, rule: Rule, batch: Batch, turn: Turn, stop: int) -> None:
    """Add up the rows that borders between shares cut, and finish those that end here."""
    start, workers, size = turn.start, turn.workers, batch.last.size
    if rule.frozen or (workers == 1 and start == 0 and stop == size):
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
            _finish(model, truth, rule, size, k, total)


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
        precondition_value(grad, truth.mu)
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
    parts, size, some = turn.parts, batch.last.size, batch.c.shape[0]
    for i in range(n):
        now = np.uint64(step + i)
        if parts & MEASURE and i == 0:
            measure_rows(model.attention, model.sizes)
        if parts & BEGIN:
            bound = w_bound(model.sizes, model.value)
            if not _goes_on(model, truth, rule, bound):
                return i, DIVERGED
            _begin(model, batch, tables, key, now, bound)
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
