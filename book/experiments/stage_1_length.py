"""How long Stage 1 lasts with mini-batches, on tasks that no other experiment has seen.

Batches of 32 eta T, seven settings, 24 tasks each: some two minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments import stage_1

LOAD = 32.0  # B / (eta T): the largest of `stage_1`
SETTINGS = [*((t, 0.05) for t in (50, 100, 200, 400, 800)), (200, 0.025), (200, 0.1)]
SEEDS = range(100, 124)
GRID = [{"seq_len": t, "eta": eta, "seed": seed} for t, eta in SETTINGS for seed in SEEDS]


def run_one(seq_len: int, eta: float, seed: int) -> dict[str, Any]:
    """Return a run of `stage_1`: steps and signals where the larger one is 1/(QN), and 1/2."""
    return stage_1.run_one("random", "paper", seq_len, eta, LOAD, seed)
