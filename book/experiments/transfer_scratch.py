"""Least batch with which Stage 1 from scratch shows every attended position, for T.

Stage 1 ends when a signal reaches 0.35; a run on the mirror's side counts as a failure. All cells
take about a minute on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

ETA, TARGET = 0.05, 0.35
GRID = {"seq_len": [100, 200, 400, 800], "seed": range(20)}


def run_one(seq_len: int, seed: int) -> dict[str, Any]:
    """Return the least batch from which on all larger ones work, with its steps and samples."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    least, steps, samples = None, None, None
    for halvings in range(40):
        batch = round(1.5 * seq_len / 2 ** (halvings / 2))
        if batch < 1:
            break
        stage = scb.recipes.boost(task, 1000, batch, ETA, TARGET)
        run = scb.train(task, stage, seed=seed, record_every=1000)
        if run.status != "finished" or not scb.support_recovered(task, run.params.A).all():
            break
        least, steps, samples = batch, int(run.history["step"][-1]), int(run.history["samples"][-1])
    return {"least_batch": least, "steps": steps, "samples": samples}
