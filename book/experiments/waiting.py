"""Stage 1 with lambda above 1 / T: how long the attention stands still, and what comes after.

T = 500, 20 tasks that no other experiment of chapter 6 uses, lambda in units of 1 / T; batches of
128 for the claim, and of 16, where without a penalty many runs would be mirrored. Less than a
minute of one core.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import scbtools as scb
from experiments.penalty import digits

SEQ_LEN, SPARSITY, ETA, STEPS, RECORD, MOVED = 500, 2, 0.02, 2400, 10, 1e-3
GRID = [
    {"batch_size": batch_size, "times": times, "seed": seed}
    for batch_size in (128, 16)
    for times in (0.0, 1.0, 1.2, 1.5)
    for seed in range(20, 40)
]


def run_one(batch_size: int, times: float, seed: int) -> dict[str, Any]:
    """Return when the attention moves, where V is then, and how the run goes on.

    `times` is lambda in units of 1 / T. From 1.2 on a run has 2400 steps, below it 400.
    """
    task = scb.SCBTask.random(3, SEQ_LEN, SPARSITY, seed=seed)
    boost = scb.recipes.boost(task, STEPS, batch_size, ETA)
    steps = STEPS if times > 1 else 400
    stage = dataclasses.replace(boost, steps=steps, until=None, l1=times / SEQ_LEN)
    found = scb.train(task, stage, seed=seed, record_every=RECORD).history
    moved = np.flatnonzero(np.abs(found["alpha_A"]) > MOVED)
    first = int(moved[0]) if moved.size else -1
    return {
        "step": int(found["step"][first]) if moved.size else None,
        "alpha_V": digits(found["alpha_V"][first]),
        "largest": digits(np.abs(found["alpha_A"]).max()),
        "last_V": digits(found["alpha_V"][-1]),
        "last_A": digits(found["alpha_A"][-1]),
    }
