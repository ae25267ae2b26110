"""The reference notebooks can be trusted: none passes without comparing anything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from references import CHECKED, REFERENCES, chapters, cleaned, flaws, from_chapter, reference_of


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_reference_is_sound(chapter: Path) -> None:
    path = reference_of(chapter)
    assert path.is_file(), f"{chapter.stem} has no reference: run make reference"
    assert flaws(nbformat.read(path, as_version=4), from_chapter(chapter)) == []


def test_every_reference_has_a_chapter() -> None:
    wanted = {reference_of(chapter).name for chapter in chapters()}
    assert {path.name for path in REFERENCES.glob("*.ipynb")} == wanted


def sound() -> nbformat.NotebookNode:
    """Return a notebook without flaws: one plain cell, one that is compared."""
    printed = new_output("stream", name="stdout", text="0.500\n")
    return new_notebook(
        cells=[
            new_code_cell("import math", execution_count=1),
            new_code_cell(
                "print('0.500')", execution_count=2, outputs=[printed], metadata={"tags": [CHECKED]}
            ),
        ]
    )


def untag(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].metadata["tags"] = []


def empty(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].outputs = []


def blank(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].outputs[0]["text"] = " \n"


def unrun(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].execution_count = None


def edit(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[0].source = "import cmath"


def leak(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].outputs[0]["text"] = "/home/someone/book/data"


def fail(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].outputs = [new_output("error", ename="E", evalue="e", traceback=[])]


def test_a_sound_reference_has_no_flaws() -> None:
    assert flaws(sound(), sound()) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (untag, "no cell is tagged"),
        (empty, "no text that could be compared"),
        (blank, "no text that could be compared"),
        (unrun, "never executed"),
        (edit, "not the chapter's"),
        (leak, "path of one machine"),
        (fail, "stored an error"),
    ],
)
def test_each_flaw_is_seen(harm: Callable[[nbformat.NotebookNode], None], told: str) -> None:
    harmed = sound()
    harm(harmed)
    assert any(told in line for line in flaws(harmed, sound()))


def test_cleaning_keeps_only_what_is_compared() -> None:
    notebook = sound()
    notebook.cells[0].outputs = [new_output("stream", name="stdout", text="noise")]
    notebook.cells[0].metadata["execution"] = {"shell.execute_reply": "2026"}
    picture = {"image/png": "x", "text/plain": "<Figure>"}
    notebook.cells[1].outputs = [new_output("display_data", data=picture)]
    kept = cleaned(notebook)
    assert kept.cells[0].outputs == []
    assert "execution" not in kept.cells[0].metadata
    assert kept.cells[1].outputs[0]["data"] == {"text/plain": "<Figure>"}


@pytest.mark.slow
def test_nbval_fails_when_a_digit_changes(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    results = {}
    for name, digit in (("right", "0"), ("wrong", "1")):
        notebook = sound()
        notebook.cells[1].outputs[0]["text"] = f"0.50{digit}\n"
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
        command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
        results[name] = subprocess.run(
            [*command, f"{name}.ipynb"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert results["right"].returncode == 0, results["right"].stdout
    assert results["wrong"].returncode == 1
    assert "1 failed" in results["wrong"].stdout
