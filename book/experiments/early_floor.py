"""Does the early stop last? Skewed tasks, with and without the floor of noise in V.

As `early_cut` with the early stop, by the paper's projection of V's gradient and by the centred one
of chapter 5, which has no floor. Made because of what `early_cut` showed on random tasks.

Some 3 * 10^10 tokens: about two minutes on one core.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

import scbtools as scb
from experiments.screening_samples import SEEDS
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE, centred_gradients, make_task
from scbtools import updates
from scbtools.updates import gradient_step

LENGTHS = [400, 3200, 25600]
BATCHES = [8, 16, 32, 64, 128]
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
    target, limit = min(0.35, 0.25 * np.sqrt(batch / (ETA * seq_len))), 400
    params, steps = scb.uniform_start(task), 0
    state = scb.signals(task, params)
    while steps < limit and max(abs(state.alpha_V), abs(state.alpha_A)) < target:
        raw = scb.minibatch_gradients(task, params, batch, seed=seed, step=steps)
        of = scb.precondition if method == "paper" else centred_gradients
        params = gradient_step(params, of(task, raw), ETA / task.K_Q, ETA / task.K_P)
        steps += 1
        state = scb.signals(task, params)
    A = params.A
    if updates.looks_mirrored(A):
        A = 2 / seq_len - A
    return {
        "samples": steps * batch,
        "shown": int(scb.support_recovered(task, A).all()),
        "clear": float(f"{abs(state.alpha_V) * np.sqrt(task.K_P) / state.delta_V:.4g}"),
    }
