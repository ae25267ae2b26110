"""Live figures on pages: the directive ``live``, the role ``play``, and the scripts they need.

::

    ```{live} trainer
    :name: fig-trainer
    :state: B=16,seed=3

    What it shows. What to notice.
    ```

    With {play}`a small batch <trainer:B=4>` the signal drowns.

For a lecture, ``:controls: no``, or ``controls=no`` in an address, hides all controls but Play.

A page holds the figure's still picture, which print and readers without JavaScript see. Two scripts
put the figure in its place: one that all figures share, and its own.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from live import bundle

STILLS = Path(bundle.HERE) / "stills"


def still_name(name: str, state: str) -> str:
    """Return what the files of a still picture begin with."""
    return "-".join([name, *re.findall(r"\w+", state)])


class Live(SphinxDirective):
    """A live figure with its number and caption."""

    required_arguments = 1
    has_content = True
    option_spec = {  # noqa: RUF012
        "name": directives.unchanged,
        "state": directives.unchanged,
        "controls": lambda text: directives.choice(text, ("yes", "no")),
    }

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        name, state = self.arguments[0], self.options.get("state", "")
        drawings = ""
        for width in ("wide", "narrow"):
            path = STILLS / f"{still_name(name, state)}-{width}.svg"
            self.env.note_dependency(str(path))
            if not path.is_file():
                raise self.error(
                    f"no still picture {path.name} of a live figure: run `make stills`"
                )
            svg = path.read_text("utf8")
            drawings += svg.replace('"live-picture"', f'"live-picture live-{width}"', 1)
        figure = nodes.figure(classes=["live-figure"])
        attributes = f'class="live" id="live-{name}" data-live="{name}"'
        if self.options.get("controls") == "no":
            state = f"{state},controls=no".lstrip(",")
        if state:
            attributes += f' data-state="{html.escape(state, quote=True)}"'
        figure += nodes.raw("", f"<div {attributes}>{drawings}</div>", format="html")
        if self.content:
            holder = nodes.Element()
            self.state.nested_parse(self.content, self.content_offset, holder)
            first, *rest = holder.children
            caption = nodes.caption("", "", *first.children)
            caption.source, caption.line = self.get_source_info()
            figure += caption
            if rest:
                figure += nodes.legend("", *rest)
        self.set_source_info(figure)
        self.add_name(figure)
        page = self.env.metadata[self.env.docname]
        page["live"] = f"{page.get('live', '')} {name}".lstrip()
        return [figure]


class Play(SphinxRole):
    """A phrase that sets a live figure to what it speaks of."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a link to the figure in that state."""
        match = re.fullmatch(r"(.+?)\s*<([a-z]+(?::.*)?)>", self.text, re.DOTALL)
        if not match:
            raise ValueError(f"play needs `words <figure:state>`, got {self.text!r}")
        target = html.escape(f"#live-{match[2]}", quote=True)
        text = f'<a class="live-word" href="{target}">{html.escape(match[1])}</a>'
        return [nodes.raw("", text, format="html")], []


def write(app: Sphinx) -> None:
    """Put scripts and style where pages look for them."""
    if app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        for file, text in bundle.scripts(*bundle.names()).items():
            (static / file).write_text(text, "utf8")
        style = (bundle.HERE / "live.css").read_text("utf8")
        (static / "live.css").write_text(style, "utf8")


def add_files(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Load them on pages with a live figure, and nowhere else."""
    names = app.env.metadata.get(page, {}).get("live", "").split()
    for file in bundle.scripts(*names) if names else ():
        app.add_js_file(file, loading_method="defer")
    if names:
        app.add_css_file("live.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all of it."""
    app.add_directive("live", Live)
    app.add_role("play", Play())
    app.connect("builder-inited", write)
    app.connect("html-page-context", add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
