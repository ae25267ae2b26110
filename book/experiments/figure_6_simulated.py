"""Figure 6 as the paper made it: T = 100 000, simulated from C.5 and C.6 with Gaussian noise.

40 runs at N = 100 and 20 at N = 500, with and without the penalty after Stage 1, and 10 of the
proximal stage alone at N = 500, from half-way: some ten minutes on a quiet core. Values are kept to six
digits: they depend on BLAS, and agree between machines to rounding only.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb
from experiments.figure_6_real import HALF_WAY, LEARN_STEPS, SGD_STEPS, task_of
from scbtools import noise

SAMPLED = 64  # positions per column beside the attended ones
EVERY = 10
STATE = ("alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
GRID = [
    *({"vocab_size": 100, "start": "uniform", "seed": seed} for seed in range(40)),
    *({"vocab_size": 500, "start": "half-way", "seed": seed} for seed in range(10)),
    *({"vocab_size": 500, "start": "uniform", "seed": seed} for seed in range(20)),
]


def run_one(vocab_size: int, start: str, seed: int) -> dict[str, Any]:
    """Return the states of a simulated run, stage by stage."""
    task = task_of(vocab_size)
    rows: dict[str, list[Any]] = {name: [] for name in ("phase", "step", *STATE)}
    for method in ("proximal", "sgd") if start == "uniform" else ("proximal",):
        steps: dict[str, Any] = {"learn_steps": SGD_STEPS} if method == "sgd" else {}
        stages = scb.recipes.figure_6(task, method, **steps)
        options: dict[str, Any] = {"sampled": SAMPLED, "record_every": EVERY}
        if start == "half-way":
            stages = scb.recipes.figure_6(task, learn_steps=LEARN_STEPS)[1:]
            options |= {"start": HALF_WAY, "record_every": 5}
        found = noise.simulate(task, stages, seed, **options)
        for i, stage in enumerate(found["stage"]):
            phase = "boost" if stage < len(stages) - 1 else method
            if phase == "boost" and method == "sgd":  # as before: one seed, one noise
                continue
            rows["phase"].append(phase)
            rows["step"].append(int(found["step"][i]))
            for name in STATE:
                rows[name].append(float(f"{found[name][i]:.6g}"))
    return rows
