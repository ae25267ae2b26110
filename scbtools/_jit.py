"""The only jit decorators of the library, so that every kernel is compiled and cached alike.

No fast-math anywhere: the answer promise (the same bits on any thread count and any vector
width) needs every floating-point operation exactly as written. What must be fast is integer.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock

__all__ = ["inner", "jit", "opened"]

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parent
_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",  # IEEE division: no branch on zero, so that loops vectorise
    "nogil": True,
    "_nrt": False,  # kernels allocate nothing, so that there are no references to count
}


def jit(function: F) -> F:
    """Return `function` compiled for one thread, to be called from Python; kept on disk."""
    compiled: Any = numba.njit(no_cfunc_wrapper=True, **_OPTIONS)(function)
    compiled._cache = _cache_of(function) or compiled._cache
    return compiled  # type: ignore[no-any-return]


def inner(function: F) -> F:
    """Return `function` for kernels to call. Python cannot.

    numba would optimise such a function and turn it into machine code, and do both again in every
    kernel that it becomes part of. Here only the kernel at the top is finished, which saves a third
    of the time to compile.
    """
    unwrapped = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: Any = numba.njit(**unwrapped, **_OPTIONS)(function)
    if numba.config.DISABLE_JIT:  # then it is the plain function
        return function
    compile_whole = compiled.compile

    def compile_part(signature: Any) -> Any:
        with _unfinished(compiled.targetctx.codegen(), function.__qualname__):
            return compile_whole(signature)

    compiled.compile = compile_part
    return compiled  # type: ignore[no-any-return]


def opened(function: F) -> F:
    """Return an inner function as one that Python can call, to look at it or to test it."""
    compiled: F = numba.njit(lambda *arguments: function(*arguments), **_OPTIONS)
    return compiled


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """The code of a function that is only ever linked into another."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@contextlib.contextmanager
def _unfinished(codegen: Any, name: str) -> Iterator[None]:
    """Let the function of this name, but none that it calls, be compiled to a `_Part`.

    Its environment, which holds what Python code would need, does not exist in memory yet, so it
    is not set: nor does numba set it for inner functions when it reads a kernel from disk.
    """
    with global_compiler_lock:
        before, set_env = codegen._library_class, codegen.set_env

        def library(codegen: Any, what: str) -> Any:
            return (_Part if what == name else JITCodeLibrary)(codegen, what)

        def set_known(name: str, environment: Any) -> None:
            if codegen._engine.get_global_value_address(name):
                set_env(name, environment)

        codegen._library_class, codegen.set_env = library, set_known
        try:
            yield
        finally:
            codegen._library_class, codegen.set_env = before, set_env


# --- the cache ------------------------------------------------------------------------------


@functools.cache
def source_stamp() -> str:
    """Return a hash of every source that a kernel can come from.

    numba renews a kernel when its own file changes, not when a function that it calls in another
    file does. With this stamp any change renews all.
    """
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        if b"_jit" in text or path.parent.name == "kernels":
            digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache on disk, with our stamp in its file names: no process reads another state."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        base = f"{self._impl.filename_base}.{source_stamp()}"
        self._cache_file = IndexDataCacheFile(self._cache_path, base, source_stamp())

    def load_overload(self, *args: Any) -> Any:
        """Return a kept kernel; None where there is none that can be read."""
        try:
            return super().load_overload(*args)
        except Exception as error:
            _say_once(
                "compiling",
                f"cannot read kept kernels in {self._cache_path} ({error!r}): compiling them anew",
            )
            with contextlib.suppress(OSError):
                self.flush()  # nothing could be kept beside an index that cannot be read
            return None

    def save_overload(self, *args: Any) -> None:
        """Keep a kernel, where that is possible."""
        try:
            super().save_overload(*args)
        except Exception as error:
            _say_once("keeping", f"cannot keep kernels in {self._cache_path}: {error!r}")


def _cache_of(function: Callable[..., Any]) -> Any:
    """Return the cache of a kernel, None where no folder can be written."""
    try:
        return _Cache(function)
    except (RuntimeError, OSError):
        return None


_said: set[str] = set()


def _say_once(about: str, text: str) -> None:
    """Write one line about a thing to standard error, unless SCBTOOLS_QUIET is set."""
    if about not in _said and not os.environ.get("SCBTOOLS_QUIET"):
        print(f"scbtools: {text}", file=sys.stderr, flush=True)
    _said.add(about)


class _Announce(event.Listener):  # type: ignore[misc]
    """Tells once what a first call waits for."""

    def on_start(self, found: Any) -> None:
        if found.data["dispatcher"].__module__.startswith("scbtools.kernels"):
            kept = _cache_of(jit) is not None
            then = "once; they are kept for the next time" if kept else "as they cannot be kept"
            _say_once("compiling", f"compiling kernels, some ten seconds, {then}")

    def on_end(self, found: Any) -> None:
        pass


event.register("numba:compile", _Announce())
