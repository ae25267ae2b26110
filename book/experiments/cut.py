"""The cut at the start of Stage 2: which entries stand above it, for T from 125 to 2000.

24 tasks for each T, with batches of T sequences and of 16. Stage 1 runs until a signal reaches
0.35. Some two minutes of one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb
from scbtools.updates import threshold_and_project

SPARSITY, ETA, TARGET, STEPS, LEVEL = 2, 0.02, 0.35, 1000, 0.5
GRID = [
    {"seq_len": seq_len, "batch_size": batch_size, "seed": seed}
    for seq_len in (125, 250, 500, 1000, 2000)
    for batch_size in (seq_len, 16)
    for seed in range(24)
]


def run_one(seq_len: int, batch_size: int, seed: int) -> dict[str, Any]:
    """Return what stands out before the cut and after it.

    Attended entries are counted in units of alpha_V / Q, the others in units of 1 / T.
    """
    task = scb.SCBTask.random(3, seq_len, SPARSITY, seed=seed)
    stage = scb.recipes.boost(task, STEPS, batch_size, ETA, TARGET)
    run = scb.train(task, stage, seed=seed, record_every=STEPS)
    now = scb.signals(task, run.params)
    level = LEVEL * now.alpha_V / SPARSITY
    after = threshold_and_project(run.params.A, level)
    attended = task.attention > 0
    found: dict[str, Any] = {"alpha_V": now.alpha_V, "alpha_A": now.alpha_A}
    found["steps"] = int(run.history["step"][-1])
    found["missed"] = int((run.params.A[attended] < level).sum())
    found["survivors"] = int((run.params.A[~attended] >= level).sum())
    for name, A in (("before", run.params.A), ("after", after)):
        found[f"{name}_attended"] = float(A[attended].min()) * SPARSITY / abs(now.alpha_V)
        found[f"{name}_others"] = float(np.abs(A[~attended]).max()) * seq_len
    return {
        name: value if isinstance(value, int) else float(f"{value:.6g}")
        for name, value in found.items()
    }
