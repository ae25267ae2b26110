"""The rest of a training step on an NVIDIA GPU: whether to take it, and from sums to parameters.

    survey          before a step: stop, or find the scales of fixed point
    value_and_rows  the gradient of V, and the row sums of A's
    move_attention  A after the step, and its row sums
    project         rows of A to sum 1, after soft-thresholding
    move_value      V after the step, and whether the target is met

A step changes the parameters in place: `survey` has asked whether it may, as the CPU does, so that
a run that diverges keeps its last fine parameters. Sums of floats run in one order, given by the
shapes and the number of threads.
"""

from __future__ import annotations

import numpy as np

from scbtools.cuda.kernels import (
    CODE,
    STEP,
    TAKEN,
    THREADS,
    Floats,
    Ints,
    block_max,
    block_sum,
    cuda,
    device,
    kernel,
    power_above,
    share,
)  # fmt: skip
from scbtools.stages import DIVERGED, LIMIT, MAX_SIGNAL, NO_TARGET, RAN, REACHED

__all__ = ["move_attention", "move_value", "project", "survey", "value_and_rows"]


@kernel
def survey(
    state: Ints, batch: int, eta_a: float, eta_v: float, spread_a: Floats, spread_v: float,
    row_size: Floats, value: Floats, a_scale: Floats, w_scale: Floats,
) -> None:  # fmt: skip
    """Stop the run if a batch could carry the parameters beyond LIMIT, or scale it; in one block.

    The CPU's rule: |w| is at most max_m |V_m|^2 L + max |V| with L the largest column sum of |A|
    (`row_size`), and bounds an entry of A's gradient; |r_n c_m| <= (max |V| L + 1) L bounds one of
    V's. Preconditioning stretches the two by `spread_a`, which counts positions too, and
    `spread_v`. Thresholding does not raise a column's sum s, projecting makes it 2 s + 1 at most.
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, value.shape[0]
    longest = top = square = 0.0
    for m in range(tid, size, threads):
        longest = max(longest, row_size[m])
        column = 0.0
        for n in range(size):
            column += value[n, m] * value[n, m]
            top = max(top, abs(value[n, m]))
        square = max(square, column)
    longest, top = block_max(longest, room, threads), block_max(top, room, threads)
    bound = block_max(square, room, threads) * longest + top
    fine = top + eta_v * (spread_v * ((top * longest + 1.0) * longest)) <= LIMIT
    for k in range(tid, size, threads):
        fine = fine and 2.0 * (row_size[k] + eta_a * (bound * spread_a[k])) + 1.0 <= LIMIT
        a_scale[k] = power_above(row_size[k])
    if tid == 0:
        w_scale[0] = power_above(bound * batch)
    if not fine:
        state[CODE] = DIVERGED


@kernel
def value_and_rows(
    state: Ints, blocks: int, lanes: int, r: Floats, c: Floats, w_scale: Floats, grad: Ints,
    grad_v: Floats, row_sums: Floats,
) -> None:  # fmt: skip
    """Average r c' over the batch; sum the rows of A's gradient.

    In the first `blocks` blocks, `lanes` threads share an entry of V; each of the others owns a
    part of a row.
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads, block = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    batch, size = r.shape
    if block < blocks:
        lane, each = tid % lanes, threads // lanes
        for base in range(block * each, size * size, blocks * each):
            entry = base + tid // lanes
            n, m = entry // size, entry % size
            x = 0.0
            if n < size:
                for i in range(lane, batch, lanes):
                    x += r[i, n] * c[i, m]
            if lanes > 1:
                x = block_sum(x, room, lanes)
            if lane == 0 and n < size:
                grad_v[n, m] = x / batch
        return
    parts = row_sums.shape[1]
    k, part = (block - blocks) // parts, (block - blocks) % parts
    factor = 1.0 / w_scale[0] / batch
    low, high = share(grad.shape[1], part, parts)
    x = 0.0
    for t in range(low + tid, high, threads):
        x += np.float64(grad[k, t]) * factor
    x = block_sum(x, room, threads)
    if tid == 0:
        row_sums[k, part] = x


