"""Threads within a call, callers on several threads, and children of a process with threads."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numba
import numpy as np
import pandas as pd
import pytest

import scbtools as scb
from scbtools import engines
from scbtools.kernels import arrays, cpu
from tests.examples import on_threads, share_out_everything, stage

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds for a child that may have to start on a busy machine

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
# Python 3.12 warns of every fork of a process with threads; that it goes well is tested here.
with_threads = pytest.mark.filterwarnings("ignore:.* multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    share_out_everything(monkeypatch)


def trained(seed: int, threads: int = 3) -> str:
    """A hash of a run in which every step is shared out to threads."""
    task = scb.SCBTask.random(3, 70, 2, seed=1)
    stages = [stage(steps=8, l1=1e-4), stage(steps=4, freeze_A=True)]
    with on_threads(threads):
        run = scb.train(task, stages, seed=seed)
    arrays = [*run.params, *run.history.values()]
    return hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in arrays)).hexdigest()


# --- threads of a call ----------------------------------------------------------------------------


def test_a_step_is_really_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker has its turn, not all of them on the calling thread."""
    turns, ran = [], cpu.run

    def seen(n: int, turn: arrays.Turn, *rest: Any) -> Any:
        if turn.parts == cpu.SHARE:
            turns.append((turn.worker, threading.current_thread().name))
        return ran(n, turn, *rest)

    wanted = trained(0, threads=1)
    monkeypatch.setattr(cpu, "run", seen)
    assert trained(0, threads=1) == wanted
    assert not turns
    assert trained(0, threads=4) == wanted
    assert {worker for worker, _ in turns} == {0, 1, 2, 3}
    assert any(name.startswith("scbtools") for _, name in turns)
    assert len(turns) % 4 == 0


def test_what_goes_wrong_on_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = cpu.run

    def fails(n: int, turn: arrays.Turn, *rest: Any) -> Any:
        if turn.worker == 2:
            raise RuntimeError("on another thread")
        return ran(n, turn, *rest)

    wanted = trained(0)
    monkeypatch.setattr(cpu, "run", fails)
    with pytest.raises(RuntimeError, match="on another thread"):
        trained(0)
    monkeypatch.setattr(cpu, "run", ran)
    assert trained(0) == wanted


def test_the_number_of_threads_is_each_thread_s_own() -> None:
    with on_threads(3), ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(engines.get_num_threads).result()
        pool.submit(engines.set_num_threads, 7).result()
        assert engines.get_num_threads() == 3
        assert pool.submit(engines.get_num_threads).result() == 7
    assert elsewhere == numba.config.NUMBA_NUM_THREADS
    for bad in (0, -1):
        with pytest.raises(ValueError, match="n must be at least 1"):
            engines.set_num_threads(bad)
    with pytest.raises(TypeError, match="n must be an integer"):
        engines.set_num_threads(1.5)  # type: ignore[arg-type]


def test_small_steps_take_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million tokens are worth another thread."""
    monkeypatch.undo()
    task = scb.SCBTask.random(3, 1000, 2, seed=1)
    start = scb.uniform_start(task)
    for batch, wanted in ((1, 1), (1048, 1), (1049, 2), (1573, 3), (100_000, 4)):
        engine = engines.CpuEngine(task, np.array(start.A.T), start.V, np.uint64(0))
        with on_threads(4):
            engine.begin(stage(batch_size=batch))
        assert engine.workers == wanted, batch


# --- callers on several threads -------------------------------------------------------------------


@pytest.mark.parametrize("callers", [2, 4])
def test_training_on_several_python_threads_at_once(callers: int) -> None:
    wanted = [trained(seed, threads=1) for seed in range(callers)]
    together = threading.Barrier(callers)

    def one(seed: int) -> list[str]:
        together.wait(PATIENCE)
        return [trained(seed) for _ in range(5)]

    with ThreadPoolExecutor(callers) as pool:
        found = list(pool.map(one, range(callers)))
    assert found == [[each] * 5 for each in wanted]


def test_a_sweep_on_joblib_s_threads() -> None:
    grid = {"seed": range(6)}

    def run_one(seed: int) -> dict[str, str]:
        return {"bits": trained(seed)}

    alone = scb.sweep(run_one, grid, n_jobs=1)
    with joblib.parallel_config(backend="threading", n_jobs=4):
        together = scb.sweep(run_one, grid)
    pd.testing.assert_frame_equal(together, alone)


# --- children -------------------------------------------------------------------------------------


@forks
@with_threads
def test_a_forked_child_trains_too() -> None:
    """It has none of its parent's threads, and starts its own."""
    wanted = trained(5)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if trained(5) == wanted else 2
        finally:
            os._exit(code)
    end = time.monotonic() + PATIENCE
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(done[1]) == 0
    assert trained(5) == wanted  # the parent's threads are still there


@forks
@with_threads
def test_a_pool_of_forked_processes() -> None:
    wanted = [trained(seed) for seed in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(trained, range(4)).get(PATIENCE) == wanted


PROGRAM = """
import os, threading
before = dict(os.environ)
import scbtools as scb
from scbtools import engines
print(dict(os.environ) == before, threading.active_count(), engines.get_num_threads())
"""


def test_importing_starts_no_thread_and_sets_no_environment_variable() -> None:
    """NUMBA_NUM_THREADS says how many threads there may be."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMP", "NUMBA_NUM", "MKL"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "1", "3"]
