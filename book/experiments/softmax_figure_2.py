"""The paper's figure 2 on 20 tasks: linear attention, softmax, and softmax at the matched rate.

T = 50, N = 10, Q = 2, 1000 steps of 256 samples: 60 runs, about half a minute on one core.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb

VOCAB_SIZE, SEQ_LEN, SPARSITY = 10, 50, 2
EVERY = 50
KINDS = {"linear": ("linear", None), "softmax": ("softmax", None), "matched": ("softmax", 2500)}
GRID = {"seed": range(100, 120)}


def cosine(A: Any, B: Any) -> float:
    """Return the cosine between two matrices."""
    return float((A * B).sum() / ((A * A).sum() * (B * B).sum()) ** 0.5)


def run_one(seed: int) -> dict[str, Any]:
    """Return the three runs' course, what they found, and how alike linear attention's are.

    `alike` and `alike_V` are cosines of A less 1/T, and of V less mu 1'.
    """
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    found: dict[str, list[Any]] = {}
    mu, linear = task.stationary[:, None], None
    for kind, (attention, scale) in KINDS.items():
        stage = scb.recipes.figure_2(task, attention, scale=scale)
        run = scb.train(task, stage, seed=seed, record_every=EVERY)
        linear = run.params if linear is None else linear
        end = {
            "kind": kind,
            "columns": int(scb.support_recovered(task, run.params.A).sum()),
            "alike": float(f"{cosine(run.params.A - 1 / SEQ_LEN, linear.A - 1 / SEQ_LEN):.6g}"),
            "alike_V": float(f"{cosine(run.params.V - mu, linear.V - mu):.6g}"),
        }
        rows = {name: run.history[name] for name in ("step", "error_V", "error_A")}
        rows["excess"] = run.history["loss"] - task.bayes_loss()
        for name, column in rows.items():
            found.setdefault(name, []).extend(float(f"{x:.6g}") for x in column)
        for name, value in end.items():
            found.setdefault(name, []).extend([value] * len(rows["step"]))
    return found
