"""How a figure reaches the page: drawn twice, wide and for a phone.

A notebook shows SVG. Its colours are CSS variables, so that on a page they follow the theme; as a
file of its own it falls back on the light palette.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import io
import re
from collections.abc import Callable, Iterator
from typing import ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

__all__ = ["drawn", "is_narrow"]

P = ParamSpec("P")

_narrow = contextvars.ContextVar("narrow", default=False)


def is_narrow() -> bool:
    """Return whether what is drawn now is for a phone: panels below each other."""
    return _narrow.get()


def drawn(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Return a function that draws a figure as one that has it drawn for a phone too."""

    @functools.wraps(function)
    def both(*args: P.args, **kwargs: P.kwargs) -> Figure:
        from figures.base import STYLE

        _load_backend()
        with plt.rc_context(STYLE):  # type: ignore[arg-type]
            with _on_a_phone():
                narrow = function(*args, **kwargs)
                small = _svg(narrow)
                plt.close(narrow)
            wide = function(*args, **kwargs)
        wide.scb_narrow = small  # type: ignore[attr-defined]
        _show_as_svg()
        return wide

    return both


@functools.cache
def _load_backend() -> None:
    """Load the backend, which turns a notebook's display on; inside a context it would not last."""
    plt.switch_backend(plt.get_backend())


@contextlib.contextmanager
def _on_a_phone() -> Iterator[None]:
    token = _narrow.set(True)
    try:
        yield
    finally:
        _narrow.reset(token)


def _show_as_svg() -> None:
    """Let a notebook show figures as SVG with both drawings; its own setting returns at times."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if shell := get_ipython():
        formatters = shell.display_formatter.formatters
        formatters["image/png"].pop(Figure, None)
        formatters["image/svg+xml"].for_type(Figure, _both_as_svg)


def _both_as_svg(fig: Figure) -> str:
    """Return an SVG with both drawings, of which a file shows the wide one."""
    small = getattr(fig, "scb_narrow", "")
    wide = _svg(fig)
    if not small:
        return wide
    # After the last element of the wide drawing, unseen unless the page takes it out.
    return wide.replace("</svg>", f'<g display="none" class="scb-narrow">{small}</g></svg>')


def _svg(fig: Figure) -> str:
    """Return a figure as SVG whose colours are variables."""
    from figures.base import INK

    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "scb"}):
        # Words that stand out on a side, as some do on a phone, get room there.
        fig.draw_without_rendering()
        whole = Bbox.union([fig.bbox_inches, fig.get_tightbbox().padded(0.02)])
        metadata = {"Date": None, "Creator": None}
        fig.savefig(text, format="svg", metadata=metadata, bbox_inches=whole)
    found = text.getvalue()
    found = found[found.index("<svg") :].strip()
    for name, colour in INK._asdict().items():
        found = re.sub(colour + r"\b", f"var(--scb-{name}, {colour})", found, flags=re.IGNORECASE)
    return found


def parts(svg: str) -> tuple[str, str]:
    """Return the wide and the narrow drawing of what a notebook shows; the same if it has one."""
    begin, end = '<g display="none" class="scb-narrow">', "</g></svg>"
    if begin not in svg:
        return svg, svg
    wide, _, small = svg.partition(begin)
    return wide + "</svg>", small.strip().removesuffix(end)


def named(svg: str, name: str) -> str:
    """Return a drawing whose ids begin with a name, so that several stand on one page."""
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
