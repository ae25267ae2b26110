"""A page with live figures, opened from disk, as the build would make it."""

from __future__ import annotations

from pathlib import Path

from live import bundle

ROOT = Path(__file__).resolve().parents[2]

PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A live figure</title>
<style>
body {{ background: var(--pst-color-background); color: var(--pst-color-text-base);
  font-family: sans-serif; margin: 1rem auto; max-width: 47rem; padding: 0 10px; }}
html[data-theme="light"] {{ --pst-color-background: #fff; --pst-color-text-base: #222832; }}
html[data-theme="dark"] {{ --pst-color-background: #14181e; --pst-color-text-base: #ced6dd; }}
{style}
</style>
</head>
<body>
<main>
<h1>A live figure</h1>
<div style="height: {above}px"></div>
{figures}
</main>
{scripts}
</body>
</html>
"""


FIGURE = """<figure>
<div class="live" id="live-{name}" data-live="{name}" data-state="{state}">{still}</div>
<figcaption>What it shows.</figcaption>
</figure>"""


def write(
    path: Path, *names: str, still: str = "", state: str = "", above: int = 0, turned: bool = False
) -> str:
    """Write the page and return its address.

    `above` pixels stand before the figures; `turned` has their scripts read before the shared one.
    """
    style = (ROOT / "book/_static/custom.css").read_text("utf8")
    style += (bundle.HERE / "live.css").read_text("utf8")
    figures = "".join(FIGURE.format(name=name, still=still, state=state) for name in names)
    scripts = [f"<script>{text}</script>" for text in bundle.scripts(*names).values()]
    text = "".join(reversed(scripts) if turned else scripts)
    path.write_text(PAGE.format(style=style, above=above, figures=figures, scripts=text), "utf8")
    return path.as_uri()
