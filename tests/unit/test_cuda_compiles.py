"""Every GPU kernel compiles, to machine code that keeps its numbers in registers; needs no GPU.

The simulator checks what kernels compute but no types; this checks types but runs nothing.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None,
    reason="needs numba-cuda, which exists for Linux and Windows: pip install scbtools[cuda]",
)


@functools.cache
def reports(version: str) -> list[dict[str, Any]]:
    """What `compile_kernels.py` says, in a process without the simulator."""
    variables = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests" / "cuda" / "compile_kernels.py", version],
        env={**variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["8.0", "9.0"])
def test_every_kernel_compiles(version: str) -> None:
    found = reports(version)
    for report in found:
        name = report["kernel"]
        assert report["target"] == "sm_" + version.replace(".", ""), name
        assert report["returns"] == "none", name
        assert not report["single"], f"{name} computes in single precision"
        assert not report["calls"], f"{name} calls what should be inlined"
        assert report["stack"] == report["spilled"] == 0, f"{name} keeps numbers in memory"
        # 65536 registers, shared by at least two blocks of the largest size, 256 threads.
        assert report["registers"] <= 128, name


def test_no_kernel_is_left_out() -> None:
    folder = ROOT / "scbtools" / "cuda"
    text = "".join(path.read_text("utf8") for path in sorted(folder.glob("*.py")))
    lines = text.splitlines()
    kernels = {
        after.split("def ")[1].split("(")[0]
        for line, after in itertools.pairwise(lines)
        if line == "@kernel"
    }
    assert kernels
    assert {report["kernel"].split()[0] for report in reports("9.0")} == kernels


def test_only_one_module_imports_numba_s_cuda() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "scbtools").rglob("*.py"))
        if "numba import cuda" in path.read_text("utf8") or "numba.cuda" in path.read_text("utf8")
    ]
    assert found == ["scbtools/cuda/kernels.py"]
