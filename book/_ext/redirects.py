"""Leave a page at every address that a page once had, which leads to where it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Moved</title>
<meta http-equiv="refresh" content="0; url={to}.html">
<link rel="canonical" href="{to}.html">
<p>This page has moved to <a href="{to}.html">{to}</a>.</p>
</html>
"""


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the pages, unless one of today stands there."""
    if error or app.builder.name != "html":
        return
    for old, new in app.config.redirects.items():
        page = Path(app.outdir) / "book" / f"{old}.html"
        if not page.exists():
            page.write_text(PAGE.format(to=new), "utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step and its setting."""
    app.add_config_value("redirects", {}, "html", dict)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
