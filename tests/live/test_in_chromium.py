"""Every live figure under a reader's hands: Chromium, on a page opened from disk."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_page
import pytest
from browsing import chromium, find_chromium, npm_file
from live import bundle
from live_node import figures, known
from playwright.sync_api import Browser, BrowserContext, Page

from tools import draw_stills

pytestmark = pytest.mark.browser

NAMES = [figure["name"] for figure in known()]
ABOUT = {figure["name"]: figure for figure in known()}
AXE = "https://cdn.jsdelivr.net/npm/axe-core@4.11.0/axe.min.js"
SOME = 30  # steps
MAIN = "document.querySelector('[data-live]')"
CONTROLS = '.live button:not([tabindex="-1"]), .live input, .live select, .live summary'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        reason = "Chromium is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with chromium() as started:
        yield started


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def calm(browser: Browser) -> Iterator[BrowserContext]:
    """A reader who wants no motion: nothing begins by itself."""
    with browser.new_context(reduced_motion="reduce") as made:
        made.set_default_timeout(60_000)
        yield made


def opened(context: BrowserContext, address: str, **options: Any) -> Page:
    """Open a page; what goes wrong on it, or is asked of another host, fails the test."""
    page = context.new_page()
    page.problems = []  # type: ignore[attr-defined]
    note = page.problems.append  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: note(f"script: {error}"))
    page.on("console", lambda line: line.type in ("error", "warning") and note(line.text))
    page.on("request", lambda ask: re.match("https?:|wss?:", ask.url) and note(ask.url))
    page.goto(address)
    page.wait_for_selector(".live-on")
    return page


def fine(page: Page) -> None:
    """Fail for what went wrong on a page, and close it."""
    problems = page.problems  # type: ignore[attr-defined]
    page.close()
    assert not problems


def call(page: Page, what: str) -> Any:
    """Evaluate something of the figure's handle, such as ``data()``."""
    return page.evaluate(f"{MAIN}.live.{what}")


def resize(page: Page, width: int) -> None:
    """Change the window's width; its observer runs at a frame's end and asks for one more."""
    page.set_viewport_size({"width": width, "height": 700})
    page.wait_for_function(f"innerWidth === {width}")
    frames(page)


def frames(page: Page, count: int = 3) -> None:
    """Wait for some frames, however long a busy machine takes for one."""
    page.evaluate("async n => { while (n--) await new Promise(requestAnimationFrame); }", count)


def picture(page: Page) -> str:
    """Return what is drawn."""
    return str(page.evaluate("document.querySelector('svg.live-picture')?.outerHTML ?? ''"))


def test_numbers_are_python_s(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """The page has the bits that node has, and node's are Python's."""
    steps = SOME if ABOUT[name]["timed"] else 0
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    if steps:
        call(page, f"runTo({steps})")
    expected = figures([{"name": name, "steps": steps}])[0]
    shown = page.evaluate(f"JSON.stringify({MAIN}.live.data())")
    assert json.loads(shown) == expected["data"]
    assert call(page, "words()") == expected["words"]
    fine(page)


def test_it_moves_by_itself_once_and_can_be_paused(
    name: str, browser: Browser, tmp_path: Path
) -> None:
    """Within two seconds of being seen, not before, and Pause stops it."""
    with browser.new_context(reduced_motion="no-preference") as context:
        page = opened(context, live_page.write(tmp_path / "page.html", name, above=3000))
        page.wait_for_timeout(500)
        before = call(page, "state"), call(page, "steps")
        assert before[1] == 0
        page.locator(".live-stage").scroll_into_view_if_needed()
        if page.get_by_role("button", name=re.compile("^(Play|Pause)$")).count():
            page.wait_for_function(
                f"old => JSON.stringify([{MAIN}.live.state, {MAIN}.live.steps]) !== old",
                arg=json.dumps(list(before), separators=(",", ":")),
                timeout=10_000,
            )
            call(page, "pause()")
            now = call(page, "state"), call(page, "steps"), picture(page)
            page.wait_for_timeout(300)
            assert (call(page, "state"), call(page, "steps"), picture(page)) == now
        fine(page)


def test_keyboard_reaches_and_moves_every_control(
    name: str, calm: BrowserContext, tmp_path: Path
) -> None:
    """Tab comes to each; keys change what is drawn or said; Reset returns to the beginning."""
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    call(page, "reset()")
    first = call(page, "state"), call(page, "data()"), picture(page)
    count = page.locator(CONTROLS).filter(visible=True).count()
    page.locator("h1").click()
    seen = set()
    for _ in range(count + 20):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                f"[...document.querySelectorAll(`{CONTROLS}`)].indexOf(document.activeElement)"
            )
        )
    radios = page.locator('input[type="radio"]').count()  # a group is one stop
    assert len(seen - {-1}) >= count - max(0, radios - 1)
    for control in ABOUT[name]["controls"]:
        call(page, "reset()")
        before = call(page, "data()"), picture(page)
        knob = page.get_by_label(control["label"], exact=True)
        knob.focus()
        at = page.evaluate("document.activeElement.value ?? ''")
        if control["kind"] == "checkbox":
            page.keyboard.press("Space")
        else:
            end = control["kind"] == "range" and at == knob.get_attribute("max")
            page.keyboard.press(
                "ArrowLeft" if end else "ArrowDown" if control["kind"] == "select" else "ArrowRight"
            )
        assert call(page, f"state.{control['name']}") != first[0][control["name"]], control
        if ABOUT[name]["timed"]:
            call(page, f"runTo({SOME})")
        assert (call(page, "data()"), picture(page)) != before, control
    page.get_by_role("button", name="Reset").click()
    assert (call(page, "state"), call(page, "data()"), picture(page)) == first
    fine(page)


