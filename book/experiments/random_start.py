"""Training from a random attention: how often it succeeds, and what becomes of the random part.

Entries of the first A are (1 + kappa g) / T, g Gaussian, or a flat Dirichlet column; columns sum to
one and V = mu 1'. Stage 1 runs until the larger signal is 0.35. Stage 2 and rounding follow, once
as in the paper and once with mirrors reflected. N = 3, Q = 2.

384 runs of up to 6 * 10^7 tokens: under a minute on two quiet cores.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import scbtools as scb
from scbtools.signals import inner, residuals
from scbtools.stages import Stage, Transform

VOCAB_SIZE, SPARSITY, ETA, LOAD = 3, 2, 0.05, 16  # batch: LOAD eta T
SEEDS = range(24)
STARTS = [("gauss", kappa) for kappa in (0.0, 0.3, 1.0, 2.0, 4.0, 10.0, 20.0)] + [("flat", 1.0)]
GRID = [
    {"seq_len": t, "start": start, "kappa": kappa, "seed": seed}
    for t, (start, kappa), seed in itertools.product((100, 400), STARTS, SEEDS)
]


def random_attention(task: scb.SCBTask, start: str, kappa: float, seed: int) -> scb.Params:
    """Return the trivial start with a random A, (T, N), columns of sum one."""
    uniform = scb.uniform_start(task)
    rng = np.random.default_rng((seed, 1))
    if start == "flat":
        A = np.stack(
            [
                np.diff(np.sort(rng.random(task.seq_len - 1)), prepend=0, append=1)
                for _ in range(task.vocab_size)
            ],
            axis=1,
        )
    else:
        A = (1 + kappa * rng.standard_normal((task.seq_len, task.vocab_size))) / task.seq_len
    return scb.Params(A + (1 - A.sum(axis=0)) / task.seq_len, uniform.V)


def share_left(task: scb.SCBTask, start: scb.Params, now: scb.Params) -> float:
    """Return how much of the start's Delta_A is still in A, by least squares."""
    before, after = residuals(task, start).A, residuals(task, now).A
    size = inner(before, before, task.stationary)
    return inner(after, before, task.stationary) / size if size > 1e-20 else 0.0


def run_one(seq_len: int, start: str, kappa: float, seed: int) -> dict[str, Any]:
    """Return a run's signals at start and end of Stage 1, and whether A ends on the support."""
    task = scb.SCBTask.random(VOCAB_SIZE, seq_len, SPARSITY, seed=seed)
    first = random_attention(task, start, kappa, seed)
    batch_size, limit = round(LOAD * ETA * seq_len), int(6 * np.log(seq_len) / ETA)
    boost = scb.recipes.boost(task, limit, batch_size, ETA, target=0.35)
    boosted = scb.train(task, boost, first, seed=seed, record_every=limit)
    eta_V, eta_A = ETA / task.K_Q, ETA / task.K_P
    found: dict[str, Any] = {}
    for name, before in (("literal", ()), ("reflected", (Transform("reflect"),))):
        cut = (*before, Transform("threshold"))
        learn = Stage(
            "learn", 300, 512, eta_V, eta_A, l1=1e-4, before=cut, until="mean_signal", target=0.97
        )
        run = scb.train(task, learn, boosted.params, seed=seed + 1000, record_every=300)
        kept = run.params.A >= 0.5 / SPARSITY  # what rounding keeps
        found[name] = int((kept == (task.attention > 0)).all())
        found[f"{name}_left"] = float(f"{share_left(task, first, run.params):.5g}")
    history = boosted.history
    values = {
        "start_A": history["alpha_A"][0], "start_delta": history["delta_A"][0],
        "alpha_V": history["alpha_V"][-1], "alpha_A": history["alpha_A"][-1],
        "delta_A": history["delta_A"][-1], "left": share_left(task, first, boosted.params),
    }  # fmt: skip
    steps = int(history["step"][-1])
    return {"steps": steps, **found, **{k: float(f"{v:.5g}") for k, v in values.items()}}
