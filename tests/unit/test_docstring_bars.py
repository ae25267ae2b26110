"""Norms in docstrings reach the API page as they are written."""

import pytest
from plain_docstrings import escape_bars


@pytest.mark.parametrize(
    ("written", "escaped"),
    [
        ("||mu||^2 and |x|", r"\|\|mu\|\|^2 and \|x\|"),
        ("int | None", "int | None"),
        ("``a|b`` but |c|", r"``a|b`` but \|c\|"),
        ("    >>> {1}|{2}", "    >>> {1}|{2}"),
        ("no bars", "no bars"),
    ],
)
def test_bars_are_escaped_where_they_would_be_markup(written: str, escaped: str) -> None:
    assert escape_bars(written) == escaped
