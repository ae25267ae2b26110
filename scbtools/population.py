"""Closed forms: expected losses, gradients and dynamics. What the kernels must agree with.

Everything here is exact and free of random numbers. <X, Y>_mu = Tr(X diag(mu) Y').
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools import _check
from scbtools.signals import Centred, centred, inner
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_params

__all__ = [
    "Gradients",
    "joint_probabilities",
    "least_squares_value",
    "noisy_error_step",
    "noisy_signal_step",
    "population_gradients",
    "population_loss",
    "preconditioned_population_gradients",
    "signal_path",
    "signal_step",
    "target_law",
]


class Gradients(NamedTuple):
    """Derivatives of a loss by the attention and the value matrix."""

    A: NDArray[np.float64]  # (T, N)
    V: NDArray[np.float64]  # (N, N)


class _Moments(NamedTuple):
    """Per-token inner products that the expected loss is made of, each (N,) or a scalar."""

    a_norm: NDArray[np.float64]  # |a^(k)|^2
    a_sum: NDArray[np.float64]  # 1' a^(k)
    a_q: NDArray[np.float64]  # <a^(k), q^(k)>
    v_mu: NDArray[np.float64]  # V mu, (N,)
    v_norm: float  # |V|^2_mu
    v_p: float  # <V, P>_mu


def attended(task: SCBTask, A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return <a^(k), q^(k)> for every k."""
    sparse = task.sparse_attention
    k = np.arange(task.vocab_size)[:, None]
    dots: NDArray[np.float64] = (A[sparse.positions, k] * sparse.weights).sum(axis=1)
    return dots


def _moments(task: SCBTask, params: Params) -> _Moments:
    """Return the inner products of parameters with the task and themselves."""
    A, V = params
    mu = task.stationary
    return _Moments(
        (A**2).sum(axis=0),
        A.sum(axis=0),
        attended(task, A),
        (V * mu).sum(axis=1),
        inner(V, V, mu),
        inner(V, task.transition, mu),
    )


def population_loss(task: SCBTask, params: Params) -> float:
    """Return the expected per-sample loss E 1/2 |e_{x_o} - V X A e_k|^2 (eq. 3).

    Exact for any A and V, on or off the constraints of the paper. Half a squared distance.
    """
    params = check_params(task, params)
    mu, m = task.stationary, _moments(task, params)
    square = float((m.v_mu**2).sum())
    overlap = float((mu * m.v_mu).sum())
    output = m.a_norm * m.v_norm + (m.a_sum**2 - m.a_norm) * square
    match = m.a_q * m.v_p + (m.a_sum - m.a_q) * overlap
    return float(0.5 * ((1 + output - 2 * match) * mu).sum())


def population_gradients(task: SCBTask, params: Params) -> Gradients:
    """Return the expected raw gradients of the loss, A (T, N) and V (N, N).

    Exact for any A and V. Where 1'A = 1' and V mu = mu they are Lemma B.7.
    """
    params = check_params(task, params)
    A, V = params
    mu, m = task.stationary, _moments(task, params)
    q = np.zeros(A.shape)
    sparse = task.sparse_attention
    np.add.at(q, (sparse.positions, np.arange(len(mu))[:, None]), sparse.weights)
    square = float((m.v_mu**2).sum())
    overlap = float((mu * m.v_mu).sum())
    grad_a = mu * (m.v_norm * A + (m.a_sum - A) * square - q * m.v_p - (1 - q) * overlap)
    norm, match = float((m.a_norm * mu).sum()), float((m.a_q * mu).sum())
    spread = float((m.a_sum**2 * mu).sum()) - norm
    rest = float((m.a_sum * mu).sum()) - match
    grad_v = (
        norm * V * mu
        + spread * np.outer(m.v_mu, mu)
        - match * task.transition * mu
        - rest * np.outer(mu, mu)
    )
    return Gradients(grad_a, grad_v)


def preconditioned_population_gradients(task: SCBTask, params: Params) -> Gradients:
    """Return the expected preconditioned gradients of Lemma B.8, A (T, N) and V (N, N).

    Valid where 1'A = 1' and V mu = mu, as training from the paper's starts keeps them.
    """
    A, V = check_params(task, params)
    mu = task.stationary
    c = centred(task, Params(A, V))
    trivial = mu[:, None]
    grad_v = c.norm_A * (V - trivial) - c.dot_A_Q * (task.transition - trivial)
    uniform = 1 / task.seq_len
    grad_a = c.K_V * (A - uniform) - c.K_VP * (task.attention - uniform)
    return Gradients(grad_a, grad_v)


