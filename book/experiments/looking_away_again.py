"""Chapter 14: twelve settings of `looking_away` again, on 500 fresh tasks each.

The paper's projection only: three kinds of task, three tokens, T from 100 to 1600. 6000 runs, some
two minutes of one core.
"""

from __future__ import annotations

from typing import Any

from experiments import looking_away
from experiments.looking_away import PLAN

FIRST, TASKS = 200_000, 500  # seeds lie apart from those of `looking_away`
GRID = [
    {"kind": kind, "seq_len": T, "load": r, "seed": FIRST + 1000 * setting + index}
    for setting, (kind, _, _, _, T, r, _, _) in enumerate(PLAN[:12])
    for index in range(TASKS)
]


def run_one(kind: str, seq_len: int, load: float, seed: int) -> dict[str, Any]:
    """Return whether a run is a mirror, its z, and whether its attention alone looks mirrored."""
    run = looking_away.run_one(kind, "paper", 3, 2, seq_len, load, looking_away.RATE, seed)
    mirror = int(run["alpha_V"] + run["alpha_A"] < 0)
    return {"mirror": mirror} | {name: run[name] for name in ("batch_size", "z", "seen")}
