"""Live figures in Firefox, on a page opened from disk: they run, with the same numbers."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_page
import pytest
import websocket
from live_node import figures, known

pytestmark = pytest.mark.browser

STEPS = 30


class Firefox:
    """A Firefox that is told what to do over WebDriver BiDi."""

    def __init__(self, address: str) -> None:
        self.line = websocket.create_connection(
            f"{address}/session", timeout=120, suppress_origin=True
        )
        self.numbers = itertools.count()
        self.tell("session.new", capabilities={})
        tree = self.tell("browsingContext.getTree")
        self.tab = tree["contexts"][0]["context"]

    def tell(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        number = next(self.numbers)
        self.line.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.line.recv())).get("id") != number:
            pass  # events
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, address: str) -> None:
        """Go to a page."""
        self.tell("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return a value of the page, as JSON has it."""
        found = self.tell(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.tab},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        reason = "Firefox is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    home = tmp_path_factory.mktemp("firefox")
    options = ["--headless", "--no-remote", "--profile", str(home), "--remote-debugging-port=0"]
    with subprocess.Popen(
        [program, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOME": str(home)},
    ) as started:
        try:
            assert started.stderr is not None
            found = None
            while not found:
                line = started.stderr.readline()
                assert line, "Firefox ended"
                found = re.search(r"ws://[\d.:]+", line)
            driven = Firefox(found[0])
            yield driven
            driven.line.close()
        finally:
            started.kill()


@pytest.mark.parametrize("name", [figure["name"] for figure in known()])
def test_numbers_in_firefox(name: str, firefox: Firefox, tmp_path: Path) -> None:
    """What another engine computes is the same."""
    steps = STEPS if next(each for each in known() if each["name"] == name)["timed"] else 0
    firefox.open(live_page.write(tmp_path / "page.html", name))
    found = firefox.evaluate(
        f"""(async () => {{
            const place = document.querySelector('[data-live]');
            while (!place.live) await new Promise(done => setTimeout(done, 20));
            place.live.pause();
            place.live.reset();
            if ({steps}) await place.live.runTo({steps});
            return [place.live.data(), !!place.querySelector('svg.live-picture'),
                performance.getEntriesByType('resource').map(each => each.name)];
        }})()"""
    )
    expected = figures([{"name": name, "steps": steps}])[0]["data"]
    assert found == [expected, True, []]
