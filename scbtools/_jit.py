"""The only jit decorators of the library, so that every kernel is compiled alike.

No fast-math anywhere: the answer promise (the same bits on any thread count and any vector
width) needs every floating-point operation exactly as written. What must be fast is integer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

# Threads that wait for each other by spinning, OpenMP's default, cost tenfold on a machine with
# other work. It is read when numba starts its threads, so it must be set before that.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba

__all__ = ["inline", "jit", "parallel"]

F = TypeVar("F", bound=Callable[..., Any])


def _cache_is_writable() -> bool:
    """Return whether numba finds a place for its cache; without one it would raise at import."""
    if os.environ.get("SCBTOOLS_NO_CACHE"):
        return False

    def probe() -> None:
        return None

    try:
        numba.njit(cache=True)(probe)
    except RuntimeError:
        return False
    return True


_OPTIONS: dict[str, Any] = {
    "cache": _cache_is_writable(),
    "error_model": "numpy",  # IEEE division: no branch on zero, so that loops vectorise
    "nogil": True,
}


def jit(function: F) -> F:
    """Return `function` compiled for one thread."""
    compiled: F = numba.njit(**_OPTIONS)(function)
    return compiled


def inline(function: F) -> F:
    """Return `function` compiled and pasted into its callers, so that their loops vectorise."""
    compiled: F = numba.njit(inline="always", **_OPTIONS)(function)
    return compiled


def parallel(function: F) -> F:
    """Return `function` compiled with `numba.prange` spread over threads."""
    compiled: F = numba.njit(parallel=True, **_OPTIONS)(function)
    return compiled
