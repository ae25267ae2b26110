"""One gradient, ten ways: from NumPy with one-hot matrices to the library's own step.

Each rung draws a fresh batch and computes the mean gradients of A and V, and differs from the one
before it by one idea. From the fourth on they read the library's token stream, so that they must
find the gradient of `scbtools.minibatch_gradients`; the first three, which have other random
numbers, must find it on given tokens. `ladder.py` measures them, the book tells their story.

Attention is kept as (N, T) rows here, as in the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools import engines
from scbtools.kernels import bounds, joint, stream
from scbtools.kernels.arrays import group_size
from scbtools.kernels.stream import SEGMENT
from scbtools.kernels.sums import clear, to_fixed_row
from scbtools.kernels.tokens import (
    Place,
    Tables,
    draw_batch,
    draw_row,
    draw_target,
    new_scratch,
    token_at,
)

__all__ = ["Rung", "draw_only", "rungs"]

Array = NDArray[np.float64]
Gradient = tuple[Array, Array]  # of A (N, T), of V (N, N)

SEED = 0

# The library's own decorators are for kernels that allocate nothing, and keep them on disk.
jit = numba.njit(error_model="numpy", nogil=True)


class Rung(NamedTuple):
    """One way to compute the gradient."""

    name: str
    step: Callable[[int], Any]  # a Gradient, on the fresh batch of a step
    on_tokens: Callable[[scb.Batch], Gradient] | None = None  # where random numbers are its own
    threads: int = 1


# --- 1 and 2: NumPy -----------------------------------------------------------------------------


class Sums(NamedTuple):
    """Cumulated probabilities, to be compared with uniform numbers."""

    token: Array  # (N - 1,)
    positions: NDArray[np.int64]  # (N, S) attended positions of each last token
    attended: Array  # (N, S - 1)
    target: Array  # (N, N - 1), row k for P[:, k]


def sums_of(task: scb.SCBTask) -> Sums:
    sparse = task.sparse_attention
    return Sums(
        np.cumsum(task.stationary)[:-1],
        sparse.positions,
        np.cumsum(sparse.weights, axis=1)[:, :-1],
        np.cumsum(task.transition.T, axis=1)[:, :-1],
    )


def draw_numpy(rng: np.random.Generator, sums: Sums, batch_size: int, seq_len: int) -> scb.Batch:
    tokens = np.searchsorted(sums.token, rng.random((batch_size, seq_len)), side="right")
    last = np.searchsorted(sums.token, rng.random(batch_size), side="right")
    slot = (rng.random((batch_size, 1)) >= sums.attended[last]).sum(axis=1)
    source = tokens[np.arange(batch_size), sums.positions[last, slot]]
    target = (rng.random((batch_size, 1)) >= sums.target[source]).sum(axis=1)
    return scb.Batch(tokens, last, target)


def one_hot(batch: scb.Batch, A: Array, V: Array) -> Gradient:
    """As the formulas are printed: X_i is an N by T matrix of zeros and ones."""
    one = np.eye(len(V))
    X, K, E = one[batch.tokens], one[batch.last], one[batch.target]
    c = np.einsum("btn,bt->bn", X, K @ A)
    r = c @ V.T - E
    spread = np.einsum("btn,bn->bt", X, r @ V)
    return K.T @ spread / len(E), r.T @ c / len(E)


def integer_tokens(batch: scb.Batch, A: Array, V: Array) -> Gradient:
    """X_i a is a count with weights, X_i' w is a look-up."""
    tokens, last, target = (np.asarray(part, np.int64) for part in batch)
    size, n = len(last), len(V)
    bins = (tokens + n * np.arange(size)[:, None]).ravel()
    c = np.bincount(bins, A[last].ravel(), minlength=size * n).reshape(size, n)
    r = c @ V.T
    r[np.arange(size), target] -= 1
    spread = np.take_along_axis(r @ V / size, tokens, axis=1)
    grad_a = np.zeros_like(A)
    for k, row in zip(last, spread, strict=True):
        grad_a[k] += row
    return grad_a, r.T @ c / size


# --- 3: plain loops, compiled -------------------------------------------------------------------


@jit
def scan(sums: Any) -> int:
    """Draw from cumulated probabilities with the generator that numba keeps."""
    u = np.random.random()  # noqa: NPY002 (inside compiled code there is no other)
    token = 0
    while token < sums.size and u >= sums[token]:
        token += 1
    return token


