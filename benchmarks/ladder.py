"""Measure the rungs of `rungs.py`: what each change to the kernel bought.

    python -m benchmarks.ladder [--rounds 60] [--out book/data/ladder.csv]

Rungs take turns within a round, so that all meet the same noise. Times are medians over rounds,
with quartiles, in nanoseconds per token of the batch; speed-ups are medians of ratios to the first
rung's time in the same round. Row 0 draws the tokens and does nothing with them.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

# So small products would only lose by more threads, and they are the same on every rung.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np

import scbtools as scb
from benchmarks.rungs import SEED, Rung, draw_only, rungs
from scbtools.engines import set_num_threads

SETTINGS = ((3, 5000, 64), (10, 5000, 64))  # N, T, B
SHORTEST = 3e-3  # seconds that a measurement takes at least
LIMIT = 1e-12  # by how much a rung's gradient may differ, relative to its largest entry
OUT = Path(__file__).resolve().parents[1] / "book" / "data" / "ladder.csv"
COLUMNS = (
    "vocab_size", "seq_len", "batch_size", "rung", "name", "threads",
    "ns_per_token", "ns_low", "ns_high", "speed_up", "speed_up_low", "speed_up_high",
)  # fmt: skip


def parameters(task: scb.SCBTask) -> scb.Params:
    """Return parameters half learned, so that no product is trivial."""
    start = scb.uniform_start(task)
    return scb.Params((start.A + task.attention) / 2, (start.V + task.transition) / 2)


def disagreement(task: scb.SCBTask, params: scb.Params, batch_size: int, rung: Rung) -> float:
    """Return how far a rung is from the library, relative to the largest entry."""
    number = 1
    wanted = scb.minibatch_gradients(task, params, batch_size, SEED, number)
    if rung.on_tokens is None:
        found = rung.step(number)
    else:
        found = rung.on_tokens(task.sample(batch_size, SEED, number))
    pairs = ((found[0].T, wanted.A), (found[1], wanted.V))
    return max(float(np.abs(x - y).max() / np.abs(y).max()) for x, y in pairs)


def seconds(step: Callable[[int], object], threads: int, repeats: int) -> float:
    """Return how long a step takes."""
    set_num_threads(threads)
    begin = time.perf_counter()
    for number in range(repeats):
        step(number)
    return (time.perf_counter() - begin) / repeats


def measure(vocab_size: int, seq_len: int, batch_size: int, rounds: int) -> list[list[object]]:
    """Return the rows of one setting."""
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed=SEED)
    params = parameters(task)
    ladder = rungs(task, params, batch_size)
    for rung in ladder:
        set_num_threads(rung.threads)
        difference = disagreement(task, params, batch_size, rung)
        if difference > LIMIT:
            sys.exit(f"{rung.name}: the gradient is off by {difference:.1e}, nothing to measure.")
    floor = Rung("the tokens alone", draw_only(task, batch_size))
    race = [floor, *ladder]
    repeats = []
    for rung in race:
        set_num_threads(rung.threads)
        rung.step(0)
        once = min(seconds(rung.step, rung.threads, 1) for _ in range(3))
        repeats.append(max(1, round(SHORTEST / once)))
    times = np.array(
        [
            [seconds(rung.step, rung.threads, n) for rung, n in zip(race, repeats, strict=True)]
            for _ in range(rounds)
        ]
    )
    quartiles = (0.5, 0.25, 0.75)
    ns = np.quantile(times, quartiles, axis=0) / (batch_size * seq_len) * 1e9
    gain = np.quantile(times[:, 1:2] / times, quartiles, axis=0)
    rows: list[list[object]] = []
    for number, rung in enumerate(race):
        numbers = (*ns[:, number], *gain[:, number])
        rows.append(
            [vocab_size, seq_len, batch_size, number, rung.name, rung.threads]
            + [f"{each:.4g}" for each in numbers]
        )
        low, high = ns[1:, number]
        print(
            f"{vocab_size:4d} {number:3d}  {rung.name:30s} {ns[0, number]:8.3f} "
            f"[{low:.3f}, {high:.3f}] ns a token {gain[0, number]:8.1f} times rung 1",
            flush=True,
        )
    return rows


def main() -> None:
    """Measure all settings, and write the table when all are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows = [row for setting in SETTINGS for row in measure(*setting, options.rounds)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = options.out.with_suffix(".part")
    with unfinished.open("w", encoding="utf8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])
    unfinished.replace(options.out)


if __name__ == "__main__":
    main()
