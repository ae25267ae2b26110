"""Training simulated without sequences: expected gradients plus Gaussian noise of their covariance.

The paper's figure 6 was made in this way, from Lemmas C.5 and C.6: at its size the authors could
not draw batches. A step costs O(N^3) however long the sequences and however large the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools import _check
from scbtools.signals import inner
from scbtools.stages import Stage, Transform
from scbtools.task import SCBTask
from scbtools.updates import soft_threshold

__all__ = ["Moments", "moments", "simulate"]

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """Second moments of one sample, from which the noise of a batch follows."""

    sigma_squared: Array
    """(N,) per last token k: variance of one entry (V x_t)' r, t not attended, centred in t."""
    residual: Array
    """(N, N) E[r r'], r = V X a - e_{x_o}, over all last tokens."""


def moments(task: SCBTask, V: Array, a_norm: Array, a_q: Array) -> Moments:
    """Return the second moments of the residual and of the attention's gradient (B.1, B.2).

    Parameters
    ----------
    V : (N, N) array
        With 1'V = 1' and V mu = mu.
    a_norm, a_q : (N,) arrays
        |a^(k)|^2 and <a^(k), q^(k)> for every k, where 1'a^(k) = 1.

    Notes
    -----
    Given k, E[r r'] = |a|^2 C_VV + C - <a, q> (C_VP + C_VP') with C = diag(mu) - mu mu',
    C_VV = V C V' and C_VP = V C P'. A token that is not attended is independent of r, so that
    its entry has variance Tr(C_VV E[r r']).
    """
    mu = task.stationary
    trivial = np.outer(mu, mu)
    scaled = V * mu
    c_vv, c_vp, c = (
        scaled @ V.T - trivial,
        scaled @ task.transition.T - trivial,
        np.diag(mu) - trivial,
    )
    sigma_squared = (
        a_norm * float((c_vv * c_vv).sum())
        + float((c_vv * c).sum())
        - 2 * a_q * float((c_vv * c_vp).sum())
    )
    norm, match = float((a_norm * mu).sum()), float((a_q * mu).sum())
    return Moments(sigma_squared, norm * c_vv + c - match * (c_vp + c_vp.T))


def simulate(
    task: SCBTask,
    stages: Stage | Sequence[Stage],
    seed: int = 0,
    *,
    start: tuple[float, float] = (0.0, 0.0),
    sampled: int | None = 64,
    record_every: int = 10,
) -> dict[str, NDArray[Any]]:
    """Return the history of a training run whose noise is Gaussian instead of a batch's.

    Each step adds to the expected gradients of B.8 a noise with the second moments that a batch
    would have. That is the pair of recursions C.5 and C.6, which are identities, in the
    coordinates of A and V.

    Parameters
    ----------
    stages : Stage or list of Stage
        As for `scbtools.train`: preconditioned, not frozen, with "threshold" as only transform.
    seed : int
        Of the noise.
    start : pair of floats
        alpha_V and alpha_A at the start, on the two lines; (0, 0) is the uniform start.
    sampled : int, optional
        Positions simulated per column beside the attended ones, standing for all others. None for
        all of them. Unattended positions are exchangeable, so this changes no expectation.
    record_every : int
        Steps between rows.

    Returns
    -------
    dict of arrays
        The columns of `Run.history`.

    Raises
    ------
    ValueError
        For a stage that cannot be simulated.

    Notes
    -----
    Entries of h_A are independent with variance sigma_k^2 / (B mu_k), then centred over positions;
    attended ones are treated like the others. h_V is r (e + d)' averaged: e = 1 - mu/|mu|^2 is what
    preconditioning leaves of the mean of Xa, d its fluctuation with covariance
    |A|^2_mu (diag(1/mu) - 11'), and r a Gaussian of covariance E[r r'], independent of d. h_A and
    h_V are independent. Uses BLAS: results agree between machines to rounding, not bit for bit.
    """
    stages = (stages,) if isinstance(stages, Stage) else tuple(stages)
    for stage in stages:
        kinds = {transform.kind for transform in stage.before}
        if not stage.preconditioned or stage.freeze_A or kinds - {"threshold"}:
            raise ValueError(
                f"stage {stage.name!r} cannot be simulated: only preconditioned stages that train "
                f"A, with 'threshold' as their only transform"
            )
    record_every = _check.integer("record_every", record_every, 1)
    simulation = _Simulation(task, _check.seed64(seed), start, sampled)
    for index, stage in enumerate(stages):
        if not simulation.run_stage(index, stage, record_every):
            break
    return {name: np.array(column) for name, column in simulation.history.items()}


