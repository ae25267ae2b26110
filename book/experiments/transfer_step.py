"""Which batches let one attention step show every attended position, for T and correlation.

From V = P_hat / 2 + mu 1' / 2 and uniform attention. The batches of a cell are a ladder by factors
of the square root of 2, and each draws tokens of its own. All cells take some three minutes on one
core.
"""

from __future__ import annotations

import functools
from typing import Any

import intervals
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

import scbtools as scb

SEEDS = range(100, 140)
THETA = 0.5
LENGTHS = [100, 400, 1600, 6400, 25600]
CORRELATIONS = [0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8, 0.98]
RUNGS = [round(64 * 2 ** (step / 2)) for step in range(9)]  # times 1 / rho^2
WANTED = 0.9  # share of tasks
GRID = [
    {"seq_len": seq_len, "rho": rho, "seed": seed}
    for rho, lengths in [(0.98, LENGTHS), (0.5, LENGTHS), *((r, [400]) for r in CORRELATIONS[:-1])]
    for seq_len in lengths
    for seed in SEEDS
]


def run_one(seq_len: int, rho: float, seed: int) -> dict[str, Any]:
    """Return the batches, and whether the step with each shows the support (1) or not (0)."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    start = scb.transfer_start(task, task.related(rho, seed=seed).transition, THETA)
    batches = [round(rung / rho**2) for rung in RUNGS]
    shown = []
    for fresh, batch in enumerate(batches):
        raw = scb.minibatch_gradients(task, start, batch, seed=seed, step=fresh)
        after = start.A - scb.precondition(task, raw).A / task.K_P
        shown.append(int(scb.support_recovered(task, after).all()))
    return {"batch": batches, "shown": shown}


def needed(table: pd.DataFrame, column: str = "batch", **cell: Any) -> intervals.Interval:
    """Return what nine in ten tasks need to show their support, with its interval over tasks.

    `column` is what a run costs, the batch or the samples; a rung of the ladder costs its median.
    """
    for key, value in cell.items():
        table = table[table[key] == value]
    costs = table.groupby("batch")[column].median().to_numpy(float)
    shown = table.pivot(index="seed", columns="batch", values="shown").to_numpy(bool)
    return intervals.bootstrap(
        lambda drawn: intervals.crossing(costs, shown[drawn], WANTED), len(shown)
    )


def growth(table: pd.DataFrame, by: str, column: str = "batch", **cell: Any) -> intervals.Interval:
    """Return the exponent of `needed` in T or in rho, with its interval over tasks."""
    for key, value in cell.items():
        table = table[table[key] == value]
    ladders = []
    for at, rows in table.groupby(by):
        costs = rows.groupby("batch")[column].median().to_numpy(float)
        shown = rows.pivot(index="seed", columns="batch", values="shown").to_numpy(bool)
        ladders.append((at, costs, shown))
    x = np.log([at for at, *_ in ladders])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()

    def slope(drawn: ArrayLike) -> float:
        least = [intervals.crossing(costs, shown[drawn], WANTED) for _, costs, shown in ladders]
        return float(weights @ np.log(least)) if np.isfinite(least).all() else float("nan")

    return intervals.bootstrap(slope, len(ladders[0][2]))


def snr(task: scb.SCBTask, P_hat: ArrayLike) -> Any:
    """Return, per last token, how far an attended entry stands above the noise at B = 1, (N,)."""
    mu, off = task.stationary, np.asarray(P_hat) - task.stationary[:, None]
    product = (off * (task.transition - mu[:, None]) * mu).sum()
    spread = (mu[:, None] * off**2).sum(axis=0) - (mu[:, None] * off).sum(axis=0) ** 2
    return product / (task.sparsity * np.sqrt((mu * spread).sum())) * np.sqrt(mu)


def recovery(z: ArrayLike, T: int, Q: int) -> Any:
    """Return the probability that Q entries N(z, 1) all exceed T - Q entries N(0, 1)."""
    u = (np.arange(500) + 0.5) / 500
    top = stats.norm.isf(-np.expm1(np.log(u) / (T - Q)))  # quantiles of the largest
    return (stats.norm.sf(top - np.asarray(z)[..., None]) ** Q).mean(axis=-1)


@functools.cache
def related(rho: float) -> list[tuple[scb.SCBTask, scb.SCBTask]]:
    """Return the tasks of all seeds, short, each with its related one."""
    tasks = [scb.SCBTask.random(3, 20, 2, seed=seed, signal=1.5) for seed in SEEDS]
    return [(each, each.related(rho, seed=seed)) for seed, each in zip(SEEDS, tasks, strict=True)]


def predicted(T: int, rho: float) -> float:
    """Return the batch with which nine in ten tasks show their support, by signal and noise."""
    z = np.array([snr(task, other.transition) for task, other in related(rho)])
    low, high = 1.0, 1e7
    while high / low > 1.01:
        batch = np.sqrt(low * high)
        enough = recovery(z * np.sqrt(batch), T, 2).prod(axis=1).mean() >= WANTED
        low, high = (low, batch) if enough else (batch, high)
    return float(high)


def condition_met() -> tuple[float, float]:
    """Return from which correlation on the first task meets Theorem 4.1's condition, and all."""
    grid, met = np.arange(0.5, 1.0, 0.02), []
    for rho in grid:
        pairs = related(round(float(rho), 2))
        met.append([
            rho * np.sqrt(task.K_P * other.K_P) >= (task.stationary**2).sum()
            for task, other in pairs
        ])  # fmt: skip
    some, every = np.any(met, axis=1), np.all(met, axis=1)
    return round(float(grid[some].min()), 2), round(float(grid[every].min()), 2)
