"""How many samples tell a task from its mirror, for who sees only pooled counts.

The likelihood ratio of P against 2 mu 1' - P, given each sample's token counts and target: by
Neyman and Pearson no test does better. Counts are drawn as such, so that a sample costs the same at
every T. Samples are in units of T.

Some 10^8 counts: under a minute on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.screening_samples import LENGTHS
from experiments.stage_1 import make_task

SEEDS = range(300, 420)
LOADS = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]  # samples over T
CHUNK = 100_000
GRID = [
    {"kind": "random", "seq_len": seq_len, "seed": seed} for seq_len in LENGTHS for seed in SEEDS
]


def run_one(kind: str, seq_len: int, seed: int) -> dict[str, Any]:
    """Return for each number of samples whether the best test names the sign rightly."""
    task = make_task(kind, seq_len, seed)
    P, mu = task.transition, task.stationary
    found = []
    for rung, load in enumerate(LOADS):
        rng, n, evidence = np.random.default_rng((seed, rung)), round(load * seq_len), 0.0
        for done in range(0, n, CHUNK):
            counts = rng.multinomial(seq_len, mu, min(CHUNK, n - done))
            law = counts @ P.T / seq_len
            law /= law.sum(axis=1, keepdims=True)
            target = (rng.random((len(law), 1)) > law.cumsum(axis=1)[:, :-1]).sum(axis=1)
            here = np.arange(len(law)), target
            mirror = np.maximum(2 * mu[target] - law[here], 1e-12)
            evidence += float(np.log(law[here] / mirror).sum())
        found.append(int(evidence > 0))
    return {"n": [round(load * seq_len) for load in LOADS], "right": found}


def ladder(table: Any, seq_len: int) -> tuple[Any, Any]:
    """Return the samples of the rungs, (n,), and which tasks had their sign right, (tasks, n)."""
    wide = table[table.seq_len == seq_len].pivot(index="seed", columns="n", values="right")
    return wide.columns.to_numpy(float), wide.to_numpy(bool)
