"""Leave out of the pages what Jupyter Book adds for live kernels, and a role that is out of use.

sphinx-thebe puts its settings in every page, and twice, which is a script error in the
reader's browser. No page has a button for it.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def tidy(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Take Thebe's scripts off a page, and call entries of the bibliography items of their list."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "THEBE_JS_URL" not in str(getattr(script, "attributes", {}).get("body", ""))
        and "thebe" not in str(getattr(script, "filename", ""))
    ]
    if "body" in context:  # docutils' own role for them is deprecated
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step, after every extension that adds scripts."""
    app.connect("html-page-context", tidy, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
