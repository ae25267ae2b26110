"""Compile the library's kernels to WebAssembly, for the figures that train in the page.

`make wasm` writes `book/_static/live/scb.wasm` anew; it needs a linker, `wasm-ld`. How it goes:
numba's code for the functions of `wasm_exports`, before any optimisation -> LLVM's WebAssembly
backend, which is in every llvmlite -> the linker. No processor's own instructions are involved, so
that the same versions make the same bytes everywhere.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import types
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np

from tools import wasm_exports

__all__ = ["ARTEFACT", "SECTION", "build", "source_stamp"]

ROOT = Path(__file__).resolve().parents[1]
ARTEFACT = ROOT / "book" / "_static" / "live" / "scb.wasm"
SECTION = b"sources"
"""Name of the custom section that holds the stamp."""

_TRIPLE = "wasm32-unknown-unknown"
_FEATURES = "+simd128,+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals"
_FAST = {"run"}  # where speed counts more than size
# Read by numba when it is imported: code for no processor in particular, and plain.
_PLAIN = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NUMBA_OPT": "0",
    "NUMBA_LOOP_VECTORIZE": "0",
    "NUMBA_SLP_VECTORIZE": "0",
}


# --- what it is made of ---------------------------------------------------------------------


def source_stamp() -> str:
    """Return a hash of `wasm_exports` and of every function and constant that it leads to.

    Comments and docstrings do not count, nor do functions of the library that no export calls.
    """
    found = {"": _code(inspect.getsource(wasm_exports))}
    for name, thing in vars(wasm_exports).items():
        if hasattr(thing, "py_func") or name in wasm_exports.EXPORTS:
            _collect(name, thing, found)
    text = "\0".join(f"{name}\0{found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _collect(name: str, thing: Any, found: dict[str, str]) -> None:
    """Add what a name of the library means to `found`, and what that leads to."""
    function = getattr(thing, "py_func", thing)
    if isinstance(function, int | float | np.generic):
        found[name] = repr(function)
    elif isinstance(function, type) and issubclass(function, tuple):
        found[name] = repr(getattr(function, "_fields", ""))
    elif isinstance(function, types.FunctionType) and name not in found:
        ours = function.__module__ == wasm_exports.__name__  # has been read as a whole
        if not ours and not function.__module__.startswith("scbtools"):
            return
        found[name] = "" if ours else _code(textwrap.dedent(inspect.getsource(function)))
        variables = inspect.getclosurevars(function)
        for other, value in {**variables.globals, **variables.nonlocals}.items():
            if inspect.ismodule(value) and value.__name__.startswith("scbtools"):
                for member in set(function.__code__.co_names) & set(vars(value)):
                    _collect(f"{value.__name__}.{member}", vars(value)[member], found)
            else:
                _collect(f"{function.__module__}.{other}", value, found)


def _code(source: str) -> str:
    """Return source as Python reads it, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node):
            del node.body[0]
    return ast.unparse(tree)


# --- how ------------------------------------------------------------------------------------


def build() -> bytes:
    """Return the artefact, compiled anew. numba must have been imported with `_PLAIN` set."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(_TRIPLE).create_target_machine(opt=3, features=_FEATURES)
    head = f'target datalayout = "{machine.target_data}"\ntarget triple = "{_TRIPLE}"\n'
    modules = [
        llvm.parse_assembly(
            head + _portable(name, numba.cfunc(kind, error_model="numpy")(function))
        )
        for name, (kind, function) in wasm_exports.EXPORTS.items()
    ]
    whole = modules[0]
    for module in modules[1:]:
        whole.link_in(module)
    for function in whole.functions:
        if not function.is_declaration and function.name not in wasm_exports.EXPORTS:
            function.linkage = "internal"
    whole = llvm.parse_assembly(_closed(str(whole)))
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.inlining_threshold = 150  # less than its 225: a fifth smaller, and hardly slower
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(whole, builder)
    return _stamped(_linked(machine.emit_object(whole), list(wasm_exports.EXPORTS)))


def _portable(name: str, function: Any) -> str:
    """Return a function's code in LLVM's language, without what is of this machine."""
    text = function._library.get_llvm_str()
    text = re.sub(r"^target (triple|datalayout).*$", "", text, flags=re.M)
    text = re.sub(r'"(target-cpu|target-features|tune-cpu)"="[^"]*"', "", text)
    text = re.sub(r"\bcommon ((?:local_unnamed_addr )?global)", r"internal \1", text)
    if name not in _FAST:
        text = re.sub(r"^define (.*?)((?: #\d+)?) \{$", r"define \1\2 optsize {", text, flags=re.M)
    return text.replace(function._wrapper_name, name)


def _closed(text: str) -> str:
    """Return code in which functions of Python's, which kernels never call, end the program."""

    def stub(found: re.Match[str]) -> str:
        line = re.sub(r"^declare", "define internal", found[0])
        line = re.sub(r" #\d+$", "", line)
        return f"{line} {{\n  call void @llvm.trap()\n  unreachable\n}}"

    text = text.replace("@llvm.pow.", "@pow.")  # numba's, for exponents beyond 65536
    text = re.sub(r"^declare (?!.*@llvm\.).*$", stub, text, flags=re.M)
    return text if "declare void @llvm.trap()" in text else text + "\ndeclare void @llvm.trap()\n"


def _linked(code: bytes, names: list[str]) -> bytes:
    """Return a WebAssembly module of object code, with these functions exported."""
    if shutil.which("wasm-ld"):
        linker = ["wasm-ld"]
    elif importlib.util.find_spec("ziglang"):
        linker = [sys.executable, "-m", "ziglang", "wasm-ld"]
    else:
        raise SystemExit(
            "make wasm needs a linker for WebAssembly: install lld, your system's "
            "package that has wasm-ld, or run `pip install .[wasm]`"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scb.o"
        path.write_bytes(code)
        exports = [f"--export={name}" for name in [*names, "__heap_base"]]
        options = ["--no-entry", "--gc-sections", "--strip-all", "-O2", "-z", "stack-size=65536"]
        made = path.with_suffix(".wasm")
        subprocess.run([*linker, *options, *exports, str(path), "-o", str(made)], check=True)
        # Errors that no page can meet name numba's files: where they lie here is nobody's business.
        return re.sub(
            rb"/[\w./-]+/site-packages", lambda found: b"." * len(found[0]), made.read_bytes()
        )


def _stamped(module: bytes) -> bytes:
    """Return a module with the stamp of its sources as a custom section."""
    body = bytes([len(SECTION)]) + SECTION + source_stamp().encode()
    return module + bytes([0, len(body)]) + body


def main() -> None:
    """Write the artefact."""
    if any(os.environ.get(name) != value for name, value in _PLAIN.items()):
        raise SystemExit(_again())
    made = build()
    ARTEFACT.parent.mkdir(parents=True, exist_ok=True)
    ARTEFACT.write_bytes(made)
    print(f"{ARTEFACT.relative_to(ROOT)}: {len(made) / 1000:.1f} kB, sources {source_stamp()}")


def _again() -> int:
    """Do the same in a process whose numba writes plain code, and keeps none of it."""
    with tempfile.TemporaryDirectory() as folder:
        more = {"NUMBA_CACHE_DIR": folder, "SCBTOOLS_QUIET": "1", "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-m", "tools.make_wasm"]
        return subprocess.run(command, env={**os.environ, **_PLAIN, **more}, cwd=ROOT).returncode


if __name__ == "__main__":
    main()
