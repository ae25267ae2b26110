"""Chapter 17: where attention leaks to while tokens are a sticky chain, and whether it stays.

Stage 1 until the larger signal is 0.2, then 300 steps more. N = 3, Q = 2, T = 200, B = 512. A leak
is an entry at some distance from an attended position that has no other nearby, over its entry.

48 runs: about four minutes on one core.
"""

from __future__ import annotations

from typing import Any

import assumptions
import numpy as np

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import SEEDS, SEQ_LEN
from scbtools.updates import gradient_step

BATCH, FAR, LATER = 512, 3, 300
STAY = (0.5, 0.8)
GRID = [{"stay": stay, "seed": seed} for stay in STAY for seed in SEEDS]


def profile(task: scb.SCBTask, A: Any, far: int = FAR) -> Any:
    """Return entries around attended positions over the attended one, at distances -far .. far."""
    found, T = [], task.seq_len
    above = (np.asarray(A) - 1 / T).T
    for row, places in zip(above, task.sparse_attention.positions, strict=True):
        alone = [s for s in places if all(abs(s - x) > 8 or x == s for x in places)]
        found += [row[s - far : s + far + 1] for s in alone if far <= s < T - far]
    mean = np.mean(found, axis=0)
    return mean / mean[far]


def run_one(stay: float, seed: int) -> dict[str, Any]:
    """Return the leak at each distance, early, by hand and late."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    rng, chain = np.random.default_rng(seed), assumptions.sticky(task, stay)

    def draw(_: int) -> scb.Batch:
        return assumptions.sequences(task, chain, BATCH, rng)

    params, _, _ = assumptions.boost(task, draw, ETA, 0.2)
    sign = 1.0 if scb.signals(task, params).alpha_A > 0 else -1.0
    early = profile(task, 1 / SEQ_LEN + sign * (params.A - 1 / SEQ_LEN))
    hand = assumptions.mode(task, chain).leak
    for step in range(LATER):
        grad = scb.precondition(task, assumptions.gradients(params, draw(step)))
        params = gradient_step(params, grad, ETA / task.K_Q, ETA / task.K_P)
    late = profile(task, 1 / SEQ_LEN + sign * (params.A - 1 / SEQ_LEN))
    middle = len(hand) // 2
    kept = slice(middle - FAR, middle + FAR + 1)
    columns = {"early": early, "hand": hand[kept][::-1], "late": late}
    return {
        "distance": list(range(-FAR, FAR + 1)),
        **{name: [float(f"{x:.4g}") for x in values] for name, values in columns.items()},
    }
