"""Where the tests in this folder run: on a GPU, in numba's simulator, or not at all."""

from __future__ import annotations

import functools
import importlib.util
import os

from scbtools.cuda.engine import DEFAULT, Launch

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
REASON = (
    "needs an NVIDIA GPU (make test-cuda) or numba's simulator, where "
    "tests/unit/test_cuda_simulated.py runs it"
)

# Blocks so small that every loop has a tail, and every sum more than one thread and block.
TINY = Launch(
    land=4, spread=4, rows=4, between=2, per_thread=2, token_bytes=1 << 12, blocks_per_processor=4,
    guide_bits=3, value_threads=64, part=16, queue=2,
)  # fmt: skip
LAUNCH = TINY if SIMULATED else DEFAULT


@functools.cache
def usable() -> bool:
    """Whether kernels can be launched."""
    if SIMULATED:
        return True
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    from scbtools.cuda.kernels import cuda

    return bool(cuda.is_available())
