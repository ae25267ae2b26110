"""Photograph every page of the built book: ``python tests/browser/screenshots.py OUTDIR``.

Light and dark, laptop and phone, the full length of each page.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from browsing import HTML, SIZES, THEMES, chromium, context, find_chromium, served, visit  # noqa: E402

from tools.build_book import pages  # noqa: E402


def main(folder: Path) -> int:
    """Return 0 when the pictures are in the folder."""
    if not find_chromium() or not HTML.is_dir():
        print("This needs Chromium and a built book (make book).", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with served() as base, chromium() as browser:
        for theme, size in itertools.product(THEMES, SIZES):
            with context(browser, theme, size) as where:
                for name in pages():
                    path = folder / f"{Path(name).name}-{theme}-{size}.png"
                    with visit(where, base, name) as seen:
                        seen.page.screenshot(path=path, full_page=True)
                    print(path)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
