"""How many samples show every attended position, without training, and how exact P and Q then are.

For each n of a ladder by factors of the square root of 2, fresh tokens, and from their pair counts:
the chi-square test, one step of A from random V (1, 4 and 16 of them, squares added up, and the
mean over all), and least squares after the test. N = 3, Q = 2.

Some 8 * 10^10 tokens, most at T = 25,600: about eight minutes on one core.
"""

from __future__ import annotations

import functools
from typing import Any

import intervals
import numpy as np
import pair_laws

import scbtools as scb
from experiments.stage_1 import SPARSITY, VOCAB_SIZE, make_task
from scbtools import screening

SEEDS = range(200, 224)
LENGTHS = [100, 400, 1600, 6400, 25600]
RUNGS = [round(150 * 2 ** (j / 2)) for j in range(-2, 16)]
DRAWS = (1, 4, 16)  # how many random V
WANTED = 0.9  # share of tasks
GRID = [
    {"kind": kind, "seq_len": seq_len, "seed": seed}
    for kind in ("random", "even", "skewed")
    for seq_len in LENGTHS
    for seed in SEEDS
]


def run_one(kind: str, seq_len: int, seed: int) -> dict[str, Any]:
    """Return for each n whether each method shows the support (1), and both squared errors."""
    task = make_task(kind, seq_len, seed)
    rows: list[dict[str, Any]] = []
    rungs = 16 if kind == "skewed" else 18 if kind == "random" and seq_len <= 1600 else 14
    for step, n in enumerate(RUNGS[:rungs]):
        counts = pair_laws.pair_counts(task, n, seed, step)
        scores = screening.chi_square(counts)
        draws = np.random.default_rng((seed, step)).standard_normal(
            (max(DRAWS), VOCAB_SIZE, VOCAB_SIZE)
        )
        moved = pair_laws.gradients(counts, task.stationary, draws) ** 2
        found = {
            "screening": scores,
            "unweighted": pair_laws.gradients(counts, task.stationary),
            **{f"random_{m}": moved[:m].sum(axis=0) for m in DRAWS},
        }
        ends = screening.estimate(counts, screening.strongest(scores, SPARSITY))
        error = scb.signals(task, ends)
        rows.append(
            {"n": n}
            | {name: int(pair_laws.shows(task, each)) for name, each in found.items()}
            | {f"error_{x}2": float(f"{getattr(error, f'error_{x}') ** 2:.4g}") for x in "AV"}
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def ladder(table: Any, column: str, **cell: Any) -> tuple[Any, Any]:
    """Return what the rungs cost, (n,), and which tasks succeed there, (tasks, n).

    `column` names a method, or "both": support right and both squared errors at most 0.01.
    """
    for key, value in cell.items():
        table = table[table[key] == value]
    if column == "both":
        small = table[["error_A2", "error_V2"]].max(axis=1) <= 0.01
        table = table.assign(both=(small & (table.screening == 1)).astype(int))
    wide = table.pivot(index="seed", columns="n", values=column)
    return wide.columns.to_numpy(float), wide.to_numpy(bool)


def least(costs: Any, found: Any) -> intervals.Interval:
    """Return the samples with which nine in ten tasks succeed, with the interval over tasks.

    From a ladder: what a rung costs, (n,), and which tasks succeed there, (tasks, n).
    """
    return intervals.bootstrap(
        lambda drawn: intervals.crossing(costs, found[drawn], WANTED), len(found)
    )


def growth(ladders: dict[int, tuple[Any, Any]]) -> intervals.Interval:
    """Return the exponent in T of the least samples, chosen anew in every resample of tasks."""
    x = np.log(list(ladders))

    def slope(drawn: Any) -> float:
        values = [intervals.crossing(at, found[drawn], WANTED) for at, found in ladders.values()]
        return float(np.polyfit(x, np.log(values), 1)[0]) if np.isfinite(values).all() else np.inf

    return intervals.bootstrap(slope, len(next(iter(ladders.values()))[1]))


@functools.cache
def tasks(kind: str) -> list[scb.SCBTask]:
    """Return the tasks of all seeds, short: P does not depend on T."""
    if kind != "skewed":
        return [make_task(kind, 20, seed) for seed in SEEDS]
    found, Q = [], make_task("random", 20, 0).attention
    for seed in SEEDS:  # what make_task finds, which looks at them one by one, in a second
        cuts = np.sort(np.random.default_rng(seed).random((60_000, 2, 3)), axis=1)
        P = np.diff(cuts, axis=1, prepend=0, append=1)
        P /= P.sum(axis=1, keepdims=True)
        mu = np.linalg.matrix_power(P, 256)[:, :, 0]
        strength = (((P - mu[:, :, None]) ** 2).sum(axis=1) * mu).sum(axis=1)
        fits = (strength >= (mu**2).sum(axis=1)) & (mu.max(axis=1) >= 0.45)
        found.append(scb.SCBTask(P[int(fits.argmax())], Q))
    return found
