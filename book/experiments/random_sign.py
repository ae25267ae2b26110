"""The sign of a run that starts from a random attention, on tasks whose tokens are all as frequent.

Entries of the first A are (1 + kappa g) / T as in `random_start`; Stage 1 runs until the larger
signal is 1/2, with a batch so large that its own noise hardly counts. `spread` is
kappa / sqrt(NQ): the law says Phi(1 / spread) for the right sign. Random tasks, where tokens differ
in frequency, go with them for comparison.

4000 runs of up to 6 * 10^7 tokens: some ten minutes of one core.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import scbtools as scb
from experiments.random_start import random_attention
from scbtools.markov import spacings, stationary_distribution

ETA, LOAD, TARGET = 0.05, 64, 0.5  # batch: LOAD eta T
SEEDS = range(1000, 1200)
SPREADS = (0.4, 0.8, 1.6, 4.0, 8.0)
SETTINGS = [("even", 3, 2, 100), ("even", 3, 2, 400), ("even", 5, 4, 200), ("random", 3, 2, 200)]
GRID = [
    {"kind": kind, "N": N, "Q": Q, "T": T, "spread": spread, "seed": seed}
    for (kind, N, Q, T), spread, seed in itertools.product(SETTINGS, SPREADS, SEEDS)
]


def make_task(kind: str, N: int, Q: int, T: int, seed: int) -> scb.SCBTask:
    """Return a random task, or one of which each token steps on by a random number."""
    task = scb.SCBTask.random(N, T, Q, seed=seed)
    if kind == "random":
        return task
    rng = np.random.default_rng((seed, 2))
    while True:
        column = spacings(rng, N)[:, 0]
        transition = np.stack([np.roll(column, shift) for shift in range(N)], axis=1)
        if (column**2).sum() - 1 / N >= 1 / N:  # K_P of at least |mu|^2
            break
    assert np.allclose(stationary_distribution(transition), 1 / N)
    sparse = task.sparse_attention
    return scb.SCBTask.from_sparse(transition, sparse.positions, sparse.weights, T)


def run_one(kind: str, N: int, Q: int, T: int, spread: float, seed: int) -> dict[str, Any]:
    """Return the signals at start and end of Stage 1, and what the law needs of the task."""
    task = make_task(kind, N, Q, T, seed)
    start = random_attention(task, "gauss", spread * np.sqrt(N * Q), seed)
    limit = int(10 * np.log(T) / ETA)
    stage = scb.recipes.boost(task, limit, round(LOAD * ETA * T), ETA, TARGET)
    history = scb.train(task, stage, start, seed=seed, record_every=limit).history
    shares = (task.stationary**2 * (task.attention**2).sum(axis=0)).sum()
    values = {
        "start_A": history["alpha_A"][0], "alpha_V": history["alpha_V"][-1],
        "alpha_A": history["alpha_A"][-1], "per_kappa": np.sqrt(shares),
    }  # fmt: skip
    steps = int(history["step"][-1])
    return {"steps": steps, **{name: float(f"{value:.5g}") for name, value in values.items()}}
