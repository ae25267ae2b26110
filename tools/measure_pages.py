"""Measure the book's pages against their ceilings: words, visible lines of code, figures.

``python tools/measure_pages.py`` prints a table. Screens are measured in a browser, by the tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.build_book import pages  # noqa: E402

# Of a main page. A lecture of an hour, and what a reader finishes.
WORDS, CODE, FIGURES, WIDTH, SCREENS = 2100, 40, 5, 76, 14
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


class Page(NamedTuple):
    """What a page asks of its reader."""

    words: int
    code: int  # visible lines, without blank ones
    figures: int
    widest: int  # characters of its longest line of code

    @property
    def minutes(self) -> int:
        """Time to read: 180 words or 6 lines of code a minute, half a minute a figure."""
        return round(self.words / 180 + self.code / 6 + self.figures / 2)


def measure(text: str) -> Page:
    """Return the measures of a page's Markdown."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    cells = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```\{code-cell\}.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    visible, widest = 0, 0
    figures = len(re.findall(r"^```\{live\}", text, flags=re.MULTILINE))
    captions = []
    for cell in cells:
        options = re.match(r"(---\n.*?\n---\n)?((?::[\w-]+:[^\n]*\n)*)", cell, flags=re.DOTALL)
        assert options is not None
        head, body = options.group(0), cell[options.end() :]
        figures += "  figure:" in head or "image:" in head
        captions += re.findall(r"caption: \|?\n?((?:[ ]{6,}.*\n)+)", head)
        lines = [line for line in body.splitlines() if line.strip()]
        widest = max([widest, *map(len, lines)])
        if not HIDDEN & set(re.findall(r"[\w-]+", head)):
            visible += len(lines)
    prose = re.sub(r"\{play\}`(.*?)\s*<[^>]*>`", r"\1", prose, flags=re.DOTALL)
    prose = re.sub(r"^:{3,}.*$|^`{3,}.*$|^:[\w-]+:.*$|^\(.*\)=$", "", prose, flags=re.MULTILINE)
    prose = re.sub(r"\$\$.*?\$\$", " ", prose, flags=re.DOTALL)  # read as one look, not as words
    prose = re.sub(r"\$[^$]*\$", "x", prose)
    words = len(re.findall(r"[^\W_][\w'’-]*", prose + " ".join(captions)))
    return Page(words, visible, figures, widest)


def main_pages() -> list[Path]:
    """Return the numbered chapters and the front page, which the ceilings hold for."""
    files = [ROOT / f"{page}.md" for page in pages(ROOT)]
    return [
        file for file in files if re.match(r"\d\d-|intro", file.name) and file.parent.name == "book"
    ]


def main() -> int:
    """Print a table; return 1 where a page is above a ceiling."""
    above = 0
    print(f"{'page':22} {'words':>6} {'code':>5} {'figures':>8} {'widest':>7} {'minutes':>8}")
    for file in main_pages():
        page = measure(file.read_text("utf8"))
        over = (
            page.words > WORDS or page.code > CODE or page.figures > FIGURES or page.widest > WIDTH
        )
        above += over
        print(
            f"{file.stem:22} {page.words:6} {page.code:5} {page.figures:8} {page.widest:7} "
            f"{page.minutes:8}{'  above a ceiling' if over else ''}"
        )
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
