"""Stage 2 for lambda over four decades, run long: from a good Stage 1, and without one.

T = 500, 20 tasks each. After a Stage 1 with lambda = 0: nine values of lambda with even weights
of the attended positions, two with uneven ones, 1000 steps of 512 sequences. From the uniform
start: lambda in the very first step. Some two minutes of one core.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

import scbtools as scb
from scbtools.updates import normalised

SEQ_LEN, SPARSITY, ETA = 500, 2, 0.02
BOOST_BATCH, BOOST_TARGET, BOOST_STEPS = 512, 0.35, 1000
LEARN_BATCH, LEARN_STEPS, LEARN_TARGET = 512, 1000, 0.97
FROM_START_STEPS = 400
LAMBDAS = (0.0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
KEPT = (0, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1000)  # steps of Stage 2
STATE = ("alpha_V", "alpha_A", "delta_V", "delta_A", "error_A")
_AFTER = [(l1, 0.5) for l1 in LAMBDAS] + [(l1, 0.7) for l1 in (1e-4, 1e-3)]
GRID = [
    {"start": start, "l1": l1, "weight": weight, "seed": seed}
    for start, cases in (
        ("boosted", _AFTER),
        ("uniform", [(l1, 0.5) for l1 in (0.0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 1e-2)]),
    )
    for l1, weight in cases
    for seed in range(20)
]


def run_one(start: str, l1: float, weight: float, seed: int) -> dict[str, Any]:
    """Return the state along Stage 2, and what stopping early and normalising make of it.

    `weight` is that of the first of two attended positions. A run from the "uniform" start is
    Stage 1 with lambda in every step.
    """
    task, boost = make_task(weight, seed)
    if start == "uniform":
        boost = dataclasses.replace(boost, steps=FROM_START_STEPS, until=None, l1=l1)
        run = scb.train(task, boost, seed=seed, record_every=FROM_START_STEPS)
        return last_row(task, run)
    params = boosted(weight, seed)
    learn = scb.recipes.three_stage(
        task, eta=ETA, l1=l1, reflect=False, learn_batch_size=LEARN_BATCH,
        learn_steps=LEARN_STEPS, learn_target=LEARN_TARGET,
    )[1]  # fmt: skip
    stopped = scb.train(task, learn, params, seed=1000 + seed, record_every=25)
    on = dataclasses.replace(learn, until=None)
    run = scb.train(task, on, params, seed=1000 + seed, record_every=25)
    rows = [i for i, step in enumerate(run.history["step"]) if step in KEPT]
    found: dict[str, Any] = {"step": [int(run.history["step"][i]) for i in rows]}
    found |= {name: [digits(run.history[name][i]) for i in rows] for name in STATE}
    end = last_row(task, run)
    last = {name: end[name] for name in ("support", "level", "normalised_A")}
    last["stop"] = int(stopped.history["step"][-1])
    last |= {f"stop_{name}": digits(stopped.history[name][-1]) for name in ("error_A", "alpha_A")}
    last["stop_normalised_A"] = last_row(task, stopped)["normalised_A"]
    return found | {name: [None] * (len(rows) - 1) + [value] for name, value in last.items()}


@functools.cache  # the same for every lambda
def boosted(weight: float, seed: int) -> scb.Params:
    """Return the parameters at the end of Stage 1."""
    task, boost = make_task(weight, seed)
    return scb.train(task, boost, seed=seed, record_every=BOOST_STEPS).params


def make_task(weight: float, seed: int) -> tuple[scb.SCBTask, scb.Stage]:
    """Return a random task whose first attended position has the given weight, and Stage 1."""
    task = scb.SCBTask.random(3, SEQ_LEN, SPARSITY, seed=seed)
    positions = task.sparse_attention.positions
    weights = np.array([[weight, 1 - weight]] * 3)
    task = scb.SCBTask.from_sparse(task.transition, positions, weights, SEQ_LEN)
    return task, scb.recipes.boost(task, BOOST_STEPS, BOOST_BATCH, ETA, BOOST_TARGET)


def last_row(task: scb.SCBTask, run: scb.Run) -> dict[str, Any]:
    """Return the last state, recovered columns, share of entries at one level, error if rounded."""
    A = run.params.A
    found: dict[str, Any] = {"step": int(run.history["step"][-1])}
    found |= {name: digits(run.history[name][-1]) for name in STATE}
    found["support"] = int(scb.support_recovered(task, A).sum())
    found["level"] = digits(np.mean(np.median(A, axis=0) == A))  # what the threshold set to zero
    try:
        found["normalised_A"] = digits(scb.signals(task, normalised(task, run.params)).error_A)
    except ValueError:  # no signal left, or a mirror
        found["normalised_A"] = None
    return found


def foreseen(
    tasks: list[scb.SCBTask], lambdas: Any, start: Any, steps: int, copies: int = 50
) -> dict[str, Any]:
    """Return alpha_V, alpha_A, |Delta_A|, |A - Q| by step, lambda and task.

    As predicted: two numbers, and `copies` entries that stand for all
    others. `start`: both signals just after the cut, each by lambda and task.
    """
    rng, (v, a), T = np.random.default_rng(0), start, tasks[0].seq_len
    mu = np.array([task.stationary for task in tasks])
    K_P = np.array([task.K_P for task in tasks])
    K_Q = np.array([task.K_Q for task in tasks])
    weights = np.array([t.sparse_attention.weights for t in tasks])
    P = np.array([task.transition for task in tasks]) - mu[:, :, None]
    C = np.einsum("snm,sm,skm->snk", P, mu, P)
    plain = np.einsum("snn,sn->s", C, mu)
    plain -= np.einsum("sn,snm,sm->s", mu, C, mu)
    square = (C**2).sum(axis=(1, 2))
    l1, found = np.asarray(lambdas)[:, None], []
    rest = np.ones((mu.shape[1], copies)) * ((1 - a) / T)[:, :, None, None]
    for _ in range(steps + 1):
        off = rest - ((1 - a) / T)[:, :, None, None]
        off = T * (off**2).mean(axis=3)  # |Delta_A| squared, by column
        noise = (mu * off).sum(axis=2)
        error = np.sqrt((1 - a) ** 2 * K_Q + noise)
        found.append((v, a, np.sqrt(noise), error))
        miss = 1 - v * a
        fit = (miss**2 - 1)[:, :, None] * (weights**2).sum(axis=2)
        fit = fit + (v**2)[:, :, None] * off
        left = plain[:, None] + square[:, None] * fit  # tr(C R_k)
        sigma = np.sqrt(left / (mu * LEARN_BATCH))
        sigma = (ETA * v / K_P)[:, :, None] * sigma
        pull = (ETA * v**2)[:, :, None, None] * (rest - 1 / T)
        pull = pull + (ETA * v / T)[:, :, None, None]
        xi = rng.standard_normal((1, *rest.shape[1:]))
        xi -= xi.mean(axis=3, keepdims=True)  # gradients sum to zero
        moved = rest - pull + sigma[..., None] * xi
        l4 = l1[:, :, None, None]
        kept = np.maximum(moved - l4, 0) + np.minimum(moved + l4, 0)
        drift = ((1 - v) / T - v * noise) / K_Q
        v, a = (v + ETA * (miss * a + drift), np.maximum(a + ETA * miss * v - l1 / K_Q, 0))
        # The projection hands what a column lacks of one to all alike.
        back = ((1 - a) / T)[:, :, None] - kept.mean(axis=3)
        a = a + (mu * back).sum(axis=2) / K_Q * (a > 0)
        rest = kept + back[..., None]
    names = ("alpha_V", "alpha_A", "delta_A", "error_A")
    return dict(zip(names, np.moveaxis(np.array(found), 1, 0), strict=True))


def digits(value: float) -> float:
    """Return a value to six significant digits."""
    return float(f"{value:.6g}")
