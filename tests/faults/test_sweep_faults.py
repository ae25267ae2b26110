"""Sweeps whose processes are killed, interrupted, or run out of disk, for real."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest

import scbtools as scb
from tests.examples import small_task, stage

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds, for what takes two on a quiet machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def stored(store: Path) -> dict[int, Any]:
    """Results in a store by the cell's x."""
    bodies = [json.loads(path.read_text())["body"] for path in store.glob("*.json")]
    return {body["cell"]["x"]: body["result"] for body in bodies}


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return status.stdout.strip()[:1] not in ("", "Z")


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a script in a folder and a session of its own; whatever is left of it ends with us."""
    started = []

    def start(text: str) -> subprocess.Popen[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(text))
        process = subprocess.Popen(
            [sys.executable, str(script)], cwd=tmp_path, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


# --- SIGKILL --------------------------------------------------------------------------------------

LONG = """
    import hashlib, os, sys, time
    from pathlib import Path
    import scbtools as scb

    def long(x):
        Path(f"cell-{x}-{os.getpid()}").touch()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in one call into C
        return {"x2": 2 * x}

    if __name__ == "__main__":
        scb.sweep(long, {"x": range(8)}, store="store", n_jobs=2)
"""


def test_workers_end_soon_after_their_parent_was_killed(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """In the middle of a cell, and without beginning another."""
    process = start(LONG)
    wait_for(lambda: len(list(tmp_path.glob("cell-*"))) == 2)
    process.kill()
    process.wait()
    workers = [int(path.name.split("-")[2]) for path in tmp_path.glob("cell-*")]
    wait_for(lambda: not any(runs(pid) for pid in workers), 20)
    assert len(list(tmp_path.glob("cell-*"))) == 2


SLOW_IMPORT = """
    import os, time
    from pathlib import Path
    Path(f"import-{os.getpid()}").touch()
    while not Path("go").exists():
        time.sleep(0.02)

    def cell(x):
        time.sleep(1000)
"""

SWEEP_OF_SLOW_IMPORT = """
    import scbtools as scb
    import slow_import

    if __name__ == "__main__":
        scb.sweep(slow_import.cell, {"x": range(4)}, n_jobs=2)
"""


def test_workers_end_whose_parent_was_killed_before_their_first_cell(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """They see that it is gone already."""
    (tmp_path / "slow_import.py").write_text(textwrap.dedent(SLOW_IMPORT))
    go = tmp_path / "go"
    go.touch()
    process = start(SWEEP_OF_SLOW_IMPORT)
    mine = tmp_path / f"import-{process.pid}"
    wait_for(mine.exists)
    go.unlink()
    wait_for(lambda: len(list(tmp_path.glob("import-*"))) == 3)
    process.kill()
    process.wait()
    go.touch()
    workers = [int(path.name.split("-")[1]) for path in tmp_path.glob("import-*")]
    wait_for(lambda: not any(runs(pid) for pid in workers), 20)


def deadly(x: int, folder: str) -> dict[str, int]:
    """Kill the worker at x = 3, the first time."""
    if x == 3 and not (flag := Path(folder) / "killed").exists():
        while len(list(Path(folder, "store").glob("*.json"))) < 2:
            time.sleep(0.02)
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"x2": 2 * x}


def test_sweep_that_lost_a_worker_says_so_and_goes_on(tmp_path: Path) -> None:
    grid, store = {"x": range(6), "folder": [str(tmp_path)]}, tmp_path / "store"
    with pytest.raises(BrokenExecutor) as caught:
        scb.sweep(deadly, grid, store=store, n_jobs=2, version="1")
    assert "n_jobs" in caught.value.__notes__[0]
    assert "goes on from there" in caught.value.__notes__[0]
    kept = stored(store)
    assert 2 <= len(kept) < 6
    files = {path: path.stat().st_mtime_ns for path in store.glob("*.json")}
    table = scb.sweep(deadly, grid, store=store, n_jobs=2, version="1")
    assert table["x2"].tolist() == [0, 2, 4, 6, 8, 10]
    assert {path: path.stat().st_mtime_ns for path in files} == files


# --- errors ---------------------------------------------------------------------------------------


class TwoArguments(Exception):
    """Cannot be unpickled, as many an exception."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def fragile(x: int, folder: str, kind: str) -> dict[str, int]:
    """Fail at x = 0 while x = 1 is running."""
    Path(folder, f"began-{x}").touch()
    if x == 0:
        while not Path(folder, "began-1").exists():
            time.sleep(0.02)
        raise TwoArguments("one", "two") if kind == "odd" else KeyError("plain")
    time.sleep(1)
    return {"x2": 2 * x}


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [("plain", KeyError, "plain"), ("odd", RuntimeError, "TwoArguments: one and two")],
)
def test_cells_that_run_when_another_fails_are_finished_and_stored(
    tmp_path: Path, kind: str, error: type[Exception], words: str
) -> None:
    """An error that cannot travel is no exception; the traceback comes along."""
    grid = {"x": range(40), "folder": [str(tmp_path)], "kind": [kind]}
    store = tmp_path / "store"
    with pytest.raises(error, match=words) as caught:
        scb.sweep(fragile, grid, store=store, n_jobs=2, version="1")
    cell = {"x": 0, "folder": str(tmp_path), "kind": kind}
    assert caught.value.__notes__[0] == f"in the cell {cell}"
    assert 'raise TwoArguments("one", "two")' in caught.value.__notes__[1]
    began = {int(path.name.split("-")[1]) for path in tmp_path.glob("began-*")}
    assert stored(store) == {x: {"x2": 2 * x} for x in began - {0}}
    assert {0, 1} <= began
    assert len(began) < 20  # four, unless the machine keeps the error waiting


