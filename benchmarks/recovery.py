"""How often the three stages recover the task: our recipe, and the paper's letter beside it.

    python -m benchmarks.recovery [--tasks 20]

One line a run: support of every column, squared mu-norm errors, seconds on one thread. Then the
success rate of each recipe: every support recovered, both squared errors at most 1e-4.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["NUMBA_NUM_THREADS"] = "1"

import scbtools as scb

LIMIT = 1e-4  # squared mu-norm error


def attempt(recipe: str, seed: int, seq_len: int) -> bool:
    """Run one recipe on one task, print a line, and return whether it succeeded."""
    task = scb.SCBTask.random(vocab_size=3, seq_len=seq_len, sparsity=2, seed=seed)
    start = time.perf_counter()
    run = scb.train(task, getattr(scb.recipes, recipe)(task), seed=seed)
    seconds = time.perf_counter() - start
    end = scb.signals(task, run.params)
    support = bool(scb.support_recovered(task, run.params.A).all())
    a, v = end.error_A**2, end.error_V**2
    print(
        f"{recipe:14s} {seed:4d}  {run.status:17s} support {'all' if support else 'not'}  "
        f"A {a:.1e}  V {v:.1e}  {run.history['samples'][-1]:9d} samples  {seconds:5.1f} s",
        flush=True,
    )
    return support and a <= LIMIT and v <= LIMIT


def main() -> None:
    """Run both recipes on the same tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--seq-len", type=int, default=5000)
    options = parser.parse_args()
    for recipe in ("three_stage", "paper_literal"):
        found = sum(attempt(recipe, seed, options.seq_len) for seed in range(options.tasks))
        print(f"{recipe}: {found} of {options.tasks} recovered")


if __name__ == "__main__":
    main()
