"""The reference notebooks: how they are made from chapters, and what each must fulfil.

A reference is a chapter with the outputs of one run. nbval runs it again and compares the
cells tagged ``nbval-check-output``. Such a cell without a stored output would pass whatever
happens, so `flaws` looks for that, and for a reference that its chapter has left behind.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from tools.build_book import pages

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
REFERENCES = ROOT / "tests" / "reference"
CHECKED = "nbval-check-output"
MACHINE_PATH = re.compile(r"(/home/|/root/|/tmp/|/Users/|/work/|[A-Z]:\\\\)")


def chapters(root: Path = ROOT) -> list[Path]:
    """Return the pages of the book that hold code, in reading order."""
    files = [root / f"{page}.md" for page in pages(root)]
    return [file for file in files if "```{code-cell}" in file.read_text("utf8")]


def reference_of(chapter: Path) -> Path:
    """Return where a chapter's reference belongs."""
    return (REFERENCES / chapter.relative_to(BOOK)).with_suffix(".ipynb")


def from_chapter(chapter: Path) -> nbformat.NotebookNode:
    """Return a chapter as a notebook without outputs and without what varies."""
    notebook = jupytext.read(chapter)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"  # jupytext draws one at random
    return notebook


def executed(notebook: nbformat.NotebookNode, folder: Path = BOOK) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of a run in a folder, records kept apart."""
    with tempfile.TemporaryDirectory() as records:
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env=os.environ | {"SCB_RECORDS": records, "SCB_BUILD": "1"})
    return notebook


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook without pictures, timings, and the outputs that nobody compares."""
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata.pop("widgets", None)  # their pictures, of which nobody compares any
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        if CHECKED not in cell.metadata.get("tags", []):
            cell.outputs = []
        for output in cell.outputs:
            for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
                del output["data"][kind]
    return notebook


def flaws(reference: nbformat.NotebookNode, chapter: nbformat.NotebookNode) -> list[str]:
    """Return what is wrong with a reference, one line each."""
    found = []
    if _inputs(reference) != _inputs(chapter):
        found.append("its cells are not the chapter's: run make reference")
    checked = [each for each in _code(reference) if CHECKED in each.metadata.get("tags", [])]
    if not checked:
        found.append(f"no cell is tagged {CHECKED}")
    for cell in checked:
        title = repr(cell.source.strip().splitlines()[0]) if cell.source.strip() else "a cell"
        if cell.execution_count is None:
            found.append(f"{title} was never executed")
        if any(output.output_type == "error" for output in cell.outputs):
            found.append(f"{title} stored an error")
        if not "".join(_texts(cell)).strip():
            found.append(f"{title} has no text that could be compared")
        found += [
            f"{title} stored a path of one machine"
            for text in _texts(cell)
            if MACHINE_PATH.search(text)
        ]
    return found


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _inputs(notebook: nbformat.NotebookNode) -> list[tuple[str, list[str]]]:
    return [(cell.source, list(cell.metadata.get("tags", []))) for cell in _code(notebook)]


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    found = []
    for output in cell.outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        found.append("".join(text))
    return found
