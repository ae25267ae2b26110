"""Chapter 14: which way runs look, with the paper's projection and with the centred one.

Stage 1 from the trivial start, until the larger signal is a quarter: over kinds of task, N and Q,
lengths, and loads r = B / (eta T); last, the settings of the paper's figure 1. Every setting has
tasks of its own; the two projections see the same tasks and tokens. Each run comes with its z by
hand. Random and skewed tasks at r = 2 judge the cure; all runs with the paper's projection, r >= 1
and a batch of 20 or more judge the law.

5472 runs: about six minutes of one core. Values are kept to five digits.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

import scbtools as scb
from experiments.noise_levels import noise_of
from scbtools.markov import spacings, stationary_distribution
from scbtools.updates import looks_mirrored

END = 0.25  # of the larger signal
FIRST, APART = 10_000, 1000  # seed of the first setting's first task, and from setting to setting
RATE, PAPER_RATE = 0.05, 0.01
PAPER, BOTH = ("paper",), ("paper", "centred")
CURE = {200: 192, 800: 192, 3200: 96, 12800: 24}  # tasks for each length, at r = 2

# (kind, methods, N, Q, T, r, eta, tasks), cheap ones first
PLAN = [
    *(
        (kind, PAPER, 3, 2, T, r, RATE, 192)
        for T, r in ((100, 4.0), (400, 1.0), (400, 4.0), (1600, 1.0))
        for kind in ("even", "random", "skewed")
    ),
    *((kind, PAPER, 5, 3, T, 2.0, RATE, 192) for T in (400, 1600) for kind in ("even", "random")),
    ("even", PAPER, 3, 2, 800, 2.0, RATE, 192),
    ("random", BOTH, 3, 2, 1600, 0.25, RATE, 48),  # a batch of 20: is the sign seen in A alone?
    *(
        (kind, BOTH, 3, 2, T, 2.0, RATE, n)
        for T, n in CURE.items()
        for kind in ("random", "skewed")
    ),
    ("random", BOTH, 3, 2, 5000, 1.28, PAPER_RATE, 48),  # a batch of 64: figure 1
]
GRID = [
    {
        "kind": kind, "method": method, "vocab_size": N, "sparsity": Q, "seq_len": T, "load": r,
        "eta": eta, "seed": FIRST + APART * setting + index,
    }
    for setting, (kind, methods, N, Q, T, r, eta, tasks) in enumerate(PLAN)
    for index, method in itertools.product(range(tasks), methods)
]  # fmt: skip


def make_task(kind: str, vocab_size: int, sparsity: int, seq_len: int, seed: int) -> scb.SCBTask:
    """Return a random task whose stationary distribution is as it comes, even, or skewed.

    Skewed: one token has at least half of all. Hardly any such task has K_P >= |mu|^2, as
    Assumption 2.1(c) asks, so half of that is enough here.
    """
    task = scb.SCBTask.random(vocab_size, seq_len, sparsity, seed=seed)
    if kind == "random":
        return task
    rng, least = np.random.default_rng(seed), 1.0 if kind == "even" else 0.5
    while True:
        P = spacings(rng, vocab_size)
        if kind == "even":  # each token steps on by a random number: P is circulant
            P = np.stack([np.roll(P[:, 0], shift) for shift in range(vocab_size)], axis=1)
        mu = stationary_distribution(P)
        strength = (((P - mu[:, None]) ** 2) * mu).sum() / (mu**2).sum()
        if strength >= least and (kind == "even" or mu.max() >= 0.5):
            sparse = task.sparse_attention
            return scb.SCBTask.from_sparse(P, sparse.positions, sparse.weights, seq_len)


def by_hand(task: scb.SCBTask, load: float, method: str) -> float:
    """Return z: the run is a mirror with probability Phi(-z)."""
    floor, nu2 = noise_of(task)
    noise = nu2 + task.seq_len * floor * (method == "paper")
    return float(task.K_P * np.sqrt(2 * load / noise))


def trained(
    task: scb.SCBTask, method: str, batch_size: int, eta: float, seed: int
) -> tuple[int, scb.Params]:
    """Return steps and parameters where the larger signal is a quarter, or at the last step."""
    limit = int(5 * np.log(task.seq_len) / eta)
    stage = scb.recipes.boost(task, limit, batch_size, eta, END)
    stage = dataclasses.replace(stage, centred=method == "centred")
    run = scb.train(task, stage, seed=seed, record_every=limit)
    return int(run.history["step"][-1]), run.params


def run_one(
    kind: str, method: str, vocab_size: int, sparsity: int, seq_len: int, load: float, eta: float,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Return a run's end, its z, and whether its attention alone looks mirrored."""
    task = make_task(kind, vocab_size, sparsity, seq_len, seed)
    batch_size = max(1, round(load * eta * seq_len))
    steps, params = trained(task, method, batch_size, eta, seed)
    now = scb.signals(task, params)
    found = {name: getattr(now, name) for name in ("alpha_V", "alpha_A", "delta_V", "delta_A")}
    found["z"] = by_hand(task, batch_size / (eta * seq_len), method)
    values = {name: float(f"{value:.5g}") for name, value in found.items()}
    seen = int(looks_mirrored(params.A))
    return {"batch_size": batch_size, "steps": steps, **values, "seen": seen}


def steps_by_hand(rows: Any, draws: int = 101) -> float:
    """Return the median ratio of steps, centred over paper, by hand, for runs of both methods.

    A run begins gamma |1 + g / z| from the watershed, with a Gaussian g, and ends at 2 END. The
    projections share the part of the noise that is not the floor.
    """
    rng, found = np.random.default_rng(0), []
    for (seq_len, _), pair in rows.groupby(["seq_len", "seed"]):
        z = dict(zip(pair.method, pair.z, strict=True))
        shared = rng.standard_normal(draws) / z["centred"]
        floor = np.sqrt(max(z["paper"] ** -2 - z["centred"] ** -2, 0))
        way = 2 * END * seq_len * (1 / int(pair.sparsity.iloc[0]) - 1 / seq_len)
        apart = [shared, shared + floor * rng.standard_normal(draws)]
        steps = [np.log(way / np.abs(1 + noise)) for noise in apart]
        found.append(steps[0] / steps[1])
    return float(np.median(found))
