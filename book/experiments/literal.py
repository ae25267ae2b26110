"""The paper's own three stages where the batch of Stage 1 is large, on 20 tasks a setting.

At N = 3: T = 2000 with a batch of 2048 in Stage 1 and 512 after it; and T = 500 with three batches
after Stage 1. 5 * 10^10 tokens, some two minutes on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import scbtools as scb

AFTER = (64, 512, 4096)  # batches of Stages 2 and 3, at the shorter length
SEEDS = range(20)
GRID = [
    {"seq_len": T, "boost_batch": boost, "after_batch": after, "seed": seed}
    for T, boost, after in ((2000, 2048, 512), *((500, 512, after) for after in AFTER))
    for seed in SEEDS
]


def run_one(seq_len: int, boost_batch: int, after_batch: int, seed: int) -> dict[str, Any]:
    """Return where a run stood at the end of each stage, one row a stage."""
    task = scb.SCBTask.random(3, seq_len, sparsity=2, seed=seed)
    boost, *after = scb.recipes.paper_literal(task, boost_batch)
    stages = [boost, *(dataclasses.replace(each, batch_size=after_batch) for each in after)]
    run = scb.train(task, stages, seed=seed, record_every=50)
    stage = run.history["stage"]
    ends = [np.flatnonzero(stage == index)[-1] for index in np.unique(stage)]
    kept = ("step", "samples", "alpha_V", "alpha_A", "delta_A", "error_V", "error_A")
    return {
        "stage": [stages[int(stage[end])].name for end in ends],
        "status": run.status,
        **{name: run.history[name][ends] for name in kept},
    }


def ends(table: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return by layer final squared errors at the shorter length, (seeds, batches)."""
    last = table[table.seq_len == 500].groupby(["after_batch", "seed"]).last()
    return {
        layer: last[f"error_{layer}"].to_numpy().reshape(len(AFTER), -1).T ** 2 for layer in "AV"
    }
