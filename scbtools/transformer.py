"""The one-layer transformer F(x, k) = V X A e_k: parameters, starting points, predictions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools._jit import jit
from scbtools.markov import transition_matrix
from scbtools.task import Batch, SCBTask, check_task

__all__ = [
    "Params", "check_batch", "check_pair", "check_params", "predict", "softmax", "transfer_start",
    "true_params", "uniform_start",
]  # fmt: skip


Floats = NDArray[np.float64]


class Params(NamedTuple):
    """Attention and value matrices of the transformer."""

    A: NDArray[np.float64]  # (T, N) column k: attention paid when the last token is k
    V: NDArray[np.float64]  # (N, N) column m: what a token m that is attended to votes for


def uniform_start(task: SCBTask) -> Params:
    """Return A = 1 1' / T and V = mu 1', from which the paper trains (section 2.3)."""
    shape = (check_task(task).vocab_size, task.seq_len)
    value = np.repeat(task.stationary[:, None], task.vocab_size, axis=1)
    return Params(np.full(shape, 1 / task.seq_len).T, value)


def true_params(task: SCBTask) -> Params:
    """Return A = Q and V = P, which represent the task exactly (section 2.2)."""
    return Params(np.array(check_task(task).attention), np.array(task.transition))


def transfer_start(task: SCBTask, P_hat: ArrayLike, theta: float, recentre: bool = False) -> Params:
    """Return A = 1 1' / T and V = theta P_hat + (1 - theta) mu 1' (section 4).

    Parameters
    ----------
    P_hat : (N, N) array
        The pretrained transition matrix; columns are distributions. The theory wants it to share
        mu with the task. If it does not, V mu = mu fails, and no projected step brings it back.
    theta : float
        How far to start from the trivial V, 0 to 1.
    recentre : bool
        Whether P_hat is shifted by one column, P_hat - (P_hat mu - mu) 1', so that V mu = mu
        whatever mu it had. Not in the paper.
    """
    start, theta = uniform_start(task), _check.real("theta", theta, 0, 1)
    size = task.vocab_size
    pretrained = transition_matrix(_check.matrix("P_hat", P_hat, (size, size)), "P_hat")
    if _check.flag("recentre", recentre):
        mu = task.stationary
        pretrained = pretrained - ((pretrained * mu).sum(axis=1) - mu)[:, None]
    return Params(start.A, theta * pretrained + (1 - theta) * start.V)


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Return column-wise softmax of (T, N) logits, the attention of a softmax transformer."""
    w = np.ascontiguousarray(_check.matrix("logits", logits, None, 1e300).T).T
    e = np.exp(w - w.max(axis=0))
    return np.asarray(e / e.sum(axis=0))


_FINE = 1e40  # of what is squared twice and more: products of entries stay far from overflow


def check_params(task: SCBTask, params: tuple[Floats, Floats], name: str = "params") -> Params:
    """Return A and V, of parameters or of gradients, as finite float64 that fits, or raise."""
    return check_pair(params, name, (check_task(task).seq_len, task.vocab_size))


def check_pair(
    params: tuple[Floats, Floats], name: str = "params", shape: tuple[int, int] | None = None
) -> Params:
    """Return A, of that shape, and V, of any task, as finite float64 that fit, or raise."""
    try:
        A, V = params
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be a pair of arrays A (T, N) and V (N, N), got {_check.shown(params)}"
        ) from None
    limit = _FINE if name == "params" else _FINE**2
    A = _check.matrix(f"{name}.A", A, shape, limit)
    V = _check.matrix(f"{name}.V", V, shape and (shape[1], shape[1]), limit)
    if V.shape != (len(V), len(V)):
        raise ValueError(f"{name}.V must be square, got shape {V.shape}")
    if A.shape[1] != len(V):
        raise ValueError(f"{name}.A must have shape {len(A), len(V)}, got {A.shape}")
    # In one layout, on which the last bits of sums would depend.
    return Params(np.ascontiguousarray(A.T).T, np.ascontiguousarray(V))


def check_batch(batch: Batch, vocab_size: int, owner: str) -> Batch:
    """Return a batch of an owner's tokens as arrays that kernels take, or raise."""
    try:
        batch = Batch(*batch)
    except TypeError:
        raise TypeError(
            f"batch must be a Batch, as from task.sample, got {_check.shown(batch)}"
        ) from None
    parts = zip(("batch.tokens", "batch.last", "batch.target"), batch, strict=True)
    tokens, last, target = (_check.tokens(name, part, vocab_size, owner) for name, part in parts)
    if tokens.ndim != 2 or not last.shape == target.shape == tokens.shape[:1]:
        shapes = f"{tokens.shape}, {last.shape} and {target.shape}"
        raise ValueError(
            f"batch must hold tokens (B, T), last (B,) and target (B,), got shapes {shapes}"
        )
    return Batch(tokens, last, target)


def predict(params: Params, batch: Batch) -> NDArray[np.float64]:
    """Return the predictions V X A e_k of a batch, (B, N)  (eq. 2).

    A is (T, N) and V (N, N); the batch is as from `SCBTask.sample`. Raises ValueError if shapes
    disagree or a token is not an integer in 0 .. N - 1.
    """
    A, V = check_pair(params)
    size = len(V)
    tokens, last, _ = check_batch(batch, size, "params")
    if tokens.shape[1] != len(A):
        wanted = tokens.shape[1], size
        raise ValueError(f"params.A must have shape {wanted} for this batch, got {A.shape}")
    out = np.empty((len(last), size))
    # Writable, because numba compiles once more for read-only arrays.
    rows, value = (np.require(x, requirements=["C", "W"]) for x in (A.T, V))
    _predict(rows, value, tokens, last, np.empty(size), out)
    return out


@jit
def _predict(
    attention: Floats, value: Floats, tokens: NDArray[Any], last: NDArray[Any], c: Floats,
    out: Floats,
) -> None:  # fmt: skip
    """Fill out (B, N) with V X a, where a is row `last` of the (N, T) attention; c is scratch."""
    for i in range(tokens.shape[0]):
        for n in range(c.size):
            c[n] = 0.0
        a = attention[last[i]]
        for t in range(a.size):
            c[tokens[i, t]] += a[t]
        for n in range(c.size):
            total = 0.0
            for m in range(c.size):
                total += value[n, m] * c[m]
            out[i, n] = total
