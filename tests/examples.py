"""Tasks and parameters that several tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import scbtools as scb
from scbtools import engines
from scbtools.kernels import arrays


def uneven_task(vocab_size: int, seq_len: int, seed: int = 0) -> scb.SCBTask:
    """A task with a zero in P, and columns of Q of different support and unequal weights."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(vocab_size), vocab_size).T
    if vocab_size > 2:
        P[0, 1] = 0
        P /= P.sum(axis=0)
    Q = np.zeros((seq_len, vocab_size))
    for k in range(vocab_size):
        count = 1 + k % min(3, seq_len)
        where = rng.choice(seq_len, count, replace=False)
        Q[where, k] = rng.dirichlet(np.full(count, 3.0))
    return scb.SCBTask(P, Q)


def away(task: scb.SCBTask, seed: int, scale: float = 1.0) -> scb.Params:
    """Parameters with no structure at all: entries of both signs, no sums kept."""
    rng = np.random.default_rng(seed)
    A = scale * (task.attention + rng.normal(size=task.attention.shape) / task.seq_len**0.5)
    V = scale * (task.transition + rng.normal(size=task.transition.shape) / task.vocab_size**0.5)
    return scb.Params(A, V)


def constrained(task: scb.SCBTask, seed: int, scale: float = 1.0) -> scb.Params:
    """Random parameters with 1'A = 1', 1'V = 1' and V mu = mu, as training keeps them."""
    rng = np.random.default_rng(seed)
    mu = task.stationary
    A = rng.normal(size=(task.seq_len, task.vocab_size)) * scale / task.seq_len**0.5
    A += (1 - A.sum(axis=0)) / task.seq_len
    D = rng.normal(size=(task.vocab_size, task.vocab_size)) * scale
    D -= D.mean(axis=0)
    D -= np.outer(D @ mu, mu) / (mu @ mu)
    return scb.Params(A, D + mu[:, None])


def gap(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Largest difference relative to the largest entry."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def small_task() -> scb.SCBTask:
    return scb.SCBTask.random(3, 40, 2, seed=1)


def stage(**options: Any) -> scb.Stage:
    defaults = {"name": "one", "steps": 25, "batch_size": 16, "eta_V": 0.05, "eta_A": 0.04}
    return scb.Stage(**{**defaults, **options})


def assert_same(one: scb.Params, two: scb.Params) -> None:
    np.testing.assert_array_equal(one.A, two.A)
    np.testing.assert_array_equal(one.V, two.V)


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Up to so many threads for what this thread asks for."""
    before = engines.get_num_threads()
    engines.set_num_threads(count)
    try:
        yield
    finally:
        engines.set_num_threads(before)


def share_out_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step take as many threads as there may be, however little there is to do."""
    monkeypatch.setattr(engines, "_WORTH", 1)
    monkeypatch.setattr(engines, "_VALUES", 1)


def small_budgets(monkeypatch: pytest.MonkeyPatch, samples: int, code_bytes: int) -> None:
    """Rounds of so few samples, and so few bytes of tokens, that a batch takes several."""
    monkeypatch.setattr(arrays, "_SAMPLES", samples)
    monkeypatch.setattr(arrays, "_CODE_BYTES", code_bytes)


def only(*kinds: tuple[str, float]) -> scb.Stage:
    before = tuple(scb.Transform(kind, level) for kind, level in kinds)  # type: ignore[arg-type]
    return stage(steps=0, before=before)
