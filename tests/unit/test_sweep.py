"""Sweeps: tidy tables, and a store that resumes and trusts nothing damaged."""

from __future__ import annotations

import enum
import errno
import hashlib
import importlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import joblib
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
        ({"x": b"abc"}, TypeError, "sequence of values"),
        ({"x": 3}, TypeError, r"write \[3\]"),
        ({"x": np.array(3)}, TypeError, "sequence of values"),
        ({"x": {1: 2}}, TypeError, "sequence of values"),
        ({"x": (i for i in range(3))}, TypeError, "list.* around an iterator"),
        ({"x": [[1, 2]]}, TypeError, "no number, string"),
        ({"x": np.eye(2)}, TypeError, "sequence of values"),
        ({"x": [1j]}, TypeError, "no number, string"),
        ({"x": np.array([1], "M8[ns]")}, TypeError, "no number, string"),
        ({"x": np.array([1], "m8[ns]")}, TypeError, "no number, string"),
        ({"x": np.ma.array([1, 2], mask=[0, 1])}, TypeError, "no number, string"),
        ({"x": [10**700]}, ValueError, "x has more than 600 digits"),
        ({"x": [10**5000]}, ValueError, "x has more than 600 digits"),
        ({1: [2]}, TypeError, "names are strings, got the name 1"),
        ([{"1": 2, 1: 3}], TypeError, "names are strings, got the name 1"),
        ({"x": [1, 1]}, ValueError, "twice"),
        ([{"x": np.nan}, {"x": -np.float32(np.nan)}], ValueError, "twice"),
        ({"x": []}, ValueError, "no cells"),
        (None, TypeError, "grid must be a mapping or a list"),
        (3, TypeError, "grid must be a mapping or a list"),
        ("abc", TypeError, "each cell must be a mapping"),
        ([3], TypeError, "each cell must be a mapping"),
        ([[("x", 1)]], TypeError, "each cell must be a mapping"),
    ],
)
def test_bad_grid_is_refused_before_anything_runs(
    grid: Any, error: type[Exception], words: str, calls: Path
) -> None:
    with pytest.raises(error, match=words):
        serial(square, grid)
    assert not calls.read_text()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"run_one": 3}, TypeError, "run_one must be a function, got 3"),
        ({"n_jobs": 0}, ValueError, "n_jobs must not be 0"),
        ({"n_jobs": "x"}, TypeError, "n_jobs must be an integer"),
        ({"n_jobs": 2.5}, TypeError, "n_jobs must be an integer"),
        ({"n_jobs": 10**9}, ValueError, "n_jobs must be at"),
        ({"store": 3}, TypeError, "store must be a path, got 3"),
        ({"store": b"store"}, TypeError, "store must be a path"),
        ({"version": 1}, TypeError, "version must be a string, got 1"),
        ({"progress": "no"}, TypeError, "progress must be True or False"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    options: Any, error: type[Exception], words: str, calls: Path
) -> None:
    options = {"run_one": square, "n_jobs": 1, **options}
    with pytest.raises(error, match=words):
        scb.sweep(grid={"x": [1]}, **options)
    assert not calls.read_text()


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (3.0, TypeError, "must return a mapping"),
        ({}, TypeError, "must return a mapping"),
        ({1: 1, "1": 2}, TypeError, "names are strings, got the name 1"),
        ({"x": 1}, ValueError, "like parameters: x"),
        ({"a": [1], "b": [1, 2]}, ValueError, "of one length"),
        ({"a": np.zeros((2, 2))}, TypeError, "a: "),
        ({"a": [1, [2, 3]]}, TypeError, "a: "),
        ({"a": np.ma.array([1.0, 2.0])}, TypeError, "a: "),
        ({"a": np.ma.masked}, TypeError, "a: "),
        ({"a": np.array([object()])}, TypeError, "a: "),
        ({"a": np.array([1], "m8[ns]")}, TypeError, "a: "),
        ({"a": object()}, TypeError, "a: "),
        ({"a": lambda: 0}, TypeError, "a: "),
        ({"a": 10**5000}, ValueError, "a has more than 600 digits"),
    ],
)
def test_bad_result_is_named(result: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        serial(lambda x: result, {"x": [1]}, version="1")
    assert caught.value.__notes__ == ["in the cell {'x': 1}"]


def test_parameter_that_the_function_does_not_have_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'") as caught:
        serial(square, {"x": [1], "z": [2]})
    assert caught.value.__notes__ == ["in the cell {'x': 1, 'z': 2}"]


# --- values ---------------------------------------------------------------------------------------


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):
    pass


