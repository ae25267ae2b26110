"""Figure 1's experiment with a batch that lets the signal decide Stage 1.

20 tasks, two methods, 1000 steps of 1024 sequences of 5000 tokens: 2 * 10^11 tokens, some five
minutes on two cores.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb
from scbtools.updates import normalised

BATCH_SIZE = 1024
EVERY = 50
GRID = {"seed": range(20), "method": ["sgd", "proximal"]}
STATE = ("step", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")


def run_one(seed: int, method: str) -> dict[str, Any]:
    """Return one run: its state every 50 steps, and both distances when normalised at the end."""
    task = scb.SCBTask.random(vocab_size=3, seq_len=5000, sparsity=2, seed=seed)
    stages = scb.recipes.figure_1(task, method, batch_size=BATCH_SIZE)
    run = scb.train(task, stages, seed=seed, record_every=EVERY)
    found: dict[str, Any] = {name: run.history[name] for name in STATE}
    found |= {"normalised_V": None, "normalised_A": None}
    if run.history["alpha_A"][-1] > 0:
        end = scb.signals(task, normalised(task, run.params))
        found |= {"normalised_V": end.error_V, "normalised_A": end.error_A}
    return found
