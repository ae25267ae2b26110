"""Execute chapters side by side before Sphinx reads them one after another.

Sphinx executes a chapter when it reads it. Here all chapters that are about to be read run first,
as many at once as there are cores, into an execution cache that is empty at the start: so nothing
is ever taken from an earlier build. A chapter that fails is not cached; Sphinx runs it again and
reports it in its usual way.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)


def run(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the notebooks among the documents and fill the cache with them."""
    config: Any = env.mystnb_config  # type: ignore[attr-defined]
    if config.execution_mode != "cache":
        return
    folder = Path(config.execution_cache_path)
    shutil.rmtree(folder, ignore_errors=True)
    found = [(Path(env.doc2path(name)), _notebook(env, name)) for name in docnames]
    chapters = [(path, book) for path, book in found if book is not None]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        timeout = config.execution_timeout
        # All in one folder, lab notes too, where `import figures` finds what chapters draw with.
        folder_of_all = str(Path(app.srcdir) / "book")
        results = pool.map(lambda each: _execute(each[1], folder_of_all, timeout), chapters)
        cache = get_cache(str(folder))
        for (path, notebook), seconds in zip(chapters, results, strict=True):
            if seconds is None:
                continue
            logger.info("%s executed in %.1f seconds", path.name, seconds)
            bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _notebook(env: BuildEnvironment, name: str) -> NotebookNode | None:
    """Return a document as MyST-NB reads it, None where it has no code."""
    path = Path(env.doc2path(name))
    reader = create_nb_reader(
        str(path),
        env.myst_config,  # type: ignore[attr-defined]
        env.mystnb_config,  # type: ignore[attr-defined]
        path.read_text("utf8"),
    )
    if reader is None:
        return None
    notebook = reader.read(path.read_text("utf8"))
    return notebook if any(cell.cell_type == "code" for cell in notebook.cells) else None


def _execute(notebook: NotebookNode, folder: str, timeout: int) -> float | None:
    """Run a notebook in a folder; return its seconds, None where it failed."""
    result = single_nb_execution(
        notebook, cwd=folder, timeout=timeout, allow_errors=False, meta_override=True
    )
    return None if result.err else float(result.time)


def setup(app: Sphinx) -> dict[str, Any]:
    """Run after the ledger has forgotten the records of chapters about to run."""
    app.connect("env-before-read-docs", run, priority=900)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
