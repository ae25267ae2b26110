"""The same sweep on a real dask.distributed cluster, one of whose workers dies on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest

import scbtools as scb

distributed = pytest.importorskip("distributed")

GRID = {"seed": range(6), "batch_size": [4, 8]}


def slow_signals(seed: int, batch_size: int) -> dict[str, Any]:
    """Train a little, slowly enough that a worker can be killed meanwhile."""
    time.sleep(0.2)
    task = scb.SCBTask.random(3, 40, 2, seed=seed)
    run = scb.train(task, scb.recipes.boost(task, 20, batch_size, 0.05), seed=seed)
    return {name: run.history[name] for name in ("step", "alpha_V", "error_A")}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Workers import this module by its name.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_cluster_that_loses_a_worker_gives_the_bits_of_a_serial_run(
    client: Any, tmp_path: Path
) -> None:
    store, killed = tmp_path / "store", []

    def kill_one() -> None:
        while len(list(store.glob("*.json"))) < 2:
            time.sleep(0.01)
        pids = client.run(os.getpid)
        killed.append(next(iter(pids.values())))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        table = scb.sweep(slow_signals, GRID, store=store, version="1")
    killer.join(timeout=60)
    assert killed
    assert len(list(store.glob("*.json"))) == 12
    expected = scb.sweep(slow_signals, GRID, n_jobs=1)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
