"""A training step in JAX: closed-form gradients, all steps in one compiled `lax.scan`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.protocol import edges16
from scbtools import Batch, Params, SCBTask

jax.config.update("jax_enable_x64", True)

Array = jax.Array


def invert(below: Array, u: Array) -> Array:
    """Return how many entries (rows, n) of a distribution function each u (rows,) reaches."""
    return (below <= u[:, None]).sum(axis=1)


class Peer:
    """The state of a run."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0
    ) -> None:
        self.batch_size, self.eta_v, self.eta_a = batch_size, eta_v, eta_a
        self.n, self.t = task.vocab_size, task.seq_len
        self.mu = jnp.asarray(task.stationary)
        sparse = task.sparse_attention
        self.positions = jnp.asarray(sparse.positions)
        self.mu_below = self.mu.cumsum()[:-1]
        # Ends that nothing reaches keep these from being empty where there is a single choice.
        self.weights_below = jnp.asarray(sparse.weights).cumsum(axis=1).at[:, -1].set(2)
        self.transition_below = jnp.asarray(task.transition.T).cumsum(axis=1).at[:, -1].set(2)
        edges = edges16(task.stationary)
        self.edges = jnp.asarray(edges.astype(np.uint16))
        table = np.searchsorted(edges, np.arange(65536), side="right")
        self.table = jnp.asarray(table.astype(np.uint8 if self.n <= 256 else np.uint16))
        self.fused_draw, self.fused_gradients = jax.jit(self.draw), jax.jit(self.gradients)
        self.key = jax.random.key(seed)  # threefry2x32
        self.state = (
            jnp.full((self.n, self.t), 1 / self.t),
            jnp.repeat(self.mu[:, None], self.n, axis=1),
        )

    @staticmethod
    def memory(n: int, t: int, b: int) -> int:
        """Return about how many bytes a step needs: random words, tokens, rows of A."""
        return 8 * b * t + 24 * n * t

    def draw(self, key: Array) -> tuple[Array, Array, Array]:
        """Return fresh tokens (B, T), last tokens (B,), sorted, and target tokens (B,)."""
        size, t = self.batch_size, self.t
        for_tokens, for_ends = jax.random.split(key)
        # Four tokens from each 64-bit word: asking for 16 bits at a time costs five times as much.
        words = jax.random.bits(for_tokens, (size, -(-t // 4)), jnp.uint64)
        bits = lax.bitcast_convert_type(words, jnp.uint16).reshape(size, -1)[:, :t]
        if self.n <= 5:
            tokens = sum((bits >= edge).astype(jnp.uint8) for edge in self.edges)
        else:
            tokens = self.table[bits]
        u = jax.random.uniform(for_ends, (3, size))
        last = jnp.sort(jnp.searchsorted(self.mu_below, u[0], side="right"))
        slot = invert(self.weights_below[last], u[1])
        source = tokens[jnp.arange(size), self.positions[last, slot]]
        return tokens, last, invert(self.transition_below[source], u[2])

    def gradients(
        self, state: tuple[Array, Array], tokens: Array, last: Array, target: Array
    ) -> tuple[Array, Array]:
        """Return the mean gradients of A (N, T) and V (N, N)."""
        attention, value = state
        n, size = self.n, len(last)

        def land(sample: tuple[Array, Array]) -> Array:
            return jnp.zeros(n).at[sample[0]].add(attention[sample[1]])

        # One sample at a time, which stays in cache: faster than one scatter of all.
        c = lax.map(land, (tokens, last))
        r = (c @ value.T).at[jnp.arange(size), target].add(-1)
        w = r @ value

        def add(i: Any, grad_a: Array) -> Array:
            if n <= 5:
                row = sum(jnp.where(tokens[i] == m, w[i, m], 0.0) for m in range(n))
            else:
                row = w[i][tokens[i]]
            return grad_a.at[last[i]].add(row)

        grad_a = lax.fori_loop(0, size, add, jnp.zeros_like(attention))
        return grad_a / size, (r.T @ c) / size

    def updated(
        self, state: tuple[Array, Array], grad_a: Array, grad_v: Array
    ) -> tuple[Array, Array]:
        """Return the state after the step of eq. 4."""
        mu = self.mu
        grad_a = (grad_a - grad_a.mean(axis=1, keepdims=True)) / mu[:, None]
        grad_v = grad_v / mu
        grad_v -= jnp.outer(grad_v @ mu, mu) / (mu @ mu)
        grad_v -= grad_v.mean(axis=0)
        return state[0] - self.eta_a * grad_a, state[1] - self.eta_v * grad_v

    @partial(jax.jit, static_argnums=(0, 3), donate_argnums=1)
    def run(self, state: tuple[Array, Array], key: Array, count: int) -> tuple[Array, Array]:
        """Return the state after some steps."""

        def step(state: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], None]:
            return self.updated(state, *self.gradients(state, *self.draw(key))), None

        return lax.scan(step, state, jax.random.split(key, count))[0]

    def steps(self, count: int) -> None:
        """Take steps on fresh batches."""
        self.key, key = jax.random.split(self.key)
        self.state = jax.block_until_ready(self.run(self.state, key, count))

    def sample(self) -> Batch:
        """Return a batch from the sampler."""
        self.key, key = jax.random.split(self.key)
        return Batch(*(np.asarray(part) for part in self.fused_draw(key)))

    def gradient(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""
        last, target = (jnp.asarray(part.astype(np.int64)) for part in batch[1:])
        grads = self.fused_gradients(self.state, jnp.asarray(batch.tokens), last, target)
        return np.asarray(grads[0]).T, np.asarray(grads[1])

    def step_on(self, batch: Batch) -> None:
        """Take one step on given tokens."""
        grad_a, grad_v = self.gradient(batch)
        self.state = self.updated(self.state, jnp.asarray(grad_a.T), jnp.asarray(grad_v))

    def params(self) -> Params:
        """Return A (T, N) and V (N, N)."""
        return Params(np.array(self.state[0]).T, np.array(self.state[1]))
