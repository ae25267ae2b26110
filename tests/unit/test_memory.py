"""Memory is O(N T + B), never B T."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import resource, sys
import scbtools as scb
task = scb.SCBTask.random(3, 5000, 2)
params = scb.uniform_start(task)
stage = lambda size: scb.Stage("one", 2, size, eta_V=0.01, eta_A=0.01)
def work(size):
    scb.minibatch_gradients(task, params, size)
    scb.train(task, stage(size), params)
work(10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
work(int(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
def test_a_large_batch_is_never_stored_whole() -> None:
    """20 000 samples of 5000 positions would be 100 MB as bytes; 8 MB hold what is allowed."""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "20000"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8 * 1024
