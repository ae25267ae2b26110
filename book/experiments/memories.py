"""Chapter 17: what is left of a run that goes on and on with one fixed training set.

After Stage 1, reflected if it looks mirrored: 300 steps without penalty; the same from the cut,
with an l1 penalty of a tenth of the rate; and the largest entries rounded, V by least squares on
the set. Losses are above the least possible, in units of the trivial start's. N = 3, Q = 2,
T = 200.

96 runs: about three minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions
import numpy as np

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import SEEDS, SEQ_LEN
from scbtools import updates

SIZES = (500, 1000, 2000, 4000)
AT = (0, 20, 50, 100, 200, 300)  # steps after Stage 1
GRID = [{"n": n, "seed": seed} for n, seed in itertools.product(SIZES, SEEDS)]


def on_average(task: scb.SCBTask, params: scb.Params) -> float:
    """Return the expected loss above the least, over that of the trivial start."""
    trivial = 0.5 * (1 - float((task.stationary**2).sum())) - task.bayes_loss()
    return (scb.population_loss(task, params) - task.bayes_loss()) / trivial


def on_set(task: scb.SCBTask, params: scb.Params, kept: scb.Batch) -> float:
    """Return the loss on the set in the same units."""
    trivial = 0.5 * (1 - float((task.stationary**2).sum())) - task.bayes_loss()
    return (assumptions.loss(params, kept) - task.bayes_loss()) / trivial


def least_squares(task: scb.SCBTask, A: Any, kept: scb.Batch) -> Any:
    """Return the V that fits the set best for attention A."""
    size = task.vocab_size
    one_hot = np.eye(size)
    c = np.zeros((len(kept.last), size))
    rows = np.asarray(A).T[kept.last]
    for token in range(size):
        c[:, token] = np.where(kept.tokens == token, rows, 0).sum(axis=1)
    return np.linalg.lstsq(c, one_hot[kept.target], rcond=None)[0].T


def run_one(n: int, seed: int) -> dict[str, Any]:
    """Return both losses at some steps, with and without penalty, and after rounding."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    kept = task.sample(n, seed)
    params, _, _ = assumptions.boost(task, lambda _: kept, ETA)
    if updates.looks_mirrored(params.A):
        params = updates.reflect(task, params)
    signal = abs(scb.signals(task, params).alpha_V)
    cut = updates.threshold_and_project(params.A, signal / (2 * SPARSITY))
    arms = {"plain": (params, 0.0), "l1": (params._replace(A=cut), 0.1 * ETA)}
    found: dict[str, Any] = {"step": list(AT)}
    for name, (start, l1) in arms.items():
        now, inside, outside = start, [], []
        for step in range(AT[-1] + 1):
            if step in AT:
                inside.append(float(f"{on_set(task, now, kept):.4g}"))
                outside.append(float(f"{on_average(task, now):.4g}"))
            grad = scb.precondition(task, assumptions.gradients(now, kept))
            now = updates.gradient_step(now, grad, ETA / task.K_Q, ETA / task.K_P, l1)
        largest = np.zeros_like(now.A)
        order = np.argsort(-now.A, axis=0)[:SPARSITY]
        np.put_along_axis(largest, order, 1 / SPARSITY, axis=0)
        rounded = scb.Params(largest, least_squares(task, largest, kept))
        found |= {
            f"{name}_set": inside,
            f"{name}_all": outside,
            f"{name}_shown": int(scb.support_recovered(task, now.A).all()),
            f"{name}_rounded": float(f"{on_average(task, rounded):.4g}"),
        }
    trivial = 0.5 * (1 - float((task.stationary**2).sum())) - task.bayes_loss()
    found["hand"] = float(f"{assumptions.forgotten(task, n) / trivial:.4g}")
    return found
