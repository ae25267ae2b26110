"""Softmax and linear attention from a nontrivial correlation, against the length.

Both signals are 0.2 at the start, without noise; then 400 steps of 64 samples and nothing but
gradient steps, with the same rates for every T. 24 tasks, some two minutes on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

SIGNAL, STEPS, BATCH, ETA = 0.2, 400, 64, 0.05
FACTOR = {"linear": 1.0, "softmax": 16.0}  # of the rate of A
GRID = {
    "attention": ["linear", "softmax"],
    "seq_len": [100, 400, 1600, 6400],
    "seed": range(200, 224),
}


def run_one(attention: Any, seq_len: int, seed: int) -> dict[str, Any]:
    """Return where a run ends."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed)
    start = scb.uniform_start(task)
    start = scb.Params(
        start.A + SIGNAL * (task.attention - start.A),
        start.V + SIGNAL * (task.transition - start.V),
    )
    stage = scb.Stage(
        "after", STEPS, BATCH, eta_V=ETA / task.K_Q, eta_A=FACTOR[attention] * ETA / task.K_P,
        attention=attention,
    )  # fmt: skip
    run = scb.train(task, stage, start, seed=seed, record_every=STEPS)
    end = scb.signals(task, run.params)
    values = {name: getattr(end, name) for name in ("alpha_V", "alpha_A", "error_V", "error_A")}
    return {
        "support": bool(scb.support_recovered(task, run.params.A).all()),
        **{name: float(f"{value:.5g}") for name, value in values.items()},
    }
