"""Main pages stay what a reader finishes and a lecturer projects."""

from __future__ import annotations

import pytest

from tools.measure_pages import CODE, FIGURES, WIDTH, WORDS, Page, main_pages, measure

PAGE = """---
title: none of this counts
---

# Two words

One, two $x = 3$ and four.

$$
a + b = c
$$

```{code-cell} python
:tags: [hide-input]

hidden = "this line is very long but folded"
```

```{code-cell} python
---
mystnb:
  figure:
    name: fig-one
    caption: |
      Three more words.
---
figures.one();

figures.two();
```
"""


def test_what_is_counted() -> None:
    """Prose and captions, code that shows, figures, and the longest line, folded or not."""
    assert measure(PAGE) == Page(words=2 + 5 + 3, code=2, figures=1, widest=44)


@pytest.mark.parametrize("file", main_pages(), ids=lambda file: file.stem)
def test_a_main_page_is_within_its_ceilings(file) -> None:
    page = measure(file.read_text("utf8"))
    assert page.words <= WORDS
    assert page.code <= CODE
    assert page.figures <= FIGURES
    assert page.widest <= WIDTH


def test_all_chapters_are_measured() -> None:
    assert len(main_pages()) == 18
