"""The trainer on a page: how fast it is, and what a phone shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import live_page
import pytest
from browsing import chromium, find_chromium
from playwright.sync_api import Browser

from tools import draw_stills

pytestmark = pytest.mark.browser

HANDLE = "document.querySelector('[data-live]').live"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        pytest.skip("Chromium is not installed")
    with chromium() as started:
        yield started


def test_five_hundred_steps_a_second(browser: Browser, tmp_path: Path) -> None:
    """At T = 500 and B = 64, a step with its record takes at most 0.8 ms of the page's thread.

    A frame of 1/60 s gives 7 ms to steps, so that this makes 500 a second; and all that a frame
    does while it plays stays far below 50 ms. Times are the thread's own: others work here too.
    """
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(live_page.write(tmp_path / "page.html", "trainer"))
        page.wait_for_selector(".live-on")
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> dict[str, float]:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return {each["name"]: each["value"] for each in metrics}

        page.evaluate(f"{HANDLE}.runTo(2000)")  # once, so that all is compiled
        page.evaluate(f"{HANDLE}.reset()")
        before = spent()
        page.evaluate(f"{HANDLE}.runTo(2000)")
        after = spent()
        taken = page.evaluate(f"{HANDLE}.steps")
        assert (after["TaskDuration"] - before["TaskDuration"]) / taken < 0.8e-3
        page.evaluate(f"{HANDLE}.reset(); {HANDLE}.play()")
        before = spent()
        page.wait_for_function(f"!{HANDLE}.playing", timeout=120_000)
        after = spent()
        frames = after["LayoutCount"] - before["LayoutCount"]
        assert (after["TaskDuration"] - before["TaskDuration"]) / frames < 25e-3


def test_a_phone_sees_the_run_and_not_the_still(browser: Browser, tmp_path: Path) -> None:
    """Of the two still pictures a phone shows the narrow one; a step puts the run in its place."""
    still = "".join(
        (draw_stills.STILLS / f"trainer-{width}.svg")
        .read_text("utf8")
        .replace('"live-picture"', f'"live-picture live-{width}"', 1)
        for width in ("wide", "narrow")
    )
    with browser.new_context(
        reduced_motion="reduce", viewport={"width": 360, "height": 700}
    ) as context:
        page = context.new_page()
        page.goto(live_page.write(tmp_path / "page.html", "trainer", still=still))
        page.wait_for_selector(".live-on")
        seen = page.locator("svg.live-picture").filter(visible=True)
        assert "step 640" in seen.inner_html()
        page.evaluate(f"{HANDLE}.runTo(20)")
        assert seen.count() == 1
        assert "step 20<" in seen.inner_html()


def test_one_of_eight_opens_alone(browser: Browser, tmp_path: Path) -> None:
    """By a click or by keys; it runs to where it stood, with the same numbers."""
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(live_page.write(tmp_path / "page.html", "trainer"))
        page.wait_for_selector(".live-on")
        for by_keys in (False, True):
            page.evaluate(f"{HANDLE}.set({{many: true, seed: 2}})")
            page.evaluate(f"{HANDLE}.runTo(30)")
            before = page.evaluate(f"{HANDLE}.data().runs[5]")
            if by_keys:
                page.get_by_role("button", name="open seed 16 alone").focus()
                for key in ("ArrowRight", "ArrowDown", "Enter"):
                    page.keyboard.press(key)
            else:
                page.get_by_role("button", name="open seed 21 alone").click()
            page.wait_for_function(f"!{HANDLE}.playing")
            state = page.evaluate(f"{HANDLE}.state")
            assert (state["many"], state["seed"]) == (False, 21)
            assert page.evaluate(f"{HANDLE}.data().runs") == [before]
            assert page.locator(".live-part").count() == 0
            assert page.evaluate("document.activeElement.textContent") in ("Play", "Pause")
