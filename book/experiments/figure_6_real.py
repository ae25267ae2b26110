"""Figure 6's experiment with real mini-batches: T = 100 000, vocabularies of 100 and 500.

Five runs at N = 100 and one at N = 500 from the uniform start, all but one of them also without the
penalty; at N = 500 also the proximal stage alone, from half-way: 3.2 * 10^11 tokens, half an hour
on a quiet core; N = 500 needs 3 GB of memory. The first cell is only the first step, to be run
again in the lab notes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import scbtools as scb
from scbtools.updates import normalised

SEQ_LEN, SPARSITY = 100_000, 2
SIGNAL = 0.5  # K_P over |mu|^2, in units of N: every token has a usual follower, of weight 0.7
EVERY = 5
SGD_STEPS, LEARN_STEPS = 40, 30
HALF_WAY = (0.3, 0.3)  # alpha_V, alpha_A: on the two lines
STATE = ("step", "samples", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
GRID = [
    {"start": "first step", "vocab_size": 100, "seed": 0, "sgd": False},
    {"start": "uniform", "vocab_size": 100, "seed": 0, "sgd": True},
    {"start": "half-way", "vocab_size": 500, "seed": 0, "sgd": False},
    {"start": "uniform", "vocab_size": 100, "seed": 1, "sgd": False},
    *({"start": "uniform", "vocab_size": 100, "seed": seed, "sgd": True} for seed in (2, 3, 4)),
    {"start": "uniform", "vocab_size": 500, "seed": 0, "sgd": True},
]


@functools.cache
def task_of(vocab_size: int, seq_len: int = SEQ_LEN) -> scb.SCBTask:
    """Return the task of all runs of a size."""
    return scb.SCBTask.random(vocab_size, seq_len, SPARSITY, seed=0, signal=SIGNAL * vocab_size)


def on_lines(task: scb.SCBTask, alpha_V: float, alpha_A: float) -> scb.Params:
    """Return the parameters with these signals and no error."""
    start = scb.uniform_start(task)
    A = alpha_A * task.attention + (1 - alpha_A) * start.A
    return scb.Params(A, alpha_V * task.transition + (1 - alpha_V) * start.V)


def run_one(vocab_size: int, start: str, seed: int, sgd: bool) -> dict[str, Any]:
    """Return the states of a run, stage by stage, and what rounding makes of its end."""
    task = task_of(vocab_size)
    rows: dict[str, list[Any]] = {name: [] for name in ("phase", *STATE)}

    def train(phase: str, stage: scb.Stage, params: Any, stream: int, step: int = 0) -> scb.Run:
        run = scb.train(task, stage, params, seed=stream, record_every=EVERY)
        for name in STATE:
            rows[name] += (run.history[name] + (step if name == "step" else 0)).tolist()
        rows["phase"] += [phase] * len(run.history["step"])
        return run

    boost, proximal = scb.recipes.figure_6(task)
    params = None
    if start == "first step":
        boost = scb.recipes.boost(task, 1, boost.batch_size, eta=0.1)
    if start == "half-way":  # no Stage 1
        params = on_lines(task, *HALF_WAY)
        boost = scb.Stage("none", 0)
        proximal = scb.recipes.figure_6(task, learn_steps=LEARN_STEPS)[1]
    first = train("boost", boost, params, seed)
    after: dict[str, Any] = {"columns_found": None, "rounded_V": None, "rounded_A": None}
    if start != "first step":
        steps = int(first.history["step"][-1])
        last = train("proximal", proximal, first.params, 1000 + seed, steps)
        found = scb.support_recovered(task, last.params.A)
        after["columns_found"] = int(np.sum(found))
        if found.all():
            end = scb.signals(task, normalised(task, last.params))
            after |= {"rounded_V": end.error_V, "rounded_A": end.error_A}
        if sgd:
            plain = scb.recipes.figure_6(task, "sgd", learn_steps=SGD_STEPS)[1]
            train("sgd", plain, first.params, 1000 + seed, steps)
    return rows | after
