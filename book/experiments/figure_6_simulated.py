"""Figure 6 as the paper made it: T = 100 000, simulated from C.5 and C.6 with Gaussian noise.

100 runs at N = 100, with and without the penalty after Stage 1, and 20 at N = 500 with it: some
five minutes on a quiet core. Values are kept to six digits: they depend on BLAS, and agree between
machines to rounding only.
"""

from __future__ import annotations

from typing import Any

from experiments.figure_6_real import SGD_STEPS, task_of

import scbtools as scb
from scbtools import simulation

SAMPLED = 64  # positions per column beside the attended ones
EVERY = 10
STATE = ("alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
GRID = [
    *({"vocab_size": 100, "seed": seed, "sgd": True} for seed in range(100)),
    *({"vocab_size": 500, "seed": seed, "sgd": False} for seed in range(20)),
]


def run_one(vocab_size: int, seed: int, sgd: bool) -> dict[str, Any]:
    """Return the states of a simulated run, stage by stage."""
    task = task_of(vocab_size)
    rows: dict[str, list[Any]] = {name: [] for name in ("phase", "step", *STATE)}
    for method in ("proximal", "sgd") if sgd else ("proximal",):
        options: dict[str, Any] = {"learn_steps": SGD_STEPS} if method == "sgd" else {}
        stages = scb.recipes.figure_6(task, method, **options)
        found = simulation.simulate(task, stages, seed, sampled=SAMPLED, record_every=EVERY)
        for i, stage in enumerate(found["stage"]):
            if stage == 0 and method == "sgd":  # the same as before: one seed, one noise
                continue
            rows["phase"].append("boost" if stage == 0 else method)
            rows["step"].append(int(found["step"][i]))
            for name in STATE:
                rows[name].append(float(f"{found[name][i]:.6g}"))
    return rows
