"""Chapter 17: fixed training sets on tasks and lengths that their linear theory had not seen.

As in `fixed_sets`: all n samples in every step of Stage 1, N = 3, Q = 2. 576 runs, some 3 * 10^12
tokens of sets read again and again: about forty minutes on one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import shows

LENGTHS, SIZES, SEEDS = (400, 1600, 6400), (400, 800, 1600, 3200), range(3100, 3148)
GRID = [
    {"seq_len": T, "n": n, "seed": seed} for T, n, seed in itertools.product(LENGTHS, SIZES, SEEDS)
]


def run_one(seq_len: int, n: int, seed: int, left: float = 0.0) -> dict[str, Any]:
    """Return whether training shows the support, and after how many steps it stopped.

    It also stops where less than a share `left` of the loss on the set is left.
    """
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    kept = task.sample(n, seed)
    enough = left * assumptions.loss(scb.uniform_start(task), kept)
    (A, _), steps, _ = assumptions.boost(task, lambda _: kept, ETA, enough=enough)
    return {"shown": int(shows(task, A)), "steps": steps}


def by_hand(seq_len: int, n: int, seed: int) -> tuple[float, float]:
    """Return the chance that it shows, by the linear theory and by an entry's height alone."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    heights = assumptions.on_set(task, n, ETA, seed=seed).height
    return float(assumptions.all_highest(task, heights).mean()), assumptions.chance(task, n)
