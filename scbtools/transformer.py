"""The one-layer transformer F(x, k) = V X A e_k: parameters, starting points, predictions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools._jit import jit
from scbtools.markov import transition_matrix
from scbtools.task import Batch, SCBTask

__all__ = [
    "Params", "check_params", "predict", "softmax", "transfer_start", "true_params",
    "uniform_start",
]  # fmt: skip


Floats = NDArray[np.float64]


class Params(NamedTuple):
    """Attention and value matrices of the transformer."""

    A: NDArray[np.float64]  # (T, N) column k: attention paid when the last token is k
    V: NDArray[np.float64]  # (N, N) column m: what a token m that is attended to votes for


def uniform_start(task: SCBTask) -> Params:
    """Return A = 1 1' / T and V = mu 1', from which the paper trains (section 2.3)."""
    shape = (task.vocab_size, task.seq_len)
    value = np.repeat(task.stationary[:, None], task.vocab_size, axis=1)
    return Params(np.full(shape, 1 / task.seq_len).T, value)


def true_params(task: SCBTask) -> Params:
    """Return A = Q and V = P, which represent the task exactly (section 2.2)."""
    return Params(np.array(task.attention), np.array(task.transition))


def transfer_start(task: SCBTask, P_hat: ArrayLike, theta: float) -> Params:
    """Return A = 1 1' / T and V = theta P_hat + (1 - theta) mu 1' (section 4).

    Parameters
    ----------
    P_hat : (N, N) array
        The pretrained transition matrix; columns are distributions. It should share mu with the
        task; if it does not, V mu = mu fails and the theory does not apply.
    theta : float
        How far to start from the trivial V, 0 to 1.
    """
    theta = _check.real("theta", theta, 0, 1)
    pretrained = transition_matrix(P_hat)
    if pretrained.shape != task.transition.shape:
        raise ValueError(f"P_hat must have shape {task.transition.shape}, got {pretrained.shape}")
    start = uniform_start(task)
    return Params(start.A, theta * pretrained + (1 - theta) * start.V)


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Return column-wise softmax of (T, N) logits, the attention of a softmax transformer."""
    w = np.asarray(logits, np.float64)
    e = np.exp(w - w.max(axis=0))
    return np.asarray(e / e.sum(axis=0))


def check_params(task: SCBTask, params: tuple[Floats, Floats], name: str = "params") -> Params:
    """Return A and V, of parameters or of gradients, as finite float64 that fits, or raise."""
    A = _check.matrix(f"{name}.A", params[0], (task.seq_len, task.vocab_size))
    V = _check.matrix(f"{name}.V", params[1], (task.vocab_size, task.vocab_size))
    return Params(A, V)


def predict(params: Params, batch: Batch) -> NDArray[np.float64]:
    """Return the predictions V X A e_k of a batch, (B, N)  (eq. 2).

    A is (T, N) and V (N, N); the batch is as from `SCBTask.sample`. Raises ValueError if shapes
    disagree or a token is not an integer in 0 .. N - 1.
    """
    value = _check.matrix("params.V", params[1])
    size = len(value)
    if value.shape != (size, size):
        raise ValueError(f"params.V must be square, got shape {value.shape}")
    tokens, last = np.asarray(batch.tokens), np.asarray(batch.last)
    if tokens.ndim != 2 or last.shape != tokens.shape[:1]:
        raise ValueError(
            f"batch must hold tokens (B, T) and last (B,), got shapes {tokens.shape}, {last.shape}"
        )
    for drawn in (tokens, last):
        fits = not drawn.size or 0 <= drawn.min() <= drawn.max() < size
        if drawn.dtype.kind not in "iu" or not fits:
            raise ValueError(f"batch must hold integers in 0 .. {size - 1}, the tokens of params")
    attention = _check.matrix("params.A", params[0], (tokens.shape[1], size))
    out = np.empty((len(last), size))
    # Writable, because numba compiles once more for read-only arrays.
    rows, value = (np.require(x, requirements=["C", "W"]) for x in (attention.T, value))
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
