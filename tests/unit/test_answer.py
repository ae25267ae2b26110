"""The answer promise: the same bits on any number of threads and on any CPU."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*threads: int, **variables: str) -> list[dict[str, str]]:
    """What `digests.py` prints under these environment variables, by number of threads."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "unit" / "digests.py", *map(str, threads)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@functools.cache
def here() -> list[dict[str, str]]:
    return run(1, 2, 3, 5)


def test_same_bits_on_any_number_of_threads() -> None:
    one, *others = here()
    assert one["status"] == "finished"
    assert len(others) == 3
    assert len({*one.values()}) == len(one)  # not all the same by emptiness
    for other in others:
        assert other == one


@pytest.mark.slow
def test_same_bits_on_a_plain_cpu() -> None:
    """Without the vector instructions of the last fifteen years, in numba and in NumPy."""
    found = np._core._multiarray_umath  # type: ignore[attr-defined]
    newer = [name for name in found.__cpu_dispatch__ if found.__cpu_features__[name]]
    (plain,) = run(
        1, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NPY_DISABLE_CPU_FEATURES=" ".join(newer)
    )
    assert plain == here()[0]
