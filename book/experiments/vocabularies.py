"""Chapter 10: the paper's figure 5, three vocabularies, by the penalised algorithm and by SGD.

20 tasks for each vocabulary and method, through the stop and 1000 steps beyond it; SGD takes the
same tokens, without the cut and without a penalty, and stops where the penalised run does. With
batches of 256 and of 64. T = 1000, some ten minutes on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import scbtools as scb
from experiments.paper_figures import at_gap, digits
from scbtools.population import least_squares_value

SEQ_LEN, SPARSITY, ETA, L1 = 1000, 2, 0.01, 5e-5
LATER, EVERY = 1000, 100
SIZES, BATCHES = (3, 10, 20), (256, 64)
METHODS = ("proximal", "sgd", "cut")  # "cut": the cut, but no penalty
SEEDS = range(100, 120)
GRID = [
    {"vocab_size": n, "batch_size": batch_size, "method": method, "seed": seed}
    for n in SIZES
    for batch_size in BATCHES
    for method in METHODS
    for seed in SEEDS
    if method != "cut" or n == SIZES[0]
]


def run_one(vocab_size: int, batch_size: int, method: str, seed: int) -> dict[str, Any]:
    """Return a run every 100 steps through the stop and beyond, and what rounding makes of it."""
    task = scb.SCBTask.random(vocab_size, SEQ_LEN, SPARSITY, seed=seed)
    stages = scb.recipes.figure_5(
        task, batch_size=batch_size, eta=ETA, l1=L1, later_steps=LATER, boost_steps=3000,
        learn_steps=1500,
    )  # fmt: skip
    boost, learn, later, _ = stages
    run = scb.train(task, [boost, learn], seed=seed, record_every=EVERY)
    stop = int(run.history["step"][-1])
    if method == "sgd":
        boost = dataclasses.replace(boost, steps=stop, until=None)
        run = scb.train(task, boost, seed=seed, record_every=EVERY)
    elif method == "cut":
        learn = dataclasses.replace(learn, l1=0.0)
        learn = dataclasses.replace(learn, until=None, steps=stop - boost_end(run))
        run = scb.train(task, [boost, learn], seed=seed, record_every=EVERY)
    if method != "proximal":
        later = dataclasses.replace(later, l1=0.0)
    on = scb.train(task, later, run.params, seed=1000 + seed, record_every=EVERY)
    found: dict[str, Any] = {"part": [], "step": [], "excess": []}
    for part, each, skip in (("train", run, 0), ("later", on, 1)):
        rows = range(skip, len(each.history["step"]))
        found["part"] += [part] * len(rows)
        found["step"] += [int(each.history["step"][i]) + stop * skip for i in rows]
        found["excess"] += [digits(each.history["loss"][i] - task.bayes_loss()) for i in rows]
        for name in ("alpha_V", "alpha_A", "delta_A", "error_V", "error_A"):
            kept = [digits(each.history[name][i]) for i in rows]
            found[name] = found.get(name, []) + kept
        last = {"status": each.status} | rounded(task, each.params)
        for name, value in last.items():
            gap = [None] * (len(rows) - 1)
            found[name] = [*found.get(name, []), *gap, value]
    return found


def boost_end(run: scb.Run) -> int:
    """Return the step at which the first stage ended."""
    history = run.history
    return int(max(s for s, i in zip(history["step"], history["stage"], strict=True) if i == 0))


def rounded(task: scb.SCBTask, params: scb.Params) -> dict[str, Any]:
    """Return the columns that a cut at their largest gap gets right, and what it leaves."""
    names = ("gap_V", "gap_A", "gap_excess")
    after, columns = at_gap(params.A, task.attention > 0)
    found: dict[str, Any] = {"gap": columns / task.vocab_size} | dict.fromkeys(names)
    if after is not None:
        end = scb.Params(after, least_squares_value(task, after))
        now = scb.signals(task, end)
        excess = scb.population_loss(task, end) - task.bayes_loss()
        values = (now.error_V, now.error_A, excess)
        found |= {name: digits(value) for name, value in zip(names, values, strict=True)}
    return found
