"""Chapter 17: how large a fixed training set must be, used whole in every step, against fresh ones.

Fresh batches have eta n / 2 samples, so that 2 / eta steps draw n. N = 3, Q = 2; Stage 1.

1296 runs: about five minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions
import numpy as np
import pair_laws

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import SEEDS, shows
from scbtools import screening

LENGTHS = (100, 400, 1600)
SIZES = [round(200 * 2 ** (j / 2)) for j in range(9)]
GRID = [
    {"arm": arm, "seq_len": T, "n": n, "seed": seed}
    for arm, T, n, seed in itertools.product(("fixed", "fresh"), LENGTHS, SIZES, SEEDS)
]


def run_one(arm: str, seq_len: int, n: int, seed: int) -> dict[str, Any]:
    """Return samples drawn, whether training shows the support, and whether screening does."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    limit = int(4 * np.log(seq_len) / ETA)
    if arm == "fresh":
        batch = max(1, round(ETA * n / 2))
        stage = scb.recipes.boost(task, limit, batch, ETA, 0.35)
        run = scb.train(task, stage, seed=seed, record_every=limit)
        samples, A = int(run.history["samples"][-1]), run.params.A
        return {"samples": samples, "shown": int(shows(task, A)), "screened": 0}
    kept = task.sample(n, seed)
    (A, _), _, _ = assumptions.boost(task, lambda _: kept, ETA)
    scores = screening.chi_square(pair_laws.pair_counts(task, n, seed))
    return {
        "samples": n,
        "shown": int(shows(task, A)),
        "screened": int(pair_laws.shows(task, scores)),
    }


def ladder(table: Any, arm: str, T: int, column: str = "shown") -> tuple[Any, Any]:
    """Return the median samples at each rung, (n,), and which tasks succeed, (tasks, n)."""
    rows = table[(table.arm == arm) & (table.seq_len == T)]
    costs = rows.groupby("n")["samples"].median().to_numpy(float)
    return costs, rows.pivot(index="seed", columns="n", values=column).to_numpy(bool)
