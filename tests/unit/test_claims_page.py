"""The Sphinx extension: pages filled from this build's records, and builds that must fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"

# Reading the chapter stands for running it.
CONF = """
import os, sys
sys.path.insert(0, os.path.abspath("book/_ext"))
extensions = ["myst_parser", "claims_ledger"]
myst_enable_extensions = ["dollarmath"]
root_doc = "book/intro"
exclude_patterns = ["out"]

def run(app, docname, source):
    import ledger
    if docname == "book/zz-chapter":
        exec(source[0].split("~~~")[1], {"record": ledger.record})

def setup(app):
    app.connect("source-read", run)
"""
INTRO = """# Book

```{claims-summary}
```

```{toctree}
claims
zz-chapter
```
"""
CHAPTER = (
    '# The chapter\n\n~~~\nrecord("A1", 0.25, interval=(0.2, 0.3), holds=True, note="n")\n~~~\n'
)
CLAIMS = """
- {id: A1, statement: "That $x > 0$.", source: §1, chapter: zz-chapter, rule: "bound it",
   bound: 0.5, verdict: reproduced}
- {id: A2, statement: Untested., source: §2}
"""


def build(where: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", ".", "out/html"]
    return subprocess.run(
        command, cwd=where, capture_output=True, text=True, check=False, encoding="utf8"
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    book = tmp_path / "book"
    book.mkdir()
    shutil.copy(BOOK / "ledger.py", book)
    shutil.copytree(BOOK / "_ext", book / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "conf.py").write_text(CONF)
    (book / "claims.yml").write_text(CLAIMS, "utf8")
    (book / "intro.md").write_text(INTRO)
    (book / "claims.md").write_text("# Claims\n\n```{claims-ledger}\n```\n")
    # Read after the ledger page, as most chapters' data would be too late otherwise.
    (book / "zz-chapter.md").write_text(CHAPTER)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf8")
    assert old in text
    file.write_text(text.replace(old, new), "utf8")


def test_pages_are_filled_from_this_build_and_follow_changes(site: Path) -> None:
    built = build(site)
    assert built.returncode == 0, built.stderr
    ledger_page = (site / "out/html/book/claims.html").read_text("utf8")
    for part in ("0.25 [0.2, 0.3]", "Bound: 0.5", "zz-chapter.html#claim-A1", "not yet tested"):
        assert part in ledger_page
    intro = (site / "out/html/book/intro.html").read_text("utf8")
    assert "Of 2 claims of the paper: 1 reproduced" in intro
    assert "1 not yet tested" in intro

    # Only the chapter changes; the ledger page must follow, and the old record must go.
    change(site / "book/zz-chapter.md", "0.25", "0.125")
    change(site / "book/zz-chapter.md", "interval=(0.2, 0.3), ", "")
    assert build(site).returncode == 0
    assert "0.125" in (site / "out/html/book/claims.html").read_text("utf8")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("zz-chapter.md", "holds=True", "holds=False", "the run says 'not reproduced'"),
        ("zz-chapter.md", 'record("A1", 0.25, inter', "dict(inter", "zz-chapter did not record it"),
        ("claims.yml", "chapter: zz-chapter", "chapter: yy-other", "yy-other is not in the book"),
        ("claims.yml", "verdict: reproduced", "verdict: not reproduced", "on record is"),
    ],
)
def test_builds_that_must_fail(site: Path, file: str, old: str, new: str, told: str) -> None:
    change(site / "book" / file, old, new)
    built = build(site)
    assert built.returncode != 0
    assert told in built.stderr
