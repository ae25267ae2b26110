"""Figure 6 as the paper made it: T = 100 000, simulated from C.5 and C.6 with Gaussian noise.

40 runs at N = 100 and 20 at N = 500, with and without the penalty after Stage 1, and 10 of the
proximal stage alone at N = 500, from half-way: some ten minutes on a quiet core. Values are kept
to six digits: they depend on BLAS, and agree between machines to rounding only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import scbtools as scb
from experiments.figure_6_real import HALF_WAY, LEARN_STEPS, SGD_STEPS, on_lines, task_of
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


# --- how the tables of figure_6_simulated and figure_6_real are read ------------------------------

QUANTITIES = ("step", "alpha_V", "alpha_A", "delta_V", "delta_A")
ENDS = {"boost": "Stage 1", "sgd": "SGD", "proximal": "proximal"}
Pairs = dict[tuple[str, str, str], tuple[NDArray[Any], NDArray[Any]]]


def whole(table: pd.DataFrame, vocab_size: int) -> pd.DataFrame:
    """Return the rows of runs from the uniform start."""
    return table[(table.vocab_size == vocab_size) & (table.start == "uniform")]


def half_way(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of runs from half-way."""
    return table[table.start == "half-way"]


def courses(table: pd.DataFrame, method: str) -> list[dict[str, NDArray[Any]]]:
    """Return the runs that have this method, Stage 1 and then it, each by column."""
    found = []
    for seed in table[table.phase == method].seed.unique():
        mine = table[(table.seed == seed) & table.phase.isin(["boost", method])]
        found.append({name: mine[name].to_numpy() for name in QUANTITIES})
    return found


def end(table: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return each seed's last row of a stage; for SGD that is 40 steps after Stage 1."""
    return table[table.phase == phase].groupby("seed").tail(1)


def pairs(small: pd.DataFrame, simulated: pd.DataFrame, real: pd.DataFrame) -> Pairs:
    """Return (real, simulated) values by size, when and quantity.

    `small` is the table of figure_6_small; steps are compared at the end of Stage 1 only.
    """
    found: Pairs = {}
    for when in small["when"].unique():
        for name in QUANTITIES[when != "Stage 1" :]:
            mine = small[small["when"] == when]
            kinds = [mine[mine.kind == kind][name].to_numpy() for kind in ("real", "simulated")]
            found["small", when, name] = (kinds[0], kinds[1])
    for phase, when in ENDS.items():
        for name in QUANTITIES[phase != "boost" :]:
            of = [end(table, phase)[name].to_numpy() for table in (real, simulated)]
            found["long", when, name] = (of[0], of[1])
    return found


def unattended(task: scb.SCBTask, matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the entries of a (T, N) matrix at positions that are not attended to, one array."""
    keep = np.ones(matrix.shape[::-1], bool)
    keep[np.arange(task.vocab_size)[:, None], task.sparse_attention.positions] = False
    return np.asarray(matrix.T[keep])


def standardised(task: scb.SCBTask, batch: int, alpha: float) -> NDArray[Any]:
    """Return unattended entries of -h_A on the lines, over their standard deviation."""
    at = on_lines(task, alpha, alpha)
    found = noise.realised(task, at, batch).A
    found /= -np.sqrt(noise.attention_noise(task, at) / batch)
    return unattended(task, found)
