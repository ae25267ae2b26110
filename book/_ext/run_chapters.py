"""Execute chapters side by side before Sphinx reads them one after another.

Sphinx executes a chapter when it reads it. Here all chapters that are about to be read run first,
as many at once as there are cores, into an execution cache that is empty at the start: so nothing
is ever taken from an earlier build. A chapter that stops half-way, whatever the reason, is reported
and cached as far as it came: Sphinx would run it again, and would end at a kernel that dies.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
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
    found = [(name, Path(env.doc2path(name)), _notebook(env, name)) for name in docnames]
    chapters = [(name, path, book) for name, path, book in found if book is not None]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        timeout = config.execution_timeout
        results = pool.map(lambda each: _execute(each[1], each[2], timeout), chapters)
        cache = get_cache(str(folder))
        for (name, path, book), (seconds, line, reason) in zip(chapters, results, strict=True):
            if reason:
                logger.error("the chapter stopped at this cell: %s", reason, location=(name, line))
                app.statuscode = 1
            else:
                logger.info("%s executed in %.1f seconds", path.name, seconds)
            bundle = CacheBundleIn(book, str(path), data={"execution_seconds": seconds})
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


def _execute(path: Path, notebook: NotebookNode, timeout: int) -> tuple[float, int, str]:
    """Run a notebook; return its seconds, its last cell's line, and why it stopped."""
    # Lab notes too run in book/, where they find what chapters draw with.
    folder = next((each for each in path.parents if each.name == "book"), path.parent)
    lines = notebook.metadata.get("source_map") or [0] * len(notebook.cells)
    last, ending = [0], [""]

    def note_ending(**_: object) -> None:
        # Called while the kernel's process can still be asked.
        code = client.km.provisioner.process.poll()  # type: ignore[union-attr]
        if code is not None and code < 0:
            ending[0] = f", killed by {signal.Signals(-code).name}"
            ending[0] += " as when memory runs out" if -code == 9 else ""
        elif code is not None:
            ending[0] = f" with exit status {code}"

    client = NotebookClient(
        notebook,
        timeout=timeout,
        record_timing=False,  # Sphinx finds a chapter in the cache by its source and metadata
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell, cell_index: last.append(cell_index),
        on_notebook_error=note_ending,
    )
    started, reason = time.perf_counter(), ""
    try:
        client.execute()
    except DeadKernelError:
        reason = f"its kernel died{ending[0]}"
    except CellTimeoutError:
        reason = f"it took longer than {timeout} seconds"
    except Exception as error:  # one chapter's trouble must not keep the others from being built
        reason = str(error) or type(error).__name__
    return time.perf_counter() - started, lines[last[-1]] + 1, reason


def setup(app: Sphinx) -> dict[str, Any]:
    """Run after the ledger has forgotten the records of chapters about to run."""
    app.connect("env-before-read-docs", run, priority=900)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
