"""Chapter 10: figures 1, 3 and 4 of the paper with larger batches, and at twice the rates.

20 tasks, two methods, 1000 steps on sequences of 5000 tokens: 1024 sequences a step at the paper's
rates, and 256 at twice those rates. 2.6 * 10^11 tokens, some five minutes of one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb
from scbtools.updates import normalised

EVERY = 50
SETTINGS = [(1024, 1.0), (256, 2.0)]  # batch size, rates over the paper's
GRID = [
    {"batch_size": batch_size, "rate": rate, "seed": seed, "method": method}
    for batch_size, rate in SETTINGS
    for seed in range(20)
    for method in ("sgd", "proximal")
]
STATE = ("step", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")


def run_one(batch_size: int, rate: float, seed: int, method: str) -> dict[str, Any]:
    """Return a run's state every 50 steps, to six digits; and what normalising makes of its end."""
    task = scb.SCBTask.random(vocab_size=3, seq_len=5000, sparsity=2, seed=seed)
    stages = scb.recipes.figure_1(
        task, method, batch_size=batch_size, eta_1=0.01 * rate, eta_2=0.005 * rate
    )
    run = scb.train(task, stages, seed=seed, record_every=EVERY)
    found: dict[str, Any] = {name: run.history[name] for name in STATE}
    now = scb.similarity(task, run.params)
    last: dict[str, Any] = {"similarity_V": now.V, "similarity_A": now.A}
    last["support"] = int(scb.support_recovered(task, run.params.A).sum())
    try:
        params = normalised(task, run.params)
    except ValueError:  # a mirror: there is nothing to round
        last |= dict.fromkeys(("normalised_V", "normalised_A", "normalised_similarity_A"))
    else:
        end = scb.signals(task, params)
        last |= {"normalised_V": end.error_V, "normalised_A": end.error_A}
        last["normalised_similarity_A"] = scb.similarity(task, params).A
    gap = [None] * (len(found["step"]) - 1)
    found |= {name: [*gap, value] for name, value in last.items()}
    return {name: [digits(value) for value in column] for name, column in found.items()}


def digits(value: Any) -> Any:
    """Return a float to six significant digits, other things as they are."""
    return float(f"{value:.6g}") if isinstance(value, float | np.floating) else value
