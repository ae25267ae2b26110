"""What holds for every live figure, told without a page: node runs them."""

from __future__ import annotations

import contextlib
import io
import re
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import pytest
from live import bundle
from live_node import figures, known, node

from tools import draw_stills

NAMES = [figure["name"] for figure in known()]
STEPS = 40


def cases(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Every preset, and the ends of every control."""
    states = [{}, *(state for _, state in about["presets"])]
    states += [{c["name"]: c["values"][end]} for c in about["controls"] for end in (0, -1)]
    return [
        {"name": about["name"], "state": state, "steps": steps}
        for state in states
        for steps in ((0, STEPS) if about["timed"] else (0,))
    ]


@pytest.fixture(scope="module", params=NAMES)
def shown(request: pytest.FixtureRequest) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    about = next(each for each in known() if each["name"] == request.param)
    asked = cases(about)
    return list(zip(asked, figures(asked), strict=True))


def test_drawings_are_whole(shown: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Every drawing is well-formed, has a height, and names no number that is none."""
    for case, found in shown:
        for drawing in found["drawings"]:
            body = drawing["body"]
            ET.fromstring(f"<svg>{body}</svg>")
            assert 100 < drawing["height"] < 1200, case
            assert not re.search(r"NaN|Infinity|undefined|null", body + found["words"]), case
        assert 10 < len(found["words"]) < 400, case


def test_the_same_in_python(shown: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """The call that a figure shows, pasted, prints the numbers that the figure has."""
    for case, found in shown:
        if not found["python"]:
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(found["python"], "pasted", "exec"), {})
        numbers = [float(word) for word in out.getvalue().split()]
        assert numbers == found["data"]["python"], (case, found["python"])


def test_still_pictures_are_in_step(tmp_path: Path) -> None:
    """What print shows is what the figures draw."""
    draw_stills.draw(tmp_path, node())
    drawn = {path.name: path.read_text("utf8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text("utf8") for path in draw_stills.STILLS.iterdir()}
    assert drawn == kept, "run `make stills`"


def test_pages_and_widgets_are_small() -> None:
    """All JavaScript and WebAssembly of a page, compressed, and of a widget; no module is long."""
    placed: dict[str, set[str]] = {}
    for page in draw_stills.pages():
        names = {name for name, _ in draw_stills.placed(page)}
        placed |= {page.stem: names} if names else {}
    assert set.union(*placed.values()) <= set(bundle.names())
    for page, names in placed.items():
        whole = "".join(bundle.scripts(*names).values())
        assert len(zlib.compress(whole.encode(), 9)) <= 100_000, page
    for name in bundle.names():
        assert len(bundle.widget(name)) <= 100_000, name
    lengths = {path.name: len(path.read_text("utf8").splitlines()) for path in bundle.modules()}
    del lengths["scb.mjs"], lengths["core.mjs"]  # the kernels' face, and what figures share
    assert max(lengths.values()) <= 400


def test_a_page_has_what_its_figures_need_and_no_more() -> None:
    """One script is shared, one is each figure's own; none is needed by another figure."""
    assert list(bundle.scripts("coin", "loss")) == ["live.js", "live-coin.js", "live-loss.js"]
    whole = bundle.shared()
    for name in bundle.names():
        text = (bundle.HERE / f"{name}.mjs").read_text("utf8")
        title = re.findall(r"^  title: .*$", text, re.MULTILINE)[0]
        assert title in bundle.figure(name)
        assert title not in whole
    with pytest.raises(ValueError, match="no live figure 'coins': there are "):
        bundle.figure("coins")


def test_controls_are_few() -> None:
    """At most four controls and five presets a figure."""
    for about in known():
        assert len(about["controls"]) <= 4, about["name"]
        assert len(about["presets"]) <= 5, about["name"]