# --- Ctrl-C ---------------------------------------------------------------------------------------


def stubborn(x: int) -> dict[str, int]:
    """Catch Ctrl-C at x = 1 and return something wrong."""
    if x == 1:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return {"x2": -1}
    return {"x2": 2 * x}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupted_cell_is_not_stored_even_if_it_returns(tmp_path: Path, n_jobs: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        scb.sweep(stubborn, {"x": range(3)}, store=tmp_path, n_jobs=n_jobs, version="1")
    assert signal.getsignal(signal.SIGINT) is before
    assert 1 not in stored(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_interrupted_training_is_not_stored(tmp_path: Path) -> None:
    """`train` returns what it has; the sweep stops all the same."""
    task, found = small_task(), []

    def run_one(x: int) -> dict[str, Any]:
        if x == 1:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        run = scb.train(task, stage(steps=10**7 if x == 1 else 2), seed=x)
        found.append(run.status)
        return {"steps": run.history["step"][-1]}

    with pytest.raises(KeyboardInterrupt):
        scb.sweep(run_one, {"x": [0, 1, 2]}, store=tmp_path, n_jobs=1, version="1")
    assert found == ["finished", "interrupted"]
    assert list(stored(tmp_path)) == [0]


INTERRUPTED = """
    import os, time
    from pathlib import Path
    import scbtools as scb

    def slow(x):
        Path(f"cell-{x}-{os.getpid()}").touch()
        try:
            time.sleep(0.1 if x < 4 else 1000)
        except KeyboardInterrupt:
            return {"x2": -1}
        return {"x2": 2 * x}

    if __name__ == "__main__":
        try:
            scb.sweep(slow, {"x": range(50)}, store="store", n_jobs=2)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            time.sleep(1000)
"""


def test_ctrl_c_in_a_terminal_ends_cells_and_workers(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """There it reaches parent and workers; in a notebook's kernel, which lives on, too."""
    process = start(INTERRUPTED)
    wait_for(lambda: len(list(tmp_path.glob("cell-*"))) == 6)
    wait_for(lambda: len(list(tmp_path.glob("store/*.json"))) == 4)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout is not None
    wait_for(lambda: "interrupted" in process.stdout.readline(), 20)
    assert stored(tmp_path / "store") == {x: {"x2": 2 * x} for x in range(4)}
    workers = {int(path.name.split("-")[2]) for path in tmp_path.glob("cell-*")}
    wait_for(lambda: not any(runs(pid) for pid in workers), 20)
    assert len(list(tmp_path.glob("cell-*"))) == 6
    assert not list((tmp_path / "store").glob(".*"))


# --- a full disk ----------------------------------------------------------------------------------

FULL = """
    import resource
    import scbtools as scb

    def growing(x):
        if x == 2:  # as if the disk were full from now on
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        return {"x2": 2 * x}

    if __name__ == "__main__":
        scb.sweep(growing, {"x": range(6)}, store="store", n_jobs=1)
"""


def test_disk_that_fills_keeps_what_is_finished(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start(FULL)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"OSError: the store {tmp_path / 'store'} cannot be written (File too large)" in output
    assert "in the cell {'x': 2}" in output
    assert stored(tmp_path / "store") == {0: {"x2": 0}, 1: {"x2": 2}}
    assert len(list((tmp_path / "store").iterdir())) == 2
