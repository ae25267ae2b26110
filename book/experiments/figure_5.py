"""Chapter 8: the paper's figure 5, three vocabularies, trained beyond the early stop.

20 tasks for each vocabulary, the smallest also without l1, and four tasks each at other rates.
T = 1000, batches of 256: 4 * 10^10 tokens, some two minutes on two cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb

SEQ_LEN, ETA, L1 = 1000, 0.01, 5e-5
LATER = 1000  # steps after the stop, at ETA
EVERY = 100
SIZES = (3, 10, 20)
SEEDS, FEW = range(20), range(4)
RATES = (0.04, 0.16)  # steps of the other rates are fewer in proportion


def _cells() -> list[dict[str, Any]]:
    """Return the cells: vocabularies, without l1, other rates."""
    names = ("vocab_size", "eta", "l1", "seed")
    runs = [(n, ETA, L1, seed) for n in SIZES for seed in SEEDS]
    runs += [(SIZES[0], ETA, 0.0, seed) for seed in SEEDS]
    runs += [(n, eta, L1, seed) for n in SIZES for eta in RATES for seed in FEW]
    return [dict(zip(names, run, strict=True)) for run in runs]


GRID = _cells()


def run_one(vocab_size: int, eta: float, l1: float, seed: int) -> dict[str, Any]:
    """Return a run every 100 steps: through the stop, normalised there, and on without a stop."""
    task = scb.SCBTask.random(vocab_size, SEQ_LEN, sparsity=2, seed=seed)
    stages = scb.recipes.figure_5(
        task, eta=eta, l1=l1 * eta / ETA, later_steps=round(LATER * ETA / eta)
    )
    *training, later, normalise = stages
    run = scb.train(task, training, seed=seed, record_every=EVERY)
    parts = [("train", run.history)]
    if run.status == "finished":
        end = scb.train(task, normalise, run.params, seed=seed)
        parts.append((end.status if end.status != "finished" else "normalised", end.history))
        on = scb.train(task, later, run.params, seed=1000 + seed, record_every=EVERY)
        parts.append(("later", on.history))
        status = on.status
    else:
        status = run.status
    found: dict[str, Any] = {"part": [], "step": [], "status": status}
    kept = ("loss", "alpha_V", "alpha_A", "error_V", "error_A")
    stop = int(run.history["step"][-1])
    for name, history in parts:
        # The first row of what follows the stop is the stop itself.
        chosen = slice(0 if name == "train" else 1, None)
        steps = history["step"][chosen] + (0 if name == "train" else stop)
        found["part"] += [name] * len(steps)
        found["step"] += [int(step) for step in steps]
        for column in kept:
            values = history[column][chosen]
            if column == "loss":
                values = values - task.bayes_loss()
            name_of = "excess" if column == "loss" else column
            found[name_of] = found.get(name_of, []) + [float(each) for each in np.array(values)]
    return found
