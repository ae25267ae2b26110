"""The sign that runs take at the settings of the paper's figure 1, on 20 tasks.

Plain SGD of that figure (no penalty, no cut): N = 3, Q = 2, T = 5000, batches of 64. With each run
goes its probability of the wrong sign by hand, and whether a mirror is seen in A alone at the end.
6 * 10^9 tokens: half a minute of one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

import scbtools as scb
from experiments.noise_levels import noise_of
from scbtools.updates import looks_mirrored

VOCAB_SIZE, SEQ_LEN, SPARSITY = 3, 5000, 2  # N, T, Q
BATCH, ETA, EVERY = 64, 0.01, 25
GRID = {"seed": range(20)}


def run_one(seed: int) -> dict[str, Any]:
    """Return a run's signals every 25 steps, to five digits."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    run = scb.train(task, scb.recipes.figure_1(task, "sgd"), seed=seed, record_every=EVERY)
    floor, nu2 = noise_of(task)
    z = task.K_P * np.sqrt(2 * BATCH / (ETA * SEQ_LEN) / (nu2 + SEQ_LEN * floor))
    once = np.unique(run.history["step"], return_index=True)[1]
    found: dict[str, Any] = {"step": [int(step) for step in run.history["step"][once]]}
    for name in ("alpha_V", "alpha_A", "delta_A"):
        found[name] = [float(f"{value:.5g}") for value in run.history[name][once]]
    found["by_hand"] = float(f"{norm.cdf(-z):.4g}")
    return found | {"seen": int(looks_mirrored(run.params.A))}