@jit
def draw_loops(
    token: Any, positions: Any, attended: Any, then: Any, tokens: Any, last: Any, target: Any
) -> None:
    for i in range(tokens.shape[0]):
        row = tokens[i]
        for t in range(row.size):
            row[t] = scan(token)
        k = scan(token)
        last[i], target[i] = k, scan(then[row[positions[k, scan(attended[k])]]])


@jit
def residual(value: Any, c: Any, target: Any, r: Any, w: Any, out_v: Any) -> None:
    """Compute r = V c - e and w = V' r of a sample, and add r c' to out_v."""
    clear(w)
    for n in range(c.size):
        total = -1.0 if n == target else 0.0
        for m in range(c.size):
            total += value[n, m] * c[m]
        r[n] = total
        for m in range(c.size):
            w[m] += value[n, m] * total
            out_v[n, m] += total * c[m]


@jit
def loops(
    tokens: Any, last: Any, target: Any, attention: Any, value: Any, out_a: Any, out_v: Any
) -> None:
    """Fill out_a (N, T) and out_v (N, N) on given tokens."""
    size, n = last.size, value.shape[0]
    c, r, w = np.empty(n), np.empty(n), np.empty(n)
    for k in range(n):
        clear(out_a[k])
        clear(out_v[k])
    for i in range(size):
        row, a, out = tokens[i], attention[last[i]], out_a[last[i]]
        clear(c)
        for t in range(row.size):
            c[row[t]] += a[t]
        residual(value, c, target[i], r, w, out_v)
        for m in range(n):
            w[m] /= size
        for t in range(row.size):
            out[t] += w[row[t]]
    for k in range(n):
        for m in range(n):
            out_v[k, m] /= size


# --- 4 to 6: the library's stream, three ways to draw it ------------------------------------------


@jit
def draw_ends(tables: Tables, key: Any, step: Any, i: Any, seq_len: Any) -> Any:
    place = Place(key, step, np.uint64(i))
    last = token_at(tables.token, place, seq_len)
    return last, draw_target(tables, place, last)


@jit
def draw_one_by_one(
    tables: Tables, key: Any, step: Any, tokens: Any, last: Any, target: Any
) -> None:
    """Ask for every token by its address; each call computes bits for eight and uses one's."""
    for i in range(tokens.shape[0]):
        row = tokens[i]
        for t in range(row.size):
            row[t] = token_at(tables.token, Place(key, step, np.uint64(i)), t)
        last[i], target[i] = draw_ends(tables, key, step, i, row.size)


_invert, _philox = jit(stream.invert), jit(stream.philox4x32)


@jit
def fill_bits(words: Any, key: Any, step: Any, i: Any) -> None:
    """Draw the words of a sample's whole row."""
    ones, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    for j in range(w0.size):
        counter = np.uint64(np.uint32(j))
        a, b, c, d = _philox(counter, np.uint64(i), step, stream.HIGH, key & ones, key >> half)
        w0[j], w1[j], w2[j], w3[j] = np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


