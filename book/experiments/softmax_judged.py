"""Samples until the support is found, on tasks that did not choose the batches.

`softmax_samples` chooses for each way to train and each T the cheapest batch; here 20 other tasks
run at it. Some three minutes on one core.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from ledger import bound

from experiments import load, softmax_samples

SEEDS = range(100, 120)


def share_found(runs: pd.DataFrame) -> float:
    """Return the share of runs that found the support."""
    return float(runs["found"].notna().mean())


def samples(runs: pd.DataFrame) -> pd.Series:
    """Return the samples until found; all of them where a run did not."""
    return runs["found"].fillna(runs["steps"]) * runs["B"]


def choose() -> dict[tuple[str, int, int], int]:
    """Return the batch for each attention, power and T, from the runs that choose."""
    chosen = {}
    for cell, runs in load("softmax_samples").groupby(["attention", "power", "T"]):
        by_batch = {int(B): these for B, these in runs.groupby("B")}
        fine = {
            B: samples(these).median()
            for B, these in by_batch.items()
            if share_found(these) >= bound("F3", "chosen")
        }
        most = max(by_batch, key=lambda B: (share_found(by_batch[B]), B))  # where none is enough
        chosen[cell] = min(fine, key=fine.__getitem__) if fine else most
    return chosen


GRID = [
    {"attention": attention, "power": int(power), "T": int(T), "B": B, "seed": seed}
    for (attention, power, T), B in choose().items()
    for seed in SEEDS
]


def run_one(attention: str, power: int, T: int, B: int, seed: int) -> dict[str, Any]:
    """Return when a run found the support for good, and where it ended."""
    return softmax_samples.run_one(attention, power, T, B, seed)