def test_a_link_restores_the_state(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """The address of a page that was played with leads to the same numbers."""
    address = live_page.write(tmp_path / "page.html", name)
    page = opened(calm, address)
    control = ABOUT[name]["controls"][0]
    page.locator(".live-stage").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    state = {control["name"]: control["values"][0], "run": SOME}
    call(page, f"set({json.dumps(state)})")
    page.wait_for_function(f"!{MAIN}.live.playing")
    data, link = call(page, "data()"), page.url
    assert "#live-" in link
    fine(page)
    page = opened(calm, link)
    page.wait_for_function(f"!{MAIN}.live.playing")
    if ABOUT[name]["timed"] and call(page, "steps") == 0:
        page.wait_for_function(f"{MAIN}.live.steps > 0 && !{MAIN}.live.playing")
    assert call(page, "data()") == data
    fine(page)


def test_axe_finds_nothing(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """No violation of WCAG 2.2 AA in either theme, with everything open."""
    axe = npm_file(AXE)
    if axe is None:
        pytest.skip("axe-core is not to be had")
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    page.evaluate("document.querySelectorAll('.live details').forEach(each => each.open = true)")
    call(page, "reset()")
    page.add_script_tag(path=str(axe))
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found = page.evaluate(
            """async () => (await axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}))
            .violations.flatMap(rule => rule.nodes.map(each => rule.id + ' ' + each.html))"""
        )
        assert found == [], theme
    fine(page)


def test_no_frame_is_long_while_it_plays(name: str, browser: Browser, tmp_path: Path) -> None:
    """No task holds the page for more than 50 ms.

    Beside other tests one may, whatever it does. Then the page's own time decides: half of that
    for a frame.
    """
    address = live_page.write(tmp_path / "page.html", name)
    watch = """() => { window.long = []; new PerformanceObserver(list =>
        list.getEntries().forEach(each => window.long.push(each.duration)))
        .observe({type: 'longtask'}); }"""
    with browser.new_context(reduced_motion="reduce") as context:
        page = opened(context, address)
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> dict[str, float]:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return {each["name"]: each["value"] for each in metrics}

        page.wait_for_timeout(300)
        page.evaluate(watch)
        before = spent()
        call(page, "play()")
        page.wait_for_timeout(1500)
        after = spent()
        long = page.evaluate("window.long")
        fine(page)
    frames = max(1.0, after["LayoutCount"] - before["LayoutCount"])
    own = (after["TaskDuration"] - before["TaskDuration"]) / frames
    assert not long or own < 25e-3, (long, own)


def test_nothing_is_wider_than_the_screen(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """Also at 320 pixels, which is 200 % on a small laptop's half window."""
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    call(page, "reset()")
    for width in (320, 768):
        resize(page, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """() => {
            const box = document.querySelector('svg.live-picture').getBoundingClientRect();
            return [...document.querySelectorAll('svg.live-picture text')].filter(each => {
                const at = each.getBoundingClientRect();
                return at.left < Math.max(0, box.left) - 2 || at.right > box.right + 2
                    || at.bottom > box.bottom + 2;
            }).map(each => each.textContent); }"""
        )
        assert outside == [], width
    fine(page)


def test_without_javascript_the_still_picture_stands(
    name: str, browser: Browser, tmp_path: Path
) -> None:
    """It is seen, with its caption; and with JavaScript the page draws just that."""
    found = sorted(draw_stills.STILLS.glob(f"{name}-wide.svg"))
    if not found:
        pytest.skip("this figure stands on no page in its first state")
    still = found[0].read_text("utf8")
    address = live_page.write(tmp_path / "page.html", name, still=still)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert page.locator("svg.live-picture").is_visible()
        assert page.get_by_text("What it shows.").is_visible()
    with browser.new_context(reduced_motion="reduce") as context:
        page = opened(context, address)
        drawn = page.evaluate(f"scbLive.still('{name}', '', 720)")
        assert drawn == still
        fine(page)


def test_mounting_leaves_nothing_behind(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """Four figures that come and go leave an empty place and no memory in use."""
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    sizes = page.evaluate(
        """async name => {
            const scb = await scbLive.engine(), sizes = [];
            const model = {get: key => ({figure: name})[key], set() {}, save_changes() {},
                on() {}, off() {}};
            for (let i = 0; i < 4; i++) {
                const el = document.body.appendChild(document.createElement('div'));
                const remove = await scbLive.render({model, el});
                await el.firstChild.live.runTo(20);
                const place = el.firstChild;
                remove();
                if (place.childNodes.length) throw new Error('something is left');
                el.remove();
                sizes.push(scb.memory ? scb.memory.buffer.byteLength : 0);
            }
            return sizes;
        }""",
        name,
    )
    assert sizes[-1] == sizes[1]
    fine(page)


def test_controls_can_be_hidden(name: str, calm: BrowserContext, tmp_path: Path) -> None:
    """For a lecture: by the page or by a link, which keeps it. What moves can still be stopped."""
    for state, link in (("controls=no", ""), ("", "controls=no")):
        address = live_page.write(tmp_path / "page.html", name, state=state)
        page = opened(calm, f"{address}#live-{name}:{link}" if link else address)
        left = page.locator(CONTROLS).filter(visible=True).all_inner_texts()
        left = [text for text in left if text]  # places in a drawing have none
        assert left in ([], ["Play"], ["Pause"])
        assert "controls" not in call(page, "state")
        if link:
            page.locator(".live-stage").scroll_into_view_if_needed()
            page.wait_for_timeout(200)
            call(page, "pause()")
            call(page, "set({seed: 5})")
            assert "controls=no" in page.url
        call(page, "set({controls: 'yes'})")
        assert page.locator(CONTROLS).filter(visible=True).count() > 2
        fine(page)


def test_words_stand_under_the_picture_and_move_nothing(
    name: str, calm: BrowserContext, tmp_path: Path
) -> None:
    """Also on a phone, before the controls; shorter words leave longer ones' room."""
    page = opened(calm, live_page.write(tmp_path / "page.html", name))
    for width in (340, 900):
        resize(page, width)
        tops = page.evaluate(
            """['.live-stage', '.live-words', '.live-bar', '.live-knobs'].map(each =>
            document.querySelector(each).getBoundingClientRect().top)"""
        )
        assert tops == sorted(tops)
        heights = []
        for many in (5, 120, 5):
            page.evaluate(f"{MAIN}.live.figure.words = () => 'word '.repeat({many})")
            call(page, "set({})")
            frames(page)
            heights.append(page.evaluate("document.querySelector('.live-words').offsetHeight"))
        assert heights[0] < heights[1] == heights[2]
    fine(page)


def test_two_figures_on_a_page_whatever_script_is_read_first(
    calm: BrowserContext, tmp_path: Path
) -> None:
    """Each has its own script, its own link and its own numbers."""
    for turned in (False, True):
        address = live_page.write(tmp_path / "page.html", "loss", "quiz", turned=turned)
        page = opened(calm, f"{address}#live-quiz:seed=33,run=20")
        page.wait_for_selector('#live-quiz.live-on[data-steps="20"]')
        page.wait_for_selector("#live-loss.live-on")
        assert page.evaluate("Object.keys(scbLive.figures).sort()") == ["loss", "quiz"]
        page.evaluate("location.hash = '#live-loss:v=0.5'")
        page.wait_for_function("document.getElementById('live-loss').live.state.v === 0.5")
        quiz = page.evaluate("document.getElementById('live-quiz').live.state")
        assert quiz["seed"] == 33
        fine(page)


def test_a_changed_kernel_shows(calm: BrowserContext, tmp_path: Path) -> None:
    """The numbers come from the kernels: with another multiplier in Philox all differ."""

    def signed(n: int) -> bytes:
        out = bytearray()
        while True:
            low, n = n & 0x7F, n >> 7
            if n == 0 and not low & 0x40:
                out.append(low)
                return bytes(out)
            out.append(low | 0x80)

    kernels = bundle.KERNELS.read_bytes()
    right, wrong = signed(0xD2511F53), signed(0xD2511F55)
    assert right in kernels
    address = live_page.write(tmp_path / "page.html", "trainer")
    text = (tmp_path / "page.html").read_text("utf8")
    old, new = (
        base64.b64encode(each).decode() for each in (kernels, kernels.replace(right, wrong))
    )
    (tmp_path / "other.html").write_text(text.replace(old, new), "utf8")
    shown = []
    for each in (address, (tmp_path / "other.html").as_uri()):
        page = opened(calm, each)
        call(page, "runTo(20)")
        shown.append(call(page, "data()"))
        fine(page)
    assert shown[0] != shown[1]
