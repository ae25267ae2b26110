"""The rest of a training step on an NVIDIA GPU: from fixed-point sums to new parameters.

    value_and_rows  the gradient of V, and the row sums of A's
    propose         A after the step, into a second buffer, and what is needed to judge it
    decide          take the step or call it divergence; scales, signals and the target

The step is proposed beside the parameters and taken by turning `state[WHICH]`, so that a run that
diverges keeps its last fine parameters without anyone waiting for the verdict. Sums of floats run
in one order, given by the shapes and the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools.kernels.cuda import (
    CODE,
    STEP,
    TAKEN,
    THREADS,
    WHICH,
    cuda,
    device,
    kernel,
    power_above,
)
from scbtools.stages import DIVERGED, LIMIT, MAX_SIGNAL, NO_TARGET, RAN, REACHED

__all__ = ["decide", "propose", "value_and_rows"]


@device
def _block_sum(x: Any, room: Any) -> Any:
    """Return the sum of x over the threads of a block, by halves."""
    tid, half = cuda.threadIdx.x, cuda.blockDim.x >> 1
    room[tid] = x
    cuda.syncthreads()
    while half > 0:
        if tid < half:
            room[tid] += room[tid + half]
        cuda.syncthreads()
        half >>= 1
    total = room[0]
    cuda.syncthreads()
    return total


@device
def _block_max(x: Any, room: Any) -> Any:
    """Return the largest x of the threads of a block."""
    tid, half = cuda.threadIdx.x, cuda.blockDim.x >> 1
    room[tid] = x
    cuda.syncthreads()
    while half > 0:
        if tid < half:
            room[tid] = max(room[tid], room[tid + half])
        cuda.syncthreads()
        half >>= 1
    total = room[0]
    cuda.syncthreads()
    return total


@kernel
def value_and_rows(
    state: Any, batch: int, blocks_for_value: int, lanes: int, parts: int, seq_len: int, r: Any,
    c: Any, w_scale: Any, grad_v: Any, grad: Any, row_sums: Any,
) -> None:  # fmt: skip
    """Average r c' over the batch; sum the rows of A's gradient.

    In the first `blocks_for_value` blocks, `lanes` threads share an entry of V; each of the others
    owns one of `parts` parts of a row.
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    block, size = cuda.blockIdx.x, grad_v.shape[0]
    if block < blocks_for_value:
        lane, each = tid % lanes, threads // lanes
        for base in range(block * each, size * size, blocks_for_value * each):
            entry = base + tid // lanes
            n, m = entry // size, entry % size
            x = 0.0
            if n < size:
                for i in range(lane, batch, lanes):
                    x += r[i, n] * c[i, m]
            room[tid] = x
            half = lanes >> 1
            while half > 0:
                cuda.syncthreads()
                if lane < half:
                    room[tid] += room[tid + half]
                half >>= 1
            if lane == 0 and n < size:
                grad_v[n, m] = room[tid] / batch
            if lanes > 1:
                cuda.syncthreads()
        return
    k, part = (block - blocks_for_value) // parts, (block - blocks_for_value) % parts
    factor = 1.0 / w_scale[0] / batch
    x = 0.0
    for t in range(part * threads + tid, seq_len, parts * threads):
        x += np.float64(grad[k, t]) * factor
    x = _block_sum(x, room)
    if tid == 0:
        row_sums[k, part] = x


