"""Real and simulated runs side by side where many real ones are affordable: N = 20, T = 2000.

40 of each on one task, the simulated ones with all positions: some two minutes on one core.
Simulated rows depend on BLAS and agree between machines to rounding only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools import noise

VOCAB_SIZE, SEQ_LEN, SPARSITY, SIGNAL = 20, 2000, 2, 10.0
SCHEDULE: dict[str, Any] = {
    "batch_size": 100,
    "learn_batch_size": 800,
    "l1": 5e-3,
    "boost_target": 0.2,
}
EARLY, SGD_STEPS = (15, 30, 45), 40
STATE = ("step", "alpha_V", "alpha_A", "delta_V", "delta_A")
GRID = {"kind": ["real", "simulated"], "seed": range(40)}


def histories(task: scb.SCBTask, kind: str, seed: int) -> list[dict[str, NDArray[Any]]]:
    """Return the histories of Stage 1, the proximal stage and SGD; the last two follow Stage 1."""
    boost, proximal = scb.recipes.figure_6(task, **SCHEDULE)
    options: dict[str, Any] = {**SCHEDULE, "learn_steps": SGD_STEPS}
    plain = scb.recipes.figure_6(task, "sgd", **options)[1]
    if kind == "real":
        first = scb.train(task, boost, seed=seed, record_every=EARLY[0])
        rest = [
            scb.train(task, stage, first.params, seed=1000 + seed, record_every=SGD_STEPS)
            for stage in (proximal, plain)
        ]
        return [run.history for run in (first, *rest)]
    found = [
        noise.simulate(task, [boost, stage], seed, sampled=None, record_every=EARLY[0])
        for stage in (proximal, plain)
    ]
    first_stage = {name: column[found[0]["stage"] == 0] for name, column in found[0].items()}
    return [first_stage, *found]


def run_one(kind: str, seed: int) -> dict[str, Any]:
    """Return the state at three steps of Stage 1 and at the end of each stage."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=0, signal=SIGNAL)
    first, proximal, plain = histories(task, kind, seed)
    steps = first["step"]
    picked = [(f"step {at}", first, int(np.argmax(steps == at))) for at in EARLY]
    picked += [("Stage 1", first, -1), ("SGD", plain, -1), ("proximal", proximal, -1)]
    rows: dict[str, Any] = {"when": [name for name, _, _ in picked]}
    for name in STATE:
        rows[name] = [history[name][row].item() for _, history, row in picked]
    return rows
