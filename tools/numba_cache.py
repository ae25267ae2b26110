"""Where numba may keep compiled kernels: a folder named after the library's own code.

numba renews a cached kernel when the kernel's file changes, but not when a function that
it calls in another file does. A folder per state of the compiled code makes stale kernels
impossible, and keeps the cache for every state that did not change.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_key(root: Path = ROOT) -> str:
    """Return a hash of every file of the library with compiled code and of the pinned versions.

    Such a file is in ``scbtools/kernels`` or names ``_jit``, which has the only decorators.

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
        text = path.read_bytes()
        if path.suffix == ".txt" or path.parent.name == "kernels" or b"_jit" in text:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + text + b"\0")
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
