"""Where the steps of a training run are computed: one small object per device, and gradients.

`training.py` owns the loop, the record and the parameters on the host; an engine takes steps.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from scbtools import _check
from scbtools._jit import jit
from scbtools.kernels import arrays, cpu
from scbtools.kernels.arrays import Rule, Turn
from scbtools.kernels.measure import meets
from scbtools.kernels.sums import lane_sum
from scbtools.kernels.value import descend, precondition_value
from scbtools.population import Gradients
from scbtools.signals import truth_of
from scbtools.stages import DIVERGED, LIMIT, RAN, REACHED, TARGETS, Stage
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_params
from scbtools.updates import through_rows

__all__ = [
    "CpuEngine", "Engine", "SoftmaxEngine", "check_device", "get_num_threads", "make_engine",
    "minibatch_gradients", "set_num_threads",
]  # fmt: skip

Floats = NDArray[np.float64]


class Engine(Protocol):
    """Takes steps with parameters that the host keeps: attention (N, T) and value (N, N)."""

    def begin(self, stage: Stage) -> None:
        """Get ready for a stage; the host may have changed the parameters since the last step."""

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps of the stage from step `first` of the stream; return (taken, code).

        The code is RAN, REACHED or DIVERGED of `stages`. The host's arrays then hold the
        parameters after the last step taken.
        """

    def gradients(self, batch: int, step: int) -> tuple[Floats, Floats] | None:
        """Return the raw gradients, as rows (N, T) and (N, N); None where parameters diverged."""


def check_device(device: str) -> str:
    """Return `device` if this installation can compute on it, or raise."""
    if _check.one_of("device", device, ("cpu", "cuda")) == "cpu":
        return device
    if importlib.util.find_spec("numba_cuda") is None:
        raise RuntimeError(
            "device='cuda' needs the package numba-cuda, which is not installed: run "
            "`pip install scbtools[cuda]`, or use device='cpu'"
        )
    if not _finds_gpu():
        raise RuntimeError(
            "device='cuda' finds no NVIDIA GPU, or no driver for it: see whether `nvidia-smi` "
            "lists one, or use device='cpu'"
        )
    return device


def _finds_gpu() -> bool:
    """Return whether there is a GPU with a driver; the simulator counts as one."""
    from scbtools.cuda.kernels import cuda

    return bool(cuda.is_available())


def make_engine(
    device: str, task: SCBTask, attention: Floats, value: Floats, key: np.uint64
) -> Engine:
    """Return the engine of a checked device for parameters that it changes in place."""
    if device == "cuda":
        from scbtools.cuda.engine import CudaEngine

        return CudaEngine(task, attention, value, key)
    return CpuEngine(task, attention, value, key)


# --- threads --------------------------------------------------------------------------------

_WORTH = 1 << 19  # tokens that are worth another thread
_VALUES = 1 << 21  # multiplications of V's gradient that are
_chosen = threading.local()


def set_num_threads(n: int) -> None:
    """Let training and gradients that this thread asks for use up to n threads.

    Otherwise they use one per core, or NUMBA_NUM_THREADS of the environment. Results have the
    same bits on any number.
    """
    _chosen.n = _check.integer("n", n, 1)


def get_num_threads() -> int:
    """Return how many threads may be used."""
    return int(getattr(_chosen, "n", numba.config.NUMBA_NUM_THREADS))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Return this process's threads; they start when first needed."""
    return ThreadPoolExecutor(64, "scbtools")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


# --- the CPU --------------------------------------------------------------------------------


