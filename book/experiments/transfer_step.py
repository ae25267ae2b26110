"""Least batch with which one attention step shows every attended position, for T and correlation.

From V = P_hat / 2 + mu 1' / 2 and uniform attention. Batches are nested, as one stream is. A cell
takes up to two seconds, all of them two or three minutes on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

SEEDS = range(20)
THETA = 0.5
LENGTHS = [100, 400, 1600, 6400, 25600]
CORRELATIONS = [0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8, 0.98]
GRID = [
    {"seq_len": seq_len, "rho": rho, "seed": seed}
    for rho, lengths in [(0.98, LENGTHS), (0.5, LENGTHS), *((r, [400]) for r in CORRELATIONS[:-1])]
    for seq_len in lengths
    for seed in SEEDS
]


def run_one(seq_len: int, rho: float, seed: int) -> dict[str, Any]:
    """Return the least batch from which on all larger ones show the support, and its signals."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    start = scb.transfer_start(task, task.related(rho, seed=seed).transition, THETA)
    attend = scb.recipes.transfer(task)[0]
    least, ratio = None, None
    for halvings in range(40):
        batch = round(4096 / rho**2 / 2 ** (halvings / 2))
        step = scb.precondition(
            task, scb.minibatch_gradients(task, start, max(batch, 1), seed=seed)
        )
        after = scb.Params(start.A - attend.eta_A * step.A, start.V)
        if batch < 1 or not scb.support_recovered(task, after.A).all():
            break
        found = scb.signals(task, after)
        least, ratio = batch, found.alpha_A / found.alpha_V
    return {"least_batch": least, "ratio": ratio}
