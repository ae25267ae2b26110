"""Directive ``{coverage}``: where results of the paper stand, as tables of ``coverage.yml``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

BOOK = Path(__file__).resolve().parent.parent
SOURCE = BOOK / "coverage.yml"
HOW = ("proved", "tested", "cited", "stated", "none")
MISSING = "not in this book"


def load() -> list[dict[str, Any]]:
    """Return the parts of the table, each with its rows."""
    parts: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text("utf8"))
    return parts


def as_text(parts: list[dict[str, Any]]) -> list[str]:
    """Return the tables as lines of MyST, after a sentence that counts."""
    rows = [row for part in parts for row in part["rows"]]
    counts = Counter(how for row in rows for how in row["how"])
    said = ", ".join(f"{counts[how]} {how}" for how in HOW[:-1])
    lines = [f"Of {len(rows)} entries: {said} (several can apply), {counts['none']} {MISSING}.", ""]
    for part in parts:
        lines += [f"**{part['part']}**", "", "| In the paper | What | How | Where |"]
        lines += ["|---|---|---|---|", *map(_row, part["rows"]), ""]
    return lines


def _row(row: dict[str, Any]) -> str:
    how = MISSING if row["how"] == ["none"] else ", ".join(row["how"])
    links = [row["where"]] if "where" in row else []
    links += [
        f'<a class="reference internal" href="claims.html#ledger-{name}">{name}</a>'
        for name in row.get("claims", [])
    ]
    return f"| {row['item']} | {row['what']} | {how} | {', '.join(links) or '–'} |"


class Coverage(SphinxDirective):
    """The paper's items and their places."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        self.env.note_dependency(str(SOURCE))
        holder = nodes.container(classes=["scb-coverage"])
        self.state.nested_parse(StringList(as_text(load()), str(SOURCE)), 0, holder)
        return [holder]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("coverage", Coverage)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
