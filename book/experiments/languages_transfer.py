"""One attention step from another language's bigrams, for all ordered pairs of 26 languages.

From V = P_hat / 2 + mu 1' / 2, where P_hat is the other language's matrix, shifted so that it maps
the target's mu to mu; T = 100, one batch of 4096. Each task, 24 for a language, meets all teachers
with the same tokens. Some five minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from experiments import bigrams
from experiments.transfer_step import recovery, snr

SEQ_LEN, BATCH, THETA = 100, 4096, 0.5
SEEDS = range(100, 124)
GRID = [{"target": target, "seed": seed} for target in bigrams.LANGUAGES for seed in SEEDS]


def step(task: scb.SCBTask, P_hat: NDArray[np.float64], seed: int, batch: int = BATCH) -> float:
    """Return the share of columns, by mu, whose support one attention step from P_hat shows."""
    mu = task.stationary
    V = THETA * P_hat + (1 - THETA) * mu[:, None]
    start = scb.Params(scb.uniform_start(task).A, V)
    raw = scb.minibatch_gradients(task, start, batch, seed=seed)
    after = start.A - scb.precondition(task, raw).A / task.K_P
    return float(mu[scb.support_recovered(task, after)].sum())


def run_one(target: str, seed: int) -> dict[str, Any]:
    """Return the share of columns found in a task, by teacher."""
    task = bigrams.task_of(target, SEQ_LEN, seed)
    found = []
    for teacher in bigrams.LANGUAGES:
        P_hat = bigrams.recentred(bigrams.language(teacher).transition, task.stationary)
        found.append(round(step(task, P_hat, seed), 5))
    return {"teacher": bigrams.LANGUAGES, "found": found}


def predicted(target: str, teacher: str, batch: int = BATCH) -> float:
    """Return the share that the signal-to-noise ratio of each column promises."""
    task = bigrams.language(target)
    P_hat = bigrams.recentred(bigrams.language(teacher).transition, task.stationary)
    z = snr(task, P_hat) * np.sqrt(batch)
    return float((recovery(z, SEQ_LEN, 2) * task.stationary).sum())
