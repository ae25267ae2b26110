"""Chapter 17: each assumption broken by degrees, until the attended positions are lost.

Stage 1 up to a signal of 0.35 with B = 128 (but for the fixed set), a look for mirrors, and the
largest entries of each column; and screening, on the samples that the run drew. `left` says what
is left of the assumption, 1 for all. N = 3, Q = 2, T = 200.

1440 runs: about four minutes on one core.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import assumptions
import numpy as np
import pair_laws

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import SEEDS, SEQ_LEN, shows
from scbtools import screening
from scbtools.updates import looks_mirrored

BATCH = 128
REPEAT = 0.6  # second eigenvalue of P for tasks with a given mu
LEFT = {
    "labels from mu": (0.5, 0.35, 0.3, 0.25, 0.2, 0.17, 0.14, 0.1),
    "uniform labels": (0.5, 0.35, 0.3, 0.25, 0.2, 0.17, 0.14, 0.1),
    "rare token": (1.0, 0.3, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005),
    "uneven weights": (0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05),
    "sticky tokens": (1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.14, 0.1, 0.05),
    "samples used again": (2000, 1000, 700, 500, 350, 250, 175, 125),
    "digits": (20, 12, 10, 9, 8, 7, 6, 5, 4, 3),
    "as in the theory": (1.0,),
}
GRID = [
    {"broken": name, "left": float(left), "seed": seed}
    for name, values in LEFT.items()
    for left, seed in itertools.product(values, SEEDS)
]


def make_task(broken: str, left: float, seed: int) -> scb.SCBTask:
    """Return the task, whose P or Q may be what is broken."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    positions, weights, _ = task.sparse_attention
    P = task.transition
    if broken == "labels from mu":
        return assumptions.weak(task, left)
    if broken == "rare token":  # `left` of its even share; what comes next repeats, or is from mu
        mu = np.array([1 - left / 3, 1 - left / 3, 2 * left / 3]) / 2
        P = REPEAT * np.eye(3) + (1 - REPEAT) * mu[:, None]
    elif broken == "uneven weights":  # the smaller has `left` of 1 / Q
        weights = np.tile([left / 2, 1 - left / 2], (VOCAB_SIZE, 1))
    else:
        return task
    return scb.SCBTask.from_sparse(P, positions, weights, SEQ_LEN)


def run_one(broken: str, left: float, seed: int) -> dict[str, Any]:
    """Return whether training and screening show the support, and more."""
    task, rng = make_task(broken, left, seed), np.random.default_rng(seed)
    chain = assumptions.sticky(task, 1 - left) if broken == "sticky tokens" else None
    limit, law = int(4 * np.log(SEQ_LEN) / ETA), np.full(VOCAB_SIZE, 1 / VOCAB_SIZE)
    kept = task.sample(int(left), seed) if broken == "samples used again" else None
    # Rates and stop of the weak P that labels from mu amount to.
    learned = assumptions.weak(task, left) if broken == "uniform labels" else task

    def draw(step: int) -> scb.Batch:
        if kept is not None:
            return kept
        if chain is not None:
            return assumptions.sequences(task, chain, BATCH, rng)
        batch = task.sample(BATCH, seed, step)
        if broken == "uniform labels":
            return assumptions.with_labels(batch, 1 - left, law, rng)
        return batch

    short = partial(assumptions.rounded, bits=int(left)) if broken == "digits" else None
    (A, _), steps, counts = assumptions.boost(
        learned, draw, ETA, limit=limit, stored=short, count=kept is None
    )
    if kept is not None:
        counts = screening.pair_counts(kept, VOCAB_SIZE)
    above = 1 / SEQ_LEN - A if looks_mirrored(A) else A - 1 / SEQ_LEN
    attended = task.attention > 0
    low, high = above[attended].min(), above[~attended].max()
    columns = np.sort(above, axis=0)[::-1]
    gaps = columns[:-1] - columns[1:]
    return {
        "steps": steps,
        "shown": int(shows(task, A)),
        "screened": int(pair_laws.shows(task, screening.chi_square(counts))),
        # The attended entries, and the others, reach so far, over the mean attended one.
        "low": float(f"{low / above[attended].mean():.4g}"),
        "high": float(f"{high / above[attended].mean():.4g}"),
        "gap": int((gaps[: SEQ_LEN // 2].argmax(axis=0) == SPARSITY - 1).all()),
    }


def half(table: Any, broken: str, column: str = "shown") -> tuple[Any, Any]:
    """Return what is left at each degree, (n,) ascending, and which tasks succeed, (tasks, n)."""
    rows = table[table.broken == broken]
    wide = rows.pivot(index="seed", columns="left", values=column)
    return wide.columns.to_numpy(float), wide.to_numpy(bool)
