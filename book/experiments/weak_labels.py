"""Chapter 17: how large a batch Stage 1 needs where only a share of the targets is honest.

Two arms: the task with the weak P that such targets amount to, and the task itself with targets
replaced one by one by draws from mu. N = 3, Q = 2, T = 200.

2400 runs: about four minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions
import numpy as np

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from scbtools.updates import looks_mirrored

SEQ_LEN = 200
SEEDS = range(1700, 1724)
KEPT = (1.0, 0.7, 0.5, 0.35, 0.25)
STEPS = range(-4, 6)  # of a ladder by factors of the square root of 2
GRID = [
    {"arm": arm, "kept": kept, "rung": rung, "seed": seed}
    for arm, kept, rung, seed in itertools.product(("weak P", "labels"), KEPT, STEPS, SEEDS)
]


def shows(task: scb.SCBTask, A: Any) -> bool:
    """Return whether all attended entries are the largest, after a look for mirrors."""
    upright = 2 / task.seq_len - A if looks_mirrored(A) else A
    return bool(scb.support_recovered(task, upright).all())


def run_one(arm: str, kept: float, rung: int, seed: int) -> dict[str, Any]:
    """Return the batch, the steps, and whether the support shows."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    batch, limit = round(16 / kept**2 * 2 ** (rung / 2)), int(4 * np.log(SEQ_LEN) / ETA)
    scarce = assumptions.weak(task, kept)
    if arm == "weak P":
        stage = scb.recipes.boost(scarce, limit, batch, ETA, 0.35)
        run = scb.train(scarce, stage, seed=seed, record_every=limit)
        A, steps = run.params.A, int(run.history["step"][-1])
    else:
        rng, mu = np.random.default_rng(seed), task.stationary

        def draw(step: int) -> scb.Batch:
            honest = task.sample(batch, seed, step)
            return assumptions.with_labels(honest, 1 - kept, mu, rng)

        (A, _), steps, _ = assumptions.boost(scarce, draw, ETA)
    return {"batch": batch, "steps": steps, "shown": int(shows(task, A))}


def ladder(table: Any, arm: str, kept: float) -> tuple[Any, Any]:
    """Return the batches, (n,), and which tasks show their support, (tasks, n)."""
    rows = table[(table.arm == arm) & (table.kept == kept)]
    wide = rows.pivot(index="seed", columns="batch", values="shown")
    return wide.columns.to_numpy(float), wide.to_numpy(bool)
