"""The ledger refuses what is inconsistent, and notices every disagreement."""

from __future__ import annotations

from pathlib import Path

import ledger
import numpy as np
import pytest
from ledger import LedgerError, bound, disagreements, load_claims, misplaced, record

CLAIMS = """
- id: A1
  statement: One is one.
  source: here
  chapter: 01-one
  rule: the value is at most the bound
  bound: 1.5
  verdict: reproduced
- id: A2
  statement: Two numbers.
  source: there
  bound: {low: 1, high: 2}
- id: A3
  statement: No number.
  source: nowhere
"""


@pytest.fixture(autouse=True)
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "claims.yml").write_text(CLAIMS)
    monkeypatch.setattr(ledger, "HERE", tmp_path)
    monkeypatch.setenv("SCB_RECORDS", str(tmp_path / "records"))
    return tmp_path


def test_the_books_own_claims_are_well_formed() -> None:
    claims = load_claims(Path(__file__).resolve().parents[2] / "book" / "claims.yml")
    groups = {
        "M": 4,
        "D": 6,
        "S": 3,
        "R": 8,
        "X": 3,
        "T": 4,
        "F": 4,
        "P": 1,
        "O": 2,
        "G": 1,
        "E": 3,
        "A": 10,
    }
    expected = [f"{letter}{k}" for letter, last in groups.items() for k in range(1, last + 1)]
    expected.remove("O1")  # in parts
    parts = {"O1a", "O1b", "O1c", "O1d", "O4", "O5", "R5b", "R6b", "R6c"}
    assert set(claims) == {*expected, *parts, "R9"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("  source: here\n", ""), "source is missing"),
        (("id: A2", "id: A1"), "stated twice"),
        (("verdict: reproduced", "verdict: proven"), "must be one of"),
        (("  verdict: reproduced\n", ""), "needs a rule and a verdict"),
        (("  chapter: 01-one\n", ""), "needs the chapter"),
        (("  source: nowhere", "  origin: nowhere"), "unknown keys"),
    ],
)
def test_malformed_claims_are_refused(book: Path, change: tuple[str, str], told: str) -> None:
    (book / "claims.yml").write_text(CLAIMS.replace(*change))
    with pytest.raises(LedgerError, match=told):
        load_claims()


def test_bounds() -> None:
    assert bound("A1") == 1.5
    assert bound("A2", "high") == 2.0
    for arguments in (("A3",), ("A2",), ("A2", "middle"), ("A1", "low"), ("Z9",)):
        with pytest.raises(LedgerError):
            bound(*arguments)


def test_a_record_comes_back_as_it_was_written() -> None:
    made = record("A1", np.float64(1.25), holds=bool(np.True_), interval=(1, 2), note="12 seeds")
    assert ledger.read_records() == {"A1": made}
    assert made.verdict == "reproduced"
    assert made.measured() == "1.25 [1, 2]"
    assert not list(ledger.records_dir().glob("*.tmp"))


def test_the_verdict_is_computed() -> None:
    assert record("A1", 1, holds=True).verdict == "reproduced"
    assert record("A1", 1, holds=True, caveat="small T").verdict == "reproduced with a caveat"
    assert record("A1", "3 of 20", holds=False).verdict == "not reproduced"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"claim": "Z9", "value": 1.0, "holds": True}, "no such claim"),
        ({"claim": "A1", "value": float("nan"), "holds": True}, "not a finite number"),
        ({"claim": "A1", "value": float("inf"), "holds": True}, "not a finite number"),
        ({"claim": "A1", "value": 3.0, "holds": True, "interval": (1, 2)}, "not inside"),
        ({"claim": "A1", "value": 3.0, "holds": False, "caveat": "x"}, "does not hold"),
        ({"claim": "A1", "value": 3.0, "holds": 1.0}, "holds must be"),
    ],
)
def test_bad_records_are_refused(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(LedgerError, match=told):
        record(**arguments)  # type: ignore[arg-type]
    assert ledger.read_records() == {}


def test_the_box_says_what_was_measured_and_escapes_it() -> None:
    made = record("A1", 2.0, holds=False, note="a < b, $x < y$")
    assert "on record: reproduced" in repr(made)
    page = made._repr_html_()
    assert 'id="claim-A1"' in page
    assert "a &lt; b" in page
    assert r"\(x &lt; y\)" in page


def test_records_that_agree() -> None:
    record("A1", 1, holds=True)
    assert disagreements(load_claims(), ledger.read_records()) == []


def test_a_missing_record_is_a_disagreement() -> None:
    assert disagreements(load_claims(), {}) == ["A1: 01-one did not record it."]


def test_a_changed_verdict_is_a_disagreement() -> None:
    record("A1", 1, holds=False)
    (line,) = disagreements(load_claims(), ledger.read_records())
    assert "'not reproduced', on record is 'reproduced'" in line


def test_a_record_without_a_claim_is_a_disagreement() -> None:
    record("A1", 1, holds=True)
    record("A3", 1, holds=True)
    records = ledger.read_records()
    records["Z9"] = records["A1"]
    lines = disagreements(load_claims(), records)
    assert lines == [
        "Z9: recorded, but not in claims.yml.",
        "A3: recorded, but claims.yml names no chapter for it.",
    ]


def test_a_chapter_records_its_own_claims_and_no_others() -> None:
    claims = load_claims()
    assert misplaced(claims, "01-one", 'record(\n    "A1", 1, holds=True)') == []
    assert misplaced(claims, "01-one", "nothing") == ["A1: 01-one does not call record for it."]
    (line,) = misplaced(claims, "02-two", "record('A1', 1, holds=True)")
    assert "02-two calls record" in line
