"""Compiled kernels are kept, renewed when any source changes, and never stand in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary

from scbtools import _jit
from scbtools.kernels import sums, tokens

ROOT = Path(__file__).resolve().parents[2]

TOKENS = """
import hashlib
import numpy as np
import scbtools as scb
task = scb.SCBTask([[0.5, 0.25], [0.5, 0.75]], np.eye(300)[:, :2])
batch = task.sample(40, seed=1)
def show(*arrays):
    print(hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in arrays)).hexdigest())
show(*batch)
"""

# Also whether the kernel of the steps sees the tokens that the other kernel draws.
GRADIENT = (
    TOKENS
    + """
params = scb.Params(np.linspace(0, 1, 600).reshape(300, 2), np.array([[0.7, 0.1], [0.2, 0.9]]))
found = scb.minibatch_gradients(task, params, 40, seed=1)
X, K, E = (np.eye(2)[part] for part in batch)
r = np.einsum("btn,tb->bn", X, params.A[:, batch.last]) @ params.V.T - E
A = np.einsum("btn,bn,bk->tk", X, r @ params.V, K) / 40
show(*found)
print(bool(np.abs(found.A - A).max() < 1e-9))
"""
)


def run(program: str, folder: Path, cache: Path, **variables: str) -> tuple[list[str], list[str]]:
    """The lines that a program prints, and those on stderr; its library is in `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SCBTOOLS", "NUMBA"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**kept, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def kept_in(cache: Path) -> set[Path]:
    return {path for path in cache.rglob("*") if path.suffix in (".nbi", ".nbc")}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a library that can be changed, as in an editable checkout."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "scbtools", tmp_path / "scbtools", ignore=ignored)
    return tmp_path


def test_a_change_in_any_source_renews_every_kernel(copy: Path) -> None:
    """Of a constant, say, that kernels in two other files use."""
    cache, source = copy / "cache", copy / "scbtools" / "kernels" / "stream.py"
    text = source.read_text("utf8")
    first, said = run(GRADIENT, copy, cache)
    assert first[2] == "True"
    assert len(said) == 1
    assert "compiling kernels" in said[0]
    assert "they are kept" in said[0]
    before = "HIGH, LOW, TARGET = np.uint64(0), np.uint64(1), np.uint64(2)"
    assert before in text
    source.write_text(text.replace(before, before.replace("(0)", "(5)")), "utf8")
    changed, _ = run(GRADIENT, copy, cache)
    assert changed[2] == "True"
    assert not set(changed[:2]) & set(first[:2])
    fresh, _ = run(TOKENS, copy, copy / "fresh")
    assert fresh == changed[:1]
    source.write_text(text, "utf8")
    files = kept_in(cache)
    assert run(GRADIENT, copy, cache) == (first, [])
    assert kept_in(cache) == files


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def _garble(path: Path) -> None:
    path.write_bytes(b"\xff\x00garbled")


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    """Index or code, truncated or garbled: one line says so, and the next time all is well."""
    wanted, _ = run(TOKENS, ROOT, tmp_path)
    for suffix, damage in ((".nbi", _truncate), (".nbi", _garble), (".nbc", _truncate)):
        for path in kept_in(tmp_path):
            if path.suffix == suffix:
                damage(path)
        found, said = run(TOKENS, ROOT, tmp_path)
        assert found == wanted
        assert len(said) == 1
        assert "cannot read kept kernels" in said[0]
    assert run(TOKENS, ROOT, tmp_path) == (wanted, [])


def test_without_a_place_to_keep_kernels(copy: Path) -> None:
    """Not in NUMBA_CACHE_DIR, nor beside the library, nor at home: it compiles, and says so."""
    blocked = copy / "file" / "cache"
    (copy / "file").write_text("not a folder")  # modes of folders do not stop root
    for folder in ("scbtools", "scbtools/kernels"):
        (copy / folder / "__pycache__").write_text("not a folder")
    home = {"HOME": str(blocked), "XDG_CACHE_HOME": str(blocked), "PYTHONDONTWRITEBYTECODE": "1"}
    _, said = run(TOKENS, copy, blocked, **home)
    assert len(said) == 1
    assert "as they cannot be kept" in said[0]


def test_a_place_that_is_lost_after_the_import(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    lose = f"import pathlib, shutil, scbtools\nfolder = pathlib.Path({str(cache)!r})\n"
    lose += "shutil.rmtree(folder)\nfolder.touch()\n"
    _, said = run(lose + TOKENS, ROOT, cache)
    assert [line for line in said if "cannot keep kernels" in line] == said[-1:]
    assert len(said) == 2  # the other tells what takes so long


def test_plain_python_computes_the_same(tmp_path: Path) -> None:
    """NUMBA_DISABLE_JIT=1, as for a debugger or for coverage."""
    program = """
import scbtools as scb
task = scb.SCBTask.random(3, 5, 2, seed=0)
stages = [scb.Stage("a", 1, 3, eta_V=0.1, eta_A=0.1, l1=1e-3), scb.Stage("b", 1, 2, freeze_A=True)]
run = scb.train(task, stages)
print(task.sample(2).tokens.tolist(), run.params.A.tolist(), run.params.V.tolist())
"""
    plain, _ = run(program, ROOT, tmp_path, NUMBA_DISABLE_JIT="1")
    compiled, _ = run(program, ROOT, tmp_path)
    assert plain == compiled


def test_numba_still_has_what_the_library_reaches_into() -> None:
    """`_jit.py` relies on names that numba keeps to itself, and may move."""
    kernel: Any = tokens.draw_batch
    part: Any = sums.lane_sum
    codegen = part.targetctx.codegen()
    cache = FunctionCache(kernel.py_func)
    needed: list[tuple[Any, str, str]] = [
        (codegen, "_library_class", "which class holds a function's code"),
        (codegen, "set_env", "sets the environment of a compiled function"),
        (codegen._engine, "get_global_value_address", "whether a name exists in memory"),
        (JITCodeLibrary, "_optimize_final_module", "a part of compiling, left out for inner"),
        (JITCodeLibrary, "_finalize_final_module", "a part of compiling, left out for inner"),
        (JITCodeLibrary, "_finalize_dynamic_globals", "what _finalize_final_module begins with"),
        (part, "compile", "compiles a signature"),
        (kernel, "_cache", "where a dispatcher keeps its kernels"),
        (cache, "_cache_path", "the folder of a cache"),
        (cache, "_cache_file", "its files"),
        (cache._impl, "filename_base", "the beginning of their names"),
        (cache, "flush", "forgets what is kept"),
    ]
    for owner, name, meaning in needed:
        assert hasattr(owner, name), (
            f"numba {numba.__version__} has no {owner!r}.{name} ({meaning}): see scbtools/_jit.py"
        )
    assert codegen._library_class is JITCodeLibrary
    assert isinstance(cache._cache_file, IndexDataCacheFile)
    # A name that is not in memory has the address 0, and nothing else tells.
    assert codegen._engine.get_global_value_address("no such name") == 0


def test_inner_functions_cost_no_machine_code_of_their_own() -> None:
    """They are compiled to parts, and numba is left as it was."""
    part: Any = sums.lane_sum
    assert _jit.opened(part)(np.ones(3)) == 3
    assert part.overloads
    assert all(isinstance(each.library, _jit._Part) for each in part.overloads.values())
    assert part.targetctx.codegen()._library_class is JITCodeLibrary
