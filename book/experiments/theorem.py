"""The whole algorithm, end to end, on 20 tasks a size.

Four sizes, with and without what is ours, and one size with smaller and larger batches in the last
stages: 200 runs, 8 * 10^10 tokens, some two minutes on two cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import scbtools as scb

SIZES = ((3, 500), (5, 500), (10, 500), (3, 5000))  # N, T
BATCH = 512  # of every stage
FINISH = (64, 512, 4096)  # of settling and Stage 3, at the first size
SEEDS = range(20)
ETA = 0.02  # the recipe's


def _cells() -> list[dict[str, Any]]:
    """Return the cells: sizes and recipes, then batches."""
    names = ("recipe", "vocab_size", "seq_len", "finish_batch", "seed")
    runs = [("three_stage", *SIZES[0], batch) for batch in FINISH]
    runs += [("three_stage", *size, BATCH) for size in SIZES[1:]]
    runs += [("paper_literal", *size, BATCH) for size in SIZES]
    return [dict(zip(names, (*run, seed), strict=True)) for run in runs for seed in SEEDS]


GRID = _cells()


def run_one(
    recipe: str, vocab_size: int, seq_len: int, finish_batch: int, seed: int
) -> dict[str, Any]:
    """Return where a run stood at the end of each stage, one row a stage."""
    task = scb.SCBTask.random(vocab_size, seq_len, sparsity=2, seed=seed)
    ours = recipe == "three_stage"
    stages = scb.recipes.three_stage(
        task,
        BATCH,
        learn_batch_size=BATCH,
        finish_batch_size=finish_batch,
        settle_steps=60 if ours else 0,
        reflect=ours,
    )
    run = scb.train(task, stages, seed=seed, record_every=50)
    stage = run.history["stage"]
    ends = [np.flatnonzero(stage == index)[-1] for index in np.unique(stage)]
    kept = ("step", "samples", "alpha_V", "alpha_A", "delta_A", "error_V", "error_A")
    return {
        "stage": [stages[int(stage[end])].name for end in ends],
        "status": run.status,
        **{name: run.history[name][ends] for name in kept},
    }


Found = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def settings(table: pd.DataFrame, literal: pd.DataFrame) -> dict[Any, dict[str, Found]]:
    """Return by (N, T, B / (eta T) of Stage 1) and recipe what its runs ended with.

    That is squared errors of A and V, and whether the run was mirrored after Stage 1. `literal` is
    the table of the experiment of that name, which has one more size, for one recipe. The last size
    has the small batch.
    """
    mine = table[table.finish_batch == BATCH]
    longer = literal[literal.seq_len > SIZES[0][1]]
    more, T = int(longer.boost_batch.iloc[0]), int(longer.seq_len.iloc[0])
    found: dict[Any, dict[str, Found]] = {}
    for size in SIZES:
        of = mine[(mine.vocab_size == size[0]) & (mine.seq_len == size[1])]
        recipes = {name: _ends(rows) for name, rows in of.groupby("recipe")}
        found[(*size, BATCH / (ETA * size[1]))] = recipes
    *large, last = found.items()
    between = (SIZES[-1][0], T, more / (ETA * T)), {"paper_literal": _ends(longer)}
    return dict([*large, between, last])


def _ends(rows: pd.DataFrame) -> Found:
    """Return squared errors of A and V at the end, and who was mirrored after Stage 1."""
    last = rows.groupby("seed").last()
    boosted = rows[rows.stage == "boost"].sort_values("seed")
    return (
        last.error_A.to_numpy() ** 2, last.error_V.to_numpy() ** 2,
        boosted.alpha_A.to_numpy() < 0,
    )  # fmt: skip
