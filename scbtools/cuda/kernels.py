"""The mini-batch gradient on an NVIDIA GPU: the twin of the CPU's, with the same tokens.

The only module that imports numba's CUDA, and so the only one that needs the extra `cuda`;
`engine.py` launches what is here.

    prepare        last and target tokens; A in fixed point; the gradient cleared
    order_samples  samples by last token
    land           pass one: draw tokens, keep them, add up c = X a
    land_frozen    pass one where A is zero but for a few positions: draw those alone
    between        c, r = V c - e, w = V' r of each sample
    spread         pass two: gradient of a_t += w[x_t], by the tokens of pass one

A thread owns a counter of the stream: eight tokens, at positions 512 s + 128 w + 2 j and the next
one, for the words w = 0 .. 3 of counter 64 s + j. Threads side by side own positions side by side.
Blocks share the work by counters (x) and by pieces of the ordered samples (y), so that even small
batches fill a GPU. Wherever two blocks meet in a sum it is one of integers, which no order changes.

Kernels do nothing once the run has stopped (`state`), so that many steps can wait in line.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import cuda, int64
from numpy.typing import NDArray

from scbtools.kernels import stream
from scbtools.kernels.stream import HIGH, LOW, SEGMENT, STRIP, TARGET
from scbtools.stages import RAN

__all__ = [
    "CODE", "GLOBAL", "GUIDE", "PRIVATE", "SHARED", "STEP", "TAKEN", "THREADS", "Floats", "Int",
    "Ints", "between", "block_max", "block_sum", "cuda", "device", "draw", "kernel", "land",
    "land_frozen", "order_samples", "power_above", "prepare", "share", "spread",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint32]
Halves = NDArray[np.uint16]
Codes = NDArray[np.uint16] | NDArray[np.uint32]
Int = int | np.integer[Any]

THREADS = 256  # most threads of a block
GUIDE = 4096  # most buckets of the guide, by which a token among many is found
GUIDE_SIZE = GUIDE + 1

STEP, TAKEN, CODE = 0, 1, 2  # places in `state`

PRIVATE, SHARED, GLOBAL = 0, 1, 2  # where `land` adds up c

_LOW32, _WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(16)
_MASK16, _ONE = np.uint32(0xFFFF), np.uint32(1)


def device(function: F) -> F:
    """Return `function` for the GPU, pasted into what calls it."""
    compiled: F = cuda.jit(device=True, inline="always")(function)
    return compiled


def kernel(function: Callable[..., None]) -> Any:
    """Return `function` to be launched on the GPU."""
    return cuda.jit(function)


# --- numbers, shares and sums -----------------------------------------------------------------


@device
def power_above(bound: float) -> float:
    """Return 2^(61 - e) for the smallest e with bound < 2^e, between -900 and 900."""
    e = 0
    while bound >= 1.0 and e < 900:
        bound *= 0.5
        e += 1
    while bound > 0.0 and bound < 0.5 and e > -900:
        bound *= 2.0
        e -= 1
    return math.ldexp(1.0, 61 - e)


@device
def _to_fixed(x: float, scale: float) -> np.int64:
    """Return x * scale as int64, rounded to nearest (halves away from zero)."""
    scaled = x * scale
    return np.int64(scaled + (0.5 if scaled >= 0.0 else -0.5))


@device
def share(count: int, part: int, parts: int) -> tuple[int, int]:
    """Return where one of `parts` equal parts of 0 .. count - 1 begins and ends."""
    return count * part // parts, count * (part + 1) // parts


def _reduction(join: Callable[[float, float], float]) -> Callable[[float, Floats, int], float]:
    """Return what joins the x of `lanes` neighbouring threads, by halves, for each of them."""

    @device
    def joined(x: float, room: Floats, lanes: int) -> float:
        tid, half = cuda.threadIdx.x, lanes >> 1
        lane = tid & (lanes - 1)
        room[tid] = x
        cuda.syncthreads()
        while half > 0:
            if lane < half:
                room[tid] = join(room[tid], room[tid + half])
            cuda.syncthreads()
            half >>= 1
        total: float = room[tid - lane]
        cuda.syncthreads()
        return total

    return joined


block_sum, block_max = _reduction(operator.add), _reduction(max)


# --- tokens -----------------------------------------------------------------------------------

_philox = device(stream.philox4x32)
_address = device(stream.address)
_invert = device(stream.invert)


@device
def _words(counter: Int, sample: Int, step: np.uint64, which: np.uint64, key: np.uint64) -> Any:
    """Return the four words of a counter as uint32."""
    a, b, c, d = _philox(
        np.uint64(counter), np.uint64(sample), step, which, key & _LOW32, key >> _WORD
    )
    return (
        np.uint32(a & _LOW32), np.uint32(b & _LOW32), np.uint32(c & _LOW32), np.uint32(d & _LOW32)
    )  # fmt: skip


@device
def _half(words: Any, word: Int, shift: Int) -> np.uint32:
    """Return half a word, still as uint32: numba widens whatever it can."""
    return np.uint32((words[word] >> np.uint32(shift)) & _MASK16)


@device
def _half_word(key: np.uint64, step: np.uint64, sample: Int, t: Int, which: np.uint64) -> np.uint32:
    """Return the 16 bits that a stream holds for position t."""
    counter, word, shift = _address(t)
    return _half(_words(counter, sample, step, which, key), word, shift)


@device
def _refined(
    thresholds: Words, high: np.uint32, key: np.uint64, step: np.uint64, sample: Int, t: Int
) -> int:
    """Return token t of a sample, from its upper 16 bits and the lower ones."""
    low = _half_word(key, step, sample, t, LOW)
    found: int = _invert(thresholds, (np.uint64(high) << _HALF) | np.uint64(low))
    return found


@device
def _token_at(thresholds: Words, key: np.uint64, step: np.uint64, sample: Int, t: Int) -> int:
    """Return token t of a sample: the definition, as in `tokens.py`."""
    return _refined(thresholds, _half_word(key, step, sample, t, HIGH), key, step, sample, t)


@device
def _find(guide: Halves, width: np.uint32, high: Halves, b: np.uint32) -> tuple[np.int32, bool]:
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
    return low, bool(low < end and np.uint32(high[_at(low)]) == b)


@device
def _token_of(
    guide: Halves, width: np.uint32, high: Halves, thresholds: Words, b: np.uint32, key: np.uint64,
    step: np.uint64, sample: Int, t: Int,
) -> np.int32:  # fmt: skip
    """Return token t of a sample from its upper 16 bits b, or from all where they do not do."""
    token, undecided = _find(guide, width, high, b)
    if undecided:
        token = np.int32(_refined(thresholds, b, key, step, sample, t))
    return token


@device
def _at(index: Int) -> np.uint64:
    """Return an index that is not negative as such, which spares the check that it is not."""
    return np.uint64(index)


@device
def _position(counter: int, word: int) -> int:
    """Return the position of the first of a word's two tokens."""
    return (counter >> 6) * STRIP + 2 * (counter & 63) + SEGMENT * word


