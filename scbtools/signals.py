"""Where parameters stand: signals, errors, distances, similarity, recovered support.

Norms are mu-norms: |X|_mu^2 = Tr(X diag(mu) X'), columns weighted by the stationary distribution.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools.kernels.measure import Truth, distances
from scbtools.markov import inner
from scbtools.task import SCBTask, check_task
from scbtools.transformer import Params, check_params

__all__ = [
    "Signals", "Similarity", "inner", "residuals", "signals", "similarity", "support_recovered",
]  # fmt: skip

Floats = NDArray[np.float64]


class Signals(NamedTuple):
    """Least-squares position on the lines mu 1' -> P and 1 1'/T -> Q, and what is left."""

    alpha_V: float  # K_VP / K_P
    alpha_A: float  # K_AQ / K_Q
    delta_V: float  # |Delta_V|_mu, distance from the line
    delta_A: float  # |Delta_A|_mu
    error_V: float  # |V - P|_mu
    error_A: float  # |A - Q|_mu


class Similarity(NamedTuple):
    """Cosines between what was learned and the truth, both taken off their trivial start."""

    V: float
    A: float


class Centred(NamedTuple):
    """The scalars of the paper's dynamics."""

    alpha_V: float
    alpha_A: float
    delta_V_squared: float  # |Delta_V|_mu^2
    delta_A_squared: float
    K_V: float  # |V - mu 1'|_mu^2
    K_A: float  # |A - 1 1'/T|_mu^2
    K_VP: float
    K_AQ: float
    norm_A: float  # |A|_mu^2
    dot_A_Q: float  # <A, Q>_mu
    error_V: float  # |V - P|_mu
    error_A: float  # |A - Q|_mu


def truth_of(task: SCBTask) -> Truth:
    """Return what the kernels measure parameters against."""
    return Truth(task.transition, task.stationary, *task.sparse_attention, task.K_P, task.K_Q)


def centred(task: SCBTask, params: Params) -> Centred:
    """Return the scalars of the paper's dynamics (section 1 of appendix C).

    K_V and K_A are taken as squared distances from the trivial start, which is what
    |V|^2_mu - |mu|^2 and |A|^2_mu - 1/T are where V mu = mu and 1'A = 1'.
    """
    # Writable, because numba compiles once more for read-only arrays.
    rows, value = (np.require(x, requirements=["C", "W"]) for x in (params.A.T, params.V))
    mu, truth, uniform = task.stationary, truth_of(task), 1 / task.seq_len
    squares = np.empty((3, task.vocab_size))
    alpha_v, alpha_a = distances(rows, value, truth, np.empty((3, 8)), squares)
    line_A, truth_A, flat_A = (float((row * mu).sum()) for row in squares)
    trivial = mu[:, None]
    offs = value - alpha_v * task.transition - (1 - alpha_v) * trivial, value - task.transition
    line_V, truth_V, flat_V = (inner(off, off, mu) for off in (*offs, value - trivial))
    k_aq = alpha_a * truth.K_Q
    return Centred(
        alpha_V=alpha_v, alpha_A=alpha_a, delta_V_squared=line_V, delta_A_squared=line_A,
        K_V=flat_V, K_A=flat_A, K_VP=alpha_v * truth.K_P, K_AQ=k_aq, norm_A=flat_A + uniform,
        dot_A_Q=k_aq + uniform, error_V=math.sqrt(truth_V), error_A=math.sqrt(truth_A),
    )  # fmt: skip


def signals(task: SCBTask, params: Params) -> Signals:
    """Return the signals alpha_V, alpha_A and the distances of parameters (Lemma C.1).

    Parameters are A (T, N) and V (N, N), finite. delta and error are norms, not squares. Where
    K_P = 0 (or K_Q = 0) there is no line to be on, and the signal is 0.
    """
    return signals_of(task, check_params(task, params))


def signals_of(task: SCBTask, params: Params) -> Signals:
    """Return `signals` of parameters that are known to be fine."""
    c = centred(task, params)
    delta_V, delta_A = math.sqrt(c.delta_V_squared), math.sqrt(c.delta_A_squared)
    return Signals(c.alpha_V, c.alpha_A, delta_V, delta_A, c.error_V, c.error_A)


def residuals(task: SCBTask, params: Params) -> Params:
    """Return Delta_A (T, N) and Delta_V (N, N): parameters minus their place on the two lines."""
    params = check_params(task, params)
    c = centred(task, params)
    delta_a = params.A - c.alpha_A * task.attention - (1 - c.alpha_A) / task.seq_len
    trivial = task.stationary[:, None]
    delta_v = params.V - c.alpha_V * task.transition - (1 - c.alpha_V) * trivial
    return Params(delta_a, delta_v)


def similarity(task: SCBTask, params: Params) -> Similarity:
    """Return the mu-weighted cosines of V - mu 1' with P - mu 1' and of A - 1/T with Q - 1/T.

    1 means the right direction whatever the length, -1 the mirror image. Our reading of the
    paper's "similarity", which it does not define. 0 where a difference is exactly zero.
    """
    (A, V), mu = check_params(task, params), task.stationary
    c = centred(task, Params(A, V))
    # Off the paper's constraints, V mu = mu and 1'A = 1', the flat parts count too; on them what
    # is left is rounding, and would only change the last bits.
    off_V = float((((V * mu).sum(axis=1) - mu) * mu).sum())
    off_A = float(((A.sum(axis=0) - 1) * mu).sum()) / task.seq_len
    off_V, off_A = (off if abs(off) > 1e-12 else 0.0 for off in (off_V, off_A))

    def cosine(dot: float, left: float, right: float) -> float:
        return dot / math.sqrt(left * right) if left * right > 0 else 0.0

    return Similarity(
        cosine(c.K_VP - off_V, c.K_V, task.K_P), cosine(c.K_AQ - off_A, c.K_A, task.K_Q)
    )


def support_recovered(task: SCBTask, A: ArrayLike) -> NDArray[np.bool_]:
    """Return, per column k of A (T, N), whether its largest entries stand where Q attends, (N,).

    That is, whether every attended entry of column k is larger than every other one.
    """
    A = _check.matrix("A", A, (check_task(task).seq_len, task.vocab_size))
    sparse = task.sparse_attention
    found = np.empty(task.vocab_size, bool)
    for k in range(task.vocab_size):
        attended = sparse.positions[k, : sparse.counts[k]]
        others = np.delete(A[:, k], attended)
        found[k] = others.size == 0 or A[attended, k].min() > others.max()
    return found
