"""Gradients on fresh mini-batches, raw and preconditioned."""

from __future__ import annotations

import numpy as np

from scbtools import _check
from scbtools.engines import check_device, make_engine
from scbtools.kernels.update import precondition_attention, precondition_value
from scbtools.population import Gradients
from scbtools.stages import LIMIT
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_params

__all__ = ["minibatch_gradients", "precondition"]


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
    The same bits come back on any number of threads (`numba.set_num_threads`) and on any CPU. A
    GPU sees the same tokens and agrees to 1e-10 of the largest entry, usually far better.
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


def precondition(task: SCBTask, gradients: Gradients) -> Gradients:
    """Return the preconditioned, projected gradients of eq. 4, A (T, N) and V (N, N).

    A's column k becomes (I - 11'/T) g / mu_k; V's gradient becomes
    (I - 11'/N) G diag(1/mu) (I - mu mu'/|mu|^2). Steps along them keep 1'A, 1'V and V mu.
    """
    A = _check.matrix("gradients.A", gradients[0], (task.seq_len, task.vocab_size))
    V = _check.matrix("gradients.V", gradients[1], (task.vocab_size, task.vocab_size))
    rows, value = np.array(A.T, order="C"), np.array(V, order="C")
    precondition_attention(rows, task.stationary)
    precondition_value(value, task.stationary)
    return Gradients(rows.T, value)
