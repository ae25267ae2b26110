"""What every test relies on: records kept apart, notebooks run in book/."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import nbval.plugin
import pytest

BOOK = Path(__file__).resolve().parent.parent / "book"

os.environ["SCB_BUILD"] = "1"  # live figures stand on pages without a kernel
os.environ["SCBTOOLS_QUIET"] = "1"  # a chapter's standard error must be empty

_records = tempfile.TemporaryDirectory(prefix="scb-records-")
os.environ["SCB_RECORDS"] = _records.name


class _BookKernel(nbval.plugin.RunningKernel):
    """nbval starts a kernel beside its notebook; chapters live in book/."""

    def __init__(self, kernel_name: str, cwd: str | None = None, **options: Any) -> None:
        super().__init__(kernel_name, cwd=str(BOOK), **options)


nbval.plugin.RunningKernel = _BookKernel


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the records of the notebooks that just ran."""
    _records.cleanup()
