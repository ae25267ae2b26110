"""The numbers of each bigram that decide how noisy Stage 1 is, for the tasks of `stage_1`.

Nothing random but the tasks; stored because skewed ones take long to draw. Seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from experiments.stage_1 import SEEDS, make_task

GRID = {"kind": ["even", "random", "skewed"], "seed": SEEDS}


def noise_of(task: scb.SCBTask) -> tuple[float, float]:
    """Return s_0^2 and s^2 of a task."""
    P, mu = task.transition, task.stationary

    def variance(c: NDArray[np.float64]) -> float:
        return float((mu * c**2).sum() - (mu * c).sum() ** 2)

    uneven = (P * mu**2).sum(axis=1) / (mu**2).sum() - mu
    return variance(uneven), sum(mu[m] * variance(P[:, m] - mu) for m in range(len(mu)))


def run_one(kind: str, seed: int) -> dict[str, float]:
    """Return s_0^2, s^2 and K_P to six digits; the length of the sequence does not matter."""
    task = make_task(kind, 50, seed)
    found = dict(zip(("floor", "s2", "K_P"), (*noise_of(task), task.K_P), strict=True))
    # An even task's floor is zero up to rounding, which no six digits would hold.
    return {name: float(f"{value:.6g}") if value > 1e-12 else 0.0 for name, value in found.items()}
