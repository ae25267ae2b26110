"""Chapter 10: the paper's figures 1, 3 and 4 on 40 tasks, by several methods, rates and batches.

The settings of figure 1, at the rates that the paper prints and at 1.4 times these: SGD, SGD at a
small second rate, and proximal steps. Of each run its course, and what any cut would make of its
end. On 20 of the tasks also with a larger penalty, with batches of 16 and of 256, by SGD without
preconditioning at several rates, and with equation 6 read so that it divides by mu twice. 540 runs
of 1000 steps on sequences of 5000 tokens, some ten minutes on two cores.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools.population import Gradients, least_squares_value
from scbtools.updates import gradient_step, looks_mirrored, precondition, threshold_and_project

VOCAB_SIZE, SEQ_LEN, SPARSITY = 3, 5000, 2
ETA_1, ETA_2, SLOW, L1, STRONG = 0.01, 0.005, 0.001, 1e-5, 1e-4
SWITCH, STEPS, EVERY = 400, 1000, 50
BATCH, BATCHES = 64, (16, 64, 256)
PRINTED, MATCHED = 1.0, 1.4  # times the paper's rates
SEEDS = range(100, 140)
METHODS = {"sgd": (ETA_2, 0.0), "slow": (SLOW, 0.0), "proximal": (ETA_2, L1),
           "strong": (ETA_2, STRONG)}  # fmt: skip
STATE = ("step", "loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
RAW_RATES = (1.0, 0.1, 0.01)


def _cells() -> list[dict[str, Any]]:
    names = ("method", "rate", "batch_size", "seed")
    rates = (PRINTED, MATCHED)
    runs: list[tuple[Any, ...]] = [
        (method, rate, BATCH, seed)
        for method in METHODS
        for rate in rates
        for seed in (SEEDS[:20] if method == "strong" else SEEDS)
    ]
    others = [batch_size for batch_size in BATCHES if batch_size != BATCH]
    runs += [
        (method, rate, batch_size, seed)
        for batch_size in others
        for method in ("sgd", "proximal")
        for rate in rates
        for seed in SEEDS[:20]
    ]
    runs += [("raw", rate, BATCH, seed) for rate in RAW_RATES for seed in SEEDS[:20]]
    runs += [(f"{method} twice", PRINTED, BATCH, seed)
             for method in ("sgd", "proximal") for seed in SEEDS[:20]]  # fmt: skip
    return [dict(zip(names, run, strict=True)) for run in runs]


GRID = _cells()


def run_one(method: str, rate: float, batch_size: int, seed: int) -> dict[str, Any]:
    """Return a run's state on the way, to six digits, and what cuts make of its end."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    history: Mapping[str, Any]
    if method.endswith("twice"):
        params, history, status = divided_twice(task, method.split()[0], seed)
    else:
        eta_2, l1 = METHODS.get(method, (ETA_2, 0.0))
        stages = scb.recipes.figure_1(
            task, "proximal" if l1 else "sgd", batch_size=batch_size, eta_1=rate * ETA_1,
            eta_2=rate * eta_2, l1=l1, switch=SWITCH, steps=STEPS,
        )  # fmt: skip
        if method == "raw":
            stages = [dataclasses.replace(stage, preconditioned=False) for stage in stages]
        every = EVERY if batch_size == BATCH and method != "raw" else 200
        run = scb.train(task, stages, seed=seed, record_every=every)
        params, history, status = run.params, run.history, run.status
    # The state at the switch is there twice, before and after the cut: the second is kept.
    rows = [i for i, step in enumerate(history["step"])
            if i + 1 == len(history["step"]) or history["step"][i + 1] != step]  # fmt: skip
    found: dict[str, Any] = {name: [digits(history[name][i]) for i in rows] for name in STATE}
    found["at_switch"] = [digits(history["alpha_A"][list(history["step"]).index(SWITCH)])
                          if SWITCH in history["step"] else None]  # fmt: skip
    end = {"status": status}
    if status == "finished":
        end |= {name: digits(value) for name, value in cuts(task, params).items()}
    gap = [None] * (len(rows) - 1)
    found["at_switch"] += gap
    return found | {name: [*gap, value] for name, value in end.items()}


def cuts(task: scb.SCBTask, params: scb.Params) -> dict[str, Any]:
    """Return what decides, for any cut, whether rounding finds the support; and what it leaves.

    A cut at one level keeps the right entries of all columns if it lies above `others` and not
    above `attended`. `gap` counts the columns that a cut at their largest gap gets right, `turned`
    those when a run that looks mirrored has been reflected before.
    """
    A, right = params.A, task.attention > 0
    rounded, columns = at_gap(A, right)
    found: dict[str, Any] = {"attended": A[right].min(), "others": A[~right].max(), "gap": columns}
    found["turned"] = at_gap(2 / SEQ_LEN - A, right)[1] if looks_mirrored(A) else columns
    top = A.max(axis=0)
    half = (top / 2 <= A) == right
    found["half"] = int(half.all(axis=0).sum())
    if rounded is not None:
        after = scb.Params(rounded, least_squares_value(task, rounded))
        end = scb.signals(task, after)
        found |= {"gap_V": end.error_V, "gap_A": end.error_A}
        found["gap_similarity"] = scb.similarity(task, after).A
    return found


def at_gap(A: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Any, int]:
    """Return A cut at the largest gap of each sorted column and divided by its sum, or None.

    And how many columns then keep the right entries.
    """
    ordered = np.sort(A, axis=0)
    first = np.argmax(np.diff(ordered, axis=0), axis=0) + 1
    level = ordered[first, np.arange(A.shape[1])]
    kept = np.where(level <= A, A, 0.0)
    sums = kept.sum(axis=0)
    columns = int(((kept != 0) == right).all(axis=0).sum())
    return (kept / sums if (sums > 0.001).all() else None), columns


def divided_twice(
    task: scb.SCBTask, method: str, seed: int
) -> tuple[scb.Params, dict[str, list[Any]], str]:
    """Return a run, its state on the way and its status, with A's gradient over mu_k once more.

    This is equation 6 read with the gradient of equation 4 in it. The same tokens as in `train`.
    """
    params = scb.uniform_start(task)
    history: dict[str, list[Any]] = {name: [] for name in STATE}
    for step in range(STEPS + 1):
        if step == SWITCH and method == "proximal":
            level = scb.signals(task, params).alpha_V / (2 * SPARSITY)
            params = scb.Params(threshold_and_project(params.A, level), params.V)
        if step % EVERY == 0:
            now = scb.signals(task, params)
            for name in STATE[2:]:
                history[name].append(getattr(now, name))
            history["step"].append(step)
            history["loss"].append(scb.population_loss(task, params))
        if step == STEPS:
            break
        raw = scb.minibatch_gradients(task, params, BATCH, seed=seed, step=step)
        grads = precondition(task, raw)
        grads = Gradients(grads.A / task.stationary, grads.V)
        late = step >= SWITCH
        eta = ETA_2 if late else ETA_1
        l1 = L1 if late and method == "proximal" else 0.0
        params = gradient_step(params, grads, eta / task.K_Q, eta / task.K_P, l1)
    return params, history, "finished"


def digits(value: Any) -> Any:
    """Return a float to six significant digits, other things as they are."""
    return float(f"{value:.6g}") if isinstance(value, float | np.floating) else value
