"""The library can be imported where nothing can be written, and imports nothing it need not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(program: str, folder: Path, **variables: str) -> str:
    """What a program prints whose environment holds these variables and a path, no more."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# A small kernel must compile as well as import. File modes do not stop root, so the one place that
# numba would write to is a path that cannot be a folder.
NOWHERE = """
import numpy as np
import scbtools as scb
from scbtools import _jit
from scbtools.kernels.cpu import run
task = scb.SCBTask([[0.5, 0.25], [0.5, 0.75]], [[1, 1]])
print(isinstance(run._cache, _jit._Cache), round(float(task.stationary[0]), 12), scb.__file__)
"""


def test_import_without_a_place_to_write(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "scbtools", tmp_path / "scbtools", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "file").write_text("not a folder")
    blocked = str(tmp_path / "file" / "cache")
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    for folder in folders:
        (folder / "__pycache__").write_text("not a folder")
        folder.chmod(0o555)
    try:
        cached, mu, where = python(NOWHERE, tmp_path, HOME=blocked, XDG_CACHE_HOME=blocked).split()
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert cached == "False"
    assert float(mu) == 0.333333333333
    assert where.startswith(str(tmp_path))


def test_import_with_a_place_to_write(tmp_path: Path) -> None:
    """The cache is used where it can be, or every run would compile for minutes."""
    cached, *_ = python(NOWHERE, ROOT, NUMBA_CACHE_DIR=str(tmp_path / "cache")).split()
    assert cached == "True"
    assert list(tmp_path.rglob("*.nbc"))


def test_import_is_light() -> None:
    """Nothing of the plot, sweep, test, book or GPU stacks comes along."""
    heavy = "torch matplotlib PIL pandas joblib IPython ipywidgets hypothesis numba.cuda"
    program = f"import sys, scbtools; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    assert python(program, ROOT).strip() == "[]"