@kernel
def propose(
    state: Any, batch: int, parts: int, seq_len: int, eta: float, l1: float, preconditioned: bool,
    w_scale: Any, mu: Any, row_sums: Any, grad: Any, attention: Any, sums: Any,
) -> None:  # fmt: skip
    """Write A after a gradient step and soft-thresholding (eq. 4, eq. 6) to the second buffer.

    A block owns a part of a row, and leaves in sums (4, N, parts) what it adds to |A|, to the
    gradient's absolute sum, and to the sum and absolute sum of the new row, which is not yet
    projected: `decide` finds the shift.
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads = cuda.threadIdx.x, cuda.blockDim.x
    k, part = cuda.blockIdx.x // parts, cuda.blockIdx.x % parts
    which = state[WHICH]
    factor = 1.0 / w_scale[0] / batch
    mean = 0.0
    for other in range(parts):
        mean += row_sums[k, other]
    mean /= seq_len
    before = slope = after = size = 0.0
    for t in range(part * threads + tid, seq_len, parts * threads):
        a, g = attention[which, k, t], np.float64(grad[k, t]) * factor
        if preconditioned:
            g = (g - mean) / mu[k]
        moved = a - eta * g
        if l1 > 0.0:
            moved = max(moved - l1, 0.0) + min(moved + l1, 0.0)
        attention[1 - which, k, t] = moved
        before += abs(a)
        slope += abs(g)
        after += moved
        size += abs(moved)
    before, slope = _block_sum(before, room), _block_sum(slope, room)
    after, size = _block_sum(after, room), _block_sum(size, room)
    if tid == 0:
        sums[0, k, part] = before
        sums[1, k, part] = slope
        sums[2, k, part] = after
        sums[3, k, part] = size


@device
def _precondition_value(gradient: Any, mu: Any) -> None:
    """Replace G by (I - 11'/N) G diag(1/mu) (I - mu mu'/|mu|^2) (eq. 4), in one block."""
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, gradient.shape[0]
    square = 0.0
    for m in range(size):
        square += mu[m] * mu[m]
    for n in range(tid, size, threads):
        along = 0.0
        for m in range(size):
            gradient[n, m] /= mu[m]
            along += gradient[n, m] * mu[m]
        along /= square
        for m in range(size):
            gradient[n, m] -= along * mu[m]
    cuda.syncthreads()
    for m in range(tid, size, threads):
        mean = 0.0
        for n in range(size):
            mean += gradient[n, m]
        mean /= size
        for n in range(size):
            gradient[n, m] -= mean
    cuda.syncthreads()


@device
def _part_sum(sums: Any, what: Any, k: Any) -> Any:
    """Return one of the four sums of `propose` for row k."""
    x = 0.0
    for part in range(sums.shape[2]):
        x += sums[what, k, part]
    return x


@device
def _alpha_a(attention: Any, which: Any, shift: Any, positions: Any, weights: Any, counts: Any,
             mu: Any, k_q: Any, seq_len: Any, room: Any) -> Any:  # fmt: skip
    """Return alpha_A of the projected attention (Lemma C.1)."""
    x = 0.0
    for k in range(cuda.threadIdx.x, mu.shape[0], cuda.blockDim.x):
        row = 0.0
        for j in range(counts[k]):
            a = attention[which, k, positions[k, j]] + shift[k]
            row += weights[k, j] * (a - 1.0 / seq_len)
        x += mu[k] * row
    return _block_sum(x, room) / k_q


@device
def _alpha_v(value: Any, transition: Any, mu: Any, k_p: Any, room: Any) -> Any:
    """Return alpha_V (Lemma C.1)."""
    x, size = 0.0, mu.shape[0]
    for entry in range(cuda.threadIdx.x, size * size, cuda.blockDim.x):
        n, m = entry // size, entry % size
        x += (value[n, m] - mu[n]) * transition[n, m] * mu[m]
    return _block_sum(x, room) / k_p


@kernel
def decide(
    state: Any, batch: int, seq_len: int, eta_a: float, eta_v: float, l1: float,
    preconditioned: bool, frozen: bool, kind: int, target: float, sums: Any, grad_v: Any,
    value: Any, value_t: Any, mu: Any, attention: Any, shift: Any, row_size: Any, a_scale: Any,
    w_scale: Any, totals: Any, positions: Any, weights: Any, attended: Any, transition: Any,
    k_p: float, k_q: float,
) -> None:  # fmt: skip
    """Take the proposed step and the one of V, or stop the run; in one block.

    A step that would carry a column sum of |A| (twice and one more, for the projection) or an entry
    of |V| beyond LIMIT is not taken. (`steps.run` asks before it draws, from bounds alone, and so
    may stop a step or two earlier.) After a step: the shift that `prepare` adds
    to each row, the scales of fixed point for the next step, and whether the target is met.
    """
    room = cuda.shared.array(THREADS, np.float64)
    broken = cuda.shared.array(1, np.int32)
    if state[CODE] != RAN:
        return
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, value.shape[0]
    which = state[WHICH]
    if tid == 0:
        broken[0] = 0
    cuda.syncthreads()
    if preconditioned:
        _precondition_value(grad_v, mu)
    for entry in range(tid, size * size, threads):
        n, m = entry // size, entry % size
        if not abs(value[n, m]) + eta_v * abs(grad_v[n, m]) <= LIMIT:
            broken[0] = 1
    if not frozen:
        for k in range(tid, size, threads):
            far = _part_sum(sums, 0, k) + eta_a * _part_sum(sums, 1, k)
            if not 2.0 * far + 1.0 <= LIMIT:
                broken[0] = 1
    cuda.syncthreads()
    if broken[0] != 0:
        cuda.syncthreads()
        if tid == 0:
            state[CODE] = DIVERGED
        return
    for entry in range(tid, size * size, threads):
        n, m = entry // size, entry % size
        v = value[n, m] - eta_v * grad_v[n, m]
        value[n, m] = v
        value_t[m, n] = v
    largest = 0.0
    for k in range(tid, size, threads):
        if not frozen:
            up = (1.0 - _part_sum(sums, 2, k)) / seq_len if l1 > 0.0 else 0.0
            shift[k] = up
            row_size[k] = _part_sum(sums, 3, k) + seq_len * abs(up)
            a_scale[k] = power_above(row_size[k], 61)
            totals[k] = 0
        largest = max(largest, row_size[k])
    cuda.syncthreads()
    top = square = 0.0
    for m in range(tid, size, threads):
        column = 0.0
        for n in range(size):
            column += value[n, m] * value[n, m]
            top = max(top, abs(value[n, m]))
        square = max(square, column)
    largest, top = _block_max(largest, room), _block_max(top, room)
    square = _block_max(square, room)
    if not frozen:
        which = 1 - which
    met = False
    if kind != NO_TARGET:
        a = _alpha_a(attention, which, shift, positions, weights, attended, mu, k_q, seq_len, room)
        v = _alpha_v(value, transition, mu, k_p, room)
        if kind == MAX_SIGNAL:
            met = max(abs(a), abs(v)) >= target
        else:
            met = abs(a + v) / 2.0 >= target
    if tid == 0:
        w_scale[0] = power_above((square * largest + top) * batch, 61)
        state[STEP] += 1
        state[TAKEN] += 1
        state[WHICH] = which
        if met:
            state[CODE] = REACHED
