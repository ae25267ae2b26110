"""The build runs every chapter once, takes nothing from an earlier build, and reports failures."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
HEADER = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# A page

"""
CELL = """\
```{code-cell} python
from pathlib import Path
with Path("log").open("a") as log:
    log.write("NAME ")
print("result of NAME")
EXTRA
```
"""


def book(folder: Path, **extra: str) -> None:
    """Write a book of two chapters; `extra` holds a last line of code for a chapter."""
    (folder / "conf.py").write_text(
        textwrap.dedent(f"""\
        import sys
        sys.path.insert(0, {str(EXTENSIONS)!r})
        project, extensions = "book", ["myst_nb", "run_chapters"]
        nb_execution_mode, nb_execution_cache_path = "cache", "_build/cache"
        nb_execution_show_tb = True
        exclude_patterns = ["_build"]
        """)
    )
    toc = "# Book\n\n```{toctree}\none\ntwo\nplain\n```\n"
    (folder / "index.md").write_text(toc)
    (folder / "plain.md").write_text("# No code\n")
    for name in ("one", "two"):
        cell = CELL.replace("NAME", name).replace("EXTRA", extra.get(name, ""))
        (folder / f"{name}.md").write_text(HEADER + cell)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-E", ".", "_build/html"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_every_build_runs_every_chapter_once(tmp_path: Path) -> None:
    book(tmp_path)
    for round_ in (1, 2):
        done = build(tmp_path)
        assert done.returncode == 0, done.stderr
        ran = (tmp_path / "log").read_text().split()
        assert sorted(ran) == ["one"] * round_ + ["two"] * round_
    assert "result of two" in (tmp_path / "_build" / "html" / "two.html").read_text("utf8")


@pytest.mark.slow
def test_a_failing_chapter_fails_the_build(tmp_path: Path) -> None:
    book(tmp_path, one="raise ValueError('on purpose')")
    done = build(tmp_path)
    assert done.returncode != 0
    assert "on purpose" in done.stderr
    assert "result of two" in (tmp_path / "_build" / "html" / "two.html").read_text("utf8")