def least_squares_value(task: SCBTask, A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the V of least expected loss for this A, (N, N) (appendix I).

    Requires 1'A = 1'. B.7 set to zero gives V = mu 1' + (<Q, A>_mu / |A|^2_mu) (P - mu 1').
    """
    params = check_params(task, Params(A, np.zeros((task.vocab_size, task.vocab_size))))
    if np.abs(params.A.sum(axis=0) - 1).max() > 1e-6:
        raise ValueError("columns of A must sum to 1; project or round A first")
    mu = task.stationary
    ratio = float((attended(task, params.A) * mu).sum()) / inner(params.A, params.A, mu)
    return mu[:, None] + ratio * (task.transition - mu[:, None])


def target_law(task: SCBTask, tokens: NDArray[np.int64], last: int) -> NDArray[np.float64]:
    """Return Pr(x_o = n | tokens, last) = sum_t q_t P[n, x_t], (N,)  (eq. 1)."""
    sparse = task.sparse_attention
    last = _check.integer("last", last, 0, task.vocab_size - 1)
    at = np.asarray(tokens)[sparse.positions[last]]
    law: NDArray[np.float64] = (task.transition[:, at] * sparse.weights[last]).sum(axis=1)
    return law


def joint_probabilities(task: SCBTask, last: int, position: int) -> NDArray[np.float64]:
    """Return Pr(x_o = n, x_t = m | x_{T+1} = last) as an (N, N) array [n, m] (Lemma B.1)."""
    last = _check.integer("last", last, 0, task.vocab_size - 1)
    position = _check.integer("position", position, 0, task.seq_len - 1)
    sparse, mu = task.sparse_attention, task.stationary
    q = float((sparse.weights[last] * (sparse.positions[last] == position)).sum())
    return (q * task.transition + (1 - q) * mu[:, None]) * mu


# --- dynamics -------------------------------------------------------------------------------------


def signal_step(
    alpha_V: float, alpha_A: float, eta: float, K_Q: float, seq_len: int
) -> tuple[float, float]:
    """Return (alpha_V, alpha_A) after a population step, rates eta/K_Q and eta/K_P (eq. 8)."""
    miss = 1 - alpha_A * alpha_V
    drift = eta / K_Q * (1 - alpha_V) / seq_len
    return alpha_V + eta * miss * alpha_A + drift, alpha_A + eta * miss * alpha_V


def signal_path(
    task: SCBTask, eta: float, steps: int, start: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Return the (steps + 1, 2) path of (alpha_V, alpha_A) under eq. 8.

    Parameters
    ----------
    eta : float
        The paper's base rate: V moves with eta / K_Q, A with eta / K_P.
    steps : int
    start : pair of floats
        Signals at step 0; (0, 0) is the uniform start.
    """
    eta = _check.real("eta", eta, 0, np.finfo(float).max)
    steps = _check.integer("steps", steps, 0)
    path = np.empty((steps + 1, 2))
    path[0] = start
    K_Q = task.K_Q
    for step in range(steps):
        v, a = path[step]
        path[step + 1] = signal_step(v, a, eta, K_Q, task.seq_len)
    return path


class Noise(NamedTuple):
    """Mini-batch preconditioned gradient minus its expectation."""

    A: NDArray[np.float64]  # (T, N) h_A
    V: NDArray[np.float64]  # (N, N) h_V


def noisy_signal_step(
    task: SCBTask, before: Centred, noise: Noise, eta_V: float, eta_A: float
) -> tuple[float, float]:
    """Return (alpha_V, alpha_A) after one step with the realised noise (Lemma C.5).

    Parameters
    ----------
    before : Centred
        Signals and errors before the step, from `scbtools.signals.centred`.
    noise : Noise
        h_A (T, N) and h_V (N, N), both preconditioned and projected.
    eta_V, eta_A : float
        Learning rates as applied, not the base rate.
    """
    mu, K_P, K_Q, T = task.stationary, task.K_P, task.K_Q, task.seq_len
    v, a = before.alpha_V, before.alpha_A
    h_v = inner(noise.V, task.transition, mu)
    h_a = float((attended(task, noise.A) * mu).sum())
    new_v = v + eta_V * (
        K_Q * (1 - a * v) * a + (1 - v) / T - v * before.delta_A_squared - h_v / K_P
    )
    new_a = a + eta_A * (K_P * (1 - v * a) * v - a * before.delta_V_squared - h_a / K_Q)
    return new_v, new_a


def noisy_error_step(
    task: SCBTask, before: Centred, delta: Params, noise: Noise, eta_V: float, eta_A: float
) -> Params:
    """Return (Delta_A, Delta_V) after one step with the realised noise (Lemma C.6, not squared).

    Parameters are those of `noisy_signal_step`, and `delta`: Delta_A (T, N) and Delta_V (N, N)
    before the step, from `scbtools.signals.residuals`.
    """
    mu, K_P, K_Q, T = task.stationary, task.K_P, task.K_Q, task.seq_len
    v, a = before.alpha_V, before.alpha_A
    h_v = inner(noise.V, task.transition, mu)
    h_a = float((attended(task, noise.A) * mu).sum())
    shrink_a = 1 - eta_A * (K_P * v**2 + before.delta_V_squared)
    shrink_v = 1 - eta_V * (a**2 * K_Q + 1 / T + before.delta_A_squared)
    new_a = shrink_a * delta.A + eta_A * h_a / K_Q * (task.attention - 1 / T) - eta_A * noise.A
    new_v = (
        shrink_v * delta.V + eta_V * h_v / K_P * (task.transition - mu[:, None]) - eta_V * noise.V
    )
    return Params(new_a, new_v)
