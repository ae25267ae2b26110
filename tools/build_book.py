"""Build the book: execute every chapter afresh, with warnings as errors.

``python tools/build_book.py`` is all that ``make book`` does once the packages are there.

Nothing is taken from an earlier build: Sphinx and execution caches look at a chapter's own
text only, and would show old results after a change in scbtools.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "book" / "_build"


def pages(root: Path = ROOT) -> list[str]:
    """Return the documents that the table of contents names, the root first.

    Parameters
    ----------
    root
        The repository.

    Returns
    -------
    list of str
        Paths without suffix, such as ``book/intro``.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    found: list[str] = [toc["root"]]

    def walk(node: dict[str, object]) -> None:
        if "file" in node:
            found.append(str(node["file"]))
        for key in ("parts", "chapters", "sections"):
            children = node.get(key, [])
            assert isinstance(children, list)
            for child in children:
                walk(child)

    walk(toc)
    return found


def main() -> int:
    """Return 0 when every expected page was built without a warning."""
    version = metadata.version("jupyter-book")
    if not version.startswith("1."):
        # Version 2 ignores _config.yml, builds nothing and exits 0.
        print(f"The book needs jupyter-book 1.x, and {version} is installed.", file=sys.stderr)
        return 1

    os.environ["SCB_BUILD"] = "1"  # live figures stand on pages without a kernel
    os.environ["SCBTOOLS_QUIET"] = "1"  # a chapter's standard error must be empty
    # Chapters of one build must not see the records of another.
    os.environ.pop("SCB_RECORDS", None)
    shutil.rmtree(BUILD, ignore_errors=True)
    started = time.perf_counter()
    # Called this way because jupyter_book is no runnable module, and the script beside
    # the interpreter goes by another name on Windows.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    options = ["--path-output", str(ROOT / "book"), "-W", "-n", "--keep-going"]
    code = subprocess.run(
        [*command, "build", str(ROOT), *options], cwd=ROOT, check=False
    ).returncode
    if code:
        print("The book was not built: see the warnings and errors above.", file=sys.stderr)
        return code

    missing = [page for page in pages() if not (BUILD / "html" / f"{page}.html").is_file()]
    if missing:
        print(f"Pages not built: {', '.join(missing)}.", file=sys.stderr)
        return 1
    minutes = (time.perf_counter() - started) / 60
    print(f"\nBuilt {len(pages())} pages in {minutes:.1f} minutes. Open")
    print(f"  {(BUILD / 'html' / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
