"""Closed forms: expected losses, gradients and dynamics. What the kernels must agree with.

Everything here is exact and free of random numbers. <X, Y>_mu = Tr(X diag(mu) Y').
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools.signals import Centred, centred, inner
from scbtools.stages import LIMIT
from scbtools.task import SCBTask, check_task
from scbtools.transformer import Params, check_params

__all__ = [
    "Gradients", "joint_probabilities", "least_squares_value", "noisy_error_step",
    "noisy_signal_step", "population_gradients", "population_loss",
    "preconditioned_population_gradients", "signal_path", "signal_step", "target_law",
]  # fmt: skip

Floats = NDArray[np.float64]

_AT_ONCE = 1 << 16  # entries of A that are squared at a time


class Gradients(NamedTuple):
    """Derivatives of a loss by the attention and the value matrix."""

    A: NDArray[np.float64]  # (T, N)
    V: NDArray[np.float64]  # (N, N)


class _Moments(NamedTuple):
    """Per-token inner products that the expected loss is made of, each (N,) or a scalar."""

    a_norm: Floats  # |a^(k)|^2
    a_sum: Floats  # 1' a^(k)
    a_q: Floats  # <a^(k), q^(k)>
    v_norm: float  # |V|^2_mu
    v_p: float  # <V, P>_mu
    square: float  # |V mu|^2
    overlap: float  # mu' V mu
    v_mu: Floats  # V mu


def attended(task: SCBTask, A: Floats) -> Floats:
    """Return <a^(k), q^(k)> for every k."""
    positions, weights, _ = task.sparse_attention
    entries = A[positions, np.arange(len(weights))[:, None]]
    return np.asarray((entries * weights).sum(axis=1))


def _squares(A: Floats) -> Floats:
    """Return |a^(k)|^2 for every k, in the bits of (A**2).sum(axis=0)."""
    rows = A.T
    if not rows.flags.c_contiguous:
        return np.asarray((A**2).sum(axis=0))
    # Some rows at a time, so that the squares stay near the processor.
    size, some = len(rows), max(1, _AT_ONCE // len(A))
    found, room = np.empty(size), np.empty((min(some, size), len(A)))
    for k in range(0, size, some):
        part = rows[k : k + some]
        np.square(part, out=room[: len(part)]).sum(axis=1, out=found[k : k + some])
    return found


def _moments(task: SCBTask, params: Params) -> _Moments:
    """Return the inner products of parameters with the task and themselves."""
    (A, V), mu = params, task.stationary
    v_mu = (V * mu).sum(axis=1)
    return _Moments(
        _squares(A), A.sum(axis=0), attended(task, A), inner(V, V, mu),
        inner(V, task.transition, mu), float((v_mu**2).sum()), float((mu * v_mu).sum()), v_mu,
    )  # fmt: skip


def population_loss(task: SCBTask, params: Params) -> float:
    """Return the expected per-sample loss E 1/2 |e_{x_o} - V X A e_k|^2 (eq. 3).

    Exact for any A and V, on or off the constraints of the paper. Half a squared distance.
    """
    return expected_loss(task, check_params(task, params))


def expected_loss(task: SCBTask, params: Params) -> float:
    """Return `population_loss` of parameters that are known to be fine."""
    m = _moments(task, params)
    output = m.a_norm * m.v_norm + (m.a_sum**2 - m.a_norm) * m.square
    match = m.a_q * m.v_p + (m.a_sum - m.a_q) * m.overlap
    return float(0.5 * ((1 + output - 2 * match) * task.stationary).sum())


def population_gradients(task: SCBTask, params: Params) -> Gradients:
    """Return the expected raw gradients of the loss, A (T, N) and V (N, N).

    Exact for any A and V. Where 1'A = 1' and V mu = mu they are Lemma B.7.
    """
    params = check_params(task, params)
    (A, V), q, mu, m = params, task.attention, task.stationary, _moments(task, params)
    grad_a = mu * (m.v_norm * A + (m.a_sum - A) * m.square - q * m.v_p - (1 - q) * m.overlap)
    norm, match = float((m.a_norm * mu).sum()), float((m.a_q * mu).sum())
    spread = float((m.a_sum**2 * mu).sum()) - norm
    rest = float((m.a_sum * mu).sum()) - match
    grad_v = norm * V * mu + spread * np.outer(m.v_mu, mu)
    return Gradients(grad_a, grad_v - match * task.transition * mu - rest * np.outer(mu, mu))


def preconditioned_population_gradients(task: SCBTask, params: Params) -> Gradients:
    """Return the expected preconditioned gradients of Lemma B.8, A (T, N) and V (N, N).

    Valid where 1'A = 1' and V mu = mu, as training from the paper's starts keeps them.
    """
    params = check_params(task, params)
    c, trivial, uniform = centred(task, params), task.stationary[:, None], 1 / task.seq_len
    grad_v = c.norm_A * (params.V - trivial) - c.dot_A_Q * (task.transition - trivial)
    grad_a = c.K_V * (params.A - uniform) - c.K_VP * (task.attention - uniform)
    return Gradients(grad_a, grad_v)


def least_squares_value(task: SCBTask, A: Floats) -> NDArray[np.float64]:
    """Return the V of least expected loss for this A, (N, N) (appendix I).

    Requires 1'A = 1'. B.7 set to zero gives V = mu 1' + (<Q, A>_mu / |A|^2_mu) (P - mu 1').
    """
    mu = check_task(task).stationary
    A = _check.matrix("A", A, (task.seq_len, task.vocab_size))
    A = np.ascontiguousarray(A.T).T  # one layout, on which last bits of sums depend
    if np.abs(A.sum(axis=0) - 1).max() > 1e-6:
        raise ValueError("columns of A must sum to 1; project or round A first")
    ratio = float((attended(task, A) * mu).sum()) / inner(A, A, mu)
    return mu[:, None] + ratio * (task.transition - mu[:, None])


def target_law(task: SCBTask, tokens: ArrayLike, last: int) -> NDArray[np.float64]:
    """Return Pr(x_o = n | tokens, last) = sum_t q_t P[n, x_t], (N,)  (eq. 1)."""
    sparse, size = check_task(task).sparse_attention, task.vocab_size
    drawn = _check.tokens("tokens", tokens, size, "task")
    if drawn.shape != (task.seq_len,):
        raise ValueError(f"tokens must have shape ({task.seq_len},), got {drawn.shape}")
    last = _check.integer("last", last, 0, size - 1)
    at = drawn[sparse.positions[last]]
    law: Floats = (task.transition[:, at] * sparse.weights[last]).sum(axis=1)
    return law


def joint_probabilities(task: SCBTask, last: int, position: int) -> NDArray[np.float64]:
    """Return Pr(x_o = n, x_t = m | x_{T+1} = last) as an (N, N) array [n, m] (Lemma B.1)."""
    last = _check.integer("last", last, 0, check_task(task).vocab_size - 1)
    position = _check.integer("position", position, 0, task.seq_len - 1)
    sparse, mu = task.sparse_attention, task.stationary
    q = float((sparse.weights[last] * (sparse.positions[last] == position)).sum())
    return (q * task.transition + (1 - q) * mu[:, None]) * mu


# --- dynamics -------------------------------------------------------------------------------------


def signal_step(
    alpha_V: float, alpha_A: float, eta: float, K_Q: float, seq_len: int
) -> tuple[float, float]:
    """Return (alpha_V, alpha_A) after a population step, rates eta/K_Q and eta/K_P (eq. 8).

    Numbers, or arrays that fit each other. K_Q and seq_len must be greater than 0.
    """
    names = "alpha_V", "alpha_A", "eta", "K_Q", "seq_len"
    given = alpha_V, alpha_A, eta, K_Q, seq_len
    v, a, rate, k, t = (_check.array(*pair) for pair in zip(names, given, strict=True))
    if min(k.min(), t.min()) <= 0:
        raise ValueError("K_Q and seq_len must be greater than 0: eq. 8 divides by them")
    with np.errstate(over="ignore", invalid="ignore"):
        found = _signal_step(v[()], a[()], rate[()], k[()], t[()])
    if not np.isfinite(found).all():
        raise ValueError("alpha_V, alpha_A or eta / K_Q is so large that the step is infinite")
    return found


def _signal_step(alpha_V: Any, alpha_A: Any, eta: Any, K_Q: Any, seq_len: Any) -> tuple[Any, Any]:
    """Return what `signal_step` does, of arguments that are known to be fine."""
    miss = 1 - alpha_A * alpha_V
    drift = eta / K_Q * (1 - alpha_V) / seq_len
    return alpha_V + eta * miss * alpha_A + drift, alpha_A + eta * miss * alpha_V


def signal_path(
    task: SCBTask, eta: float, steps: int, start: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Return the (steps + 1, 2) path of (alpha_V, alpha_A) under eq. 8, from `start` on.

    eta is the paper's base rate: V moves with eta / K_Q, A with eta / K_P. The start (0, 0) is the
    uniform one. Raises ValueError where K_Q = 0, and for a rate with which the path diverges.
    """
    K_Q, v, a = check_task(task).K_Q, *check_start(start)
    if K_Q == 0:
        raise ValueError("the task's Q is uniform: K_Q = 0, and eq. 8 divides by it")
    eta = _check.real("eta", eta, 0)
    path = np.empty((_check.integer("steps", steps, 0, 10**8) + 1, 2))
    for step in range(len(path)):
        path[step] = v, a
        if not abs(v) + abs(a) <= 2 * LIMIT:
            raise ValueError(f"eq. 8 diverges with eta = {eta:g}: take a smaller eta")
        v, a = _signal_step(v, a, eta, K_Q, task.seq_len)
    return path


