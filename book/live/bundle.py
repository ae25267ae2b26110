"""The live figures as text: classic scripts for pages, a module for a notebook.

A page opened from disk can load neither modules nor WebAssembly. So every module becomes a
function that returns what it exports, in the order in which they need each other, and the kernels
stand beside them as text. What all figures need is one script, and each figure is another: a page
has those of its figures, in any order. No tool of the JavaScript world is needed: our modules
import by name, at their top, and export functions and constants where they define them.
"""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

__all__ = ["KERNELS", "figure", "modules", "names", "scripts", "shared", "widget"]

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parent / "_static" / "live" / "scb.wasm"

_LIST = HERE / "index.mjs"
_PAGE = HERE / "page.mjs"
_LISTED = re.compile(r'^export \{ (\w+) \} from "\./\1\.mjs";$', re.MULTILINE)
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const) (\w+))", re.MULTILINE)


def names() -> list[str]:
    """Return the names of all figures."""
    return _LISTED.findall(_LIST.read_text("utf8"))


def modules(*firsts: Path) -> list[Path]:
    """Return modules and what they need, each after those that it imports; all if none is named."""
    found: list[Path] = []

    def visit(path: Path) -> None:
        if path in found:
            return
        for _, where in _IMPORT.findall(path.read_text("utf8")):
            visit((path.parent / where).resolve())
        found.append(path)

    for first in firsts or (_PAGE, *(HERE / f"{name}.mjs" for name in names()), _LIST):
        visit(first)
    return found


def _function(path: Path) -> str:
    """Return a module as a constant that holds what it exports."""
    text = path.read_text("utf8")

    def asked(match: re.Match[str]) -> str:
        names = " ".join(match[1].split()).strip(" ,")
        return f"const {{ {names} }} = {_name((path.parent / match[2]).resolve())};\n"

    exported = [match[1] for match in _EXPORT.finditer(text)]
    # A classic script has no address of its own; the kernels come with it.
    text = text.replace("import.meta.url", "location.href")
    text = _EXPORT.sub("", _IMPORT.sub(asked, text))
    if left := re.search(r"^(import\b.*[\"'{*]|export\b.*)", text, re.MULTILINE):
        raise ValueError(f"{path.name}: cannot take apart {left[0]!r}")
    return f"const {_name(path)} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _name(path: Path) -> str:
    return "module_" + re.sub(r"\W", "_", path.stem)


def _core() -> str:
    """Return what all figures need, with the kernels."""
    kernels = base64.b64encode(KERNELS.read_bytes()).decode()
    parts = [f'globalThis.SCB_WASM = "{kernels}";\n', *map(_function, modules(_PAGE))]
    return "".join(parts)


def _own(name: str) -> str:
    """Return a figure, as the body of a function."""
    if name not in names():
        raise ValueError(f"no live figure {name!r}: there are {', '.join(names())}")
    first = HERE / f"{name}.mjs"
    own = [path for path in modules(first) if path not in modules(_PAGE)]
    return f"{''.join(map(_function, own))}return {_name(first)}.{name};\n"


def shared() -> str:
    """Return the script of every page with figures: it brings to life those that have been read."""
    given = ", ".join(map(_name, modules(_PAGE)))
    start = f"""const shared = {{ {given} }};
const add = (figure) => module_page.add(figure(shared));
const waiting = globalThis.scbFigures || [];
globalThis.scbFigures = {{ push: add }};
globalThis.scbLive = module_page;
module_page.listen();
waiting.forEach(add);
"""
    return f'(() => {{\n"use strict";\n{_core()}{start}}})();\n'


def figure(name: str) -> str:
    """Return the script of one figure, which waits where the shared one has not been read."""
    given = ", ".join(map(_name, modules(_PAGE)))
    head = "(globalThis.scbFigures = globalThis.scbFigures || []).push"
    return (
        f'{head}((shared) => {{\n"use strict";\nconst {{ {given} }} = shared;\n{_own(name)}}});\n'
    )


def scripts(*figures: str) -> dict[str, str]:
    """Return the scripts of a page with figures, by the names of their files."""
    return {"live.js": shared()} | {f"live-{name}.js": figure(name) for name in figures}


def widget(name: str) -> str:
    """Return a module with anywidget's `render`, which unpacks itself: a notebook stores it."""
    whole = f"""{_core()}module_page.figures.{name} = (() => {{
{_own(name)}}})();
export const render = module_page.render;
"""
    packed = base64.b64encode(gzip.compress(whole.encode(), 9, mtime=0)).decode()
    return f"""const packed = Uint8Array.from(atob("{packed}"), (c) => c.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
let found;
function whole() {{
  found ??= (async () => {{
    const text = await new Response(unpacked).text();
    const address = URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }}));
    return import(address).finally(() => URL.revokeObjectURL(address));
  }})();
  return found;
}}
export default {{ render: async (view) => (await whole()).render(view) }};
"""
