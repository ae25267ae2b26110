"""The mini-batch gradient on an NVIDIA GPU: the twin of `cpu.py`, with the same tokens.

The only module that imports numba's CUDA, and so the only one that needs the extra `cuda`;
`scbtools/cuda_engine.py` launches what is here.

    prepare        last and target tokens; A in fixed point; the gradient cleared
    order_samples  samples by last token
    land_few       pass one for N <= 3: draw tokens, keep them, add up c = X a
    land_any       pass one for any N
    land_frozen    pass one where A is zero but for a few positions: draw those alone
    between        c, r = V c - e, w = V' r of each sample
    spread_few     pass two for N <= 3: gradient of a_t += w[x_t], tokens from pass one
    spread_any     pass two for any N

A thread owns a counter of the stream: eight tokens, at positions 512 s + 128 w + 2 j and the next
one, for the words w = 0 .. 3 of counter 64 s + j. Threads side by side own positions side by side.
Blocks share the work by tiles of counters and by pieces of the ordered samples, so that even small
batches fill a GPU. Wherever two blocks meet in a sum it is one of integers, which no order changes.

Kernels do nothing once the run has stopped (`state`), so that many steps can wait in line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import cuda, int64

from scbtools.kernels import stream
from scbtools.kernels.stream import HIGH, LOW, SEGMENT, STRIP, TARGET
from scbtools.stages import RAN

__all__ = [
    "CODE", "GLOBAL", "GROUP", "GUIDE", "LAND_THREADS", "PRIVATE", "SHARED", "STEP", "TAKEN",
    "THREADS", "WHICH", "between", "cuda", "device", "draw_any", "draw_few", "kernel", "land_any",
    "land_few", "land_frozen", "order_samples", "power_above", "prepare", "spread_any",
    "spread_few",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])

THREADS = 256  # most threads of a block, but for
LAND_THREADS = 128  # a block of `land_few`
GROUP = 8  # most samples that a block of `land_few` takes between two sums over its threads
SUMS = 2 * GROUP * LAND_THREADS
GUIDE = 4096  # most buckets of the guide, by which a token among many is found
GUIDE_SIZE = GUIDE + 1

STEP, TAKEN, CODE, WHICH = 0, 1, 2, 3  # places in `state`

PRIVATE, SHARED, GLOBAL = 0, 1, 2  # where `land_any` adds up c

_LOW32, _WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(16)
_SIXTEEN, _MASK16 = np.uint32(16), np.uint32(0xFFFF)
_ONE, _EIGHT = np.uint32(1), np.uint32(8)
_ONES, _TOPS = np.uint32(0x10001), np.uint32(0x80008000)


def device(function: F) -> F:
    """Return `function` for the GPU, pasted into what calls it."""
    compiled: F = cuda.jit(device=True, inline="always")(function)
    return compiled


def kernel(function: Callable[..., None]) -> Any:
    """Return `function` to be launched on the GPU."""
    return cuda.jit(function)


# --- numbers and tokens -----------------------------------------------------------------------

_philox = device(stream.philox4x32)
_address = device(stream.address)
_invert = device(stream.invert)


@device
def power_above(bound: Any, top: Any) -> Any:
    """Return 2^(top - e) for the smallest e with bound < 2^e, at least -900 (see `cpu.scales`)."""
    e = 0
    while bound >= 1.0:
        bound *= 0.5
        e += 1
    while bound > 0.0 and bound < 0.5 and e > -900:
        bound *= 2.0
        e -= 1
    return math.ldexp(1.0, top - e)


@device
def _to_fixed(x: Any, scale: Any) -> Any:
    """Return x * scale as int64, rounded to nearest (halves away from zero)."""
    scaled = x * scale
    return np.int64(scaled + (0.5 if scaled >= 0.0 else -0.5))


@device
def _words(counter: Any, sample: Any, step: Any, which: Any, key: Any) -> Any:
    """Return the four words of a counter as uint32."""
    a, b, c, d = _philox(
        np.uint64(counter), np.uint64(sample), step, which, key & _LOW32, key >> _WORD
    )
    return (
        np.uint32(a & _LOW32), np.uint32(b & _LOW32), np.uint32(c & _LOW32), np.uint32(d & _LOW32)
    )  # fmt: skip


@device
def _half_word(key: Any, step: Any, sample: Any, t: Any, which: Any) -> Any:
    """Return the 16 bits that a stream holds for position t."""
    counter, word, shift = _address(t)
    a, b, c, d = _words(counter, sample, step, which, key)
    chosen = a if word == 0 else (b if word == 1 else (c if word == 2 else d))
    return np.uint32((chosen >> np.uint32(shift)) & _MASK16)


@device
def _token_at(thresholds: Any, key: Any, step: Any, sample: Any, t: Any) -> Any:
    """Return token t of a sample: the definition, as in `tokens.py`."""
    high = np.uint64(_half_word(key, step, sample, t, HIGH))
    low = np.uint64(_half_word(key, step, sample, t, LOW))
    return _invert(thresholds, (high << _HALF) | low)


@device
def _at(index: Any) -> Any:
    """Return an index that is not negative as such, which spares the check that it is not."""
    return np.uint64(index)


@device
def _first_position(counter: Any) -> Any:
    """Return the position of a counter's first token; word w is SEGMENT * w further on."""
    return (counter >> 6) * STRIP + 2 * (counter & 63)


