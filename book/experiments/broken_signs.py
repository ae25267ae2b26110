"""Chapter 17: which way runs look where targets are uniform tokens, or tokens a chain.

Stage 1 until the larger signal is a quarter; N = 3, Q = 2, T = 400, r = 2. Every setting has tasks
of its own, except that the two projections share theirs, and their tokens. With each run, its z.

1728 runs: about four minutes on one core.
"""

from __future__ import annotations

from typing import Any

import assumptions
import numpy as np

import scbtools as scb
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.weak_labels import shows
from scbtools.updates import looks_mirrored

SEQ_LEN, LOAD, TASKS = 400, 2.0, 192
UNIFORM = {"30 % uniform": 0.3, "50 % uniform": 0.5}  # of the targets
CHAINS = ("independent", "half of P", "P", "sticky 0.5", "sticky 0.8")
SETTINGS = [
    *((name, method) for name in UNIFORM for method in ("paper", "centred")),
    *((name, "paper") for name in CHAINS),
]
FIRST = {name: 2000 + 200 * i for i, name in enumerate([*UNIFORM, *CHAINS])}
GRID = [
    {"setting": name, "method": method, "seed": FIRST[name] + index}
    for name, method in SETTINGS
    for index in range(TASKS)
]


def chain_of(task: scb.SCBTask, setting: str) -> Any:
    """Return the chain that a setting's tokens walk; None for independent ones."""
    if setting.startswith("sticky"):
        return assumptions.sticky(task, float(setting.split()[1]))
    part = {"half of P": 0.5, "P": 1.0}.get(setting)
    return None if part is None else assumptions.mixed_chain(task, part)


def run_one(setting: str, method: str, seed: int) -> dict[str, Any]:
    """Return whether a run looks away, is seen to, and shows its support; and its z."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    batch, rng = round(LOAD * ETA * SEQ_LEN), np.random.default_rng(seed)
    chain, law = chain_of(task, setting), np.full(VOCAB_SIZE, 1 / VOCAB_SIZE)

    def draw(step: int) -> scb.Batch:
        if chain is not None:
            return assumptions.sequences(task, chain, batch, rng)
        honest = task.sample(batch, seed, step)
        return assumptions.with_labels(honest, UNIFORM.get(setting, 0.0), law, rng)

    params, steps, _ = assumptions.boost(task, draw, ETA, 0.25, centred=method == "centred")
    now = scb.signals(task, params)
    z = assumptions.mirror_z(
        task, LOAD, chain=chain, uniform=UNIFORM.get(setting, 0.0), paper=method == "paper"
    )
    return {
        "steps": steps,
        "mirror": int(now.alpha_V + now.alpha_A < 0),
        "seen": int(looks_mirrored(params.A)),
        "shown": int(shows(task, params.A)),
        "z": float(f"{z:.5g}"),
    }
