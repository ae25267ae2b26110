"""Pictures that move on a page without a kernel.

A static page cannot call Python. So every frame is drawn beforehand, and a slider in the
reader's browser chooses which one is seen.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["film"]

Value = TypeVar("Value")


def film(
    draw: Callable[[Value], Figure],
    values: Sequence[Value],
    *,
    alt: Callable[[Value], str],
    name: str,
    milliseconds: int = 300,
    colours: int = 64,
) -> Any:
    """Return a widget with a play button and a slider over figures drawn beforehand.

    It works in a notebook and on a page without a kernel alike. `draw` makes the figure of a value,
    which is closed when its picture is taken; `alt` says it in words, for who cannot see it. `name`
    stands beside the slider, which moves every so many `milliseconds` while playing. Pictures are
    reduced to so many `colours`, 2 to 256: a page carries every frame.
    """
    try:
        import ipywidgets as widgets
    except ImportError as error:
        raise ImportError(
            "films need ipywidgets: install scbtools with its extra 'book', or ipywidgets alone"
        ) from error
    if not len(values):
        raise ValueError("a film needs at least one value")
    frames = [
        widgets.HTML(
            f'<img src="data:image/png;base64,{_png(draw(value), colours)}" '
            f'alt="{html.escape(alt(value))}" style="max-width: 100%; height: auto">'
        )
        for value in values
    ]
    last = len(frames) - 1
    stack = widgets.Stack(frames, selected_index=0)
    # A slider's own description is handed to MathJax 2, which pages with MathJax 3 lack.
    label = widgets.HTML(html.escape(name))
    slider = widgets.IntSlider(0, 0, last, readout=False, tooltip=name)
    play = widgets.Play(value=0, min=0, max=last, interval=milliseconds)
    # Linked in the browser, not through Python.
    widgets.jslink((play, "value"), (slider, "value"))
    widgets.jslink((slider, "value"), (stack, "selected_index"))
    return widgets.VBox([widgets.HBox([play, label, slider]), stack])


def _png(fig: Figure, colours: int) -> str:
    """Return a figure as a small PNG in base64, and close it."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=110)
    plt.close(fig)
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(colours).save(small, format="PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()
