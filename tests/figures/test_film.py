"""Films hold their frames."""

from __future__ import annotations

import re
import sys
from typing import Any

import matplotlib.pyplot as plt
import pytest
from figures import base, film
from matplotlib.figure import Figure


def draw(value: int) -> Figure:
    fig, ax = base.frame((0.1, 0.1, 0.8, 0.8), height=2)
    ax.set_title(str(value))
    return fig


def make_film(values: list[int]) -> Any:
    return film.film(draw, values, alt=lambda value: f'value "{value}"', name="value")


def test_film_holds_every_frame_with_its_words() -> None:
    made = make_film([0, 1, 2])
    (play, label, slider), stack = made.children[0].children, made.children[1]
    assert label.value == "value"
    assert slider.max == play.max == 2
    assert [re.search('alt="([^"]+)"', frame.value)[1] for frame in stack.children] == [
        f"value &quot;{value}&quot;" for value in (0, 1, 2)
    ]
    assert len({frame.value for frame in stack.children}) == 3
    assert plt.get_fignums() == []


def test_film_needs_values() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_film([])


def test_film_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match="extra 'book'"):
        make_film([0])
