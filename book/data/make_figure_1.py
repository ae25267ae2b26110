"""Make figure_1.csv: figure 1's experiment with a batch that decides Stage 1 by signal.

    python book/data/make_figure_1.py

20 tasks, two methods, 1000 steps of 1024 sequences of 5000 tokens: 2 * 10^11 tokens, some five
minutes on one busy core. Interrupted, it goes on where it stopped. Floats are written so that they
read back bit for bit.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import scbtools as scb
from scbtools.updates import normalised

SEEDS = range(20)
BATCH_SIZE = 1024
EVERY = 50
STATE = ("alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
COLUMNS = ("seed", "method", "step", *STATE, "normalised_V", "normalised_A")
FILE = Path(__file__).with_name("figure_1.csv")

Row = dict[str, str]


def rows(seed: int, method: str) -> list[Row]:
    """Return the rows of one run: its state every 50 steps, and at the end also normalised."""
    task = scb.SCBTask.random(vocab_size=3, seq_len=5000, sparsity=2, seed=seed)
    stages = scb.recipes.figure_1(task, method, batch_size=BATCH_SIZE)
    run = scb.train(task, stages, seed=seed, record_every=EVERY)
    found: list[Row] = []
    for i, step in enumerate(run.history["step"]):
        state = {name: repr(float(run.history[name][i])) for name in STATE}
        found.append({"seed": str(seed), "method": method, "step": str(step), **state})
    if run.history["alpha_A"][-1] > 0:
        end = scb.signals(task, normalised(task, run.params))
        found[-1] |= {"normalised_V": repr(end.error_V), "normalised_A": repr(end.error_A)}
    return found


def load(file: Path = FILE) -> list[Row]:
    """Return the stored rows, none where the file is not there."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf8") as stream:
        return list(csv.DictReader(stream))


def save(table: list[Row], file: Path = FILE) -> None:
    """Write all rows to a new file, then put it in the old one's place."""
    fresh = file.with_suffix(".new")
    with fresh.open("w", newline="", encoding="utf8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    fresh.replace(file)


def main() -> None:
    """Run what is not stored yet."""
    table = load()
    done = {(row["seed"], row["method"]) for row in table}
    for seed in SEEDS:
        for method in ("sgd", "proximal"):
            if (str(seed), method) not in done:
                table += rows(seed, method)
                save(table)
                print(f"seed {seed}, {method}", file=sys.stderr)


if __name__ == "__main__":
    main()
