"""How large a batch lifts the signal: runs of Stage 1 over T, over eta, over kinds of task.

A run goes on until the larger signal reaches 1/(QN), where the paper ends Stage 1, and then 1/2.
The batch is load * eta * T. Tasks have N = 3 and Q = 2; seeds draw the task and the tokens.

Some 2200 runs of up to 10^9 tokens, 10^11 together: some ten minutes on two quiet cores. Values
are kept to five digits, which keeps the table small.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

import scbtools as scb
from scbtools.markov import spacings, stationary_distribution
from scbtools.signals import Signals

VOCAB_SIZE, SPARSITY, ETA = 3, 2, 0.05  # N, Q, base rate
SEEDS = range(24)
ENDS = (1 / (SPARSITY * VOCAB_SIZE), 0.5)  # of the larger signal

# (kind, method, T, eta, loads), cheap ones first
PLAN = [
    *(("random", "paper", t, ETA, (0.5, 1, 2, 4, 8, 16, 32)) for t in (25, 50, 100, 200)),
    *(("random", "paper", 400, eta, (1, 2, 4, 8, 16, 32)) for eta in (ETA, 0.025, 0.1)),
    *(("even", "paper", t, ETA, (0.5, 1, 2, 4, 8)) for t in (50, 200, 800)),
    ("skewed", "paper", 50, ETA, (1, 2, 4, 8, 16)),
    ("skewed", "paper", 200, ETA, (1, 2, 4, 8, 16, 32)),
    *(("skewed", "centred", t, ETA, (2,)) for t in (50, 200, 800)),
    ("random", "paper", 800, ETA, (1, 2, 4, 8, 16, 32)),
    ("random", "paper", 1600, ETA, (1, 2, 4, 8, 16, 32)),
    ("skewed", "paper", 800, ETA, (2, 16, 64, 128)),
    ("random", "paper", 3200, ETA, (2, 4, 8)),
]
GRID = [
    {"kind": kind, "method": method, "seq_len": t, "eta": eta, "load": load, "seed": seed}
    for kind, method, t, eta, loads in PLAN
    for load, seed in itertools.product(map(float, loads), SEEDS)
]


def make_task(kind: str, seq_len: int, seed: int) -> scb.SCBTask:
    """Return a random task whose stationary distribution is as it comes, even, or skewed."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    if kind == "random":
        return task
    rng = np.random.default_rng(seed)
    while True:
        transition = spacings(rng, VOCAB_SIZE)
        if kind == "even":  # each token steps on by a random number: P is circulant
            transition = np.stack(
                [np.roll(transition[:, 0], shift) for shift in range(VOCAB_SIZE)], axis=1
            )
        mu = stationary_distribution(transition)
        strength = (((transition - mu[:, None]) ** 2) * mu).sum() / (mu**2).sum()
        if strength >= 1 and (kind == "even" or mu.max() >= 0.45):
            sparse = task.sparse_attention
            return scb.SCBTask.from_sparse(transition, sparse.positions, sparse.weights, seq_len)


def run_to(
    task: scb.SCBTask, method: str, batch_size: int, eta: float, seed: int, limit: int
) -> list[tuple[int, Signals]]:
    """Return (step, signals) where the larger signal reaches each end, or at the last step."""
    stages = [
        dataclasses.replace(
            scb.recipes.boost(task, limit, batch_size, eta, target), centred=method == "centred"
        )
        for target in ENDS
    ]
    history = scb.train(task, stages, seed=seed, record_every=limit).history
    found = []
    for index in range(len(ENDS)):
        last = np.flatnonzero(history["stage"] <= index)[-1]
        state = Signals(*(float(history[name][last]) for name in Signals._fields))
        found.append((int(history["step"][last]), state))
    return found


def run_one(
    kind: str, method: str, seq_len: int, eta: float, load: float, seed: int
) -> dict[str, Any]:
    """Return one run: steps, signals and errors where the larger signal is 1/(QN), and 1/2."""
    task = make_task(kind, seq_len, seed)
    batch_size = max(1, round(load * eta * seq_len))
    limit = int(4 * np.log(seq_len) / eta)
    (first, early), (second, late) = run_to(task, method, batch_size, eta, seed, limit)
    values = {
        "alpha_V": early.alpha_V, "alpha_A": early.alpha_A,
        "delta_V": early.delta_V, "delta_A": early.delta_A,
        "half_V": late.alpha_V, "half_A": late.alpha_A, "half_delta_A": late.delta_A,
    }  # fmt: skip
    kept = {name: float(f"{value:.5g}") for name, value in values.items()}
    return {"batch_size": batch_size, "steps": first, "half_steps": second, **kept}
