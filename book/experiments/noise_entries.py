"""How many samples make every entry of the attention gradient's noise small, against T.

Half way on both lines, batches of 32 samples are added up until no entry of h_A is larger than
half the signal on an attended entry. 20 tasks and 6 lengths, T up to 102 400: some two minutes on
one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb
from scbtools import noise

VOCAB_SIZE, SPARSITY, PART = 3, 2, 0.5  # N, Q, and both signals where gradients are taken
CHUNK, FIXED, MOST = 32, 512, 16_384  # samples: between looks, at the fixed look, at the end
GRID = {"seq_len": [100, 400, 1600, 6400, 25_600, 102_400], "seed": range(20)}


def half_way(task: scb.SCBTask, part: float = PART) -> scb.Params:
    """Return parameters on both lines, with both signals equal to `part`."""
    start, truth = scb.uniform_start(task), scb.true_params(task)
    A = start.A + part * (truth.A - start.A)
    return scb.Params(A, start.V + part * (truth.V - start.V))


def run_one(seq_len: int, seed: int) -> dict[str, Any]:
    """Return the batch size at which the noise is small enough, and its size at B = 512."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    params = half_way(task)
    signal = task.K_P * PART * (1 - PART**2)  # of the expected gradient, times q - 1/T
    total = np.zeros(params.A.shape)
    found: dict[str, Any] = {"batch_size": MOST}
    for step in range(MOST // CHUNK):
        total += noise.realised(task, params, CHUNK, seed, step).A
        h = total / (step + 1)
        largest = float(np.abs(h).max())
        if (step + 1) * CHUNK == FIXED:
            found["largest"] = largest
            found["norm_squared"] = float((h**2 * task.stationary).sum())
        if largest <= signal / (2 * task.sparsity):
            found["batch_size"] = min(found["batch_size"], (step + 1) * CHUNK)
        if found["batch_size"] < MOST and "largest" in found:
            break
    return {**found, "signal": signal}
