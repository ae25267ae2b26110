"""A chapter that ends badly is named with the reason, and the other chapters are built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = f"""\
title: A book
only_build_toc_files: true
execute: {{execute_notebooks: cache, timeout: 8}}
sphinx: {{local_extensions: {{run_chapters: {str(ROOT / "book" / "_ext")!r}}}}}
"""
BUILD = """\
import sys
from pathlib import Path
from tools import build_book
build_book.ROOT = Path.cwd()
build_book.BUILD = build_book.ROOT / "book" / "_build"
sys.exit(build_book.main())
"""
CHAPTER = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
# Chapter {name}

```{{code-cell}} python
print("{name} began")
```

```{{code-cell}} python
with open("log", "a") as log:
    log.write("{name} ")
{code}
print("{name} ended")
```
"""
ENDINGS = {
    "exits": ("import os; os._exit(3)", "its kernel died with exit status 3"),
    "killed": (
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "its kernel died, killed by SIGKILL as when memory runs out",
    ),
    "hangs": ("import time; time.sleep(600)", "it took longer than 8 seconds"),
    "raises": ("raise ValueError('on purpose')", "ValueError: on purpose"),
}


@pytest.mark.slow
def test_a_chapter_that_stops_is_named_and_the_others_are_built(tmp_path: Path) -> None:
    """Kernels that exit, are killed, hang and raise: each named, each run once, all pages there."""
    names = [*ENDINGS, "well"]
    (tmp_path / "_config.yml").write_text(CONFIGURATION)
    files = "".join(f"  - file: book/{name}\n" for name in names)
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: book/intro\nchapters:\n{files}")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("# A book\n")
    for name in names:
        code = ENDINGS.get(name, ("", ""))[0]
        (tmp_path / "book" / f"{name}.md").write_text(CHAPTER.format(name=name, code=code))
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stderr)
    for name, (_, reason) in ENDINGS.items():
        named = f"book/{name}.md:12: ERROR: the chapter stopped at this cell: "
        assert said.count(named) == 1, said
        assert reason in re.split(r"\.md:\d+: ERROR: ", said.split(named)[1])[0]
    for name in names:
        page = tmp_path / "book" / "_build" / "html" / "book" / f"{name}.html"
        assert f"{name} began" in page.read_text("utf8")
    assert sorted((tmp_path / "book" / "log").read_text().split()) == sorted(names)
