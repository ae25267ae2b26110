"""Learning a task built on each of 13 languages from scratch: which runs come to an end.

Two base rates, and the larger one on smoothed bigrams too; 24 tasks for each. T = 50, batches of
1024; some eight minutes on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb
from experiments import bigrams

SEQ_LEN, BATCH, L1 = 50, 1024, 1e-4
SLOW, FAST = 0.02, 0.08
SMOOTHING = 1e-3 / 27  # a thousandth of all bigrams to each letter, spread evenly
LANGUAGES = ["en", "de", "sv", "fr", "es", "it", "pl", "cs", "lv", "fi", "hu", "tr", "id"]
SEEDS = range(100, 124)
SETTINGS = [(SLOW, False), (FAST, False), (FAST, True)]
GRID = [
    {"language": language, "eta": eta, "smoothed": smoothed, "seed": seed}
    for language in LANGUAGES
    for eta, smoothed in SETTINGS
    for seed in SEEDS
]


def task_of(language: str, smoothed: bool, seed: int) -> scb.SCBTask:
    """Return the task of a run."""
    return bigrams.task_of(language, SEQ_LEN, seed, smoothing=SMOOTHING if smoothed else 0.0)


def reserve(task: scb.SCBTask, eta: float) -> float:
    """Return by how much the batch exceeds what the rarest letter's steps need to stay stable."""
    return float(2 * bigrams.rank(task) * BATCH * task.stationary.min() / (eta * SEQ_LEN))


def run_one(language: str, eta: float, smoothed: bool, seed: int) -> dict[str, Any]:
    """Return how a run ends, and the columns it finds: how many, which, and their share by mu."""
    task = task_of(language, smoothed, seed)
    stages = scb.recipes.three_stage(
        task, BATCH, eta, L1, learn_batch_size=BATCH, settle_steps=30, finish_steps=100,
        finish_batch_size=BATCH,
    )  # fmt: skip
    run = scb.train(task, stages, seed=seed, record_every=50)
    found = scb.support_recovered(task, run.params.A)
    missed = "".join(x for x, hit in zip(bigrams.LETTERS, found, strict=True) if not hit)
    return {
        "status": run.status,
        "found": round(float(task.stationary[found].sum()), 6),
        "missed": missed or "none",
    }
