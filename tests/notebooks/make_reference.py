"""Make the reference notebooks anew: ``make reference``, or for a chapter with its lab notes
``make reference ONLY=01-task``.

Look at the difference before committing it: it is what the tests will hold from then on.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import nbformat  # noqa: E402
from references import REFERENCES, chapters, cleaned, executed, flaws, from_chapter, reference_of  # noqa: E402


def make(chapter: Path) -> tuple[float, list[str]]:
    """Run a chapter and write its reference; return the seconds and what is wrong with it."""
    started = time.perf_counter()
    notebook = cleaned(executed(from_chapter(chapter)))
    nbformat.validate(notebook)
    reference_of(chapter).parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, reference_of(chapter))
    return time.perf_counter() - started, flaws(notebook, from_chapter(chapter))


def main() -> int:
    """Return 0 when every chapter ran and its reference can be compared."""
    os.environ["SCBTOOLS_QUIET"] = "1"
    wanted = {reference_of(chapter) for chapter in chapters()}
    for stray in sorted(set(REFERENCES.rglob("*.ipynb")) - wanted):
        stray.unlink()
        print(f"{stray.name}: removed, no such chapter")
    chosen = [c for c in chapters() if not sys.argv[1:] or c.stem in sys.argv[1:]]
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for chapter, (seconds, found) in zip(chosen, pool.map(make, chosen), strict=True):
            print(f"{reference_of(chapter).relative_to(REFERENCES)}: {seconds:.1f} s", flush=True)
            for flaw in found:
                wrong += 1
                print(f"  {flaw}", file=sys.stderr)
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