# --- before the passes ------------------------------------------------------------------------


@kernel
def prepare(
    state: Any, key: Any, batch: int, blocks_for_ends: int, parts: int, keep_totals: bool,
    thresholds: Any, positions: Any, attended: Any, slots: int, targets: Any, seq_len: int,
    last: Any, target: Any, counts: Any, attention: Any, shift: Any, a_scale: Any, fixed: Any,
    totals: Any, grad: Any,
) -> None:  # fmt: skip
    """Draw the samples' ends; put A in fixed point and clear its gradient.

    The first `blocks_for_ends` blocks own a sample per thread, the others one of `parts` parts of a
    row of A each. A projection's shift, found after the last step, is applied on the way.
    """
    sums = cuda.shared.array(THREADS, np.int64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    block = cuda.blockIdx.x
    if block < blocks_for_ends:
        i = block * threads + tid
        if i < batch:
            step = np.uint64(state[STEP])
            k = _token_at(thresholds, key, step, i, seq_len)
            a, b, _, _ = _words(0, i, step, TARGET, key)
            slot = _invert(attended[k, :slots], np.uint64(a))
            source = _token_at(thresholds, key, step, i, positions[k, slot])
            last[i] = k
            target[i] = _invert(targets[source], np.uint64(b))
            cuda.atomic.add(counts, k, 1)
        return
    k, part = (block - blocks_for_ends) // parts, (block - blocks_for_ends) % parts
    which, up, scale = state[WHICH], shift[k], a_scale[k]
    total = np.int64(0)
    for t in range(part * threads + tid, seq_len, parts * threads):
        a = attention[which, k, t]
        if up != 0.0:
            a += up
            attention[which, k, t] = a
        value = _to_fixed(a, scale)
        fixed[k, t] = value
        grad[k, t] = 0
        total += value
    if keep_totals:
        sums[tid] = total
        cuda.syncthreads()
        if tid == 0:
            for other in range(1, threads):
                total += sums[other]
            cuda.atomic.add(totals, k, total)


@kernel
def order_samples(state: Any, batch: int, last: Any, counts: Any, begin: Any, order: Any) -> None:
    """Order the samples by last token, in one block; equals come in any order."""
    before = cuda.shared.array(THREADS, np.int64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    size = counts.shape[0]
    each = (size + threads - 1) // threads
    low, high = min(tid * each, size), min((tid + 1) * each, size)
    total = np.int64(0)
    for k in range(low, high):
        total += counts[k]
    before[tid] = total
    cuda.syncthreads()
    total = np.int64(0)
    for other in range(tid):
        total += before[other]
    for k in range(low, high):
        begin[k] = total
        total += counts[k]
        counts[k] = 0
    cuda.syncthreads()
    for i in range(tid, batch, threads):
        order[cuda.atomic.add(begin, last[i], 1)] = i


# --- pass one for N <= 3 ----------------------------------------------------------------------
# A token is the number of two thresholds it reaches. A code holds, in bit p, whether token p of the
# counter reaches the first, and in bit 8 + p, whether it reaches the second.


@device
def _low(word: Any) -> Any:
    """Return the lower 16 bits of a word, still as uint32: numba widens whatever it can."""
    return np.uint32(word & _MASK16)


@device
def _high(word: Any) -> Any:
    """Return the upper 16 bits of a word."""
    return np.uint32(word >> _SIXTEEN)


@device
def _reach(x: Any, mark: Any, a: Any, b0: Any, b1: Any, got: Any) -> Any:
    """Add a token, known by 16 bits on top of x, to (code, sums by threshold)."""
    code, s0, s1 = got
    if x > b0:
        code = np.uint32(code | mark)
        s0 += a
    if x > b1:
        code = np.uint32(code | (mark << _EIGHT))
        s1 += a
    return code, s0, s1


@device
def _holds(word: Any, pair: Any) -> Any:
    """Return a number with bit 15 or 31 set if and only if a half of the word equals the pair's."""
    x = np.uint32(word ^ pair)
    return np.uint32(np.uint32(x - _ONES) & np.uint32(~x))


@device
def _mend(high: Any, low: Any, mark: Any, a: Any, t0: Any, t1: Any, got: Any) -> Any:
    """Add to (code, sums) the thresholds that a token reaches by its lower 16 bits alone."""
    code, s0, s1 = got
    x = (np.uint64(high) << _HALF) | np.uint64(low)
    if x >= t0 and np.uint32(code & mark) == 0:
        code = np.uint32(code | mark)
        s0 += a
    if x >= t1 and np.uint32(code & (mark << _EIGHT)) == 0:
        code = np.uint32(code | (mark << _EIGHT))
        s1 += a
    return code, s0, s1


@device
def _few(
    counter: Any, sample: Any, step: Any, key: Any, h0: Any, h1: Any, t0: Any, t1: Any, a0: Any,
    a1: Any, a2: Any, a3: Any, a4: Any, a5: Any, a6: Any, a7: Any,
) -> Any:  # fmt: skip
    """Return a counter's code, and the sums of a_p over its tokens that reach each threshold.

    t are the thresholds and h their upper 16 bits; where there is but one, h1 is 0xFFFF and t1 is
    2^32, which nothing reaches. Whether any token shares its upper half with a threshold is asked
    of all at once: that is rare, and lower halves are drawn only then.
    """
    w0, w1, w2, w3 = _words(counter, sample, step, HIGH, key)
    b0, b1 = np.uint32((h0 << _SIXTEEN) | _MASK16), np.uint32((h1 << _SIXTEEN) | _MASK16)
    got = np.uint32(0), np.int64(0), np.int64(0)
    got = _reach(np.uint32(w0 << _SIXTEEN), np.uint32(1), a0, b0, b1, got)
    got = _reach(w0, np.uint32(2), a1, b0, b1, got)
    got = _reach(np.uint32(w1 << _SIXTEEN), np.uint32(4), a2, b0, b1, got)
    got = _reach(w1, np.uint32(8), a3, b0, b1, got)
    got = _reach(np.uint32(w2 << _SIXTEEN), np.uint32(16), a4, b0, b1, got)
    got = _reach(w2, np.uint32(32), a5, b0, b1, got)
    got = _reach(np.uint32(w3 << _SIXTEEN), np.uint32(64), a6, b0, b1, got)
    got = _reach(w3, np.uint32(128), a7, b0, b1, got)
    e0, e1 = np.uint32(h0 * _ONES), np.uint32(h1 * _ONES)
    open_ = _holds(w0, e0) | _holds(w0, e1) | _holds(w1, e0) | _holds(w1, e1)
    open_ |= _holds(w2, e0) | _holds(w2, e1) | _holds(w3, e0) | _holds(w3, e1)
    if np.uint32(open_ & _TOPS) != 0:
        v0, v1, v2, v3 = _words(counter, sample, step, LOW, key)
        got = _mend(_low(w0), _low(v0), np.uint32(1), a0, t0, t1, got)
        got = _mend(_high(w0), _high(v0), np.uint32(2), a1, t0, t1, got)
        got = _mend(_low(w1), _low(v1), np.uint32(4), a2, t0, t1, got)
        got = _mend(_high(w1), _high(v1), np.uint32(8), a3, t0, t1, got)
        got = _mend(_low(w2), _low(v2), np.uint32(16), a4, t0, t1, got)
        got = _mend(_high(w2), _high(v2), np.uint32(32), a5, t0, t1, got)
        got = _mend(_low(w3), _low(v3), np.uint32(64), a6, t0, t1, got)
        got = _mend(_high(w3), _high(v3), np.uint32(128), a7, t0, t1, got)
    return got


@kernel
def land_few(
    state: Any, key: Any, start: int, stop: int, piece: int, group: int, counters: int, tile: int,
    h0: Any, h1: Any, t0: Any, t1: Any, order: Any, last: Any, fixed: Any, codes: Any, c_fixed: Any,
) -> None:  # fmt: skip
    """Draw tokens of the ordered samples start .. stop - 1, keep their codes, and add up c.

    A block owns `tile` counters (blockIdx.x) of `piece` samples (blockIdx.y) and takes them `group`
    by `group`: samples with one last token share what is read of A. The entry c_0 lacks the row's
    total, which `between` adds.
    """
    sums = cuda.shared.array(SUMS, np.int64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    step = np.uint64(state[STEP])
    first, final = cuda.blockIdx.x * tile, min((cuda.blockIdx.x + 1) * tile, counters)
    low = start + cuda.blockIdx.y * piece
    high = min(low + piece, stop)
    for base in range(low, high, group):
        count = min(group, high - base)
        for v in range(2 * count):
            sums[v * threads + tid] = 0
        for counter in range(first + tid, final, threads):
            t = _first_position(counter)
            row = np.int64(-1)
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.int64(0)
            for q in range(count):
                i = order[_at(base + q)]
                k = last[_at(i)]
                if k != row:
                    row = k
                    a0, a1 = fixed[_at(k), _at(t)], fixed[_at(k), _at(t + 1)]
                    t2 = t + SEGMENT
                    a2, a3 = fixed[_at(k), _at(t2)], fixed[_at(k), _at(t2 + 1)]
                    t4 = t2 + SEGMENT
                    a4, a5 = fixed[_at(k), _at(t4)], fixed[_at(k), _at(t4 + 1)]
                    t6 = t4 + SEGMENT
                    a6, a7 = fixed[_at(k), _at(t6)], fixed[_at(k), _at(t6 + 1)]
                code, s0, s1 = _few(
                    counter, i, step, key, h0, h1, t0, t1, a0, a1, a2, a3, a4, a5, a6, a7
                )
                codes[_at(base + q - start), _at(counter)] = code
                sums[_at(2 * q * threads + tid)] += s0
                sums[_at((2 * q + 1) * threads + tid)] += s1
        cuda.syncthreads()
        share = max(threads // (2 * count), 1)  # threads that add up one sum
        for v in range(tid, 2 * count * share, threads):
            which, part = v // share, v % share
            total = np.int64(0)
            for other in range(part, threads, share):
                total += sums[which * threads + other]
            i, reached = order[base + which // 2], which % 2
            cuda.atomic.add(c_fixed, (i, reached), -total)
            if reached + 1 < c_fixed.shape[1]:
                cuda.atomic.add(c_fixed, (i, reached + 1), total)
        cuda.syncthreads()


# --- pass one for any N -----------------------------------------------------------------------


@device
def _find(guide: Any, width: Any, high: Any, b: Any) -> Any:
    """Return (token, undecided) of the upper 16 bits b: a bucket first, then bisection in it.

    Bucket j holds the draws j 2^width and up; guide[j] thresholds lie below it.
    """
    bucket = np.uint32(b >> width)
    low, end = np.int32(guide[bucket]), np.int32(guide[np.uint32(bucket + _ONE)])
    top = end
    while low < top:
        middle = np.int32((low + top) >> 1)
        if np.uint32(high[_at(middle)]) < b:
            low = np.int32(middle + 1)
        else:
            top = middle
    return low, low < end and np.uint32(high[_at(low)]) == b


@device
def _token_of(
    guide: Any, width: Any, high: Any, thresholds: Any, b: Any, key: Any, step: Any, sample: Any,
    t: Any,
) -> Any:  # fmt: skip
    """Return token t of a sample from its upper 16 bits b, or from all where they do not do."""
    token, undecided = _find(guide, width, high, b)
    if undecided:
        low = np.uint64(_half_word(key, step, sample, t, LOW))
        token = np.int32(_invert(thresholds, (np.uint64(b) << _HALF) | low))
    return token


@kernel
def land_any(
    state: Any, key: Any, start: int, stop: int, piece: int, counters: int, tile: int, where: int,
    words: int, guide: Any, width: Any, high: Any, thresholds: Any, order: Any, last: Any,
    fixed: Any, codes: Any, c_fixed: Any,
) -> None:  # fmt: skip
    """Draw tokens of the ordered samples start .. stop - 1, keep their codes, and add up c.

    A block owns `tile` counters of `piece` samples, and takes one sample at a time. What lands on
    each token is added up in shared memory, PRIVATE to each thread for moderate N, which needs no
    atomics and no luck with banks; SHARED by the block for larger N; and GLOBAL where even that
    does not fit. A token takes 8 bits of a code, or 16 bits of two (`words`).
    """
    near = cuda.shared.array(GUIDE_SIZE, np.uint16)
    mine = cuda.shared.array(0, int64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    size = c_fixed.shape[1]
    step = np.uint64(state[STEP])
    for j in range(tid, guide.size, threads):
        near[j] = guide[j]
    room = size * threads if where == PRIVATE else (size if where == SHARED else 0)
    first, final = cuda.blockIdx.x * tile, min((cuda.blockIdx.x + 1) * tile, counters)
    low = start + cuda.blockIdx.y * piece
    for slot in range(low, min(low + piece, stop)):
        i = order[slot]
        row = last[i]
        for j in range(tid, room, threads):
            mine[j] = 0
        cuda.syncthreads()
        for counter in range(first + tid, final, threads):
            t = _first_position(counter)
            w0, w1, w2, w3 = _words(counter, i, step, HIGH, key)
            front, back = np.uint64(0), np.uint64(0)
            for p in range(8):
                word = w0 if p < 2 else (w1 if p < 4 else (w2 if p < 6 else w3))
                b = np.uint32((word >> np.uint32(16 * (p & 1))) & _MASK16)
                at = t + SEGMENT * (p >> 1) + (p & 1)
                token = _token_of(near, width, high, thresholds, b, key, step, i, at)
                a = fixed[_at(row), _at(at)]
                if where == PRIVATE:
                    mine[_at(token * threads + tid)] += a
                elif where == SHARED:
                    cuda.atomic.add(mine, token, a)
                else:
                    cuda.atomic.add(c_fixed, (i, token), a)
                if words == 1:
                    front |= np.uint64(token) << np.uint64(8 * p)
                elif p < 4:
                    front |= np.uint64(token) << np.uint64(16 * p)
                else:
                    back |= np.uint64(token) << np.uint64(16 * (p - 4))
            codes[_at(slot - start), _at(words * counter)] = front
            if words == 2:
                codes[_at(slot - start), _at(2 * counter + 1)] = back
        cuda.syncthreads()
        if where == PRIVATE:
            share = max(threads // size, 1)
            for v in range(tid, size * share, threads):
                total = np.int64(0)
                for other in range(v % share, threads, share):
                    total += mine[v // share * threads + other]
                cuda.atomic.add(c_fixed, (i, v // share), total)
        elif where == SHARED:
            for n in range(tid, size, threads):
                if mine[n] != 0:
                    cuda.atomic.add(c_fixed, (i, n), mine[n])
        cuda.syncthreads()


# --- pass one with attention frozen on a few positions ----------------------------------------


@kernel
def land_frozen(
    state: Any, key: Any, begin: Any, support: Any, thresholds: Any, last: Any, attention: Any,
    a_scale: Any, c_fixed: Any,
) -> None:  # fmt: skip
    """Add up c of sample blockIdx.x over the positions where its row of A is not zero.

    Row k's positions are support[begin[k]] .. support[begin[k + 1] - 1].
    """
    if state[CODE] != RAN:
        return
    i, which = cuda.blockIdx.x, state[WHICH]
    k, step = last[i], np.uint64(state[STEP])
    for j in range(begin[k] + cuda.threadIdx.x, begin[k + 1], cuda.blockDim.x):
        t = support[j]
        a = _to_fixed(attention[which, k, t], a_scale[k])
        cuda.atomic.add(c_fixed, (i, _token_at(thresholds, key, step, i, t)), a)


# --- between the passes -----------------------------------------------------------------------


@kernel
def between(
    state: Any, start: int, order: Any, last: Any, target: Any, add_total: bool, totals: Any,
    a_scale: Any, w_scale: Any, value: Any, value_t: Any, c_fixed: Any, c: Any, r: Any,
    w_fixed: Any,
) -> None:  # fmt: skip
    """Turn the sums of the ordered sample start + blockIdx.x into c, r and w, and clear them."""
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    i = order[start + cuda.blockIdx.x]
    k, size = last[i], value.shape[0]
    for n in range(tid, size, threads):
        total = c_fixed[i, n]
        if add_total and n == 0:
            total += totals[k]
        c[i, n] = np.float64(total) / a_scale[k]
        c_fixed[i, n] = 0
    cuda.syncthreads()
    for n in range(tid, size, threads):
        x = 0.0
        for m in range(size):
            x += value_t[m, n] * c[i, m]
        r[i, n] = x - 1.0 if n == target[i] else x
    cuda.syncthreads()
    for m in range(tid, size, threads):
        x = 0.0
        for n in range(size):
            x += value[n, m] * r[i, n]
        w_fixed[i, m] = _to_fixed(x, w_scale[0])


# --- pass two ---------------------------------------------------------------------------------


@device
def _flush(grad: Any, row: Any, t: Any, seq_len: Any, x: Any) -> None:
    """Add x to the gradient at position t, if there is one."""
    if t < seq_len:
        cuda.atomic.add(grad, (row, t), x)


@device
def _flush_all(
    grad: Any, row: Any, t: Any, seq_len: Any, s0: Any, s1: Any, s2: Any, s3: Any, s4: Any, s5: Any,
    s6: Any, s7: Any,
) -> None:  # fmt: skip
    """Add a counter's eight sums to row `row` of the gradient; t is its first position."""
    if row >= 0:
        _flush(grad, row, t, seq_len, s0)
        _flush(grad, row, t + 1, seq_len, s1)
        _flush(grad, row, t + SEGMENT, seq_len, s2)
        _flush(grad, row, t + SEGMENT + 1, seq_len, s3)
        _flush(grad, row, t + 2 * SEGMENT, seq_len, s4)
        _flush(grad, row, t + 2 * SEGMENT + 1, seq_len, s5)
        _flush(grad, row, t + 3 * SEGMENT, seq_len, s6)
        _flush(grad, row, t + 3 * SEGMENT + 1, seq_len, s7)


@device
def _select(code: Any, mark: Any, d0: Any, d1: Any) -> Any:
    """Return what a token of a code adds to w_0: d0 for the first threshold, d1 for the second."""
    x = np.int64(0)
    if np.uint32(code & mark) != 0:
        x += d0
    if np.uint32(code & (mark << _EIGHT)) != 0:
        x += d1
    return x


@kernel
def spread_few(
    state: Any, start: int, stop: int, piece: int, counters: int, seq_len: int, order: Any,
    last: Any, w_fixed: Any, codes: Any, grad: Any,
) -> None:  # fmt: skip
    """Add w[x_t] of the ordered samples start .. stop - 1 to the gradient of A, for N <= 3.

    A thread owns a counter of `piece` samples (blockIdx.y); it hands its sums over when the last
    token, and so the row of A, changes.
    """
    if state[CODE] != RAN:
        return
    counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if counter >= counters:
        return
    t = _first_position(counter)
    low = start + cuda.blockIdx.y * piece
    row, base = np.int64(-1), np.int64(0)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.int64(0)
    size = w_fixed.shape[1]
    for slot in range(low, min(low + piece, stop)):
        i = order[_at(slot)]
        k = last[_at(i)]
        if k != row:
            _flush_all(
                grad, row, t, seq_len, base + s0, base + s1, base + s2, base + s3, base + s4,
                base + s5, base + s6, base + s7,
            )  # fmt: skip
            row, base = k, np.int64(0)
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.int64(0)
        w0, w1, w2 = w_fixed[_at(i), 0], w_fixed[_at(i), 1], w_fixed[_at(i), _at(size - 1)]
        d0, d1 = w1 - w0, w2 - w1
        base += w0
        code = np.uint32(codes[_at(slot - start), _at(counter)])
        s0 += _select(code, np.uint32(1), d0, d1)
        s1 += _select(code, np.uint32(2), d0, d1)
        s2 += _select(code, np.uint32(4), d0, d1)
        s3 += _select(code, np.uint32(8), d0, d1)
        s4 += _select(code, np.uint32(16), d0, d1)
        s5 += _select(code, np.uint32(32), d0, d1)
        s6 += _select(code, np.uint32(64), d0, d1)
        s7 += _select(code, np.uint32(128), d0, d1)
    _flush_all(
        grad, row, t, seq_len, base + s0, base + s1, base + s2, base + s3, base + s4, base + s5,
        base + s6, base + s7,
    )  # fmt: skip


@kernel
def spread_any(
    state: Any, start: int, stop: int, piece: int, counters: int, words: int, seq_len: int,
    order: Any, last: Any, w_fixed: Any, codes: Any, grad: Any,
) -> None:  # fmt: skip
    """Add w[x_t] of the ordered samples start .. stop - 1 to A's gradient; see `spread_few`."""
    if state[CODE] != RAN:
        return
    counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if counter >= counters:
        return
    t = _first_position(counter)
    low = start + cuda.blockIdx.y * piece
    row = np.int64(-1)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.int64(0)
    bits = np.uint64(8 * words)
    mask = np.uint64(0xFF if words == 1 else 0xFFFF)
    for slot in range(low, min(low + piece, stop)):
        i = order[_at(slot)]
        k = last[_at(i)]
        if k != row:
            _flush_all(grad, row, t, seq_len, s0, s1, s2, s3, s4, s5, s6, s7)
            row = k
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.int64(0)
        front = codes[_at(slot - start), _at(words * counter)]
        back = front >> np.uint64(32)
        if words == 2:
            back = codes[_at(slot - start), _at(2 * counter + 1)]
        s0 += w_fixed[_at(i), front & mask]
        s1 += w_fixed[_at(i), (front >> bits) & mask]
        s2 += w_fixed[_at(i), (front >> (bits * np.uint64(2))) & mask]
        s3 += w_fixed[_at(i), (front >> (bits * np.uint64(3))) & mask]
        s4 += w_fixed[_at(i), back & mask]
        s5 += w_fixed[_at(i), (back >> bits) & mask]
        s6 += w_fixed[_at(i), (back >> (bits * np.uint64(2))) & mask]
        s7 += w_fixed[_at(i), (back >> (bits * np.uint64(3))) & mask]
    _flush_all(grad, row, t, seq_len, s0, s1, s2, s3, s4, s5, s6, s7)


# --- drawing alone ----------------------------------------------------------------------------


@kernel
def draw_few(
    key: Any, step: Any, counters: int, h0: Any, h1: Any, t0: Any, t1: Any, tokens: Any
) -> None:
    """Fill tokens (B, T) for N <= 3 and do nothing else: the rate that steps are compared with."""
    counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if counter >= counters:
        return
    t, i, none = _first_position(counter), cuda.blockIdx.y, np.int64(0)
    code, _, _ = _few(
        counter, i, step, key, h0, h1, t0, t1, none, none, none, none, none, none, none, none
    )
    for p in range(8):
        at = t + SEGMENT * (p >> 1) + (p & 1)
        if at < tokens.shape[1]:
            place = np.uint32(p)
            tokens[i, at] = ((code >> place) & _ONE) + ((code >> (place + np.uint32(8))) & _ONE)


@kernel
def draw_any(
    key: Any,
    step: Any,
    counters: int,
    guide: Any,
    width: Any,
    high: Any,
    thresholds: Any,
    tokens: Any,
) -> None:
    """Fill tokens (B, T) for any N and do nothing else: the rate that steps are compared with."""
    near = cuda.shared.array(GUIDE_SIZE, np.uint16)
    for j in range(cuda.threadIdx.x, guide.size, cuda.blockDim.x):
        near[j] = guide[j]
    cuda.syncthreads()
    counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if counter >= counters:
        return
    t, i = _first_position(counter), cuda.blockIdx.y
    w0, w1, w2, w3 = _words(counter, i, step, HIGH, key)
    for p in range(8):
        word = w0 if p < 2 else (w1 if p < 4 else (w2 if p < 6 else w3))
        b = np.uint32((word >> np.uint32(16 * (p & 1))) & _MASK16)
        at = t + SEGMENT * (p >> 1) + (p & 1)
        if at < tokens.shape[1]:
            tokens[i, at] = _token_of(near, width, high, thresholds, b, key, step, i, at)
