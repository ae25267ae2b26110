"""The live figures as one text: a classic script for pages, a module for notebooks.

A page opened from disk can load neither modules nor WebAssembly. So every module becomes a
function that returns what it exports, in the order in which they need each other, and the kernels
stand beside them as text. No tool of the JavaScript world is needed: our modules import by name,
at their top, and export functions and constants where they define them.
"""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

__all__ = ["FIRST", "KERNELS", "classic", "module", "modules"]

HERE = Path(__file__).resolve().parent
FIRST = HERE / "index.mjs"
KERNELS = HERE.parent / "_static" / "live" / "scb.wasm"

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const) (\w+))", re.MULTILINE)


def modules(first: Path = FIRST) -> list[Path]:
    """Return the modules that one needs, each after those that it imports, itself last."""
    found: list[Path] = []

    def visit(path: Path) -> None:
        if path in found:
            return
        for _, where in _IMPORT.findall(path.read_text("utf8")):
            visit((path.parent / where).resolve())
        found.append(path)

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


def _body() -> str:
    kernels = base64.b64encode(KERNELS.read_bytes()).decode()
    parts = [f'globalThis.SCB_WASM = "{kernels}";\n', *map(_function, modules())]
    return "".join(parts)


def classic() -> str:
    """Return a script that brings a page's figures to life once the page is read."""
    start = "globalThis.scbLive = module_index;\nmodule_index.start();\n"
    return f'(() => {{\n"use strict";\n{_body()}{start}}})();\n'


def module() -> str:
    """Return a module with anywidget's `render`, which unpacks itself: a notebook stores it."""
    whole = f"{_body()}export const render = module_index.render;\n"
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
