"""Let docstrings stay plain on the API page.

They are read in a terminal at least as often, so they write norms as ``||mu||``, whose bars
reStructuredText takes for markup: they are escaped on the way. And the fields of a named
tuple are described in its docstring, not by Python's "Alias for field number 0".
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LITERAL = re.compile(r"(``.*?``)")


def escape_bars(line: str) -> str:
    """Return a line with its bars escaped, but for those in literals and examples."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    parts = LITERAL.split(line)
    # Every second part is a literal. A bar between spaces ("int | None") is no markup.
    parts[::2] = [re.sub(r"\|(?=\S)|(?<=\S)\|", r"\\|", part) for part in parts[::2]]
    return "".join(parts)


def process(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Escape the bars of one docstring, in place."""
    lines[:] = [escape_bars(line) for line in lines]


def skip_alias(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: Any
) -> bool | None:
    """Return True for a named tuple's bare field; None leaves the others as they are."""
    doc = getattr(obj, "__doc__", None) or ""
    return True if doc.startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step, after napoleon has rearranged the sections."""
    app.connect("autodoc-process-docstring", process, priority=600)
    app.connect("autodoc-skip-member", skip_alias)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