# --- before the passes ------------------------------------------------------------------------


@kernel
def prepare(
    state: Ints, key: np.uint64, ends: int, thresholds: Words, positions: Ints, attended: Words,
    targets: Words, last: Ints, target: Ints, counts: Ints, attention: Floats, a_scale: Floats,
    fixed: Ints, grad: Ints,
) -> None:  # fmt: skip
    """Draw the samples' ends; put A in fixed point and clear its gradient.

    The first `ends` blocks own a sample per thread, the others a part of a row of A each.
    """
    if state[CODE] != RAN:
        return
    tid, threads, block = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    size, seq_len = attention.shape
    if block < ends:
        i = block * threads + tid
        if i < last.shape[0]:
            step = np.uint64(state[STEP])
            k = _token_at(thresholds, key, step, i, seq_len)
            words = _words(0, i, step, TARGET, key)
            slot = _invert(attended[k], np.uint64(words[0]))
            source = _token_at(thresholds, key, step, i, positions[k, slot])
            last[i] = k
            target[i] = _invert(targets[source], np.uint64(words[1]))
            cuda.atomic.add(counts, k, 1)
        return
    parts = (cuda.gridDim.x - ends) // size
    k, part = (block - ends) // parts, (block - ends) % parts
    low, high = share(seq_len, part, parts)
    for t in range(low + tid, high, threads):
        fixed[k, t] = _to_fixed(attention[k, t], a_scale[k])
        grad[k, t] = 0


