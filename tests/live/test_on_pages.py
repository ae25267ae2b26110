"""The directive that puts live figures on pages, and what a page loads for them."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = {
    "index": "Home\n====\n\n.. toctree::\n\n   two\n\nNothing lives here.\n",
    "two": """Two
===

.. live:: quiz
   :controls: no

   What it shows.

.. live:: trainer
   :state: B=256,l1=0.001
   :controls: no

   What it shows.
""",
}


def test_a_page_loads_the_figures_that_stand_on_it(tmp_path: Path) -> None:
    """The shared script and theirs, none elsewhere; `controls` goes where links have it."""
    for name, text in PAGES.items():
        (tmp_path / f"{name}.rst").write_text(text, "utf8")
    out = tmp_path / "out"
    settings = {"extensions": ["live_figures"], "html_theme": "basic", "html_sidebars": {}}
    app = Sphinx(tmp_path, None, out, tmp_path / "trees", "html", settings, None, None)
    app.build()
    for name, wanted in (("index", []), ("two", ["live", "live-quiz", "live-trainer"])):
        page = (out / f"{name}.html").read_text("utf8")
        found = re.findall(r'<script defer="defer" src="_static/(live[^.]*)\.js', page)
        assert sorted(found) == wanted
        assert ("live.css" in page) == bool(wanted)
        for each in wanted:
            assert (out / "_static" / f"{each}.js").is_file()
    states = re.findall(r'data-state="(.*?)"', page)
    assert states == ["controls=no", "B=256,l1=0.001,controls=no"]
