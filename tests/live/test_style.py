"""The live figures' source: formatted, and its types checked, by tools that npm serves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from browsing import npm_file
from live import bundle
from live_node import node

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *bundle.modules(),
    ROOT / "tools" / "draw_stills.mjs",
    *(ROOT / "tests/live").glob("*.mjs"),
]
FORMAT = {"printWidth": 100, "objectWrap": "collapse"}


def tool(address: str) -> str:
    found = npm_file(f"https://cdn.jsdelivr.net/npm/{address}")
    if found is None:
        pytest.skip(f"npm has no {address}")
    return str(found)


def run(*command: str) -> str:
    """Return what a program writes, nothing if it is content."""
    done = subprocess.run(
        [node(), *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_format(tmp_path: Path) -> None:
    """As prettier writes it."""
    settings = tmp_path / "format.json"
    settings.write_text(json.dumps(FORMAT), "utf8")
    prettier = tool("prettier@3.6.2/bin/prettier.cjs")
    assert run(prettier, "--check", "--config", str(settings), *map(str, SOURCES)) == ""


def test_types(tmp_path: Path) -> None:
    """As TypeScript reads the comments."""
    options = {"allowJs": True, "checkJs": True, "strict": True, "noEmit": True}
    options |= {"target": "es2022", "module": "esnext", "moduleResolution": "bundler"}
    options |= {"lib": ["es2022", "dom", "dom.iterable"], "types": []}
    config = {"compilerOptions": options, "files": list(map(str, bundle.modules()))}
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps(config), "utf8")
    assert run(tool("typescript@5.9.3/bin/tsc"), "-p", str(project)) == ""