def check_start(start: tuple[float, float]) -> tuple[float, float]:
    """Return alpha_V and alpha_A of a start as floats, or raise."""
    try:
        v, a = start
    except (TypeError, ValueError):
        raise TypeError(
            f"start must be a pair of numbers, alpha_V and alpha_A, got {_check.shown(start)}"
        ) from None
    return _check.real("start[0]", v, -LIMIT, LIMIT), _check.real("start[1]", a, -LIMIT, LIMIT)


class Noise(NamedTuple):
    """Mini-batch preconditioned gradient minus its expectation."""

    A: NDArray[np.float64]  # (T, N) h_A
    V: NDArray[np.float64]  # (N, N) h_V


def noisy_signal_step(
    task: SCBTask, before: Centred, noise: Noise, eta_V: float, eta_A: float
) -> tuple[float, float]:
    """Return (alpha_V, alpha_A) after one step with the realised noise (Lemma C.5).

    `before` are signals and errors before the step, from `scbtools.signals.centred`; the noise is
    h_A (T, N) and h_V (N, N), both preconditioned and projected; rates are as applied.
    """
    noise, h_v, h_a = _along_lines(task, before, noise)
    K_P, K_Q, T, v, a = task.K_P, task.K_Q, task.seq_len, before.alpha_V, before.alpha_A
    eta_V, eta_A = (_check.real(n, x, 0) for n, x in (("eta_V", eta_V), ("eta_A", eta_A)))
    push_v = K_Q * (1 - a * v) * a + (1 - v) / T - v * before.delta_A_squared - h_v / K_P
    push_a = K_P * (1 - v * a) * v - a * before.delta_V_squared - h_a / K_Q
    return v + eta_V * push_v, a + eta_A * push_a


