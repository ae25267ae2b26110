"""Whole runs from a transferred start: against T at constant batches, and against the correlation.

A run takes a tenth of a second to a second; all of them three minutes on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

SEEDS = range(100, 120)
THETA, ETA = 0.5, 0.05
LENGTHS = [100, 400, 1600, 6400]
BATCHES = [256, 4096]
CORRELATIONS = [-0.4, -0.2, 0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 0.98]
AGAINST_LENGTH = {"batch": 4096, "learn_batch": 512, "l1": 1e-3, "reflect": False}
AGAINST_RHO = {"seq_len": 1600, "learn_batch": 64, "l1": 2e-4}
GRID = [
    {"seq_len": seq_len, "rho": rho, **AGAINST_LENGTH, "seed": seed}
    for seq_len in LENGTHS
    for rho in (0.98, 0.5)
    for seed in SEEDS
] + [
    {**AGAINST_RHO, "rho": rho, "batch": batch, "reflect": reflect, "seed": seed}
    for batch in BATCHES
    for rho in CORRELATIONS
    for reflect in (False, True)
    for seed in SEEDS
    if rho < 0 or not reflect
]


def run_one(
    seq_len: int, rho: float, batch: int, learn_batch: int, l1: float, reflect: bool, seed: int
) -> dict[str, Any]:
    """Return where a run ends, what it drew, and whether its one attention step was enough."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    start = scb.transfer_start(task, task.related(rho, seed=seed).transition, THETA)
    stages = scb.recipes.transfer(
        task, batch, ETA, l1, learn_batch_size=learn_batch, learn_target=0.9, learn_steps=250,
        settle_steps=20, finish_steps=100, finish_batch_size=1024, reflect=reflect,
    )  # fmt: skip
    once = scb.train(task, stages[0], start, seed=seed)
    run = scb.train(task, stages, start, seed=seed, record_every=1000)
    end = scb.signals(task, run.params)
    learned = run.history["stage"] == 1
    return {
        "once": bool(scb.support_recovered(task, once.params.A).all()),
        "support": bool(scb.support_recovered(task, run.params.A).all()),
        "error_A2": end.error_A**2,
        "error_V2": end.error_V**2,
        "alpha_A": end.alpha_A,
        "learn_steps": int(run.history["step"][learned][-1]) - 1,
        "samples": int(run.history["samples"][-1]),
    }
