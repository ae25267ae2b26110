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


def placed() -> list[str]:
    """Return the live figures on pages, as name:state."""
    found = set()
    for page in sorted(ROOT.glob("book/*.md")):
        for name, options in re.findall(
            r"^```\{live\} (\w+)\n((?::.*\n)*)", page.read_text("utf8"), re.MULTILINE
        ):
            state = re.search(r"^:state: (.*)$", options, re.MULTILINE)
            found.add(f"{name}:{state[1].strip() if state else ''}")
    return sorted(found)


def draw(out: Path, node: str) -> None:
    """Write the pictures to a folder."""
    subprocess.run([node, str(ROOT / "tools" / "draw_stills.mjs"), str(out), *placed()], check=True)


if __name__ == "__main__":
    program = shutil.which("node")
    if program is None:
        sys.exit(
            "Drawing the still pictures needs node: install it (Debian: apt-get install nodejs)."
        )
    shutil.rmtree(STILLS, ignore_errors=True)
    draw(STILLS, program)
    print(f"{len(list(STILLS.iterdir()))} pictures in {STILLS.relative_to(ROOT)}")
