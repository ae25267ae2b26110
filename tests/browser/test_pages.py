"""Every built page, as readers see it: light and dark, on a laptop and on a phone."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from browsing import (
    HTML,
    THEMES,
    Visit,
    chromium,
    context,
    find_chromium,
    npm_file,
    served,
    visit,
)  # fmt: skip
from PIL import Image
from playwright.sync_api import Browser, BrowserContext

from tools.build_book import pages
from tools.measure_pages import SCREENS, main_pages

pytestmark = pytest.mark.browser

# Setting a page's mathematics costs seconds, so a page is opened once in each size, with this
# theme; the other theme follows as when a reader's system turns dark at night.
OPENED = {"laptop": "light", "phone": "dark"}

REQUESTED = "() => performance.getEntriesByType('resource').map(each => each.name)"

OVERFLOWING = """() => {
    const width = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth <= width + 1 ? [] :
        [...document.querySelectorAll('.bd-article *')]
            .filter(each => each.getBoundingClientRect().right > width + 1)
            .slice(0, 5).map(each => each.outerHTML.slice(0, 120));
}"""
# A drawing's words are groups of outlines, each with its text in a comment.
CUT_OFF = """() => [...document.querySelectorAll('.scb-figure svg')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('[id*="text_"]')].filter(word => {
        const at = word.getBoundingClientRect();
        return at.width && (at.left < box.left - 1 || at.right > box.right + 1
            || at.top < box.top - 1 || at.bottom > box.bottom + 1);
    }).map(word => [...word.childNodes].find(each => each.nodeType === 8)?.data ?? word.id);
})"""
IMAGES = """() => [...document.querySelectorAll('.bd-article img')].map(image => ({
    alt: image.alt, src: image.getAttribute('src'), width: image.naturalWidth}))"""
UNSET_MATHS = """() => [...document.querySelectorAll('.bd-article .math')]
    .filter(each => !each.querySelector('mjx-container'))
    .map(each => each.textContent.slice(0, 120))"""
AXE = "https://cdn.jsdelivr.net/npm/axe-core@4.11.0/axe.min.js"
# A page has thousands of coloured words of code, of the same few kinds: one of each is enough.
VIOLATIONS = """async () => {
    const kinds = new Set();
    document.querySelectorAll('.highlight span').forEach(each => {
        if (!each.checkVisibility()) return;
        if (kinds.has(each.className)) each.replaceWith(...each.childNodes);
        else kinds.add(each.className);
    });
    const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const found = await axe.run({runOnly: rules, resultTypes: ['violations']});
    return found.violations.flatMap(rule => rule.nodes.map(
        each => `${rule.id}: ${each.target} ${each.any.map(why => why.message)}`));
}"""
# An unknown macro is no error to MathJax: it sets the name in red.
BAD_MATHS = """() => [...document.querySelectorAll(
        'mjx-merror, [data-mjx-error], mjx-mtext[style*="color: red"]')]
    .map(each => each.getAttribute('data-mjx-error') ?? each.textContent)"""

SWITCHED = """async theme => {
    for (let i = 0; i < 100 && document.documentElement.dataset.theme !== theme; i++)
        await new Promise(done => setTimeout(done, 20));
    const moving = document.getAnimations().filter(each => each instanceof CSSTransition);
    const enough = new Promise(done => setTimeout(done, 2000)); // one that is out of sight may stay
    await Promise.race([enough, Promise.allSettled(moving.map(each => each.finished))]);
}"""

BRIGHT_BOXES = """() => [...document.querySelectorAll('.bd-article *')].filter(each => {
    const [r, g, b, a = 1] = getComputedStyle(each).backgroundColor.match(/[\\d.]+/g).map(Number);
    return a > 0.5 && r + g + b > 3 * 140 && each.getBoundingClientRect().width > 150;
}).slice(0, 5).map(each => each.outerHTML.slice(0, 120))"""


def lacking(reason: str) -> None:
    """Skip on a reader's machine; fail where everything should be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    if not (HTML / "index.html").is_file():
        lacking("the book is not built: run make book first")
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        lacking("Chromium is not installed")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=OPENED)
def reader(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with context(browser, OPENED[request.param], request.param) as where:
        yield where


@pytest.fixture(scope="module", params=pages())
def seen(reader: BrowserContext, base: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with visit(reader, base, request.param) as opened:
        yield opened


@pytest.mark.parametrize("theme", THEMES)
def test_page(seen: Visit, theme: str) -> None:
    page = seen.page
    page.emulate_media(color_scheme=theme)
    page.evaluate(SWITCHED, theme)
    assert page.get_attribute("html", "data-theme") == theme
    assert seen.problems == []

    article = page.inner_text(".bd-article")
    assert "Traceback (most recent call last)" not in article
    assert page.locator(".cell_output .stderr, .cell_output .traceback").count() == 0
    assert page.locator(".system-message").count() == 0
    for width in (768, 360, page.viewport_size["width"]):
        page.set_viewport_size({**page.viewport_size, "width": width})
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate(CUT_OFF) == []

    for image in page.evaluate(IMAGES):
        assert image["width"] > 0, f"broken: {image}"
        # Without alt text, Sphinx puts the file's name there.
        assert image["alt"].strip(), f"no alt text: {image}"
        assert Path(image["alt"]).name != Path(image["src"]).name, f"no alt text: {image}"
    if theme == "dark":
        assert page.evaluate(BRIGHT_BOXES) == []
        for image in page.locator(".bd-article img:not(.keep-colours)").all():
            if image.is_visible():
                assert brightness(image.screenshot()) < 100, "a bright box on a dark page"

    assert page.evaluate(UNSET_MATHS) == []
    assert page.evaluate(BAD_MATHS) == []
    assert seen.unanswered == []


@pytest.mark.parametrize("theme", THEMES)
def test_a_page_is_accessible(seen: Visit, theme: str) -> None:
    """axe-core finds no violation of WCAG 2.2 AA; on a laptop, where all of a page shows."""
    if seen.page.viewport_size["width"] < 1000:
        pytest.skip("looked at on a laptop")
    if theme == "dark" and "/lab/" in seen.page.url:
        pytest.skip("lab notes have the colours of main pages")
    axe = npm_file(AXE)
    if axe is None:
        lacking("axe-core is not to be had: neither its npm package nor npm is here")
    page = seen.page
    page.emulate_media(color_scheme=theme)
    page.evaluate(SWITCHED, theme)
    page.evaluate(axe.read_text("utf8"))
    assert page.evaluate(VIOLATIONS) == []


def test_a_main_page_is_read_to_its_end(seen: Visit) -> None:
    """At most fourteen screens of a laptop; on a phone as long as it takes."""
    size = seen.page.viewport_size
    mains = {f"/book/{file.stem}.html" for file in main_pages()}
    if size["width"] > 1000 and urlsplit(seen.page.url).path in mains:
        tall = seen.page.evaluate("document.documentElement.scrollHeight")
        assert tall <= SCREENS * size["height"]


def test_a_page_asks_no_other_host(seen: Visit, base: str) -> None:
    """Neither for mathematics nor for fonts, nor for what is alive on it."""
    asked = {*seen.page.evaluate(REQUESTED), *seen.unanswered}
    assert any(url.startswith(f"{base}/_static/mathjax/") for url in asked) == (
        seen.page.locator(".math").count() > 0
    )
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith((base, "data:"))}
    assert not hosts


def test_no_file_of_the_book_names_another_host_to_load_from() -> None:
    """Pages that nobody visits here, such as the index and the search, are looked through."""
    if not HTML.is_dir():
        lacking("the book is not built: run make book first")
    loads = re.compile(
        r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["'](?:https?:)?//"""
        r"""|<link\b[^>]*?\bhref=["'](?:https?:)?//|@import\b[^;]*?//|url\(["']?(?:https?:)?//"""
    )
    found = [*HTML.rglob("*.html"), *HTML.rglob("*.css")]
    assert not [path for path in found if loads.search(path.read_text("utf8"))]


def test_mathematics_shows_on_a_page_opened_from_disk(browser: Browser, base: str) -> None:
    """Offline, with the address of the file: every formula is set, in MathJax's own fonts."""
    where = browser.new_context(offline=True)
    with visit(where, HTML.as_uri(), "book/01-task") as seen:
        page = seen.page
        assert page.locator(".bd-article .math mjx-container").count() > 50
        assert page.evaluate(UNSET_MATHS) == []
        assert page.evaluate(BAD_MATHS) == []
        page.evaluate("() => document.fonts.ready.then(() => true)")
        fonts = page.evaluate("() => [...document.fonts].map(each => [each.family, each.status])")
        loaded = {family for family, status in fonts if status == "loaded"}
        assert {"MJXTEX", "MJXTEX-I"} <= loaded
        assert not [family for family, status in fonts if status == "error"]
        assert seen.unanswered == []
    where.close()


@pytest.mark.parametrize("name", pages())
def test_no_dead_buttons(name: str) -> None:
    """Without a repository's address there is nothing that Binder could launch."""
    path = HTML / f"{name}.html"
    if not path.is_file():
        lacking("the book is not built: run make book first")
    text = path.read_text("utf8")
    for dead in ("mybinder.org", "btn-launch-thebe", "executablebooks/jupyter-book"):
        assert dead not in text


def brightness(png: bytes) -> float:
    """Return the median brightness of a picture, 0 to 255."""
    return float(np.median(np.asarray(Image.open(io.BytesIO(png)).convert("L"))))
