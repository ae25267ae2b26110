"""The noise of a batch: its law in closed form, and training simulated with Gaussian noise.

h_A and h_V are the mini-batch gradients of eq. 4 minus their expectations. A batch is a mean over
independent samples, so every variance here is that of one sample: divide it by B.

All laws need 1'A = 1', 1'V = 1' and V mu = mu, as training keeps them. They follow from Lemmas B.1
and B.2: with u_m = column m of V minus mu, p_m = column m of P minus mu, the residual of a sample
is r = mu + sum_s a_s u_{x_s} - e_{x_o}, and every moment is a sum over positions of products of
token averages. None of them is an approximation in T.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools import _check
from scbtools.engines import minibatch_gradients
from scbtools.population import Noise, attended, check_start, preconditioned_population_gradients
from scbtools.signals import inner
from scbtools.stages import HISTORY_COLUMNS, Stage, check_stages
from scbtools.task import SCBTask, check_task
from scbtools.transformer import Params, check_params
from scbtools.updates import precondition, soft_threshold

__all__ = [
    "attention_entries", "attention_noise", "attention_norm", "draw", "moments", "realised",
    "residual_covariance", "signal_noise", "simulate", "value_norm",
]  # fmt: skip

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """Second moments of one token x ~ mu, of which those of the residual are made."""

    u: Array  # (N, N) columns V e_x - mu
    p: Array  # (N, N) columns P e_x - mu
    base: Array  # (N, N) covariance of e_x: diag(mu) - mu mu'
    C: Array  # (N, N) E[u u']
    F: Array  # (N, N) E[u p']

    def residual(self, norm: float | Array, match: float | Array) -> Array:
        """Return E[r r' | k], (N, N), from |a^(k)|^2 and <a^(k), q^(k)>.

        From their means over k, E[r r']; from arrays (K, 1, 1), one matrix for each.
        """
        return self.base + norm * self.C - match * (self.F + self.F.T)

    def entry(self, norm: Array, match: Array) -> Array:
        """Return sigma_k^2 = Tr(C E[r r' | k]), (N,), from |a^(k)|^2 and <a^(k), q^(k)>."""
        C = self.C
        least, squares, mixed = (float((C * each).sum()) for each in (self.base, C, self.F))
        return least + norm * squares - 2 * match * mixed


def realised(task: SCBTask, params: Params, batch_size: int, seed: int = 0, step: int = 0) -> Noise:
    """Return h_A (T, N) and h_V (N, N) of the batch that `minibatch_gradients` would use."""
    found = precondition(task, minibatch_gradients(task, params, batch_size, seed, step))
    expected = preconditioned_population_gradients(task, params)
    return Noise(found.A - expected.A, found.V - expected.V)


def moments(task: SCBTask, V: Array) -> Moments:
    """Return the second moments of one token for a V (N, N) with 1'V = 1' and V mu = mu. O(N^3)."""
    shape = check_task(task).transition.shape
    return _moments(task, _check.matrix("V", V, shape, 1e40))


def _moments(task: SCBTask, V: Array) -> Moments:
    """Return `moments` of a V that is known to be fine."""
    mu = task.stationary
    u, p = V - mu[:, None], task.transition - mu[:, None]
    weighted = u * mu
    return Moments(u, p, np.diag(mu) - np.outer(mu, mu), weighted @ u.T, weighted @ p.T)


def residual_covariance(task: SCBTask, params: Params) -> Array:
    """Return E[r r' | x_{T+1} = k] for every k, (N, N, N) with k first.

    r = V X a - e_{x_o} has mean zero, so this is its covariance: diag(mu) - mu mu' + |a|^2 C -
    <a, q> (F + F'), with C the covariance of V e_x and F that of V e_x and P e_x, x ~ mu.
    """
    params, norm, match = _on_constraints(task, params)
    return _moments(task, params.V).residual(norm[:, None, None], match[:, None, None])


def attention_noise(task: SCBTask, params: Params) -> Array:
    """Return, per last token k, the one-sample variance of an unattended entry of h_A, (N,).

    Tr(C E[r r' | k]) / mu_k: what an entry with a_t = q_t = 0 has, but for terms of order 1/T. Such
    are nearly all of column k, uncorrelated with each other. `attention_entries` is exact for all.
    """
    params, norm, match = _on_constraints(task, params)
    return _moments(task, params.V).entry(norm, match) / task.stationary


def attention_entries(task: SCBTask, params: Params) -> Array:
    """Return the one-sample variance of every entry of h_A, (T, N), exactly."""
    params, norm, match = _on_constraints(task, params)
    (positions, weights, _), averages = task.sparse_attention, _averages(task, params)
    T, left, found = task.seq_len, 1 - 2 / task.seq_len, np.empty(params.A.shape[::-1])
    for k, row in enumerate(found):  # column by column: for long sequences memory is scarce
        a, q = params.A[:, k], np.zeros(T)
        np.add.at(q, positions[k], weights[k])
        # b = e_t - 1/T for every t at once.
        mean, second = _dot(
            averages, norm[k], match[k], np.full(T, 1 - 1 / T), a - 1 / T, q - 1 / T,
            left * q + 1 / T**2, left * a**2 + norm[k] / T**2, left * a * q + match[k] / T**2,
        )  # fmt: skip
        row[:] = np.maximum(second / task.stationary[k] - mean**2, 0)  # rounding may be below
    return found.T


def attention_norm(task: SCBTask, params: Params) -> float:
    """Return the one-sample E|h_A|^2_mu, exactly. It is of order T (Corollary B.11)."""
    return float((attention_entries(task, params) * task.stationary).sum())


def signal_noise(task: SCBTask, params: Params) -> float:
    """Return the one-sample variance of <h_A, Q>_mu, the noise in alpha_A (C.5), exactly."""
    params, norm, match = _on_constraints(task, params)
    A, Q, mu = params.A, task.attention, task.stationary
    b = Q - 1 / task.seq_len
    products = b * b, A * b, b * Q, b * b * Q, A * A * b * b, A * b * b * Q
    sums = [each.sum(axis=0) for each in products]
    mean, second = _dot(_averages(task, params), norm, match, *sums)
    return max(float((mu * second).sum() - (mu * mean).sum() ** 2), 0.0)


def value_norm(task: SCBTask, params: Params) -> float:
    """Return the one-sample E|h_V|^2_mu, exactly. It does not grow with T (Corollary B.11).

    One sample's gradient is r w' with w = diag(1/mu) X a - mu / |mu|^2, so that this is
    E[|r|^2 sum_k mu_k w_k^2] - |E r w'|^2_mu.
    """
    params, aa, aq = _on_constraints(task, params)
    A, Q, mu, N = params.A, task.attention, task.stationary, task.vocab_size
    square, (u, p, _, C, F) = float((mu**2).sum()), _moments(task, params.V)
    uu, up, line = (u * u).sum(axis=0), (u * p).sum(axis=0), (mu[:, None] * p).sum(axis=0)
    tilt, spread = 1 - mu / square, 1 / mu - 1  # of w: its mean, and e' diag(1/mu) e
    trace, cross = float(np.trace(C)), float(np.trace(F))

    def mean(values: Array) -> float:
        """Return the mean over tokens, of sums over positions if there are any."""
        return float((mu * (values.sum(axis=0) if values.ndim > 1 else values)).sum())

    mean_aa, mean_aq, mean_aaq, flat = mean(aa), mean(aq), mean(A**2 * Q), mean(tilt**2)
    found = (1 - square) * (flat + mean_aa * (N - 1))
    found += flat * (mean_aa * trace - 2 * mean_aq * cross)
    found += 2 * mean(A**3) * mean(uu * tilt) - 4 * mean_aaq * mean(up * tilt)
    found -= 4 * mean_aq * mean(line * tilt) + 2 * mean_aaq * mean(line * spread)
    found += mean(aa**2) * trace * (N + 1)
    found += mean(A**4) * (mean(uu * spread) - trace * (N + 1))
    found -= 2 * mean(aa * aq) * cross * (N + 1)
    found -= 2 * mean(A**3 * Q) * (mean(up * spread) - cross * (N + 1))
    expected = preconditioned_population_gradients(task, params).V
    return max(found - inner(expected, expected, mu), 0.0)


def draw(task: SCBTask, params: Params, batch_size: int, rng: np.random.Generator) -> Noise:
    """Return Gaussian noise of the size that a batch would have, h_A (T, N) and h_V (N, N).

    What it keeps: the exact variance of every entry of h_A; the exact E|h_V|^2_mu, with the
    covariance E[r r'] (x) E[w w']; zero column sums, and h_V mu = 0. What it leaves out: that
    entries of h_A at attended positions are correlated with each other and with h_V, that one
    batch serves all, and everything that is not Gaussian. Gradients are taken at A (T, N) and
    V (N, N), with B = `batch_size` at least 1. `rng` is not advanced alike on all machines: its
    normal draws use a logarithm.
    """
    mu, N = check_task(task).stationary, task.vocab_size
    params, *overlaps = _on_constraints(task, params)
    batch_size = _check.integer("batch_size", batch_size, 1, 2**32 - 1)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a Generator, as from numpy.random.default_rng, got {_check.shown(rng)}"
        )
    rows = np.sqrt(attention_entries(task, params).T / batch_size)
    for row in rows:  # in place: for long sequences memory is scarce
        row *= rng.standard_normal(len(row))
        row -= row.mean()
    norm, match = (float((each * mu).sum()) for each in overlaps)
    covariance = _moments(task, params.V).residual(norm, match)
    tilt = 1 - mu / float((mu**2).sum())
    factor = np.outer(tilt, tilt) + norm * (np.diag(1 / mu) - 1)
    value = _root(covariance) @ rng.standard_normal((N, N)) @ _root(factor)
    size = float(np.trace(covariance)) * float((np.diag(factor) * mu).sum())
    wanted = value_norm(task, params) / (size * batch_size) if size > 0 else 0.0
    return Noise(rows.T, value * np.sqrt(wanted))


def _root(matrix: Array) -> Array:
    """Return the symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    # A zero comes out as rounding, whose root would not be small.
    values[values < max(1e-12 * values[-1], 0.0)] = 0
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)


def _on_constraints(task: SCBTask, params: Params) -> tuple[Params, Array, Array]:
    """Return checked parameters, |a^(k)|^2 and <a^(k), q^(k)>, or raise off the constraints."""
    A, V = check_params(task, params)
    mu = task.stationary
    gaps = A.sum(axis=0) - 1, V.sum(axis=0) - 1, (V * mu).sum(axis=1) - mu
    off = max(np.abs(gap).max() for gap in gaps)
    if off > 1e-6:
        raise ValueError(
            f"params are {off:.1e} away from 1'A = 1', 1'V = 1' and V mu = mu, which the noise's "
            f"closed forms need; preconditioned training keeps them"
        )
    return Params(A, V), (A**2).sum(axis=0), attended(task, A)


def _averages(task: SCBTask, params: Params) -> tuple[float, ...]:
    """Return averages over one token, which fourth moments are made of."""
    mu, (u, p, base, C, F) = task.stationary, _moments(task, params.V)
    uu, up, at_mu = (u * u).sum(axis=0), (u * p).sum(axis=0), (mu[:, None] * u).sum(axis=0)
    trace, cross = float(np.trace(C)), float(np.trace(F))
    squares, mixed = float((C * C).sum()), float((C * F).sum())
    second = float((C * base).sum())  # E[u' (diag(mu) - mu mu') u]
    third = float((p * u**2 * mu).sum() - 2 * (at_mu * up * mu).sum())
    # E|u|^4 and E|u|^2 u'p, less their three pairings.
    fourth_u = float((uu**2 * mu).sum()) - trace**2 - 2 * squares
    fourth_p = float((uu * up * mu).sum()) - trace * cross - 2 * mixed
    return trace, cross, squares, mixed, second, third, fourth_u, fourth_p


def _dot(
    averages: tuple[float, ...], norm: Array, match: Array,
    bb: Array, ab: Array, bq: Array, bbq: Array, aabb: Array, abbq: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Return E[y'r | k] and E[(y'r)^2 | k], y = sum_t b_t u_{x_t}.

    Per column: |a|^2, <a, q>, and sums over positions of products of weights b, attention a and
    truth q. Given the tokens, y'r has second moment (y'Vd)^2 - (y'mu)^2 - 2 y'mu y'Pg -
    2 y'Vd y'Pg + sum_n (mu + Pg)_n y_n^2, with Vd and Pg the sums of a_s u_s and q_s p_s. Positions
    are independent, so each product averages to its pairings, and a term where all four coincide.
    """
    trace, cross, squares, mixed, second, third, fourth_u, fourth_p = averages
    found = bb * second + bbq * third + bb * norm * squares + ab**2 * (trace**2 + squares)
    found = found - 2 * (bb * match * mixed + ab * bq * (trace * cross + mixed))
    return ab * trace - bq * cross, found + aabb * fourth_u - 2 * abbq * fourth_p


# --- training without sequences -------------------------------------------------------------------


def simulate(
    task: SCBTask, stages: Stage | Sequence[Stage], seed: int = 0, *,
    start: tuple[float, float] = (0.0, 0.0), sampled: int | None = 64, record_every: int = 10,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Return the columns of `Run.history`, for a run whose noise is Gaussian, not a batch's.

    Each step adds to the expected gradients of B.8 a noise with the second moments that a batch
    would have: the identities C.5 and C.6 in the coordinates of A and V, as for the paper's
    figure 6. A step costs O(N^3), however long the sequences and however large the batch.

    Parameters
    ----------
    stages : Stage or list of them
        As for `scbtools.train`: preconditioned, with linear attention, not frozen, and with
        "threshold" as only transform. Raises ValueError for others.
    seed, record_every : int
        Of the noise; steps between rows.
    start : pair of floats
        alpha_V and alpha_A at the start, on the two lines; (0, 0) is the uniform start.
    sampled : int, optional
        Positions simulated per column beside the attended ones, standing for all others. None for
        all of them. Unattended positions are exchangeable, so this changes no expectation.

    Notes
    -----
    Entries of h_A are independent with variance sigma_k^2 / (B mu_k), then centred over positions;
    attended ones are treated like the others. h_V is r (e + d)' averaged: e = 1 - mu/|mu|^2 is what
    preconditioning leaves of the mean of Xa (0 if centred), d its fluctuation with covariance
    |A|^2_mu (diag(1/mu) - 11'), and r a Gaussian of covariance E[r r'], independent of d. h_A and
    h_V are independent. Uses BLAS: results agree between machines to rounding, not bit for bit.
    """
    stages = check_stages(stages)
    for stage in stages:
        linear = stage.preconditioned and not stage.freeze_A and stage.attention == "linear"
        if not linear or {transform.kind for transform in stage.before} - {"threshold"}:
            raise ValueError(
                f"stage {stage.name!r} cannot be simulated: only preconditioned stages that train "
                f"A with linear attention, with 'threshold' as their only transform"
            )
    record_every = _check.integer("record_every", record_every, 1)
    run = _Simulation(check_task(task), _check.seed64(seed), check_start(start), sampled)
    run.record(0)
    for index, stage in enumerate(stages):
        if not run.run_stage(index, stage, record_every):
            break
    return {name: np.array([row[i] for row in run.rows]) for i, name in enumerate(HISTORY_COLUMNS)}


class _Simulation:
    """State of a simulated run: V, and of each column of A the attended entries and some others.

    They are rows of `a`; each stands for as many of a column as `counts` says, padding for none.
    """

    def __init__(
        self, task: SCBTask, seed: int, start: tuple[float, float], sampled: int | None
    ) -> None:
        self.task, self.rng, self.flat = task, np.random.default_rng(seed), 1 / task.seq_len
        positions, weights, counts = task.sparse_attention
        self.others = task.seq_len - counts[:, None]
        most = int(self.others.min())
        if most == 0:
            raise ValueError("a token that attends to every position leaves nothing to sample")
        if sampled is None and int(self.others.max()) != most:
            raise ValueError("sampled=None needs the same number of attended positions per token")
        size = most if sampled is None else min(_check.integer("sampled", sampled, 2), most)
        room = np.ones((task.vocab_size, size))
        self.shapes = positions.shape, room.shape, self.others.shape
        meant = np.arange(positions.shape[1]) < counts[:, None]
        self.counts = np.hstack([meant, room * self.others / size])
        self.q = np.hstack([weights, 0 * room])
        self.a = start[1] * self.q + (1 - start[1]) * self.flat
        trivial = task.stationary[:, None]
        self.V = trivial + start[0] * (task.transition - trivial)
        self.law = _moments(task, self.V)
        self.K_P, self.K_Q, self.step, self.samples = task.K_P, task.K_Q, 0, 0
        self.rows: list[tuple[float, ...]] = []

    def total(self, entries: Array) -> Array:
        """Return sums over all positions, (N,)."""
        return np.asarray((entries * self.counts).sum(axis=1))

    def signals(self) -> tuple[float, float]:
        """Return alpha_V and alpha_A."""
        match = float(((self.a * self.q).sum(axis=1) * self.task.stationary).sum())
        return float(np.trace(self.law.F)) / self.K_P, (match - self.flat) / self.K_Q

    def record(self, stage: int) -> None:
        """Append a row to the history."""
        mu, flat, (v, a) = self.task.stationary, self.flat, self.signals()
        u, p, K_V = self.law.u, self.law.p, float(np.trace(self.law.C))

        def squared(level: float, shift: float) -> float:
            """Return |A - level Q - shift|^2_mu."""
            return float((self.total((self.a - level * self.q - shift) ** 2) * mu).sum())

        match = (a * self.K_Q + flat) * v * self.K_P
        loss = 0.5 * (1 - float((mu**2).sum()) + squared(0, 0) * K_V - 2 * match)
        line, truth = (inner(x, x, mu) for x in (u - v * p, u - p))
        left = np.sqrt([line, squared(a, (1 - a) * flat), truth, squared(1, 0)])
        self.rows.append((self.step, stage, self.samples, loss, v, a, *left))

    def run_stage(self, index: int, stage: Stage, record_every: int) -> bool:
        """Run one stage; return False where it diverged."""
        for transform in stage.before:  # keep entries from level alpha_V / Q on (E.1, E.2)
            level = transform.level * self.signals()[0] / self.task.sparsity
            self.project(np.where(self.a >= level, self.a, 0.0))
        if stage.before:
            self.record(index)
        for taken in range(1, stage.steps + 1):
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    self.take(stage)
                    v, a = self.signals()
            except np.linalg.LinAlgError:  # of a covariance that is no longer finite
                return False
            if not np.isfinite(v * a) or max(abs(v), abs(a)) > 1e6:
                return False
            met = stage.met(v, a)
            if met or taken % record_every == 0 or taken == stage.steps:
                self.record(index)
            if met:
                break
        return True

    def take(self, stage: Stage) -> None:
        """Take one step."""
        mu, batch, law = self.task.stationary, stage.batch_size, self.law
        norms, matches = self.total(self.a**2), (self.a * self.q).sum(axis=1)
        norm, match = float((norms * mu).sum()), float((matches * mu).sum())
        scale = np.sqrt(np.maximum(law.entry(norms, matches), 0.0) / (batch * mu))
        grad = np.trace(law.C) * (self.a - self.flat) - np.trace(law.F) * (self.q - self.flat)
        self.a = self.a - stage.eta_A * (grad + self.attention_draw(scale[:, None]))
        if stage.l1 > 0:
            self.project(soft_threshold(self.a, stage.l1))
        residual = law.residual(norm, match)
        noise = self.value_draw(residual, norm, stage.centred) / np.sqrt(batch)
        self.V = self.V - stage.eta_V * (norm * law.u - match * law.p + noise)
        self.law = moments(self.task, self.V)
        self.step += 1
        self.samples += batch

    def attention_draw(self, scale: Array) -> Array:
        """Return centred noise of the entries of A that are simulated."""
        attended, rest, mean = (self.rng.standard_normal(shape) for shape in self.shapes)
        # The mean over all others varies less than that over the sample: it has its own law.
        rest += mean / np.sqrt(self.others) - rest.mean(axis=1, keepdims=True)
        noise = scale * np.hstack([attended, rest])
        return noise - self.total(noise)[:, None] * self.flat

    def value_draw(self, residual: Array, norm: float, centred: bool) -> Array:
        """Return the noise of one sample's preconditioned gradient of V."""
        mu, N = self.task.stationary, len(residual)
        # E[r r'] is singular along 1; lift it there, centre the columns afterwards.
        root = np.linalg.cholesky(residual + np.trace(residual) / N * (1 / N + 1e-9 * np.eye(N)))
        spread = self.rng.standard_normal((N, N)) / np.sqrt(mu)
        spread -= (spread * mu).sum(axis=1, keepdims=True)
        common = self.rng.standard_normal((N, 1)) * (1 - mu / (mu**2).sum())
        noise = root @ ((0 if centred else common) + np.sqrt(norm) * spread)
        return np.asarray(noise - noise.mean(axis=0))

    def project(self, entries: Array) -> None:
        """Set A to these entries, columns shifted to sum 1."""
        self.a = entries + (1 - self.total(entries))[:, None] * self.flat
