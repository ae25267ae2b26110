"""Rounding trained attention at constants from far too low to far too high.

T = 400, 20 tasks each with even weights and with weights 0.75 and 0.25, trained to the early stop
of Stage 2, rounded at 28 constants c, and V solved by least squares. Some seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb
from experiments.penalty import digits
from scbtools import population, updates
from scbtools.recipes import three_stage

SEQ_LEN, ETA, L1, BOOST_BATCH, LEARN_BATCH = 400, 0.02, 1e-4, 256, 64
LEVELS = np.geomspace(0.01, 2, 28)  # c
GRID = {"weight": [0.5, 0.75], "seed": range(20, 40)}


def make_task(weight: float, seed: int) -> scb.SCBTask:
    """Return a task with weights (weight, 1 - weight) in every column."""
    shape = scb.SCBTask.random(3, SEQ_LEN, 2, seed=seed)
    weights = np.tile((weight, 1 - weight), (3, 1))
    places = shape.sparse_attention.positions
    return scb.SCBTask.from_sparse(shape.transition, places, weights, SEQ_LEN)


def stopped(task: scb.SCBTask, seed: int) -> scb.Params:
    """Return where a run stands at the early stop of Stage 2."""
    stages = three_stage(task, BOOST_BATCH, ETA, L1, learn_batch_size=LEARN_BATCH)
    return scb.train(task, stages[:2], seed=seed, record_every=200).params


def run_one(weight: float, seed: int) -> dict[str, Any]:
    """Return what each constant leaves of one run."""
    task = make_task(weight, seed)
    params = stopped(task, seed)
    before = digits(scb.signals(task, params).error_A)
    rows = [judge(task, params.A, c) for c in LEVELS]
    found = {name: [row[name] for row in rows] for name in rows[0]}
    return {"c": [digits(c) for c in LEVELS], "before": [before] * len(rows), **found}


def judge(task: scb.SCBTask, A: Any, c: float) -> dict[str, Any]:
    """Return what rounding at c / Q makes of attention, with V by least squares."""
    names = ("kept", "error_A", "alpha_A", "alpha_V", "excess", "lost", "extra")
    try:
        star = updates.round_and_normalise(A, c / 2)
    except ValueError:  # some column has nothing to keep
        return dict.fromkeys(names)
    params = scb.Params(star, population.least_squares_value(task, star))
    now = scb.signals(task, params)
    excess = scb.population_loss(task, params) - task.bayes_loss()
    kept, true = star > 0, task.attention > 0
    values = (kept.sum() / 3, now.error_A, now.alpha_A, now.alpha_V, excess)
    counts = int((true & ~kept).sum()), int((kept & ~true).sum())
    # The signals exactly: whether they are one is what is asked.
    plain = (digits(values[0]), digits(values[1]), *map(float, values[2:4]), digits(excess))
    return dict(zip(names, (*plain, *counts), strict=True))
