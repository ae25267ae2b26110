"""The built book in a browser: a server, Chromium, and stand-ins for the public CDNs."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    Route,
    sync_playwright,
)

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "book" / "_build" / "html"
NPM_CACHE = ROOT / ".cache" / "npm"
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
THEMES = ("light", "dark")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path = HTML) -> Iterator[str]:
    """Serve a folder on this machine and give its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the installed Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


def npm_file(url: str) -> Path | None:
    """Return the npm package's copy of a file on a CDN, None where it cannot be had.

    Public CDNs serve npm packages under their names, so no test has to reach them.
    """
    parts = urlsplit(url)
    match = re.match(r"/npm/((?:@[^/]+/)?[^/@]+)@([^/]+)/(.+)", parts.path)
    if parts.hostname != "cdn.jsdelivr.net" or match is None:
        return None
    package, version, path = match.groups()
    folder = _npm_package(package, version)
    file = folder / path if folder else None
    return file if file and file.is_file() else None


@functools.cache
def _npm_package(package: str, version: str) -> Path | None:
    folder = NPM_CACHE / f"{package.replace('/', '-')}@{version}"
    if not (folder / "package").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            [npm, "pack", "--silent", f"{package}@{version}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if packed.returncode:
            return None
        archive = folder / packed.stdout.split()[-1]
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        archive.unlink()
    # Some packages are packed under another name than "package".
    return next((path for path in folder.iterdir() if path.is_dir()), None)


@dataclass
class Visit:
    """A page as one reader sees it, with what went wrong on the way."""

    page: Page
    problems: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


@contextmanager
def context(browser: Browser, theme: str, size: str) -> Iterator[BrowserContext]:
    """Give a browser context with a theme and a window size."""
    width, height = SIZES[size]
    made = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        is_mobile=size == "phone",
        reduced_motion="reduce",  # live figures rest; tests/live plays with them
    )
    # Beside other tests on a busy machine, a long page may take its time.
    made.set_default_timeout(120_000)
    yield made
    made.close()


@contextmanager
def visit(where: BrowserContext, base: str, page_name: str) -> Iterator[Visit]:
    """Open a page and wait until its mathematics is set; close it whatever happens."""
    with closing(where.new_page()) as page:
        yield _loaded(page, base, page_name)


def _loaded(page: Page, base: str, page_name: str) -> Visit:
    seen = Visit(page)

    def answer(route: Route) -> None:
        if route.request.url.startswith(base):
            route.continue_()
        elif file := npm_file(route.request.url):
            route.fulfill(path=file, headers={"access-control-allow-origin": "*"})
        else:
            seen.unanswered.append(route.request.url)
            route.abort()

    def note(problem: str, url: str) -> None:
        if url not in seen.unanswered:
            seen.problems.append(f"{problem} ({url})")

    def note_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            note(message.text, message.location.get("url", ""))

    def note_response(response: Response) -> None:
        if response.status >= 400:
            note(str(response.status), response.url)

    page.route("**/*", answer)
    page.on("pageerror", lambda error: note(f"script: {error}", page.url))
    page.on("console", note_console)
    page.on("response", note_response)
    page.goto(f"{base}/{page_name}.html", wait_until="load")
    page.evaluate(
        """async () => {
            for (let i = 0; i < 100 && window.MathJax && !MathJax.startup?.promise; i++)
                await new Promise(done => setTimeout(done, 50));
            await window.MathJax?.startup?.promise;
            await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
        }"""
    )
    return seen
