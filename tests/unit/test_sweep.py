"""Sweeps: tidy tables, and a store that resumes and trusts nothing damaged."""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import scbtools as scb
from scbtools.sweep import _Store, cells, code_version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line per cell that was really run."""
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("SWEEP_CALLS", str(log))
    return log


def square(x: float, seed: int = 0) -> dict[str, Any]:
    if log := os.environ.get("SWEEP_CALLS"):
        with Path(log).open("a") as stream:
            stream.write(f"{x} {seed}\n")
    return {"square": x * x + seed}


def signals_of(seed: int, batch_size: int) -> dict[str, Any]:
    task = scb.SCBTask.random(3, 40, 2, seed=seed)
    stage = scb.recipes.boost(task, 20, batch_size, 0.05)
    run = scb.train(task, stage, seed=seed)
    return {name: run.history[name] for name in ("step", "alpha_V", "error_A")}


def serial(run_one: Any, grid: Any, **options: Any) -> pd.DataFrame:
    return scb.sweep(run_one, grid, n_jobs=1, **options)


# --- tables ---------------------------------------------------------------------------------------


def test_mapping_gives_every_combination_in_order() -> None:
    table = serial(square, {"x": [1, 2], "seed": [0, 10]})
    expected = {"x": [1, 1, 2, 2], "seed": [0, 10, 0, 10], "square": [1, 11, 4, 14]}
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))


def test_cells_may_be_given_one_by_one() -> None:
    table = serial(square, [{"x": 3.0}, {"x": np.float64(0.5), "seed": np.int64(1)}])
    assert table["square"].tolist() == [9.0, 1.25]


def test_arrays_become_rows_and_scalars_are_repeated() -> None:
    table = serial(lambda n: {"t": np.arange(n), "total": n}, {"n": [2, 3]}, version="1")
    assert table["n"].tolist() == [2, 2, 3, 3, 3]
    assert table["t"].tolist() == [0, 1, 0, 1, 2]
    assert table["total"].tolist() == [2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("grid", "error", "words"),
    [
        ({"x": "abc"}, TypeError, r"sequence of values.*write \['abc'\]"),
        ({"x": 3}, TypeError, r"write \[3\]"),
        ({"x": [[1, 2]]}, TypeError, "no number, string"),
        ({"x": [1, 1]}, ValueError, "twice"),
        ({"x": []}, ValueError, "no cells"),
    ],
)
def test_bad_grid_is_refused_before_anything_runs(
    grid: Any, error: type[Exception], words: str, calls: Path
) -> None:
    with pytest.raises(error, match=words):
        serial(square, grid)
    assert not calls.read_text()


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (3.0, TypeError, "must return a mapping"),
        ({}, TypeError, "must return a mapping"),
        ({"x": 1}, ValueError, "like parameters: x"),
        ({"a": [1], "b": [1, 2]}, ValueError, "of one length"),
        ({"a": np.zeros((2, 2))}, TypeError, "a: "),
    ],
)
def test_bad_result_is_named(result: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        serial(lambda x: result, {"x": [1]}, version="1")


# --- the store ------------------------------------------------------------------------------------


def test_finished_cells_are_not_run_again(tmp_path: Path, calls: Path) -> None:
    store = tmp_path / "store"
    serial(square, {"x": [1, 2]}, store=store)
    table = serial(square, {"x": [1, 2, 3]}, store=store)
    assert calls.read_text().split("\n")[:-1] == ["1 0", "2 0", "3 0"]
    pd.testing.assert_frame_equal(table, serial(square, {"x": [1, 2, 3]}))


def test_another_version_of_the_code_runs_again(tmp_path: Path, calls: Path) -> None:
    for version in ("1", "2", "1"):
        serial(square, {"x": [1]}, store=tmp_path / "store", version=version)
    assert calls.read_text() == "1 0\n" * 2


def test_version_follows_the_file_of_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    found = []
    for name, text in (("one", "y = x"), ("two", "y = x"), ("three", "y = 2 * x")):
        (tmp_path / f"{name}.py").write_text(f"def f(x):\n    {text}\n    return {{'y': y}}\n")
        found.append(code_version(__import__(name).f))
    assert found[0] == found[1] != found[2]


def test_function_without_source_needs_a_version() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x): return {'y': x}", namespace)
    with pytest.raises(ValueError, match="pass version="):
        code_version(namespace["f"])


def _cut(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _change(path: Path, other: Path) -> None:
    entry = json.loads(path.read_text())
    entry["body"]["result"]["square"] += 1
    path.write_text(json.dumps(entry))


def _empty(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def _swap(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def _garble(path: Path, other: Path) -> None:
    path.write_bytes(b"\xff\x00[1]")


@pytest.mark.parametrize("damage", [_cut, _change, _empty, _swap, _garble])
def test_damaged_cell_is_run_again(tmp_path: Path, calls: Path, damage: Any) -> None:
    grid, store = {"x": [1, 2]}, tmp_path / "store"
    before = serial(square, grid, store=store, version="1")
    first, second = (_Store(store, "1").path(cell) for cell in cells({"x": [1, 2]}))
    damage(first, second)
    after = serial(square, grid, store=store, version="1")
    pd.testing.assert_frame_equal(before, after)
    assert calls.read_text() == "1 0\n2 0\n1 0\n"
    serial(square, grid, store=store, version="1")
    assert calls.read_text() == "1 0\n2 0\n1 0\n"


def test_failing_cell_is_named_and_the_others_stay(tmp_path: Path, calls: Path) -> None:
    def fragile(x: int) -> dict[str, Any]:
        if x == 2:
            raise RuntimeError("two is too much")
        return square(x)

    grid, store = {"x": [1, 2]}, tmp_path / "store"
    with pytest.raises(RuntimeError, match="two is too much") as caught:
        serial(fragile, grid, store=store, version="1")
    assert caught.value.__notes__ == ["in the cell {'x': 2}"]
    serial(square, grid, store=store, version="1")
    assert calls.read_text() == "1 0\n2 0\n"


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@settings(deadline=None, max_examples=50)
@given(cell=st.dictionaries(st.text(max_size=5), plain), values=st.lists(plain, max_size=4))
def test_store_gives_back_what_it_got(
    tmp_path_factory: pytest.TempPathFactory, cell: dict[str, Any], values: list[Any]
) -> None:
    store = _Store(tmp_path_factory.mktemp("store"), "1")
    assert store.load(cell) is None
    store.save(cell, {"values": values})
    found = store.load(cell)
    assert found is not None
    for kept, given_ in zip(found["values"], values, strict=True):
        both_nan = isinstance(given_, float) and math.isnan(given_) and math.isnan(kept)
        assert both_nan or (kept == given_ and type(kept) is type(given_))


SLOW = """
    import os, sys, time
    from pathlib import Path
    import scbtools as scb

    def slow(x):
        with open(os.environ["SWEEP_CALLS"], "a") as stream:
            stream.write(f"{x}\\n")
        time.sleep(0.3)
        return {"third": x / 3}

    if __name__ == "__main__":
        table = scb.sweep(slow, {"x": range(12)}, store=sys.argv[1], n_jobs=2)
        print(table["third"].tolist())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_sweep_goes_on_where_it_stopped(tmp_path: Path, calls: Path) -> None:
    script, store = tmp_path / "slow.py", tmp_path / "store"
    script.write_text(textwrap.dedent(SLOW))
    command = [sys.executable, str(script), str(store)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(store.glob("*.json"))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {json.loads(path.read_text())["body"]["cell"]["x"] for path in store.glob("*.json")}
    assert 3 <= len(finished) < 12
    calls.write_text("")
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == [x / 3 for x in range(12)]
    again = [int(line) for line in calls.read_text().split()]
    assert sorted(again) == sorted(set(range(12)) - finished)


# --- in parallel ----------------------------------------------------------------------------------


def test_processes_give_the_bits_of_a_serial_run() -> None:
    grid = {"seed": [0, 1], "batch_size": [4, 16]}
    pd.testing.assert_frame_equal(
        scb.sweep(signals_of, grid, n_jobs=2), serial(signals_of, grid), check_exact=True
    )


def test_bar_counts_cells(capsys: pytest.CaptureFixture[str]) -> None:
    serial(square, {"x": [1, 2]}, progress=True)
    assert "2/2" in capsys.readouterr().err
    serial(square, {"x": [1, 2]})
    assert not capsys.readouterr().err


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package's function hides the module of the same name.
    module = importlib.import_module("scbtools.sweep")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    module._needs_extra.cache_clear()
    with pytest.raises(ImportError, match=r"need joblib and pandas.*extra 'sweep'"):
        serial(square, {"x": [1]})
