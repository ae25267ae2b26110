"""Fine-tuning a model that was trained: a short task first, then one with other positions.

Scratch: three stages on the task itself, with B = T in Stage 1. Tuned: three stages at T = 200 on a
task with a related P and other positions, and the V they learn is transferred. A minute in all on
one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb
from scbtools.signals import similarity as similarity_of

SEEDS = range(20)
THETA, ETA, SHORT = 0.5, 0.05, 200
AFTER: dict[str, Any] = {
    "learn_batch_size": 512, "learn_target": 0.9, "learn_steps": 250, "settle_steps": 20,
    "finish_steps": 100, "finish_batch_size": 1024,
}  # fmt: skip
GRID = [
    {"seq_len": seq_len, "start": start, "rho": rho, "seed": seed}
    for start, rho, lengths in [
        ("scratch", 0.0, [400, 1600]),
        ("tuned", 0.6, [400, 1600]),
        ("tuned", 1.0, [6400]),
    ]
    for seq_len in lengths
    for seed in SEEDS
]


def pretrained(task: scb.SCBTask, rho: float, seed: int) -> scb.Run:
    """Return a short run on a task with a related P and positions of its own."""
    other = task.transition if rho == 1 else task.related(rho, seed=seed).transition
    where = scb.SCBTask.random(task.vocab_size, SHORT, task.sparsity, seed=seed + 1000)
    sparse = where.sparse_attention
    short = scb.SCBTask.from_sparse(other, sparse.positions, sparse.weights, SHORT)
    stages = scb.recipes.three_stage(short, 1024, ETA, 1e-3, **AFTER)
    return scb.train(short, stages, seed=seed + 1000, record_every=1000)


def run_one(seq_len: int, start: str, rho: float, seed: int) -> dict[str, Any]:
    """Return where a run ends and what it drew, before and after the transfer."""
    task = scb.SCBTask.random(3, seq_len, 2, seed=seed, signal=1.5)
    before, similar, least = 0, None, None
    if start == "scratch":
        params = None
        stages = scb.recipes.three_stage(task, seq_len, ETA, 1e-3, **AFTER)
    else:
        short = pretrained(task, rho, seed)
        uniform = scb.uniform_start(task)
        params = scb.Params(uniform.A, THETA * short.params.V + (1 - THETA) * uniform.V)
        stages = scb.recipes.transfer(task, 4096, ETA, 1e-3, **AFTER)
        before = int(short.history["samples"][-1])
        similar = float(similarity_of(task, params).V)
        least = float(short.params.V.min())
    run = scb.train(task, stages, params, seed=seed, record_every=1000)
    end = scb.signals(task, run.params)
    return {
        "support": bool(scb.support_recovered(task, run.params.A).all()),
        "error_A2": end.error_A**2,
        "error_V2": end.error_V**2,
        "samples": int(run.history["samples"][-1]),
        "samples_before": before,
        "similarity": similar,
        "least_entry": least,
    }
