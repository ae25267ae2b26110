"""Live figures in node: what they show, for any state and step."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent


@functools.cache
def node() -> str:
    """Return a node that is here: the machine's own, or the one that playwright brings."""
    found = shutil.which("node")
    if found:
        return found
    from playwright._impl._driver import compute_driver_executable

    first, _ = compute_driver_executable()
    if not Path(first).is_file():
        reason = "node is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return str(first)


def _ask(cases: list[dict[str, Any]]) -> dict[str, Any]:
    done = subprocess.run(
        [node(), str(HERE / "in_node.mjs")],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def figures(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what figures show for cases of {name, state, steps}: data, words, python, drawings."""
    found: list[dict[str, Any]] = _ask(cases)["found"]
    return found


@functools.cache
def known() -> list[dict[str, Any]]:
    """Return the registered figures: name, defaults, presets, controls, still, timed."""
    found: list[dict[str, Any]] = _ask([])["about"]
    return found
