"""What a peer must offer, and what it must prove before it may race.

A peer computes what `scbtools.train` computes per step: it draws B fresh sequences of T tokens
with their last and target tokens, both gradients, and takes the preconditioned, projected step of
eq. 4, all in float64. How it does so is its own business.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import scbtools as scb

__all__ = ["PeerStep", "edges16", "gradient_error", "sampler_pvalues", "step_error"]

Array = NDArray[np.float64]


class PeerStep(Protocol):
    """The state of a run in another library, starting where `scbtools.uniform_start` does."""

    def __init__(
        self, task: scb.SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0
    ) -> None: ...

    @staticmethod
    def memory(n: int, t: int, b: int) -> int:
        """Return about how many bytes a step needs at once."""

    def sample(self) -> scb.Batch:
        """Return a batch from the sampler that the steps use."""

    def gradient(self, batch: scb.Batch) -> tuple[Array, Array]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""

    def step_on(self, batch: scb.Batch) -> None:
        """Take one step on given tokens."""

    def steps(self, count: int) -> None:
        """Take steps on fresh batches; return when they are done."""

    def params(self) -> scb.Params:
        """Return A (T, N) and V (N, N)."""


def edges16(mu: Array) -> NDArray[np.int64]:
    """Return which of 0 .. 65535 begin another token: the law of mu to 2^-17."""
    return np.rint(np.cumsum(mu)[:-1] * 65536).astype(np.int64)


def relative(found: Any, wanted: Any) -> float:
    """Return the largest difference, relative to the largest entry."""
    return max(
        float(np.abs(x - y).max() / np.abs(y).max()) for x, y in zip(found, wanted, strict=True)
    )


def gradient_error(peer: PeerStep, task: scb.SCBTask, batch_size: int) -> float:
    """Return how far the peer's gradients are from the library's, on the same tokens."""
    wanted = scb.minibatch_gradients(task, peer.params(), batch_size, seed=1)
    return relative(peer.gradient(task.sample(batch_size, seed=1)), wanted)


def step_error(
    peer: PeerStep, task: scb.SCBTask, batch_size: int, eta_v: float, eta_a: float
) -> float:
    """Return how far the peer's step goes from that of eq. 4, relative to the step."""
    before = peer.params()
    raw = scb.minibatch_gradients(task, before, batch_size, seed=2)
    grad = scb.precondition(task, raw)
    peer.step_on(task.sample(batch_size, seed=2))
    after = peer.params()
    moved = (after.A - before.A, after.V - before.V)
    return relative(moved, (-eta_a * grad.A, -eta_v * grad.V))


def sampler_pvalues(peer: PeerStep, task: scb.SCBTask, draws: int) -> dict[str, float]:
    """Return p-values of chi-square tests of the peer's tokens, last tokens and targets.

    Targets are tested together with the token that they follow, so the task must attend to a
    single position per token (sparsity 1).
    """
    if task.sparsity != 1:
        raise ValueError(f"the task must have sparsity 1, not {task.sparsity}")
    n, mu = task.vocab_size, task.stationary
    where = task.sparse_attention.positions[:, 0]
    tokens, lasts, pairs = np.zeros(n), np.zeros(n), np.zeros(n * n)
    for _ in range(draws):
        batch = peer.sample()
        last, target = batch.last.astype(int), batch.target.astype(int)
        source = batch.tokens[np.arange(len(last)), where[last]].astype(int)
        tokens += np.bincount(batch.tokens.ravel(), minlength=n)
        lasts += np.bincount(last, minlength=n)
        pairs += np.bincount(target * n + source, minlength=n * n)
    joint = (task.transition * mu).ravel()  # of target, source
    laws = {"tokens": (tokens, mu), "last": (lasts, mu), "target": (pairs, joint)}
    return {
        name: float(stats.chisquare(seen, seen.sum() * law / law.sum()).pvalue)
        for name, (seen, law) in laws.items()
    }