@kernel
def order_samples(state: Ints, last: Ints, counts: Ints, begin: Ints, order: Ints) -> None:
    """Order the samples by last token, in one block; equals come in any order."""
    before = cuda.shared.array(THREADS, np.int64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    low, high = share(counts.shape[0], tid, threads)
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
    for i in range(tid, last.shape[0], threads):
        order[cuda.atomic.add(begin, last[i], 1)] = i


# --- pass one ---------------------------------------------------------------------------------


@kernel
def land(
    state: Ints, key: np.uint64, start: int, count: int, where: int, bits: np.uint32,
    guide: Halves, width: np.uint32, high: Halves, thresholds: Words, order: Ints, last: Ints,
    fixed: Ints, codes: Codes, c_fixed: Ints,
) -> None:  # fmt: skip
    """Draw tokens of `count` ordered samples from `start` on, keep their codes, and add up c.

    A block takes one sample of its piece at a time. What lands on each token is added up in shared
    memory, PRIVATE to each thread for moderate N, which needs no atomics and no luck with banks;
    SHARED by the block for larger N; and GLOBAL where even that does not fit. A code holds the two
    tokens of a word, in `bits` bits each.
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
    counters = codes.shape[2]
    rounds = (counters + threads - 1) // threads
    first, final = share(rounds, cuda.blockIdx.x, cuda.gridDim.x)
    low, top = share(count, cuda.blockIdx.y, cuda.gridDim.y)
    for slot in range(low, top):
        i = order[start + slot]
        row = last[i]
        for j in range(tid, room, threads):
            mine[j] = 0
        cuda.syncthreads()
        for counter in range(first * threads + tid, min(final * threads, counters), threads):
            words = _words(counter, i, step, HIGH, key)
            for w in range(4):
                code = np.uint32(0)
                for h in range(2):
                    at, b = _position(counter, w) + h, _half(words, w, 16 * h)
                    token = _token_of(near, width, high, thresholds, b, key, step, i, at)
                    a = fixed[_at(row), _at(at)]
                    if where == PRIVATE:
                        mine[_at(token * threads + tid)] += a
                    elif where == SHARED:
                        cuda.atomic.add(mine, token, a)
                    else:
                        cuda.atomic.add(c_fixed, (i, token), a)
                    code |= np.uint32(token) << np.uint32(bits * np.uint32(h))
                codes[_at(slot), w, _at(counter)] = code
        cuda.syncthreads()
        if where == PRIVATE:
            lanes = max(threads // size, 1)  # threads that add up one sum
            for v in range(tid, size * lanes, threads):
                total = np.int64(0)
                for other in range(v % lanes, threads, lanes):
                    total += mine[v // lanes * threads + other]
                cuda.atomic.add(c_fixed, (i, v // lanes), total)
        elif where == SHARED:
            for n in range(tid, size, threads):
                if mine[n] != 0:
                    cuda.atomic.add(c_fixed, (i, n), mine[n])
        cuda.syncthreads()


@kernel
def land_frozen(
    state: Ints, key: np.uint64, begin: Ints, support: Ints, thresholds: Words, last: Ints,
    attention: Floats, a_scale: Floats, c_fixed: Ints,
) -> None:  # fmt: skip
    """Add up c of sample blockIdx.x over the positions where its row of A is not zero.

    Row k's positions are support[begin[k]] .. support[begin[k + 1] - 1].
    """
    if state[CODE] != RAN:
        return
    i, step = cuda.blockIdx.x, np.uint64(state[STEP])
    k = last[i]
    for j in range(begin[k] + cuda.threadIdx.x, begin[k + 1], cuda.blockDim.x):
        t = support[j]
        a = _to_fixed(attention[k, t], a_scale[k])
        cuda.atomic.add(c_fixed, (i, _token_at(thresholds, key, step, i, t)), a)


# --- between the passes -----------------------------------------------------------------------


@kernel
def between(
    state: Ints, start: int, order: Ints, last: Ints, target: Ints, a_scale: Floats,
    w_scale: Floats, value: Floats, value_t: Floats, c_fixed: Ints, c: Floats, r: Floats,
    w_fixed: Ints,
) -> None:  # fmt: skip
    """Turn the sums of the ordered sample start + blockIdx.x into c, r and w, and clear them."""
    if state[CODE] != RAN:
        return
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, value.shape[0]
    i = order[start + cuda.blockIdx.x]
    k = last[i]
    for n in range(tid, size, threads):
        c[i, n] = np.float64(c_fixed[i, n]) / a_scale[k]
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
def _flush(grad: Ints, row: Int, counter: int, sums: Ints) -> None:
    """Add a counter's eight sums to a row of the gradient, where it has positions; clear them."""
    for p in range(8):
        t = _position(counter, p >> 1) + (p & 1)
        if row >= 0 and t < grad.shape[1]:
            cuda.atomic.add(grad, (row, t), sums[p])
        sums[p] = 0


@kernel
def spread(
    state: Ints, start: int, count: int, bits: np.uint32, order: Ints, last: Ints, w_fixed: Ints,
    codes: Codes, grad: Ints,
) -> None:  # fmt: skip
    """Add w[x_t] of `count` ordered samples from `start` on to the gradient of A.

    A thread owns a counter of a piece of the samples; it hands its sums over when the last token,
    and so the row of A, changes.
    """
    sums = cuda.local.array(8, int64)
    if state[CODE] != RAN:
        return
    counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if counter >= codes.shape[2]:
        return
    mask = np.uint32((_ONE << bits) - _ONE)
    row = np.int64(-1)
    _flush(grad, row, counter, sums)
    low, top = share(count, cuda.blockIdx.y, cuda.gridDim.y)
    for slot in range(low, top):
        i = order[_at(start + slot)]
        k = last[_at(i)]
        if k != row:
            _flush(grad, row, counter, sums)
            row = k
        for w in range(4):
            code = np.uint32(codes[_at(slot), w, _at(counter)])
            sums[2 * w] += w_fixed[_at(i), _at(code & mask)]
            sums[2 * w + 1] += w_fixed[_at(i), _at(code >> bits)]
    _flush(grad, row, counter, sums)


# --- drawing alone ----------------------------------------------------------------------------


@kernel
def draw(
    key: np.uint64, step: np.uint64, guide: Halves, width: np.uint32, high: Halves,
    thresholds: Words, tokens: NDArray[np.uint8] | Halves,
) -> None:  # fmt: skip
    """Fill tokens (B, T) and do nothing else: the rate that steps are compared with."""
    near = cuda.shared.array(GUIDE_SIZE, np.uint16)
    for j in range(cuda.threadIdx.x, guide.size, cuda.blockDim.x):
        near[j] = guide[j]
    cuda.syncthreads()
    counter, i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, cuda.blockIdx.y
    words = _words(counter, i, step, HIGH, key)
    for p in range(8):
        t, b = _position(counter, p >> 1) + (p & 1), _half(words, p >> 1, 16 * (p & 1))
        if t < tokens.shape[1]:
            tokens[i, t] = _token_of(near, width, high, thresholds, b, key, step, i, t)
