"""How many samples linear and softmax attention need to find the support, against the length.

Four ways to train from the uniform start, without threshold, l1 or any other help: linear
attention with the paper's rates and with A's divided by T, and softmax attention with the rates
that start like these two, T^2 and T times linear attention's. 20 tasks, six lengths, batches in
proportion to the length: 1840 runs, some ten minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import scbtools as scb

VOCAB_SIZE, SPARSITY, ETA = 3, 2, 0.05
WAYS = (("linear", 0), ("softmax", 2), ("linear", -1), ("softmax", 1))  # attention, power of T
FAST = {  # T: batch sizes, for the powers 0 and 2
    25: (2, 4, 8, 16), 50: (2, 4, 8, 16, 32), 100: (4, 8, 16, 32, 64), 200: (8, 16, 32, 64, 128),
    400: (32, 64, 128), 800: (64, 128, 256),
}  # fmt: skip
SLOW = {
    25: (2, 4), 50: (2, 4, 8), 100: (2, 4, 8, 16), 200: (4, 8, 16), 400: (4, 8, 16, 32),
    800: (4, 8, 16, 32, 64),
}  # fmt: skip
SEEDS = range(20)
PIECES, RATIO = 20, 1.25  # looks at the attention, each 1.25 times as late as the one before

GRID = [
    {"attention": attention, "power": power, "T": T, "B": B, "seed": seed}
    for T in FAST
    for attention, power in WAYS
    for B in (SLOW if abs(power) == 1 else FAST)[T]
    for seed in SEEDS
]


def run_one(attention: str, power: int, T: int, B: int, seed: int) -> dict[str, Any]:
    """Return when a run found the support for good, and where it ended."""
    task = scb.SCBTask.random(VOCAB_SIZE, T, SPARSITY, seed=seed)
    steps = 4 * T**0.5 / ETA if abs(power) == 1 else 3 * np.log(T) / ETA
    looks = np.unique(np.round(steps / RATIO ** np.arange(PIECES)).astype(int))
    rates = {"eta_V": ETA / task.K_Q, "eta_A": ETA / task.K_P * T ** float(power)}
    how: Any = {"batch_size": B, "attention": attention, **rates}
    params, last, found, top = scb.uniform_start(task), 0, None, None
    for piece, look in enumerate(looks.tolist()):
        stage = scb.Stage("piece", look - last, **how)
        tokens = 1000 * seed + piece  # a fresh stream for every piece
        params = scb.train(task, stage, params, seed=tokens, record_every=stage.steps).params
        if attention == "softmax":  # weights below 1e-308 became zero, which has no logarithm
            params = scb.Params(np.maximum(params.A, 1e-300), params.V)
        last = look
        best = task.attention[params.A.argmax(axis=0), np.arange(VOCAB_SIZE)] > 0
        found = (found or look) if scb.support_recovered(task, params.A).all() else None
        top = (top or look) if best.all() else None
    end = scb.signals(task, params)
    off = np.where(task.attention == 0, params.A, 0.0)
    result = {
        "steps": last, "found": found, "top": top, "alpha_V": end.alpha_V,
        "alpha_A": end.alpha_A, "error_V": end.error_V, "error_A": end.error_A,
        "off": ((off**2 * task.stationary).sum()) ** 0.5, "least": params.A.min(),
    }  # fmt: skip
    return {
        name: float(f"{value:.5g}") if isinstance(value, float) else value
        for name, value in result.items()
    }
