"""Does the early stop last? Skewed tasks, with and without the floor of noise in V.

As `early_cut` with the early stop, by the paper's projection of V's gradient and by the centred one
of chapter 5, which has no floor. Made because of what `early_cut` showed on random tasks.

Some 3 * 10^10 tokens: about two minutes on one core.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any

import numpy as np

import scbtools as scb
from experiments.screening_samples import SEEDS
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE, make_task
from scbtools import updates

LENGTHS = [400, 3200, 25600]
BATCHES = [8, 16, 32, 64, 128]
LIMIT = 400  # steps
GRID = [
    {"method": method, "seq_len": seq_len, "batch": batch, "seed": seed}
    for method, seq_len, batch, seed in itertools.product(
        ("paper", "centred"), LENGTHS, BATCHES, SEEDS
    )
]


@functools.cache
def bigram(seed: int) -> Any:
    """Return the transition matrix of a skewed task, which takes a second to find."""
    return make_task("skewed", 20, seed).transition


def skewed(seq_len: int, seed: int) -> scb.SCBTask:
    """Return the same task as `make_task`."""
    where = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed).sparse_attention
    return scb.SCBTask.from_sparse(bigram(seed), where.positions, where.weights, seq_len)


def run_one(method: str, seq_len: int, batch: int, seed: int) -> dict[str, Any]:
    """Return samples, steps, whether the support shows, and V's signal over its error."""
    task = skewed(seq_len, seed)
    target = min(0.35, 0.25 * np.sqrt(batch / (ETA * seq_len)))
    stage = scb.recipes.boost(task, LIMIT, batch, ETA, target)
    stage = dataclasses.replace(stage, centred=method == "centred")
    run = scb.train(task, stage, seed=seed, record_every=LIMIT)
    state, A = scb.signals(task, run.params), run.params.A
    if updates.looks_mirrored(A):
        A = 2 / seq_len - A
    return {
        "samples": int(run.history["samples"][-1]),
        "shown": int(scb.support_recovered(task, A).all()),
        "clear": float(f"{abs(state.alpha_V) * np.sqrt(task.K_P) / state.delta_V:.4g}"),
    }
