"""What settling for longer makes of larger batches after Stage 2.

20 tasks at N = 3, T = 500 with three batches, 480 settling steps instead of 60: 3 * 10^10 tokens,
less than a minute on two cores.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

BATCH = 512  # of Stages 1 and 2
SETTLE_STEPS = 480
GRID = {"finish_batch": [64, 512, 4096], "seed": range(20)}


def run_one(finish_batch: int, seed: int) -> dict[str, Any]:
    """Return both distances at the end, and the samples drawn."""
    task = scb.SCBTask.random(3, 500, sparsity=2, seed=seed)
    stages = scb.recipes.three_stage(
        task,
        BATCH,
        learn_batch_size=BATCH,
        finish_batch_size=finish_batch,
        settle_steps=SETTLE_STEPS,
    )
    run = scb.train(task, stages, seed=seed, record_every=100)
    kept = ("samples", "error_V", "error_A")
    return {"status": run.status, **{name: run.history[name][-1] for name in kept}}
