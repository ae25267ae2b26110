"""Draw the still pictures of every live figure that a page shows. Needs node.

``make stills`` does it; a test holds the pictures to the figures.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STILLS = ROOT / "book" / "live" / "stills"


def pages() -> list[Path]:
    """Return the pages on which live figures may stand."""
    return sorted(ROOT.glob("book/*.md"))


def placed(page: Path) -> set[tuple[str, str]]:
    """Return the live figures of a page, as name and state."""
    found = set()
    for name, options in re.findall(
        r"^```\{live\} (\w+)\n((?::.*\n)*)", page.read_text("utf8"), re.MULTILINE
    ):
        state = re.search(r"^:state: (.*)$", options, re.MULTILINE)
        found.add((name, state[1].strip() if state else ""))
    return found


def draw(out: Path, node: str) -> None:
    """Write the pictures to a folder."""
    found = sorted({":".join(figure) for page in pages() for figure in placed(page)})
    subprocess.run([node, str(ROOT / "tools" / "draw_stills.mjs"), str(out), *found], check=True)


if __name__ == "__main__":
    program = shutil.which("node")
    if program is None:
        sys.exit(
            "Drawing the still pictures needs node: install it (Debian: apt-get install nodejs)."
        )
    shutil.rmtree(STILLS, ignore_errors=True)
    draw(STILLS, program)
    print(f"{len(list(STILLS.iterdir()))} pictures in {STILLS.relative_to(ROOT)}")
