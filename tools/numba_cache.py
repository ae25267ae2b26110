"""Where numba may keep compiled kernels: a folder named after the library's own code.

numba renews a cached kernel when the kernel's file changes, but not when a function that
it calls in another file does. A folder per state of the library makes stale kernels
impossible, and keeps the cache for every state that did not change.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_key(root: Path = ROOT) -> str:
    """Return a hash of every file of the library and of the pinned versions.

    Parameters
    ----------
    root
        The repository.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in [*sorted((root / "scbtools").rglob("*.py")), root / "constraints.txt"]:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def use_keyed_cache(root: Path = ROOT) -> Path:
    """Return the folder for kernels and set ``NUMBA_CACHE_DIR``, for children too.

    A value that is set already stays. Call it before scbtools is imported: numba reads
    the variable when it compiles its first cached function.

    Parameters
    ----------
    root
        The repository.

    Returns
    -------
    Path
        The value of ``NUMBA_CACHE_DIR``.
    """
    fallback = root / ".cache" / "numba" / cache_key(root)
    return Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(fallback)))


if __name__ == "__main__":
    print(use_keyed_cache())