@jit
def draw_by_bisection(
    tables: Tables, key: Any, step: Any, tokens: Any, last: Any, target: Any
) -> None:
    """Fill a sample's random words in one loop over counters; then bits to tokens one by one."""
    cuts, seq_len = tables.token, tokens.shape[1]
    words = np.empty((4, -(-seq_len // 512) * 64), np.uint32)
    bits = words.view(np.uint16)
    half, ones = np.uint64(16), np.uint64(0xFFFF)
    for i in range(tokens.shape[0]):
        row = tokens[i]
        fill_bits(words, key, step, i)
        for start in range(0, seq_len, SEGMENT):
            segment = start // SEGMENT
            source = bits[segment % 4, segment // 4 * SEGMENT :]
            for j in range(min(SEGMENT, seq_len - start)):
                high = np.uint64(source[j]) << half
                token = _invert(cuts, high)
                if token < cuts.size and np.uint64(cuts[token]) <= high | ones:
                    token = token_at(cuts, Place(key, step, np.uint64(i)), start + j)
                row[start + j] = token
        last[i], target[i] = draw_ends(tables, key, step, i, seq_len)


# --- 7: fixed point -------------------------------------------------------------------------------


@jit
def fixed_rows(attention: Any, value: Any, size: int, l1: Any, scale: Any, fixed: Any) -> float:
    """Put the rows of A into fixed point with a scale each, and return the scale for w."""
    bounds.measure_rows(attention, l1)
    for k in range(l1.size):
        scale[k] = bounds.row_scale(l1[k])
        to_fixed_row(attention[k], scale[k], fixed[k])
    return bounds.row_scale(bounds.w_bound(l1, value) * size)


@jit
def finish(sums: Any, w_scale: float, size: int, out_a: Any, out_v: Any) -> None:
    """Turn fixed-point sums into the mean gradient of A, and the sum for V into a mean."""
    factor = 1.0 / w_scale / size
    for k in range(out_v.shape[0]):
        row, out = sums[k], out_a[k]
        for t in range(out.size):
            out[t] = row[t] * factor
        for m in range(out_v.shape[0]):
            out_v[k, m] /= size


@jit
def fixed_loops(
    tokens: Any, last: Any, target: Any, attention: Any, value: Any, fixed: Any, sums: Any,
    out_a: Any, out_v: Any,
) -> None:  # fmt: skip
    """As `loops`, with integer sums."""
    size, n = last.size, value.shape[0]
    l1, scale, c, r, w = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    landed, weights = np.empty(n, np.int64), np.empty(n, np.int64)
    w_scale = fixed_rows(attention, value, size, l1, scale, fixed)
    for k in range(n):
        clear(sums[k])
        clear(out_v[k])
    for i in range(size):
        k = last[i]
        row, a, out = tokens[i], fixed[k], sums[k]
        clear(landed)
        for t in range(row.size):
            landed[row[t]] += a[t]
        for m in range(n):
            c[m] = landed[m] / scale[k]
        residual(value, c, target[i], r, w, out_v)
        to_fixed_row(w, w_scale, weights)
        for t in range(row.size):
            out[t] += weights[row[t]]
    finish(sums, w_scale, size, out_a, out_v)


# --- 8: several samples as one number -------------------------------------------------------------


@jit
def by_last(tables: Tables, key: Any, step: Any, seq_len: int, size: int, n: int) -> Any:
    """Return last and target tokens, and the samples by last token with where each begins."""
    last, target = np.empty(size, np.int64), np.empty(size, np.int64)
    begin = np.zeros(n + 1, np.int64)
    for i in range(size):
        last[i], target[i] = draw_ends(tables, key, step, i, seq_len)
        begin[last[i] + 1] += 1
    return target, np.argsort(last, kind="mergesort"), np.cumsum(begin)


@jit
def grouped(
    tables: Tables, key: Any, step: Any, size: int, together: int, words: Any, tally: Any,
    codes: Any, attention: Any, value: Any, fixed: Any, sums: Any, out_a: Any, out_v: Any,
) -> None:  # fmt: skip
    """As `fixed_loops`, with samples that share a last token in groups, one group at a time."""
    n, seq_len = attention.shape
    l1, scale, c, r, w = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    landed, weights = np.empty((together, n), np.int64), np.empty((together, n), np.int64)
    table = np.empty(n**together, np.int64)
    w_scale = fixed_rows(attention, value, size, l1, scale, fixed)
    target, order, begin = by_last(tables, key, step, seq_len, size, n)
    for k in range(n):
        clear(out_v[k])
        if begin[k] == begin[k + 1]:
            clear(sums[k])
    for k in range(n):
        for first in range(begin[k], begin[k + 1], together):
            members = min(together, begin[k + 1] - first)
            unit = 1
            for j in range(members):
                draw_row(
                    codes, seq_len, words, tally, tables.high, tables.table, tables.token,
                    np.uint16(unit), Place(key, step, np.uint64(order[first + j])), 0,
                )  # fmt: skip
                unit *= n
                clear(landed[j])
            clear(table[:unit])
            joint.add_at(codes, fixed[k], table[:unit])
            joint.marginals(table[:unit], n, landed[:members])
            for j in range(members):
                for m in range(n):
                    c[m] = landed[j, m] / scale[k]
                residual(value, c, target[order[first + j]], r, w, out_v)
                to_fixed_row(w, w_scale, weights[j])
            joint.fill_table(weights, 0, members, together, table)
            joint.add_looked_up(codes, table[:unit], sums[k], first == begin[k])
    finish(sums, w_scale, size, out_a, out_v)


# --- the ladder -----------------------------------------------------------------------------------


def draw_only(task: scb.SCBTask, batch_size: int) -> Callable[[int], scb.Batch]:
    """Return a step that draws the batch and does nothing with it: the floor."""
    batch, scratch = _space(task, batch_size), new_scratch(task.seq_len)

    def step(number: int) -> scb.Batch:
        draw_batch(task.tables, np.uint64(SEED), np.uint64(number), *scratch, *batch)
        return batch

    return step


def _space(task: scb.SCBTask, batch_size: int) -> scb.Batch:
    small = np.uint8 if task.vocab_size <= 256 else np.uint16
    ends = (np.empty(batch_size, small) for _ in range(2))
    return scb.Batch(np.empty((batch_size, task.seq_len), small), *ends)


def rungs(task: scb.SCBTask, params: scb.Params, batch_size: int) -> list[Rung]:
    """Return all rungs, ready to take steps; steps of one rung may return the same arrays."""
    A, V = np.array(params.A.T, order="C"), np.array(params.V, order="C")
    n, seq_len = A.shape
    tables, sums, batch = task.tables, sums_of(task), _space(task, batch_size)
    out_a, out_v = np.empty_like(A), np.empty_like(V)
    rng = np.random.default_rng(SEED)
    fixed, totals = np.empty((n, seq_len), np.int64), np.empty((n, seq_len), np.int64)
    key = np.uint64(SEED)
    scratch = new_scratch(seq_len)

    def with_numpy(gradient: Callable[[scb.Batch, Array, Array], Gradient]) -> Any:
        return (
            lambda number: gradient(draw_numpy(rng, sums, batch_size, seq_len), A, V),
            lambda given: gradient(given, A, V),
        )

    def looped(given: scb.Batch) -> Gradient:
        loops(*given, A, V, out_a, out_v)
        return out_a, out_v

    def compiled(number: int) -> Gradient:
        draw_loops(*sums, *batch)
        return looped(batch)

    def drawn_by(draw: Callable[..., None]) -> Callable[[int], Gradient]:
        def step(number: int) -> Gradient:
            draw(tables, key, np.uint64(number), *batch)
            return looped(batch)

        return step

    def with_scratch(tables: Tables, key: Any, step: Any, *out: Any) -> None:
        draw_batch(tables, key, step, *scratch, *out)

    def in_fixed_point(number: int) -> Gradient:
        with_scratch(tables, key, np.uint64(number), *batch)
        fixed_loops(*batch, A, V, fixed, totals, out_a, out_v)
        return out_a, out_v

    def in_groups(number: int) -> Gradient:
        words, tally, codes = scratch
        grouped(
            tables, key, np.uint64(number), batch_size, group_size(n, seq_len), words, tally,
            codes[0], A, V, fixed, totals, out_a, out_v,
        )  # fmt: skip
        return out_a, out_v

    def library(workers: int) -> Callable[[int], Gradient]:
        engine = engines.CpuEngine(task, A, V, key)  # each with its own scratch

        def step(number: int) -> Gradient:
            # A step this short would not be shared out by itself.
            worth, engines._WORTH = engines._WORTH, batch_size * seq_len // workers
            try:
                found = engine.gradients(batch_size, number)
            finally:
                engines._WORTH = worth
            assert found is not None
            assert engine.workers == workers
            return found

        return step

    return [
        Rung("NumPy, one-hot matrices", *with_numpy(one_hot)),
        Rung("NumPy, tokens as integers", *with_numpy(integer_tokens)),
        Rung("the same loops, compiled", compiled, looped),
        Rung("tokens by address, one by one", drawn_by(draw_one_by_one)),
        Rung("counters side by side", drawn_by(draw_by_bisection)),
        Rung("compare instead of search", drawn_by(with_scratch)),
        Rung("sums in fixed point", in_fixed_point),
        Rung("samples in groups", in_groups),
        Rung("the library's step", library(1)),
        *(
            Rung("two threads", library(2), threads=2)
            for _ in range(numba.config.NUMBA_NUM_THREADS > 1)
        ),
    ]