@kernel
def move_attention(
    state: Ints, batch: int, eta: float, l1: float, preconditioned: bool, w_scale: Floats,
    mu: Floats, row_sums: Floats, grad: Ints, attention: Floats, sums: Floats,
) -> None:  # fmt: skip
    """Take a gradient step of A, and soft-threshold (eq. 4, eq. 6).

    A block owns a part of a row, and leaves its sum and its absolute sum in sums (2, N, parts).
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads, seq_len = cuda.threadIdx.x, cuda.blockDim.x, grad.shape[1]
    k, part, parts = cuda.blockIdx.y, cuda.blockIdx.x, cuda.gridDim.x
    factor = 1.0 / w_scale[0] / batch
    mean = 0.0
    for other in range(parts):
        mean += row_sums[k, other]
    mean /= seq_len
    total = size = 0.0
    low, high = share(seq_len, part, parts)
    for t in range(low + tid, high, threads):
        g = np.float64(grad[k, t]) * factor
        if preconditioned:
            g = (g - mean) / mu[k]
        moved = attention[k, t] - eta * g
        if l1 > 0.0:
            moved = max(moved - l1, 0.0) + min(moved + l1, 0.0)
        attention[k, t] = moved
        total += moved
        size += abs(moved)
    total, size = block_sum(total, room, threads), block_sum(size, room, threads)
    if tid == 0:
        sums[0, k, part] = total
        sums[1, k, part] = size


@kernel
def project(state: Ints, attention: Floats, sums: Floats) -> None:
    """Shift each row of A so that it sums to 1, and renew the absolute sums of its parts."""
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads, seq_len = cuda.threadIdx.x, cuda.blockDim.x, attention.shape[1]
    k, part, parts = cuda.blockIdx.y, cuda.blockIdx.x, cuda.gridDim.x
    total = size = 0.0
    for other in range(parts):
        total += sums[0, k, other]
    shift = (1.0 - total) / seq_len
    low, high = share(seq_len, part, parts)
    for t in range(low + tid, high, threads):
        a = attention[k, t] + shift
        attention[k, t] = a
        size += abs(a)
    size = block_sum(size, room, threads)
    if tid == 0:
        sums[1, k, part] = size


@device
def _precondition(gradient: Floats, mu: Floats, centred: bool) -> None:
    """Replace G by (I - 11'/N) G diag(1/mu) (I - mu c') as `precondition_value`, in one block."""
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, gradient.shape[0]
    square = 0.0
    for m in range(size):
        square += mu[m] * mu[m]
    for n in range(tid, size, threads):
        total, along = 0.0, 0.0
        for m in range(size):
            total += gradient[n, m]
            gradient[n, m] /= mu[m]
            along += gradient[n, m] * mu[m]
        along /= square
        for m in range(size):
            gradient[n, m] -= total if centred else along * mu[m]
    cuda.syncthreads()
    for m in range(tid, size, threads):
        mean = 0.0
        for n in range(size):
            mean += gradient[n, m]
        mean /= size
        for n in range(size):
            gradient[n, m] -= mean
    cuda.syncthreads()


@kernel
def move_value(
    state: Ints, eta: float, preconditioned: bool, centred: bool, kind: int, target: float,
    k_q: float, k_p: float, mu: Floats, positions: Ints, weight_a: Floats, weight_v: Floats,
    sums: Floats, grad_v: Floats, attention: Floats, value: Floats, value_t: Floats,
    row_size: Floats,
) -> None:  # fmt: skip
    """Take a gradient step of V; add up the rows' sizes; count the step; in one block.

    Weights are what K_Q alpha_A gives to an entry of A above 1/T, at `positions`, and K_P alpha_V
    to one of V above mu (Lemma C.1).
    """
    room = cuda.shared.array(THREADS, np.float64)
    if state[CODE] != RAN:
        return
    tid, threads, size = cuda.threadIdx.x, cuda.blockDim.x, value.shape[0]
    seq_len = attention.shape[1]
    if preconditioned:
        _precondition(grad_v, mu, centred)
    alpha_a = alpha_v = 0.0
    for entry in range(tid, size * size, threads):
        n, m = entry // size, entry % size
        v = value[n, m] - eta * grad_v[n, m]
        value[n, m] = v
        value_t[m, n] = v
        alpha_v += (v - mu[n]) * weight_v[n, m]
    for k in range(tid, size, threads):
        length = 0.0
        for part in range(sums.shape[2]):
            length += sums[1, k, part]
        row_size[k] = length
        for j in range(positions.shape[1]):
            alpha_a += (attention[k, positions[k, j]] - 1.0 / seq_len) * weight_a[k, j]
    alpha_a, alpha_v = block_sum(alpha_a, room, threads), block_sum(alpha_v, room, threads)
    if tid == 0:
        state[STEP] += 1
        state[TAKEN] += 1
        if kind != NO_TARGET:
            a, v = alpha_a / k_q, alpha_v / k_p
            signal = max(abs(a), abs(v)) if kind == MAX_SIGNAL else abs(a + v) / 2.0
            if signal >= target:
                state[CODE] = REACHED
