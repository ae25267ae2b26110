"""Chapter 10: Stage 2 run long on tasks of its own, for the claim on training too long.

As in `penalty`, at four values of lambda, on 20 tasks that no rule had seen. Two minutes of one
core.
"""

from __future__ import annotations

from typing import Any

from experiments import penalty

LAMBDAS = (0.0, 1e-5, 1e-4, 1e-3)
SEEDS = range(100, 120)
GRID = [{"l1": l1, "seed": seed} for l1 in LAMBDAS for seed in SEEDS]


def run_one(l1: float, seed: int) -> dict[str, Any]:
    """Return a long Stage 2 with even weights, and what stopping early and rounding make of it."""
    return penalty.run_one("boosted", l1, 0.5, seed)
