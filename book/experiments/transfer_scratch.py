"""Which batches let Stage 1 from scratch show every attended position, for T.

Stage 1 ends when a signal reaches 0.35; a run on the mirror's side counts as a failure. The batch
is load * eta * T, and each draws tokens of its own. All cells take some five minutes on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

ETA, TARGET = 0.05, 0.35
LOADS = [0.5, 1, 2, 4, 8, 16, 32]
GRID = {"seq_len": [100, 200, 400, 800, 1600], "seed": range(100, 124)}


def run_one(seq_len: int, seed: int) -> dict[str, Any]:
    """Return the batches and, for each, whether the run shows the support, its sign and samples.

    `turned` says whether the support shows once a run on the mirror's side is turned round.
    """
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    found: dict[str, list[int]] = {}
    for fresh, load in enumerate(LOADS):
        batch = max(1, round(load * ETA * seq_len))
        stage = scb.recipes.boost(task, 1000, batch, ETA, TARGET)
        run = scb.train(task, stage, seed=1000 * seed + fresh, record_every=1000)
        params, upright = run.params, bool(run.history["alpha_A"][-1] > 0)
        turned = params if upright else scb.updates.reflect(task, params)
        support = scb.support_recovered(task, turned.A).all()
        row = {
            "batch": batch, "shown": upright and support, "upright": upright, "turned": support,
            "samples": run.history["samples"][-1],
        }  # fmt: skip
        for name, value in row.items():
            found.setdefault(name, []).append(int(value))
    return found
