"""How many samples training takes to show every attended position, when it stops early.

Stage 1 from the trivial start with a batch B that does not grow with T. "early" stops when the
larger signal is min(0.35, sqrt(B / (eta T)) / 4), before the noise of A reaches the size of the
truth; "late" at 0.35 always. Then mirrors, known by A's outliers, are reflected. N = 3, Q = 2.

Some 2 * 10^11 tokens: about four minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import scbtools as scb
from experiments.screening_samples import LENGTHS, SEEDS
from experiments.stage_1 import ETA, make_task
from scbtools import updates

BATCHES = [4, 8, 16, 32, 64, 128, 256]
TARGET = 0.35
ARMS = [("random", "early"), ("random", "late"), ("even", "early"), ("skewed", "early")]
GRID = [
    {"kind": kind, "stop": stop, "seq_len": seq_len, "batch": batch, "seed": seed}
    for kind, stop in ARMS
    for seq_len, batch, seed in itertools.product(LENGTHS, BATCHES, SEEDS)
]


def run_one(kind: str, stop: str, seq_len: int, batch: int, seed: int) -> dict[str, Any]:
    """Return samples, whether the support shows, and the sign: upright, and told rightly."""
    task = make_task(kind, seq_len, seed)
    early = 0.25 * np.sqrt(batch / (ETA * seq_len))
    target = min(TARGET, early) if stop == "early" else TARGET
    limit = int(3 * np.log(seq_len) / ETA)
    boost = scb.recipes.boost(task, limit, batch, ETA, target)
    run = scb.train(task, boost, seed=seed, record_every=limit)
    A, mirrored = run.params.A, updates.looks_mirrored(run.params.A)
    up = run.history["alpha_A"][-1] > 0
    return {
        "samples": int(run.history["samples"][-1]),
        "shown": int(scb.support_recovered(task, 2 / seq_len - A if mirrored else A).all()),
        "upright": int(up),
        "told": int(up != mirrored),
    }


def ladder(table: Any, **cell: Any) -> tuple[Any, Any]:
    """Return the median samples at each batch, (n,), and which tasks show their support there."""
    for key, value in cell.items():
        table = table[table[key] == value]
    costs = table.groupby("batch")["samples"].median().to_numpy(float)
    return costs, table.pivot(index="seed", columns="batch", values="shown").to_numpy(bool)
