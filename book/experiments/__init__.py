"""Experiments too long for a chapter: what was run, the stored result, and a check of it.

Each module here measures one thing: its docstring says what, and what it costs; `GRID` holds the
cells and `run_one` runs one. In the repository,

    make data                    # all of them, hours
    make data ONLY=stage_1       # one

writes `book/data/stage_1.csv`. Interrupted, it goes on where it stopped. Floats are written so
that they read back bit for bit, and training gives the same bits on every machine: so a chapter
runs a few cells again and compares exactly.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

import scbtools as scb

__all__ = ["load", "make", "names", "recheck"]

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
STORE = HERE.parent.parent / "build" / "sweeps"


def names() -> list[str]:
    """Return the experiments by name."""
    return sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def make(name: str) -> pd.DataFrame:
    """Run what is not stored yet of an experiment, write its table, and return it."""
    module = importlib.import_module(f"experiments.{name}")
    table = scb.sweep(module.run_one, module.GRID, store=STORE / name, progress=True)
    DATA.mkdir(exist_ok=True)
    fresh = DATA / f".{name}.{os.getpid()}.csv"
    table.to_csv(fresh, index=False, lineterminator="\n")
    fresh.replace(DATA / f"{name}.csv")
    return load(name)


def load(name: str) -> pd.DataFrame:
    """Return the stored table of an experiment.

    Raises
    ------
    FileNotFoundError
        If it was not made yet.
    """
    file = DATA / f"{name}.csv"
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: run `make data ONLY={name}`")
    return pd.read_csv(file)  # exact since pandas 3


def recheck(name: str, /, rtol: float = 0.0, **cell: Any) -> int:
    """Run one cell again and compare it with the stored rows, by default every float exactly.

    Parameters
    ----------
    name : str
    rtol : float
        Relative difference to allow, for what calls exp: softmax attention. 0 compares bits.
    **cell
        The cell's parameters, all of them.

    Returns
    -------
    int
        Values compared.

    Raises
    ------
    AssertionError
        If a value differs.
    KeyError
        If the table has no such cell.
    """
    module = importlib.import_module(f"experiments.{name}")
    stored = load(name)
    for key, value in cell.items():
        stored = stored[stored[key] == value]
    if stored.empty:
        raise KeyError(f"{name}.csv has no cell {cell}")
    again = scb.sweep(module.run_one, [cell], n_jobs=1)
    # Stored columns may hold gaps where other cells have more results than this one.
    stored = stored.reset_index(drop=True).dropna(axis=1, how="all")
    again = again.dropna(axis=1, how="all")[list(stored.columns)]
    # Types follow from the whole column, so they may differ while values do not.
    how: Any = {"rtol": rtol, "atol": 0.0} if rtol else {"check_exact": True}
    pd.testing.assert_frame_equal(again, stored, check_dtype=False, **how)
    return int(stored.size)


def main() -> int:
    """Make the experiments that are named, or all."""
    wanted = sys.argv[1:] or names()
    if unknown := sorted(set(wanted) - set(names())):
        print(f"No such experiment: {', '.join(unknown)}. There are {', '.join(names())}.")
        return 1
    for name in wanted:
        needs = getattr(importlib.import_module(f"experiments.{name}"), "NEEDS", None)
        if needs and not sys.argv[1:] and not importlib.util.find_spec(needs.split("==")[0]):
            print(f"{name}: left as it is; to make it, `pip install {needs}` first")
            continue
        started = time.perf_counter()
        rows = len(make(name))
        print(f"{name}: {rows} rows in {(time.perf_counter() - started) / 60:.1f} minutes")
    return 0
