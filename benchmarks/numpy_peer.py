"""A training step in NumPy alone.

Four tokens from each 64-bit word of SFC64; samples that share their last token are read several at
a time, as one number with a digit per sample, so that one `bincount` and one `take` serve them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocol import edges16
from scbtools import Batch, Params, SCBTask


class Peer:
    """The state of a run."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0,
        together: int | None = None,
    ) -> None:  # fmt: skip
        self.rng = np.random.Generator(np.random.SFC64(seed))
        self.batch_size, self.eta_v, self.eta_a = batch_size, eta_v, eta_a
        n, t = self.n, self.t = task.vocab_size, task.seq_len
        self.mu = task.stationary
        sparse = task.sparse_attention
        self.positions = sparse.positions
        self.weights_below = sparse.weights.cumsum(axis=1)[:, :-1]
        self.transition_below = task.transition.cumsum(axis=0)[:-1].T
        self.mu_below = self.mu.cumsum()[:-1]
        self.attention = np.full((n, t), 1 / t)
        self.value = np.repeat(self.mu[:, None], n, axis=1)

        self.edges = edges16(self.mu).astype(np.uint16)
        self.table = np.searchsorted(self.edges, np.arange(65536), side="right").astype(np.uint16)
        self.together = together or self._how_many()
        codes = np.arange(n**self.together)
        self.digits = [codes // n**j % n for j in range(self.together)]
        self.tokens = np.empty((batch_size, t), np.uint16)
        self.code = np.empty(t, np.uint16)
        self.index = np.empty(t, np.intp)
        self.picked = np.empty(t)

    @staticmethod
    def memory(n: int, t: int, b: int) -> int:
        """Return about how many bytes a step needs: random words and tokens."""
        return 4 * b * t + 16 * n * t

    def _how_many(self) -> int:
        """Return how many samples to read as one: their codes should be few beside T."""
        size = 1
        while self.n ** (size + 1) <= min(self.t // 5, 40 * self.batch_size, 2500) and size < 6:
            size += 1
        return size

    def draw(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Fill the tokens; return last tokens, sorted, and target tokens, (B,)."""
        size, t, tokens = self.batch_size, self.t, self.tokens
        words = self.rng.bit_generator.random_raw(size * -(-t // 4))  # type: ignore[attr-defined]
        bits = words.view(np.uint16).reshape(size, -1)[:, :t]
        if self.n <= 4:  # count the edges that are reached
            np.greater_equal(bits, self.edges[0], out=tokens, casting="unsafe")
            for edge in self.edges[1:]:
                tokens += bits >= edge
        else:
            np.take(self.table, bits, out=tokens, mode="clip")  # "raise" would buffer
        rng = self.rng
        last = np.sort(np.searchsorted(self.mu_below, rng.random(size), side="right"))
        slot = (self.weights_below[last] <= rng.random((size, 1))).sum(axis=1)
        source = tokens[np.arange(size), self.positions[last, slot]]
        target = (self.transition_below[source] <= rng.random((size, 1))).sum(axis=1)
        return last, target

    def gradients(
        self, last: NDArray[np.int64], target: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean gradients of A (N, T) and V (N, N) for the tokens, sorted by last."""
        n, size = self.n, len(last)
        grad_a, grad_v = np.zeros_like(self.attention), np.zeros_like(self.value)
        bounds = np.searchsorted(last, np.arange(n + 1)).tolist()
        for k in range(n):
            for begin in range(bounds[k], bounds[k + 1], self.together):
                end = min(begin + self.together, bounds[k + 1])
                digits = self.digits[: end - begin]
                self.code[:] = self.tokens[end - 1]
                for i in range(end - 2, begin - 1, -1):
                    self.code *= n
                    self.code += self.tokens[i]
                self.index[:] = self.code
                sums = np.bincount(self.index, self.attention[k], n ** len(digits))
                weights = np.zeros_like(sums)
                for i, digit in enumerate(digits):
                    digit = digit[: len(sums)]
                    c = np.bincount(digit, sums, n) if len(digits) > 1 else sums
                    r = self.value @ c
                    r[target[begin + i]] -= 1
                    grad_v += np.outer(r, c)
                    weights += (r @ self.value)[digit]
                np.take(weights, self.index, out=self.picked, mode="clip")
                grad_a[k] += self.picked
        grad_a /= size
        grad_v /= size
        return grad_a, grad_v

    def update(self, grad_a: NDArray[np.float64], grad_v: NDArray[np.float64]) -> None:
        """Take the step of eq. 4."""
        grad_a -= grad_a.mean(axis=1, keepdims=True)
        grad_a *= (self.eta_a / self.mu)[:, None]
        self.attention -= grad_a
        grad_v = grad_v / self.mu
        grad_v -= np.outer(grad_v @ self.mu, self.mu) / (self.mu @ self.mu)
        self.value -= self.eta_v * (grad_v - grad_v.mean(axis=0))

    def steps(self, count: int) -> None:
        """Take steps on fresh batches."""
        for _ in range(count):
            self.update(*self.gradients(*self.draw()))

    def sample(self) -> Batch:
        """Return a batch from the sampler."""
        last, target = self.draw()
        return Batch(self.tokens.copy(), last, target)

    def gradient(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""
        order = np.argsort(batch.last, kind="stable")
        self.tokens[:] = batch.tokens[order]
        grad_a, grad_v = self.gradients(
            batch.last[order].astype(np.int64), batch.target[order].astype(np.int64)
        )
        return grad_a.T, grad_v

    def step_on(self, batch: Batch) -> None:
        """Take one step on given tokens."""
        grad_a, grad_v = self.gradient(batch)
        self.update(grad_a.T, grad_v)

    def params(self) -> Params:
        """Return A (T, N) and V (N, N)."""
        return Params(self.attention.T.copy(), self.value.copy())
