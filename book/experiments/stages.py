"""The samples of each stage against T.

Stage 1 with a batch in proportion to T, once for each of 20 tasks at seven lengths; then, from the
same thresholded point, Stages 2 and 3 with eleven batch sizes. 1.2 * 10^11 tokens, some three
minutes on two cores.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import scbtools as scb
from scbtools.recipes import three_stage

ETA, L1 = 0.02, 1e-3
RATIO = 8  # B / (eta T) of Stage 1
LEARN_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256)
LEARN_STEPS = 600  # at most
FINISH_BATCH, FINISH_STEPS = 256, 300
SERVES = 0.9  # share of tasks
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


class ByLength(NamedTuple):
    """The table as arrays over tasks and lengths, (20, 7), with the batch of Stage 2 first."""

    lengths: NDArray[np.int64]
    boost: NDArray[Any]  # samples
    learn: NDArray[Any]  # samples, (batches, 20, 7)
    finish: NDArray[Any]  # samples
    right: NDArray[Any]  # whether a task ends right, (batches, 20, 7)

    def least(self, tasks: NDArray[np.int64]) -> list[int]:
        """Return at each length the least batch that serves enough of these tasks."""
        served = self.right[:, tasks].mean(axis=1) >= SERVES
        return [LEARN_BATCHES[int(np.argmax(each))] for each in served.T]

    def at(self, batches: list[int]) -> NDArray[Any]:
        """Return the samples of Stage 2 with one batch for each length, (20, 7)."""
        chosen = [LEARN_BATCHES.index(batch) for batch in batches]
        return np.stack([self.learn[row, :, i] for i, row in enumerate(chosen)], axis=1)

    def least_exponent(self, tasks: NDArray[np.int64]) -> float:
        """Return b of samples ~ T^b at the least batches, both from these tasks."""
        logs = np.log(self.at(self.least(tasks))[tasks]).mean(axis=0)
        return float(np.polyfit(np.log(self.lengths), logs, 1)[0])


def arrays(table: pd.DataFrame, epsilon: float) -> ByLength:
    """Return the table as arrays; right is both squared errors below epsilon, and the support."""
    shape = len(GRID["seq_len"]), len(GRID["seed"]), len(LEARN_BATCHES)

    def of(column: pd.Series) -> NDArray[Any]:
        return np.asarray(column).reshape(shape).transpose(2, 1, 0)

    right = table.support & (table[["error_A", "error_V"]].max(axis=1) ** 2 <= epsilon)
    return ByLength(
        np.array(GRID["seq_len"]), of(table.boost_samples)[-1], of(table.learn_samples),
        of(table.finish_samples)[-1], of(right),
    )  # fmt: skip
