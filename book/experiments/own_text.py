"""Chapter 17: learning from the task's own text, every target appended, as the paper leaves open.

B texts; in each step one sample of each, and windows move on by a stride. Stage 1 up to a signal of
0.35; N = 3, Q = 2, T = 200. Beside it independent tokens, and screening on the same samples.

384 runs: about a minute on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions
import numpy as np
import pair_laws

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import SEQ_LEN, shows
from scbtools import screening

BATCHES = (16, 128)
STRIDES = (1, 20, 200, 0)  # 0: independent tokens
SEEDS = range(1700, 1748)
GRID = [
    {"batch": batch, "stride": stride, "seed": seed}
    for batch, stride, seed in itertools.product(BATCHES, STRIDES, SEEDS)
]


def run_one(batch: int, stride: int, seed: int) -> dict[str, Any]:
    """Return whether the run looks away, and whether it and screening show the support."""
    rng = np.random.default_rng(seed)
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)

    def independent(step: int) -> scb.Batch:
        return task.sample(batch, seed, step)

    draw = assumptions.own_text(task, batch, stride, rng) if stride else independent
    params, steps, counts = assumptions.boost(task, draw, ETA, count=True)
    return {
        "steps": steps,
        "mirror": int(scb.signals(task, params).alpha_A < 0),
        "shown": int(shows(task, params.A)),
        "screened": int(pair_laws.shows(task, screening.chi_square(counts))),
    }
