"""The coverage page: each entry leads to what exists, and nothing of the paper is left out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import coverage_table
import ledger

BOOK = Path(coverage_table.__file__).resolve().parents[1]
ROWS = [row for part in coverage_table.load() for row in part["rows"]]
NUMBERS = {
    "B": 13, "C": 6, "D": 1, "E": 10, "F": 3, "G": 1, "H": 3,
}  # fmt: skip


def _named(item: str) -> list[str]:
    """Return the numbers that an entry names; "B.4 to B.6" names three."""
    found = []
    for first, last in re.findall(r"([A-H]\.\d+)(?: to ([A-H]\.\d+))?", item):
        low, high = (int(each.split(".")[1]) for each in (first, last or first))
        found += [f"{first[0]}.{number}" for number in range(low, high + 1)]
    return found


def test_every_link_leads_to_a_page_or_label_of_the_book():
    """Pages are files, and labels are given in exactly one of them."""
    pages = [path for path in BOOK.rglob("*.md") if "_build" not in path.parts]
    text = "\n".join(path.read_text("utf8") for path in pages)
    labels = Counter(re.findall(r"^:label: (\S+)$", text, flags=re.MULTILINE))
    for row in ROWS:
        for role, target in re.findall(r"\{([\w:]+)\}`([^`]+)`", row.get("where", "")):
            if role == "doc":
                assert (BOOK / f"{target}.md").is_file(), (row["item"], target)
            else:
                assert role == "prf:ref", (row["item"], role)
                assert labels[target] == 1, (row["item"], target)


def test_every_claim_named_is_in_the_ledger():
    """And an entry that was tested or proved says where."""
    claims = ledger.load_claims()
    for row in ROWS:
        assert set(row.get("claims", [])) <= set(claims), row["item"]
        assert set(row["how"]) <= set(coverage_table.HOW), row["item"]
        assert ("where" in row) != (row["how"] == ["none"]), row["item"]


def test_every_numbered_result_and_figure_of_the_paper_has_one_entry():
    """Assumption, theorems, lemmas, corollaries and figures."""
    items = [row["item"] for row in ROWS]
    found = Counter(number for item in items for number in _named(item))
    wanted = {f"{part}.{n + 1}" for part, count in NUMBERS.items() for n in range(count)}
    assert found == Counter(wanted)
    for name in ("Assumption 2.1", "Theorem 3.1", "Theorem 4.1", "Algorithm 1"):
        assert sum(item.startswith(name) for item in items) == 1, name
    assert [item for item in items if item.startswith("Figure")] == [
        f"Figure {n}" for n in range(1, 7)
    ]


def test_the_table_counts_its_entries():
    """A sentence counts, a row has four cells, and what is missing says so."""
    part = {"part": "One", "rows": [
        {"item": "Lemma X", "what": "a", "how": ["proved"], "where": "{doc}`y`", "claims": ["M1"]},
        {"item": "Lemma Z", "what": "b", "how": ["none"]},
    ]}  # fmt: skip
    sentence, *lines = coverage_table.as_text([part])
    assert sentence.startswith("Of 2 entries: 1 proved, 0 tested")
    assert sentence.endswith(f"1 {coverage_table.MISSING}.")
    rows = [line for line in lines if line.startswith("| Lemma")]
    assert [row.count("|") for row in rows] == [5, 5]
    assert "claims.html#ledger-M1" in rows[0]
    assert f"| {coverage_table.MISSING} | – |" in rows[1]
