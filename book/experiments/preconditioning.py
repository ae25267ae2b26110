"""Training with and without the division by mu, for even and for skewed mu.

Real mini-batches at T = 300: 20 tasks, three skews, both ways, 1000 steps of 256 samples; some
two minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb
from scbtools import updates

VOCAB_SIZE, SEQ_LEN, SPARSITY, SIGNAL = 5, 300, 2, 0.4
STEPS, BATCH, ETA = 1000, 256, 0.02
GRID = {"seed": range(20), "skew": [1, 4, 16], "method": ["divided", "plain"]}


def skewed_task(skew: float, seed: int, seq_len: int = SEQ_LEN) -> scb.SCBTask:
    """Return a task whose most frequent token is `skew` times as frequent as its rarest.

    mu falls geometrically. A random table is scaled until both of its margins are mu (Sinkhorn's
    iteration): that is a joint law of a token and its follower. Then as much of "every token
    follows itself" is mixed in, in twentieths, as K_P >= 0.4 |mu|^2 takes.
    """
    rng = np.random.default_rng(seed)
    neighbours = np.sqrt(np.sqrt(skew))  # rounded alike everywhere, unlike other powers
    mu = np.cumprod([1.0] + [float(1 / neighbours)] * (VOCAB_SIZE - 1))
    mu /= mu.sum()
    joint = rng.random((VOCAB_SIZE, VOCAB_SIZE))
    for _ in range(300):
        joint *= (mu / joint.sum(axis=1))[:, None]
        joint *= mu / joint.sum(axis=0)
    shape = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed, 0.0, 1e9).sparse_attention
    for own in range(20):
        mixed = (20 - own) / 20 * joint + own / 20 * np.diag(mu)
        task = scb.SCBTask.from_sparse(mixed / mixed.sum(axis=0), *shape[:2], seq_len)
        if task.K_P / (mu**2).sum() >= SIGNAL:
            break
    return task


def conditioned(task: scb.SCBTask, gradients: scb.Gradients, method: str) -> scb.Gradients:
    """Return projected gradients, divided by mu ("divided", eq. 4) or times N ("plain").

    The mean of 1 / mu_k over tokens is N, so that both move at the same pace where mu is even.
    """
    if method == "divided":
        return scb.precondition(task, gradients)
    mu, N = task.stationary, task.vocab_size
    A = N * (gradients.A - gradients.A.mean(axis=0))
    V = N * (gradients.V - gradients.V.mean(axis=0))
    V = V - ((V * mu).sum(axis=1) / (mu**2).sum())[:, None] * mu
    return scb.Gradients(A, V)


def column_signals(task: scb.SCBTask, A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, per column, the signal and the squared distance of a from its own line."""
    uniform = 1 / task.seq_len
    truth, now = task.attention - uniform, A - uniform
    alpha = (now * truth).sum(axis=0) / (truth**2).sum(axis=0)
    return alpha, ((now - alpha * truth) ** 2).sum(axis=0)


def run_one(seed: int, skew: float, method: str) -> dict[str, Any]:
    """Return, per token, when its column reached half its signal, and where it ended.

    Of either sign: a run that ends in the mirror learns its columns as well.
    """
    task = skewed_task(skew, seed)
    params = scb.uniform_start(task)
    alpha = off = np.zeros(VOCAB_SIZE)
    arrived = np.full(VOCAB_SIZE, -1)
    for step in range(STEPS):
        raw = scb.minibatch_gradients(task, params, BATCH, seed, step)
        gradients = conditioned(task, raw, method)
        params = updates.gradient_step(params, gradients, ETA / task.K_Q, ETA / task.K_P)
        alpha, off = column_signals(task, params.A)
        arrived[(arrived < 0) & (np.abs(alpha) >= 0.5)] = step + 1
    return {
        "token": np.arange(VOCAB_SIZE), "mu": task.stationary, "arrived": arrived,
        "alpha": alpha, "off_line": off, "K_P": task.K_P,
    }  # fmt: skip
