"""Make the reference notebooks anew: ``make reference``.

Look at the difference before committing it: it is what the tests will hold from then on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import nbformat  # noqa: E402
from references import (  # noqa: E402
    REFERENCES,
    chapters,
    cleaned,
    executed,
    flaws,
    from_chapter,
    reference_of,
)

from tools.numba_cache import use_keyed_cache  # noqa: E402


def main() -> int:
    """Return 0 when every chapter ran and its reference can be compared."""
    use_keyed_cache()
    REFERENCES.mkdir(exist_ok=True)
    wanted = {reference_of(chapter) for chapter in chapters()}
    for stray in sorted(set(REFERENCES.glob("*.ipynb")) - wanted):
        stray.unlink()
        print(f"{stray.name}: removed, no such chapter")
    wrong = 0
    for chapter in chapters():
        started = time.perf_counter()
        notebook = cleaned(executed(from_chapter(chapter)))
        nbformat.validate(notebook)
        nbformat.write(notebook, reference_of(chapter))
        print(f"{chapter.stem}: {time.perf_counter() - started:.1f} s")
        for flaw in flaws(notebook, from_chapter(chapter)):
            wrong += 1
            print(f"  {flaw}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
