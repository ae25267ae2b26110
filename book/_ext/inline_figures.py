"""Put the chapters' SVG figures into the page, where they can follow its theme and its width.

An <img> would not see the page's colours. Both drawings of a figure are put in, and the style
sheet shows the one that fits.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from figures import shown


class InlineFigures(SphinxPostTransform):
    """Replace images of notebook outputs by what they show."""

    default_priority = 100  # before images are collected
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Replace every SVG that a chapter drew."""
        images = list(self.document.findall(nodes.image))
        for index, image in enumerate(images):
            path = Path(self.app.srcdir) / image["uri"].lstrip("/")
            if path.suffix != ".svg" or not path.is_file():
                continue
            alt = html.escape(image.get("alt", ""), quote=True)
            drawings = zip(("wide", "narrow"), shown.parts(path.read_text("utf8")), strict=True)
            each = "".join(
                f'<div class="scb-{kind}">{shown.named(svg, f"f{index}{kind[0]}")}</div>'
                for kind, svg in drawings
            )
            text = f'<div class="scb-figure" role="img" aria-label="{alt}">{each}</div>'
            image.replace_self(nodes.raw("", text, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the step."""
    app.add_post_transform(InlineFigures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