def _along_lines(task: SCBTask, before: Centred, noise: Noise) -> tuple[Noise, float, float]:
    """Return the noise, <h_V, P>_mu and <h_A, Q>_mu, or raise for what C.5 and C.6 do not cover."""
    noise, mu = Noise(*check_params(task, noise, "noise")), task.stationary
    if not isinstance(before, Centred):
        raise TypeError(f"before must be as from signals.centred, got {_check.shown(before)}")
    if not min(task.K_P, task.K_Q) > 0:
        raise ValueError("task has K_P = 0 or K_Q = 0: C.5 and C.6 divide by both")
    return noise, inner(noise.V, task.transition, mu), float((attended(task, noise.A) * mu).sum())


def noisy_error_step(
    task: SCBTask, before: Centred, delta: Params, noise: Noise, eta_V: float, eta_A: float
) -> Params:
    """Return (Delta_A, Delta_V) after one step with the realised noise (Lemma C.6, not squared).

    Parameters are those of `noisy_signal_step`, and `delta`: Delta_A (T, N) and Delta_V (N, N)
    before the step, from `scbtools.signals.residuals`.
    """
    noise, h_v, h_a = _along_lines(task, before, noise)
    K_P, K_Q, T, v, a = task.K_P, task.K_Q, task.seq_len, before.alpha_V, before.alpha_A
    eta_V, eta_A = (_check.real(n, x, 0) for n, x in (("eta_V", eta_V), ("eta_A", eta_A)))
    delta = check_params(task, delta, "delta")
    off_Q, off_P = task.attention - 1 / T, task.transition - task.stationary[:, None]
    shrink_a = 1 - eta_A * (K_P * v**2 + before.delta_V_squared)
    shrink_v = 1 - eta_V * (a**2 * K_Q + 1 / T + before.delta_A_squared)
    new_a = shrink_a * delta.A + eta_A * h_a / K_Q * off_Q - eta_A * noise.A
    new_v = shrink_v * delta.V + eta_V * h_v / K_P * off_P - eta_V * noise.V
    return Params(new_a, new_v)
