"""The samples of each stage against T.

Stage 1 with a batch in proportion to T, once for each of 20 tasks at seven lengths; then, from the
same thresholded point, Stages 2 and 3 with eleven batch sizes. 1.2 * 10^11 tokens, some three
minutes on two cores.
"""

from __future__ import annotations

from typing import Any

import scbtools as scb
from scbtools.recipes import three_stage

ETA, L1 = 0.02, 1e-3
RATIO = 8  # B / (eta T) of Stage 1
LEARN_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256)
LEARN_STEPS = 600  # at most
FINISH_BATCH, FINISH_STEPS = 256, 300
GRID = {"seq_len": [100 * 2**i for i in range(7)], "seed": range(20)}


def run_one(seq_len: int, seed: int) -> dict[str, Any]:
    """Return samples and errors of a task, one row for each batch of Stage 2."""
    task = scb.SCBTask.random(3, seq_len, sparsity=2, seed=seed)
    boost_batch = max(16, round(RATIO * ETA * seq_len))
    found: dict[str, list[Any]] = {}
    start = None
    for batch in LEARN_BATCHES:
        first, *rest = three_stage(
            task, boost_batch, ETA, L1, learn_batch_size=batch, learn_target=0.9,
            learn_steps=LEARN_STEPS, settle_steps=0, finish_steps=FINISH_STEPS,
            finish_batch_size=FINISH_BATCH,
        )  # fmt: skip
        if start is None:
            start = scb.train(task, first, seed=seed, record_every=500)
        # Another stream than Stage 1's; without the last stage, at a tenth of the rate.
        run = scb.train(task, rest[:2], start.params, seed=1000 + seed, record_every=100)
        stage, finished = run.history["stage"], run.status == "finished"
        learned = int((stage == 0).sum()) - 1
        row = {
            "learn_batch": batch,
            "boost_samples": int(start.history["samples"][-1]),
            "learn_steps": int(run.history["step"][learned]),
            "learn_samples": int(run.history["samples"][learned]),
            "finish_samples": FINISH_STEPS * FINISH_BATCH,
            "delta_A": float(run.history["delta_A"][learned]),
            "reached": start.reached[0] and run.reached[0],
            "support": finished and bool((run.params.A > 0).sum() == 6)
            and bool(scb.support_recovered(task, run.params.A).all()),
            "error_V": float(run.history["error_V"][-1]),
            "error_A": float(run.history["error_A"][-1]),
        }  # fmt: skip
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return found
