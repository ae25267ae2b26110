"""What the library must agree with, written as plainly as NumPy allows.

Nothing here imports scbtools: the token stream is drawn again from its definition, gradients go
through one-hot matrices, and expectations through every sequence that can occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


# --- the stream -----------------------------------------------------------------------------------


def philox(counter: tuple[Any, Any, Any, Any], key: int) -> NDArray[np.uint64]:
    """Philox4x32-10 of arrays of counters: (4, ...) words."""
    mask = np.uint64(0xFFFFFFFF)
    parts = np.broadcast_arrays(*(np.asarray(word, np.uint64) for word in counter))
    c0, c1, c2, c3 = (part.copy() for part in parts)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        left = np.uint64(0xD2511F53) * c0
        right = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (right >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            right & mask,
            (left >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            left & mask,
        )
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack([c0, c1, c2, c3])


def half_words(
    seed: int, step: int, samples: NDArray[Any], positions: NDArray[Any], stream: int
) -> NDArray[np.uint64]:
    """The 16 bits of every sample at every position, (samples, positions)."""
    t = np.asarray(positions)[None, :]
    i = np.asarray(samples)[:, None]
    strip, place = t // 512, t % 512
    word, lane = place // 128, place % 128
    words = philox((strip * 64 + lane // 2, i, step, stream), seed)
    chosen = np.choose(np.broadcast_to(word, words.shape[1:]), words)
    return (chosen >> (np.uint64(16) * (lane % 2).astype(np.uint64))) & np.uint64(0xFFFF)


def thresholds(probabilities: Array) -> NDArray[np.uint64]:
    """Where 2^32 times the distribution function stands, without its end."""
    steps = np.rint(np.cumsum(probabilities)[:-1] * 2.0**32)
    return np.minimum(steps, 2.0**32 - 1).astype(np.uint64)


def invert(probabilities: Array, u: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many thresholds each u reaches."""
    found: NDArray[np.int64] = np.searchsorted(thresholds(probabilities), u, side="right")
    return found


def tokens(
    mu: Array, seed: int, step: int, samples: NDArray[Any], positions: NDArray[Any]
) -> NDArray[np.int64]:
    """Tokens of samples at positions: both halves of 32 bits, always."""
    high = half_words(seed, step, samples, positions, 0)
    low = half_words(seed, step, samples, positions, 1)
    return invert(mu, (high << np.uint64(16)) | low)


class Batch(NamedTuple):
    """Tokens (B, T), last (B,), target (B,)."""

    tokens: NDArray[np.int64]
    last: NDArray[np.int64]
    target: NDArray[np.int64]


def sample(
    transition: Array, mu: Array, attention: Array, size: int, seed: int, step: int
) -> Batch:
    """A batch by definition."""
    seq_len = len(attention)
    drawn = tokens(mu, seed, step, np.arange(size), np.arange(seq_len + 1))
    sequence, last = drawn[:, :-1], drawn[:, -1]
    words = philox((0, np.arange(size), step, 2), seed)
    target = np.empty(size, np.int64)
    for i, k in enumerate(last):
        attended = np.flatnonzero(attention[:, k])
        at = attended[invert(attention[attended, k], words[0, i])]
        target[i] = invert(transition[:, sequence[i, at]], words[1, i])
    return Batch(sequence, last, target)


# --- model and gradients --------------------------------------------------------------------------


def predict(A: Array, V: Array, sequence: NDArray[Any], last: int) -> Array:
    """V X A e_k."""
    X = np.eye(len(V))[sequence.astype(int)].T
    return V @ X @ A[:, last]


def sample_gradients(
    A: Array, V: Array, sequence: NDArray[Any], last: int, target: int
) -> tuple[Array, Array]:
    """Gradients of 1/2 |e_target - V X A e_last|^2 by column `last` of A, and by V."""
    one = np.eye(len(V))
    X = one[sequence.astype(int)].T
    landed = X @ A[:, last]
    residual = V @ landed - one[target]
    return X.T @ (V.T @ residual), np.outer(residual, landed)


def gradients(A: Array, V: Array, batch: Any) -> tuple[Array, Array]:
    """Raw gradients averaged over a batch."""
    grad_a, grad_v = np.zeros_like(A), np.zeros_like(V)
    size = len(batch.last)
    for sequence, last, target in zip(batch.tokens, batch.last, batch.target, strict=True):
        for_a, for_v = sample_gradients(A, V, sequence, last, target)
        grad_a[:, last] += for_a / size
        grad_v += for_v / size
    return grad_a, grad_v


def precondition(
    grad_a: Array, grad_v: Array, mu: Array, centred: bool = False
) -> tuple[Array, Array]:
    """Eq. 4 as it is printed, or with the centred projection."""
    seq_len, size = grad_a.shape
    middle = np.eye(seq_len) - 1 / seq_len
    left = np.eye(size) - 1 / size
    right = np.eye(size) - np.outer(mu, np.ones(size) if centred else mu / (mu @ mu))
    return middle @ grad_a / mu, left @ grad_v @ np.diag(1 / mu) @ right


def soft_threshold(A: Array, l1: float) -> Array:
    """sign(a) max(|a| - l1, 0)."""
    return np.sign(A) * np.maximum(np.abs(A) - l1, 0)


def project(A: Array) -> Array:
    """Columns shifted to sum 1."""
    return A + (1 - A.sum(axis=0)) / len(A)


# --- expectations by enumeration ------------------------------------------------------------------


def outcomes(
    transition: Array, mu: Array, attention: Array
) -> Iterator[tuple[float, NDArray[np.int64], int, int]]:
    """Every (probability, tokens, last, target) that can occur."""
    seq_len, size = attention.shape
    for sequence in np.ndindex(*(size,) * seq_len):
        tokens_ = np.array(sequence)
        for last in range(size):
            chance = float(mu[tokens_].prod() * mu[last])
            for target in range(size):
                law = sum(
                    attention[s, last] * transition[target, tokens_[s]] for s in range(seq_len)
                )
                yield chance * float(law), tokens_, last, target


def loss(transition: Array, mu: Array, attention: Array, A: Array, V: Array) -> float:
    """Expected loss."""
    total = 0.0
    for chance, sequence, last, target in outcomes(transition, mu, attention):
        miss = np.eye(len(V))[target] - predict(A, V, sequence, last)
        total += chance * 0.5 * float(miss @ miss)
    return total


# --- signals --------------------------------------------------------------------------------------


def dot(X: Array, Y: Array, mu: Array) -> float:
    """<X, Y>_mu = Tr(X diag(mu) Y')."""
    return float(np.trace(X @ np.diag(mu) @ Y.T))


class Signals(NamedTuple):
    """Signals and what is left of A and V."""

    alpha_V: float
    alpha_A: float
    delta_V: Array
    delta_A: Array


def signals(transition: Array, mu: Array, attention: Array, A: Array, V: Array) -> Signals:
    """Lemma C.1 from its definitions; needs V mu = mu and 1'A = 1'."""
    seq_len, size = attention.shape
    flat = np.full((seq_len, size), 1 / seq_len)
    trivial = np.outer(mu, np.ones(size))
    square = float(mu @ mu)
    alpha_v = (dot(V, transition, mu) - square) / (dot(transition, transition, mu) - square)
    alpha_a = (dot(A, attention, mu) - 1 / seq_len) / (dot(attention, attention, mu) - 1 / seq_len)
    return Signals(
        alpha_v,
        alpha_a,
        V - (alpha_v * transition + (1 - alpha_v) * trivial),
        A - (alpha_a * attention + (1 - alpha_a) * flat),
    )
