"""Put MathJax into the built book, so that no page asks another host for it.

The package sphinx-mathjax-offline carries MathJax 3.2.2. Its own Sphinx extension is not used: it
copies ten more bundles of the same parts, 15 MB, beside the one that the pages load.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

BUNDLE = "tex-mml-chtml.js"


def copy_mathjax(app: Sphinx) -> None:
    """Copy the bundle, and the fonts, macros and readers' options that it asks for as needed."""
    found = find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        raise ExtensionError("sphinx-mathjax-offline is not installed: run make book")
    source = Path(found.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in source.iterdir():
        if part.is_dir():
            shutil.copytree(part, target / part.name, dirs_exist_ok=True)
    shutil.copy(source / BUNDLE, target / BUNDLE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step; ``mathjax_path`` in ``_config.yml`` says where the pages look."""
    app.connect("builder-inited", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