class CpuEngine:
    """Steps on the CPU, on as many threads as pay."""

    def __init__(self, task: SCBTask, attention: Floats, value: Floats, key: np.uint64) -> None:
        self.task, self.attention, self.value, self.key = task, attention, value, key
        self.truth = truth_of(task)
        self.room = (0, 0)  # samples and workers that scratch is for

    def begin(self, stage: Stage) -> None:
        """Make room for the stage's batches."""
        eta_A = 0.0 if stage.freeze_A else float(stage.eta_A)
        self._prepare(
            Rule(
                stage.batch_size, True, stage.freeze_A, stage.preconditioned, stage.centred, eta_A,
                float(stage.eta_V), float(stage.l1), TARGETS[stage.until], float(stage.target),
            ),
            np.empty((1, 1)),
        )  # fmt: skip
        self._run(0, 0, Turn(cpu.STEP))  # takes no step, but compiles, while Ctrl-C is let in

    def _prepare(self, rule: Rule, grad_A: Floats) -> None:
        """Have everything in place for steps by this rule."""
        size, seq_len = self.attention.shape
        kept = np.zeros(1, np.int64)
        begin, tokens = np.zeros(size + 1, np.int64), rule.batch * seq_len
        if rule.frozen:
            rows, kept = map(np.ascontiguousarray, np.nonzero(self.attention))
            begin[1:] = np.cumsum(np.bincount(rows, minlength=size))
            tokens = rule.batch * len(kept) // size
        self.rule = rule
        self.workers = max(1, min(get_num_threads(), tokens // _WORTH))
        square = np.empty((2, size, size))
        self.model = arrays.Model(
            self.attention, self.value, square[0], grad_A, square[1], np.empty(size),
            np.empty(size + 1), begin, kept,
        )  # fmt: skip
        if self.room != (rule.batch, self.workers):
            self.room = (rule.batch, self.workers)
            self.batch = arrays.batch_arrays(size, seq_len, rule.batch, self.workers)
            self.desks = [
                arrays.desk_arrays(size, seq_len, rule.batch) for _ in range(self.workers)
            ]

    def _run(self, n: int, step: int, turn: Turn) -> tuple[int, int]:
        """Call the kernel."""
        return cpu.run(
            n, turn, self.rule, self.key, step, self.model, self.truth, self.task.tables,
            self.batch, self.desks[turn.worker],
        )  # fmt: skip

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps: in one compiled call, or shared out step by step."""
        if self.workers == 1:
            return self._run(n, first, Turn(cpu.STEP))
        for i in range(n):
            code = self._shared_step(first + i, cpu.BEGIN if i else cpu.MEASURE | cpu.BEGIN)
            if code != RAN:
                return i + (code == REACHED), code
        return n, RAN

    def _shared_step(self, step: int, parts: int) -> int:
        """Take a step on several threads, round by round of its samples."""
        workers, size, some = self.workers, self.rule.batch, len(self.batch.c)
        code = self._run(1, step, Turn(parts))[1]
        if code == DIVERGED:
            return code
        for start in range(0, size, some):
            self._share_out(cpu.SHARE, step, start, workers)
            self._run(1, step, Turn(cpu.JOIN, 0, workers, start))
            heavy = len(self.value) ** 2 * min(some, size - start) >= _VALUES
            self._share_out(cpu.VALUES, step, start, workers if heavy else 1)
        return self._run(1, step, Turn(cpu.END))[1]

    def _share_out(self, parts: int, step: int, start: int, workers: int) -> None:
        """Let the workers do a part of a round, each on a thread, and wait for all."""
        turns = [Turn(parts, p, workers, start) for p in range(workers)]
        jobs = [_pool().submit(self._run, 1, step, turn) for turn in turns[1:]]
        try:
            self._run(1, step, turns[0])
        finally:
            wait(jobs)
        for job in jobs:
            job.result()

    def gradients(self, batch: int, step: int) -> tuple[Floats, Floats] | None:
        """Return the gradients of one batch in new arrays."""
        grad_A = np.empty_like(self.attention)
        self._prepare(Rule(batch), grad_A)
        _, code = self.advance(step, 1)
        return None if code == DIVERGED else (grad_A, self.model.grad_V)


# --- softmax --------------------------------------------------------------------------------


class SoftmaxEngine:
    """An engine for softmax stages, around one for linear attention.

    It keeps the logits w, and no kernel of its own draws tokens: the gradient in a column's logits
    is (diag(a) - a a') g, with g the gradient in a = softmax(w). So whatever computes g serves:
    `inner`, which works on the same attention (N, T) and value (N, N), and steps where A is frozen.
    """

    def __init__(self, task: SCBTask, attention: Floats, value: Floats, inner: Engine) -> None:
        self.task, self.attention, self.value, self.inner = task, attention, value, inner

    def begin(self, stage: Stage) -> None:
        """Take the logits of the attention: log A, which is the logits up to a shift per column."""
        self.stage = stage
        if stage.freeze_A:
            self.inner.begin(stage)
            return
        _check_softmax(stage.name, self.attention)
        self.truth = truth_of(self.task)
        self.logits = np.log(self.attention)
        self.inner.begin(stage)

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps, gradient by gradient."""
        if self.stage.freeze_A:
            return self.inner.advance(first, n)
        target = TARGETS[self.stage.until], float(self.stage.target)
        for i in range(n):
            if not self._step(first + i):
                return i, DIVERGED
            if meets(self.attention, self.value, self.truth, *target):
                return i + 1, REACHED
        return n, RAN

    def _step(self, step: int) -> bool:
        """Take one step; return False, with nothing changed, where it leads beyond LIMIT."""
        stage, mu = self.stage, self.task.stationary
        found = self.inner.gradients(stage.batch_size, step)
        if found is None:
            return False
        grad_a, grad_v = found
        through_rows(self.attention, grad_a)
        logits, value = self.logits.copy(), self.value.copy()
        size = _step_logits(logits, grad_a, mu, float(stage.eta_A), stage.preconditioned)
        if stage.preconditioned:
            precondition_value(grad_v, mu, stage.centred)
        descend(value, grad_v, float(stage.eta_V))
        if not (size <= LIMIT and np.abs(value).max() <= LIMIT):
            return False
        self.logits, self.value[:] = logits, value
        _softmax_rows(logits, self.attention)
        return True

    def gradients(self, batch: int, step: int) -> tuple[Floats, Floats] | None:
        """Return the raw gradients in A and V, not in the logits."""
        return self.inner.gradients(batch, step)


def _check_softmax(stage: str, attention: Floats) -> None:
    """Raise where rows of attention are no softmax: not positive, or not of sum 1."""
    k, t = np.unravel_index(attention.argmin(), attention.shape)
    if not attention[k, t] > 0:
        raise ValueError(
            f"stage {stage!r} has softmax attention, which is positive, but A is "
            f"{attention[k, t]:.3g} at row {t}, column {k}: start from a positive A, and put no "
            f"stage or transform before it that leaves zeros or negative entries"
        )
    sums = attention.sum(axis=1)
    k = np.abs(sums - 1).argmax()
    if abs(sums[k] - 1) > 1e-6:
        raise ValueError(
            f"stage {stage!r} has softmax attention, whose columns sum to 1, but column {k} of A "
            f"sums to {sums[k]:.6g}"
        )


@jit
def _softmax_rows(logits: Floats, attention: Floats) -> None:
    """Fill each row of `attention` with the softmax of a row of logits."""
    for k in range(logits.shape[0]):
        row, out = logits[k], attention[k]
        top = row[0]
        for t in range(row.size):
            top = max(top, row[t])
        for t in range(row.size):
            out[t] = math.exp(row[t] - top)
        total = lane_sum(out)
        for t in range(row.size):
            out[t] /= total


@jit
def _step_logits(
    logits: Floats, gradient: Floats, mu: Floats, eta: float, preconditioned: bool
) -> float:
    """Step along the gradient in the logits, over mu_k if preconditioned; return max |logit|.

    NaN among the logits is returned as such.
    """
    top = 0.0
    for k in range(logits.shape[0]):
        row, grad = logits[k], gradient[k]
        rate = eta / mu[k] if preconditioned else eta
        for t in range(row.size):
            row[t] -= rate * grad[t]
            size = abs(row[t])
            if not size <= top:
                top = size
    return top


# --- gradients ------------------------------------------------------------------------------


def minibatch_gradients(
    task: SCBTask,
    params: Params,
    batch_size: int,
    seed: int = 0,
    step: int = 0,
    device: str = "cpu",
) -> Gradients:
    """Return the raw gradients of the loss averaged over a fresh batch, A (T, N) and V (N, N).

    The batch is `task.sample(batch_size, seed, step)`, drawn inside and never stored whole.

    Parameters
    ----------
    params : Params
        A (T, N) and V (N, N), finite, columns of |A| summing to at most 1e12, |V| at most 1e12.
    batch_size : int
        Samples, at least 1.
    seed, step : int
        0 .. 2^64 - 1 and 0 .. 2^32 - 1: which part of the token stream.
    device : {"cpu", "cuda"}
        "cuda" needs an NVIDIA GPU and `pip install scbtools[cuda]`.

    Raises
    ------
    ValueError
        If parameters do not fit the task, or are so large that they have diverged.
    RuntimeError
        If the device is not available.

    Notes
    -----
    The same bits come back on any CPU and on any number of threads (`engines.set_num_threads`).
    A GPU sees the same tokens and agrees to 1e-10 of the largest entry, usually far better.
    Sums over positions and samples are taken in 62-bit fixed point; the difference from exact
    sums is below 1e-12 of the largest entry.
    """
    check_device(device)
    params = check_params(task, params)
    batch_size = _check.integer("batch_size", batch_size, 1, 2**32 - 1)
    step = _check.integer("step", step, 0, 2**32 - 1)
    key = np.uint64(_check.seed64(seed))
    # Writable, because numba compiles once more for read-only arrays.
    attention, value = (np.require(x, requirements=["C", "W"]) for x in (params.A.T, params.V))
    found = make_engine(device, task, attention, value, key).gradients(batch_size, step)
    if found is None:
        raise ValueError(
            f"params have diverged: a column of |A| sums to more than {LIMIT:g}, or an entry "
            f"of |V| is larger"
        )
    return Gradients(found[0].T, found[1])
