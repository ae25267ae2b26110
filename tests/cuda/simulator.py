"""Two mends of numba's simulator, without which it is slow or, rarely, wrong."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def mended() -> Iterator[None]:
    """Let threads switch soon, and give all threads of a block the same shared array.

    The simulator waits for its threads in a busy loop, each turn of which lasts a switch interval.
    Of two threads that ask for a shared array at once, each may be given one of its own: it looks
    up and creates without a lock.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    before, original = sys.getswitchinterval(), FakeCUDAShared.array
    lock = threading.Lock()

    def array(self: Any, shape: Any, dtype: Any, alignment: Any = None) -> Any:
        if shape == 0:
            return original(self, shape, dtype, alignment)
        frame = sys._getframe(1)
        place = frame.f_code.co_filename, frame.f_lineno
        with lock:
            if place not in self._allocations:
                self._allocations[place] = np.empty(shape, dtype)
            return self._allocations[place]

    sys.setswitchinterval(1e-5)
    FakeCUDAShared.array = array
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        FakeCUDAShared.array = original
