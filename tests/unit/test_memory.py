"""Memory is O(N T + B) with small constants, never B T."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scbtools.kernels import arrays
from scbtools.kernels.tokens import new_scratch

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import resource, sys
import scbtools as scb
task = scb.SCBTask.random(int(sys.argv[2]), int(sys.argv[3]), 2)
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


@pytest.mark.parametrize("vocab_size", [2, 3, 64, 1000])
@pytest.mark.parametrize("seq_len", [1, 1000, 10**5, 10**6])
@pytest.mark.parametrize("batch_size", [1, 10**6])
@pytest.mark.parametrize("workers", [1, 16])
def test_scratch_stays_within_what_is_stated(
    vocab_size: int, seq_len: int, batch_size: int, workers: int
) -> None:
    """As their docstrings say; np.empty touches no memory, so that even T = 10^6 costs nothing."""
    shared = sum(
        array.nbytes for array in arrays.batch_arrays(vocab_size, seq_len, batch_size, workers)
    )
    row, mega = 8 * seq_len, 1 << 20
    assert shared <= 24 * batch_size + 8 * (vocab_size + 1) + 8 * mega + (2 * workers + 1) * row
    own = sum(getattr(x, "nbytes", 0) for x in arrays.desk_arrays(vocab_size, seq_len, batch_size))
    codes, samples = max(2 * mega, 2 * (seq_len + 127)), max(mega, 64 * 8 * vocab_size)
    assert own <= codes + samples + 2 * row + (1 << 16) + 5000 + 8 * vocab_size


def test_scratch_of_drawing_begins_with_a_cache_line() -> None:
    """Otherwise a step at N = 10 takes half as long again, or not, by chance of the heap."""
    kept = [new_scratch(seq_len) for seq_len in range(1, 40)]
    for words, tally, _ in kept:
        assert words.ctypes.data % 64 == tally.ctypes.data % 64 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
@pytest.mark.parametrize(
    ("vocab_size", "seq_len", "batch_size", "megabytes"),
    [
        (3, 5000, 20_000, 8),  # would be 100 MB as bytes
        (3, 10**6, 64, 128),  # 64 MB as bytes; A and its gradient are 24 MB each
        (1000, 1000, 64, 128),  # 512 MB as one-hot floats; A and its gradient are 8 MB each
    ],
)
def test_a_batch_is_never_stored_whole(
    vocab_size: int, seq_len: int, batch_size: int, megabytes: int
) -> None:
    """Beyond what a batch of ten takes, or what the parameters take, there is little."""
    pytest.importorskip("resource")
    arguments = (batch_size, vocab_size, seq_len)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < megabytes * 1024