WIDTHS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def test_values_arrive_as_plain_python() -> None:
    """Whatever the width, so that they are the same in another process and from the store."""
    found = []
    values = [*(np.dtype(width).type(1) for width in WIDTHS), np.str_("a"), Level.HIGH, Word("b")]
    for x in values:
        serial(lambda x: found.append(x) or {"y": 1}, {"x": [x]}, version="1")
    assert [type(x) for x in found] == [bool, *[int] * 8, *[float] * 3, str, int, str]
    assert found == [True, *[1] * 8, *[1.0] * 3, "a", 3, "b"]


def test_numbers_of_other_kinds_make_other_cells(tmp_path: Path) -> None:
    grid = {"x": [True, 1, 1.0, "1", None, False, 0, 0.0, -0.0, 2**64, 10**600, 1e300]}
    kinds = {"run_one": lambda x: {"kind": repr(x)}, "grid": grid, "store": tmp_path}
    first = serial(**kinds, version="1")
    assert first["kind"].tolist() == [repr(x) for x in grid["x"]]
    assert len(list(tmp_path.iterdir())) == 12
    pd.testing.assert_frame_equal(serial(**kinds, version="1"), first)


def test_cells_of_nan_and_infinity_are_found_again(tmp_path: Path, calls: Path) -> None:
    grid = {"x": [np.nan, np.inf, -np.inf]}
    first = serial(square, grid, store=tmp_path, version="1")
    pd.testing.assert_frame_equal(first, serial(square, grid, store=tmp_path, version="1"))
    assert calls.read_text() == "nan 0\ninf 0\n-inf 0\n"


RESULTS = {
    "ints": np.array([-(2**63), 2**63 - 1]),
    "words": np.array([0, 2**64 - 1], np.uint64),
    "bools": np.array([True, False]),
    "floats": np.array([-0.0, 5e-324]),
    "singles": np.array([0.1, -np.inf], np.float32),
    # NaNs of both signs, and one with a payload, as computations leave them.
    "nans": np.array([0xFFF8000000000000, 0x7FF8000000001234], np.uint64).view(float),
    "strings": np.array(["a", "\ud800"]),
    "mixed": (None, 1.5),
    "zero_d": np.array(0.3),
    "scalar": np.float16(0.1),
}


