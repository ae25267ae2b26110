"""Chapter 17: fixed training sets, stopped when their loss has fallen by a twentieth.

As in `fixed_sets_again`, on its tasks and on as many new ones. 1152 runs: some ten minutes on
one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import assumptions

import scbtools as scb
from experiments import fixed_sets_again
from experiments.fixed_sets_again import LENGTHS, SIZES
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import shows

SEEDS = range(3200, 3248)  # new ones, which the rule judges
GRID = [
    {"seq_len": T, "n": n, "seed": seed}
    for T, n, seed in itertools.product(LENGTHS, SIZES, (*fixed_sets_again.SEEDS, *SEEDS))
]


def run_one(seq_len: int, n: int, seed: int) -> dict[str, Any]:
    """Return whether training shows the support, and after how many steps it stopped."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    kept = task.sample(n, seed)
    enough = 0.95 * assumptions.loss(scb.uniform_start(task), kept)
    (A, _), steps, _ = assumptions.boost(task, lambda _: kept, ETA, enough=enough)
    return {"shown": int(shows(task, A)), "steps": steps}
