"""The noise of a batch: the law of the preconditioned gradients' error, in closed form.

h_A and h_V are the mini-batch gradients of eq. 4 minus their expectations. A batch is a mean over
independent samples, so every variance here is that of one sample: divide it by B.

All functions need 1'A = 1', 1'V = 1' and V mu = mu, as training keeps them. They follow from
Lemmas B.1 and B.2: with e_m = column m of V minus mu, p_m = column m of P minus mu, the residual
of a sample is r = mu + sum_s a_s e_{x_s} - e_{x_o}, and every moment is a sum over positions of
products of token averages. None of them is an approximation in T.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools import _check
from scbtools.engines import minibatch_gradients
from scbtools.population import Noise, preconditioned_population_gradients
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_params
from scbtools.updates import precondition

__all__ = [
    "attention_entries",
    "attention_noise",
    "attention_norm",
    "draw",
    "realised",
    "residual_covariance",
    "signal_noise",
    "value_norm",
]

Array = NDArray[np.float64]


class _Tokens(NamedTuple):
    """Averages over one token x ~ mu, with u = V e_x - mu and p = P e_x - mu."""

    C: Array  # E[u u'], (N, N)
    F: Array  # E[u p'], (N, N)
    second: float  # E[u' (diag(mu) - mu mu') u]
    third: float  # E[sum_n p_n u_n^2 - 2 (u'mu)(u'p)]
    fourth_u: float  # E|u|^4 less its three pairings
    fourth_p: float  # E|u|^2 u'p less its three pairings


class _Sums(NamedTuple):
    """Sums over positions of products of weights b, attention a and truth q."""

    bb: Array
    ab: Array
    bq: Array
    bbq: Array
    aabb: Array
    abbq: Array


def realised(task: SCBTask, params: Params, batch_size: int, seed: int = 0, step: int = 0) -> Noise:
    """Return h_A (T, N) and h_V (N, N) of the batch that `minibatch_gradients` would use."""
    found = precondition(task, minibatch_gradients(task, params, batch_size, seed, step))
    expected = preconditioned_population_gradients(task, params)
    return Noise(found.A - expected.A, found.V - expected.V)


def residual_covariance(task: SCBTask, params: Params) -> Array:
    """Return E[r r' | x_{T+1} = k] for every k, (N, N, N) with k first.

    r = V X a - e_{x_o} has mean zero, so this is its covariance:
    diag(mu) - mu mu' + |a|^2 C - <a, q> (F + F'), with C the covariance of V e_x and F that of
    V e_x and P e_x, x ~ mu.
    """
    params = _on_constraints(task, params)
    mu, tokens = task.stationary, _tokens(task, params)
    base = np.diag(mu) - np.outer(mu, mu)
    norm, match = (params.A**2).sum(axis=0), (params.A * task.attention).sum(axis=0)
    both = tokens.F + tokens.F.T
    found: Array = base + norm[:, None, None] * tokens.C - match[:, None, None] * both
    return found


def attention_noise(task: SCBTask, params: Params) -> Array:
    """Return, per last token k, the one-sample variance of an unattended entry of h_A, (N,).

    Tr(C E[r r' | k]) / mu_k: what an entry with a_t = q_t = 0 has, but for terms of order 1/T.
    Nearly all T entries of column k are such, and they are uncorrelated with each other. For the
    noise of a batch of B samples divide by B.

    See Also
    --------
    attention_entries : exact, for every entry.
    """
    covariance = residual_covariance(task, params)
    variance: Array = (covariance * _tokens(task, params).C).sum(axis=(1, 2)) / task.stationary
    return variance


def attention_entries(task: SCBTask, params: Params) -> Array:
    """Return the one-sample variance of every entry of h_A, (T, N), exactly."""
    params = _on_constraints(task, params)
    sparse, T, tokens = task.sparse_attention, task.seq_len, _tokens(task, params)
    found = np.empty(params.A.shape[::-1])
    left = 1 - 2 / T
    for k, row in enumerate(found):  # column by column: for long sequences memory is scarce
        a, q = params.A[:, k], np.zeros(T)
        count = sparse.counts[k]
        q[sparse.positions[k, :count]] = sparse.weights[k, :count]
        norm, match = (a**2).sum(), (a * q).sum()
        # b = e_t - 1/T for every t at once.
        sums = _Sums(
            np.full(T, 1 - 1 / T),
            a - 1 / T,
            q - 1 / T,
            left * q + 1 / T**2,
            left * a**2 + norm / T**2,
            left * a * q + match / T**2,
        )
        second = _second_moment(tokens, sums, norm, match)
        row[:] = second / task.stationary[k] - _mean(tokens, sums) ** 2
    return found.T


def attention_norm(task: SCBTask, params: Params) -> float:
    """Return the one-sample E|h_A|^2_mu, exactly. It is of order T (Corollary B.11)."""
    return float((attention_entries(task, params) * task.stationary).sum())


def signal_noise(task: SCBTask, params: Params) -> float:
    """Return the one-sample variance of <h_A, Q>_mu, the noise in alpha_A (C.5), exactly."""
    params = _on_constraints(task, params)
    A, Q, mu = params.A, task.attention, task.stationary
    b = Q - 1 / task.seq_len
    sums = _Sums(*(each.sum(axis=0) for each in (
        b * b, A * b, b * Q, b * b * Q, A * A * b * b, A * b * b * Q)))  # fmt: skip
    tokens = _tokens(task, params)
    second = _second_moment(tokens, sums, (A**2).sum(axis=0), (A * Q).sum(axis=0))
    return float((mu * second).sum() - (mu * _mean(tokens, sums)).sum() ** 2)


def value_norm(task: SCBTask, params: Params) -> float:
    """Return the one-sample E|h_V|^2_mu, exactly. It does not grow with T (Corollary B.11).

    One sample's gradient is r w' with w = diag(1/mu) X a - mu / |mu|^2, so that this is
    E[|r|^2 sum_k mu_k w_k^2] - |E r w'|^2_mu.
    """
    params = _on_constraints(task, params)
    (A, V), Q, mu = params, task.attention, task.stationary
    tokens, N = _tokens(task, params), task.vocab_size
    square = float((mu**2).sum())
    u, p = V - mu[:, None], task.transition - mu[:, None]
    uu, up, line = (u * u).sum(axis=0), (u * p).sum(axis=0), (mu[:, None] * p).sum(axis=0)
    tilt, spread = 1 - mu / square, 1 / mu - 1  # of w: its mean, and e' diag(1/mu) e
    trace, match = float(np.trace(tokens.C)), float(np.trace(tokens.F))

    def token(values: Array) -> float:
        return float((mu * values).sum())

    def over_k(values: Array) -> float:
        return float((values.sum(axis=0) * mu).sum())

    aa, aq = (A**2).sum(axis=0), (A * Q).sum(axis=0)
    mean_aa, mean_aq = token(aa), token(aq)
    flat = token(tilt**2)
    found = (1 - square) * (flat + mean_aa * (N - 1)) + flat * (
        mean_aa * trace - 2 * mean_aq * match
    )
    found += 2 * over_k(A**3) * token(uu * tilt) - 4 * over_k(A**2 * Q) * token(up * tilt)
    found -= 4 * mean_aq * token(line * tilt) + 2 * over_k(A**2 * Q) * token(line * spread)
    found += token(aa**2) * trace * (N + 1)
    found += over_k(A**4) * (token(uu * spread) - trace * (N + 1))
    found -= 2 * token(aa * aq) * match * (N + 1)
    found -= 2 * over_k(A**3 * Q) * (token(up * spread) - match * (N + 1))
    expected = preconditioned_population_gradients(task, params).V
    return found - float((expected**2 * mu).sum())


def draw(task: SCBTask, params: Params, batch_size: int, rng: np.random.Generator) -> Noise:
    """Return Gaussian noise of the size that a batch would have, h_A (T, N) and h_V (N, N).

    What it keeps: the exact variance of every entry of h_A; the exact E|h_V|^2_mu, with the
    covariance E[r r'] (x) E[w w']; zero column sums, and h_V mu = 0. What it leaves out: that
    entries of h_A at attended positions are correlated with each other and with h_V, that one
    batch serves all, and everything that is not Gaussian.

    Parameters
    ----------
    params : Params
        Where the gradients are taken: A (T, N) and V (N, N).
    batch_size : int
        B, at least 1.
    rng : numpy.random.Generator
        Not advanced alike on all machines: its normal draws use a logarithm.
    """
    batch_size = _check.integer("batch_size", batch_size, 1)
    mu, N = task.stationary, task.vocab_size
    rows = np.sqrt(attention_entries(task, params).T / batch_size)
    for row in rows:  # in place: for long sequences memory is scarce
        row *= rng.standard_normal(len(row))
        row -= row.mean()
    covariance = (residual_covariance(task, params) * mu[:, None, None]).sum(axis=0)
    tilt = 1 - mu / float((mu**2).sum())
    factor = np.outer(tilt, tilt)
    factor += float((params.A**2 * mu).sum()) * (np.diag(1 / mu) - 1)
    value = _root(covariance) @ rng.standard_normal((N, N)) @ _root(factor)
    size = np.trace(covariance) * float((np.diag(factor) * mu).sum())
    return Noise(rows.T, value * np.sqrt(value_norm(task, params) / (size * batch_size)))


def _root(matrix: Array) -> Array:
    """Return the symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    # A zero comes out as rounding, whose root would not be small.
    values[values < 1e-12 * values[-1]] = 0
    root: Array = (vectors * np.sqrt(values)) @ vectors.T
    return root


def _on_constraints(task: SCBTask, params: Params) -> Params:
    """Return checked parameters, or raise where the closed forms do not apply."""
    A, V = check_params(task, params)
    off = max(
        np.abs(A.sum(axis=0) - 1).max(),
        np.abs(V.sum(axis=0) - 1).max(),
        np.abs((V * task.stationary).sum(axis=1) - task.stationary).max(),
    )
    if off > 1e-6:
        raise ValueError(
            f"params are {off:.1e} away from 1'A = 1', 1'V = 1' and V mu = mu, which the noise's "
            f"closed forms need; preconditioned training keeps them"
        )
    return Params(A, V)


def _tokens(task: SCBTask, params: Params) -> _Tokens:
    """Return the token averages."""
    mu = task.stationary
    u, p = params.V - mu[:, None], task.transition - mu[:, None]
    C, F = (u * mu) @ u.T, (u * mu) @ p.T
    uu, up, at_mu = (u * u).sum(axis=0), (u * p).sum(axis=0), (mu[:, None] * u).sum(axis=0)
    trace, match = float(np.trace(C)), float(np.trace(F))
    squares, cross = float((C * C).sum()), float((C * F.T).sum())
    return _Tokens(
        C,
        F,
        float((mu[:, None] * u**2 * mu).sum() - (at_mu**2 * mu).sum()),
        float((p * u**2 * mu).sum() - 2 * (at_mu * up * mu).sum()),
        float((uu**2 * mu).sum()) - trace**2 - 2 * squares,
        float((uu * up * mu).sum()) - trace * match - 2 * cross,
    )


def _mean(tokens: _Tokens, sums: _Sums) -> Array:
    """Return E[y'r | k], y = sum_t b_t u_{x_t}."""
    found: Array = sums.ab * float(np.trace(tokens.C)) - sums.bq * float(np.trace(tokens.F))
    return found


def _second_moment(tokens: _Tokens, sums: _Sums, norm: Array, match: Array) -> Array:
    """Return E[(y'r)^2 | k], y = sum_t b_t u_{x_t}, given |a|^2 and <a, q> per column.

    Given the tokens, y'r has second moment (y'Vd)^2 - (y'mu)^2 - 2 y'mu y'Pg - 2 y'Vd y'Pg +
    sum_n (mu + Pg)_n y_n^2, with Vd and Pg the sums of a_s u_s and q_s p_s. Positions are
    independent, so each product averages to its pairings, and a term where all four coincide.
    """
    trace, cross = float(np.trace(tokens.C)), float(np.trace(tokens.F))
    squares, mixed = float((tokens.C**2).sum()), float((tokens.C * tokens.F.T).sum())
    found: Array = sums.bb * tokens.second + sums.bbq * tokens.third
    found = found + sums.bb * norm * squares + sums.ab**2 * (trace**2 + squares)
    found = found + sums.aabb * tokens.fourth_u
    found = found - 2 * (sums.bb * match * mixed + sums.ab * sums.bq * (trace * cross + mixed))
    return found - 2 * sums.abbq * tokens.fourth_p