def test_results_come_back_from_the_store_with_the_same_bits(tmp_path: Path) -> None:
    def run_one(x: int) -> dict[str, Any]:
        return RESULTS if x else {"none": []}

    tables = [serial(run_one, {"x": [0, 1]}, store=tmp_path, version="1") for _ in range(2)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert len(tables[0]) == 2
    for name in ("floats", "singles", "nans", "zero_d", "scalar"):
        bits = [table[name].to_numpy(float).tobytes() for table in tables]
        assert bits[0] == bits[1]
    assert np.signbit(tables[1]["floats"][0])
    assert tables[1]["words"].tolist() == [0, 2**64 - 1]
    assert tables[1]["bools"].tolist() == [True, False]


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


def _nest(path: Path, other: Path) -> None:
    path.write_text("[" * 100_000)


def _list(path: Path, other: Path) -> None:
    path.write_text("[1, 2]")


def _seal(path: Path, body: dict[str, Any]) -> None:
    """Write an entry whose checksum is right."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({"sha256": sha256, "body": body}))


def _retype(path: Path, other: Path) -> None:
    _seal(path, {**json.loads(path.read_text())["body"], "result": {"square": {"a": [1]}}})


def _drop(path: Path, other: Path) -> None:
    body = json.loads(path.read_text())["body"]
    del body["result"]
    _seal(path, body)


def _folder(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def _pipe(path: Path, other: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no named pipes")
    path.unlink()
    os.mkfifo(path)


def _dangle(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere" / "at all")


DAMAGES = [
    _cut, _change, _empty, _swap, _garble, _nest, _list, _retype, _drop, _folder, _pipe, _dangle
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
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


def _occupied(folder: Path) -> Path:
    (folder / "store").write_text("mine")
    return folder / "store"


def _below_a_file(folder: Path) -> Path:
    return _occupied(folder) / "deep" / "below"


def _broken_link(folder: Path) -> Path:
    (folder / "store").symlink_to(folder / "occupied" / "x")
    (folder / "occupied").touch()
    return folder / "store"


def _read_only(folder: Path) -> Path:
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write everywhere")
    return folder


def _of_the_kernel(folder: Path) -> Path:
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("only Linux has /proc")
    return Path("/proc/self/fdinfo")


def _impossible_name(folder: Path) -> Path:
    return folder / "a\0b"


def _too_long(folder: Path) -> Path:
    return folder / ("x" * 5000)


UNWRITABLE = [
    _occupied, _below_a_file, _broken_link, _read_only, _of_the_kernel, _impossible_name, _too_long
]  # fmt: skip


@pytest.mark.parametrize("place", UNWRITABLE)
def test_store_that_cannot_be_written_is_noticed_first(
    tmp_path: Path, calls: Path, place: Any
) -> None:
    store = place(tmp_path)
    with pytest.raises(OSError, match="store must be a folder where you may write") as caught:
        serial(square, {"x": [1, 2]}, store=store, version="1")
    assert str(caught.value).startswith(f"the store {store} cannot be written (")
    assert not calls.read_text()


def test_full_disk_is_noticed_first(
    tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file is made, but nothing fits in. Nothing is left."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"cannot be written \(No space left on device\)"):
        serial(square, {"x": [1, 2]}, store=tmp_path / "store", version="1")
    assert not calls.read_text()
    assert not list((tmp_path / "store").iterdir())


def test_finished_sweep_is_read_without_writing(
    tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as from a colleague's folder."""
    first = serial(square, {"x": [1]}, store=tmp_path / "store", version="1")
    monkeypatch.setattr(_Store, "write", None)
    again = serial(square, {"x": [1]}, store=tmp_path / "store", version="1")
    pd.testing.assert_frame_equal(first, again)
    assert calls.read_text() == "1 0\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        serial(square, {"x": [1]}, store=tmp_path / "store", version="1")
    finally:
        os.umask(before)
    (file,) = (tmp_path / "store").iterdir()
    assert file.stat().st_mode & 0o777 == mode


def test_store_stays_where_it_is_whatever_a_cell_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the working directory, or to the folder."""
    monkeypatch.chdir(tmp_path)

    def wild(x: int) -> dict[str, Any]:
        if x == 2:
            shutil.rmtree(tmp_path / "store")
        os.chdir("/")
        return {"y": x}

    assert serial(wild, {"x": [1, 2, 3]}, store="store", version="1")["y"].tolist() == [1, 2, 3]
    assert len(list((tmp_path / "store").iterdir())) == 2


def test_half_written_files_of_killed_sweeps_do_no_harm(tmp_path: Path, calls: Path) -> None:
    (tmp_path / ".0123456789abcdef.tmp").write_text('{"sha256": "01')
    for _ in range(2):
        assert serial(square, {"x": [1]}, store=tmp_path, version="1")["square"].tolist() == [1]
    assert calls.read_text() == "1 0\n"


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


@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "sequential"])
def test_other_backends_of_joblib_serve(backend: str) -> None:
    with joblib.parallel_config(backend=backend, n_jobs=2):
        table = scb.sweep(square, {"x": [1, 2, 3]})
    assert table["square"].tolist() == [1, 4, 9]


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