class _Simulation:
    """State of a simulated run: V, attended entries, a sample of the others."""

    def __init__(
        self, task: SCBTask, seed: int, start: tuple[float, float], sampled: int | None
    ) -> None:
        self.task = task
        self.rng = np.random.default_rng(seed)
        n, t = task.vocab_size, task.seq_len
        sparse = task.sparse_attention
        # Padding of rows with fewer attended positions is masked out of every sum.
        self.mask = np.arange(sparse.positions.shape[1]) < sparse.counts[:, None]
        self.weights = np.where(self.mask, sparse.weights, 0.0)
        if (sparse.counts >= t).any():
            raise ValueError("a token that attends to every position leaves nothing to sample")
        self.others = (t - sparse.counts)[:, None].astype(float)
        most = int(self.others.min())
        size = most if sampled is None else min(_check.integer("sampled", sampled, 2), most)
        if sampled is None and int(self.others.max()) != most:
            raise ValueError("sampled=None needs the same number of attended positions per token")
        self.stands_for = self.others / size
        alpha_V, alpha_A = start
        flat = (1 - alpha_A) / t
        self.attended = (alpha_A * self.weights + flat) * self.mask
        self.rest = np.full((n, size), flat)
        self.trivial = np.repeat(task.stationary[:, None], n, axis=1)
        self.value = self.trivial + alpha_V * (task.transition - self.trivial)
        self.K_P, self.K_Q = task.K_P, task.K_Q
        self.step = self.samples = 0
        names = "step stage samples loss alpha_V alpha_A delta_V delta_A error_V error_A"
        self.history: dict[str, list[float]] = {name: [] for name in names.split()}

    def total(self, attended: Array, rest: Array) -> Array:
        """Return sums over all positions, (N,), from both groups."""
        found: Array = (attended * self.mask).sum(axis=1) + self.stands_for[:, 0] * rest.sum(axis=1)
        return found

    def signals(self) -> tuple[float, float]:
        """Return alpha_V and alpha_A."""
        task = self.task
        a_q = float(((self.attended * self.weights).sum(axis=1) * task.stationary).sum())
        off, truth = self.value - self.trivial, task.transition - self.trivial
        alpha_V = inner(off, truth, task.stationary) / self.K_P
        return alpha_V, (a_q - 1 / task.seq_len) / self.K_Q

    def record(self, stage: int) -> None:
        """Append a row to the history."""
        task, mu = self.task, self.task.stationary
        v, a = self.signals()
        off, truth = self.value - self.trivial, task.transition - self.trivial
        flat = (1 - a) / task.seq_len

        def squared(level: float, shift: float) -> float:
            rows = self.total((self.attended - level * self.weights - shift) ** 2,
                              (self.rest - shift) ** 2)  # fmt: skip
            return float((rows * mu).sum())

        norm_A, match = squared(0, 0), a * self.K_Q + 1 / task.seq_len
        loss = 0.5 * (
            1 - float((mu**2).sum()) + norm_A * inner(off, off, mu) - 2 * match * v * self.K_P
        )
        line, error = off - v * truth, off - truth
        row = (
            self.step, stage, self.samples, loss, v, a,
            np.sqrt(inner(line, line, mu)), np.sqrt(squared(a, flat)),
            np.sqrt(inner(error, error, mu)), np.sqrt(squared(1, 0)),
        )  # fmt: skip
        for column, entry in zip(self.history.values(), row, strict=True):
            column.append(entry)

    def run_stage(self, index: int, stage: Stage, record_every: int) -> bool:
        """Run one stage; return False where it diverged."""
        if not self.history["step"]:
            self.record(index)
        for transform in stage.before:
            self.threshold(transform)
        if stage.before:
            self.record(index)
        for taken in range(1, stage.steps + 1):
            self.take(stage)
            v, a = self.signals()
            if not np.isfinite(v * a) or max(abs(v), abs(a)) > 1e6:
                return False
            reached = (stage.until == "max_signal" and max(abs(v), abs(a)) >= stage.target) or (
                stage.until == "mean_signal" and abs(v + a) / 2 >= stage.target
            )
            if reached or taken % record_every == 0 or taken == stage.steps:
                self.record(index)
            if reached:
                break
        return True

    def take(self, stage: Stage) -> None:
        """Take one step."""
        task, mu, batch = self.task, self.task.stationary, stage.batch_size
        a_norm = self.total(self.attended**2, self.rest**2)
        a_q = (self.attended * self.weights).sum(axis=1)
        norm, match = float((a_norm * mu).sum()), float((a_q * mu).sum())
        off, truth = self.value - self.trivial, task.transition - self.trivial
        K_V, K_VP = inner(off, off, mu), inner(off, truth, mu)
        found = moments(task, self.value, a_norm, a_q)
        flat = 1 / task.seq_len
        scale = np.sqrt(np.maximum(found.sigma_squared, 0.0) / (batch * mu))[:, None]
        noise_attended, noise_rest = self.attention_draw(scale)
        grad = K_V * (self.attended - flat) - K_VP * (self.weights - flat) + noise_attended
        grad_rest = K_V * (self.rest - flat) + K_VP * flat + noise_rest
        grad_V = norm * off - match * truth + self.value_draw(found.residual, norm) / np.sqrt(batch)
        self.attended = (self.attended - stage.eta_A * grad) * self.mask
        self.rest = self.rest - stage.eta_A * grad_rest
        if stage.l1 > 0:
            self.attended = soft_threshold(self.attended, stage.l1)
            self.rest = soft_threshold(self.rest, stage.l1)
            self.project()
        self.value = self.value - stage.eta_V * grad_V
        self.step += 1
        self.samples += batch

    def attention_draw(self, scale: Array) -> tuple[Array, Array]:
        """Return centred noise of the attended entries and of the sample of the others."""
        attended = scale * self.rng.standard_normal(self.attended.shape) * self.mask
        rest = scale * self.rng.standard_normal(self.rest.shape)
        # The mean over all others varies less than that over the sample: draw it with its own law.
        mean = scale * self.rng.standard_normal(scale.shape) / np.sqrt(self.others)
        rest += mean - rest.mean(axis=1, keepdims=True)
        centre = self.total(attended, rest)[:, None] / self.task.seq_len
        return (attended - centre) * self.mask, rest - centre

    def value_draw(self, residual: Array, norm: float) -> Array:
        """Return the noise of one sample's preconditioned gradient of V."""
        mu = self.task.stationary
        n = len(mu)
        # E[r r'] is singular along 1; lift it there, centre the columns afterwards.
        lifted = residual + (np.trace(residual) / n) * (1 / n + 1e-9 * np.eye(n))
        root = np.linalg.cholesky(lifted)
        spread = self.rng.standard_normal((n, n)) / np.sqrt(mu)
        spread -= (spread * mu).sum(axis=1, keepdims=True)
        common = self.rng.standard_normal((n, 1)) * (1 - mu / (mu**2).sum())
        noise: Array = root @ (common + np.sqrt(norm) * spread)
        noise -= noise.mean(axis=0)
        return noise

    def project(self) -> None:
        """Shift columns of A to sum 1."""
        shift = (1 - self.total(self.attended, self.rest))[:, None] / self.task.seq_len
        self.attended = (self.attended + shift) * self.mask
        self.rest = self.rest + shift

    def threshold(self, transform: Transform) -> None:
        """Keep entries of A from level alpha_V / Q on, project (E.1, E.2)."""
        level = transform.level * self.signals()[0] / self.task.sparsity
        self.attended = np.where(self.attended >= level, self.attended, 0.0) * self.mask
        self.rest = np.where(self.rest >= level, self.rest, 0.0)
        self.project()
