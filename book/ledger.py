"""The claims ledger: what each claim's experiment must show, and what it showed.

``claims.yml`` states every claim once, with the rule that decides its verdict. A chapter
reads its bounds from there, measures, and records:

>>> from ledger import bound, record                                    # doctest: +SKIP
>>> record("D1", worst, holds=worst <= bound("D1"), note="24 tasks")    # doctest: +SKIP

The build then fills the ledger page from the records, and fails where they and the
verdicts on record do not agree.
"""

from __future__ import annotations

import html
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
VERDICTS = ("reproduced", "reproduced with a caveat", "not reproduced")
_KEYS = {"id", "statement", "source", "ours", "chapter", "rule", "bound", "verdict"}


class LedgerError(ValueError):
    """The ledger, or what a chapter asks of it, is not consistent."""


@dataclass(frozen=True)
class Claim:
    """One claim, as ``claims.yml`` states it.

    Attributes
    ----------
    id
        Its short name, such as ``"D3"``.
    statement, source
        What is claimed, in the reader's words, and where.
    ours
        Whether this book claims it, and not the paper.
    chapter
        The page with its experiment, such as ``"lab/03-population"``; None until it is written.
    rule
        How the verdict is decided, in words, written down before the run.
    bound
        The rule's number, or its numbers by name.
    verdict
        The verdict on record; None until it is tested.
    """

    id: str
    statement: str
    source: str
    ours: bool = False
    chapter: str | None = None
    rule: str | None = None
    bound: float | Mapping[str, float] | None = None
    verdict: str | None = None


def load_claims(path: Path | None = None) -> dict[str, Claim]:
    """Return the claims by id, in the order of the file.

    Parameters
    ----------
    path
        Another file than ``claims.yml`` beside this module.

    Returns
    -------
    dict of str to Claim

    Raises
    ------
    LedgerError
        If a claim lacks a part, has an unknown one, or appears twice.
    """
    entries = yaml.safe_load((path or HERE / "claims.yml").read_text("utf8"))
    claims: dict[str, Claim] = {}
    for entry in entries:
        name = entry.get("id", "a claim without an id")
        if unknown := set(entry) - _KEYS:
            raise LedgerError(f"{name}: unknown keys {sorted(unknown)}.")
        for key in ("id", "statement", "source"):
            if not entry.get(key):
                raise LedgerError(f"{name}: {key} is missing.")
        if name in claims:
            raise LedgerError(f"{name}: stated twice.")
        claim = Claim(**{key: _tidy(value) for key, value in entry.items()})
        if claim.verdict is not None and claim.verdict not in VERDICTS:
            raise LedgerError(f"{name}: the verdict must be one of {VERDICTS}.")
        if claim.chapter and not (claim.rule and claim.verdict):
            raise LedgerError(f"{name}: with a chapter, it needs a rule and a verdict on record.")
        if claim.verdict and not claim.chapter:
            raise LedgerError(f"{name}: a verdict on record needs the chapter that reached it.")
        claims[name] = claim
    return claims


def bound(claim: str, name: str | None = None) -> float:
    """Return the number that the claim's rule sets, fixed before the run.

    Parameters
    ----------
    claim
        The claim's id.
    name
        Which number, where the rule has more than one.

    Returns
    -------
    float

    Raises
    ------
    LedgerError
        If the claim is unknown or sets no such number.
    """
    value = _claim(claim, load_claims()).bound
    if isinstance(value, Mapping):
        if name is None or name not in value:
            raise LedgerError(
                f"{claim}: its bounds are {', '.join(value)}; {name} is none of them."
            )
        return float(value[name])
    if value is None or name is not None:
        raise LedgerError(f"{claim}: claims.yml sets no bound{f' {name}' if name else ''}.")
    return float(value)


@dataclass(frozen=True)
class Record:
    """What an experiment showed; displays as a box in a chapter.

    Attributes
    ----------
    claim
        The claim's id.
    value, interval
        What was measured, and its uncertainty where it has one.
    verdict
        One of `VERDICTS`.
    caveat, note
        What limits the verdict; how it was measured.
    """

    claim: str
    value: float | str
    interval: tuple[float, float] | None
    verdict: str
    caveat: str | None
    note: str

    def measured(self) -> str:
        """Return the value with its interval, to three digits."""
        text = number(self.value)
        if self.interval is not None:
            text += f" [{number(self.interval[0])}, {number(self.interval[1])}]"
        return text

    def __repr__(self) -> str:
        lines = [f"{self.claim}: {self.verdict}", f"  measured: {self.measured()}"]
        lines += [f"  {key}: {text}" for key, text in self._details()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<dt>{key.capitalize()}</dt><dd>{_html(text)}</dd>"
            for key, text in [("measured", self.measured()), *self._details()]
        )
        # The ledger page links to this id; mathjax_process lets the rule hold mathematics.
        return (
            f'<div class="scb-verdict {verdict_class(self.verdict)} mathjax_process"'
            f' id="claim-{self.claim}"><p class="scb-verdict-title"><strong>{self.claim}</strong> '
            f'<span class="scb-badge">{self.verdict}</span></p><dl>{rows}</dl></div>'
        )

    def _details(self) -> list[tuple[str, str]]:
        claim = load_claims()[self.claim]
        found: list[tuple[str, str | None]] = [("claim", claim.statement)]
        found += [("rule", claim.rule), ("bound", bound_text(claim.bound))]
        found += [("caveat", self.caveat), ("note", self.note)]
        if claim.verdict != self.verdict:
            found.append(("on record", claim.verdict or "nothing yet"))
        return [(key, text) for key, text in found if text]


def record(
    claim: str,
    value: float | str,
    *,
    holds: bool,
    interval: tuple[float, float] | None = None,
    caveat: str | None = None,
    note: str = "",
) -> Record:
    """Return the record of an experiment, having written it where the build looks.

    Parameters
    ----------
    claim
        The claim's id in ``claims.yml``.
    value
        What was measured: a number, or a short text such as ``"19 of 20"``.
    holds
        Whether the claim's rule is met, computed from the run.
    interval
        The value's lower and upper end, for instance of a 95 % confidence interval.
    caveat
        What limits a claim that holds; None where nothing does.
    note
        How it was measured, in a few words.

    Returns
    -------
    Record
        Shown as a box when it is a cell's last expression.

    Raises
    ------
    LedgerError
        If the claim is unknown, the value is not finite or not inside its interval, or a
        caveat comes with a claim that does not hold.
    """
    _claim(claim, load_claims())
    if type(holds).__name__ not in ("bool", "bool_"):  # Python's, or numpy's
        raise LedgerError(f"{claim}: holds must be True or False, and is {holds!r}.")
    if caveat and not holds:
        raise LedgerError(f"{claim}: it does not hold, so put what limits it in the note.")
    plain = value if isinstance(value, str) else _finite(claim, value)
    ends = None
    if interval is not None:
        low, high = (_finite(claim, end) for end in interval)
        ends = (low, high)
        if isinstance(plain, str) or not low <= plain <= high:
            raise LedgerError(f"{claim}: {plain} is not inside its interval [{low}, {high}].")
    verdict = VERDICTS[2] if not holds else VERDICTS[1] if caveat else VERDICTS[0]
    entry = Record(claim, plain, ends, verdict, caveat, note)
    write_record(entry)
    return entry


def records_dir() -> Path:
    """Return the folder of the records: ``SCB_RECORDS``, or one under ``_build``.

    The build and the notebook tests each set the variable, so that they do not mix.
    """
    return Path(os.environ.get("SCB_RECORDS", HERE / "_build" / "records"))


def write_record(entry: Record) -> None:
    """Write a record in one step, so that no reader finds half of it."""
    folder = records_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, suffix=".tmp", delete=False, encoding="utf8"
    ) as file:
        json.dump(asdict(entry), file, ensure_ascii=False, indent=1)
    Path(file.name).replace(folder / f"{entry.claim}.json")


def read_records(folder: Path | None = None) -> dict[str, Record]:
    """Return the records of a folder by their claims' ids."""
    found = {}
    for path in sorted((folder or records_dir()).glob("*.json")):
        fields = json.loads(path.read_text("utf8"))
        if fields["interval"] is not None:
            fields["interval"] = tuple(fields["interval"])
        found[path.stem] = Record(**fields)
    return found


def disagreements(claims: Mapping[str, Claim], records: Mapping[str, Record]) -> list[str]:
    """Return what is wrong between the claims and a build's records, one line each."""
    found = [f"{name}: recorded, but not in claims.yml." for name in records if name not in claims]
    for claim in claims.values():
        entry = records.get(claim.id)
        if claim.chapter and entry is None:
            found.append(f"{claim.id}: {claim.chapter} did not record it.")
        elif entry is not None and not claim.chapter:
            found.append(f"{claim.id}: recorded, but claims.yml names no chapter for it.")
        elif entry is not None and entry.verdict != claim.verdict:
            found.append(
                f"{claim.id}: the run says {entry.verdict!r}, on record is {claim.verdict!r}."
            )
    return found


def claims_recorded_in(source: str) -> set[str]:
    """Return the ids that a chapter's text passes to `record`."""
    return set(re.findall(r"\brecord\(\s*[\"'](\w+)[\"']", source))


def misplaced(claims: Mapping[str, Claim], chapter: str, source: str) -> list[str]:
    """Return what is wrong between the claims and the calls in one chapter's text."""
    expected = {claim.id for claim in claims.values() if claim.chapter == chapter}
    called = claims_recorded_in(source)
    return [
        *(f"{name}: {chapter} does not call record for it." for name in sorted(expected - called)),
        *(
            f"{name}: {chapter} calls record for it, and claims.yml names another chapter or none."
            for name in sorted(called - expected)
        ),
    ]


def number(value: float | str) -> str:
    """Return a value to three significant digits; whole numbers and text as they are."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def bound_text(value: float | Mapping[str, float] | None) -> str:
    """Return a claim's bound or bounds as text, empty where it has none."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {number(each)}" for key, each in value.items())
    return number(value)


def whose(claim: Claim) -> str:
    """Return whose claim it is, in words."""
    return "This book claims" if claim.ours else "The paper claims"


def verdict_class(verdict: str | None) -> str:
    """Return the CSS class that colours a verdict."""
    if verdict is None:
        return "scb-untested"
    return ("scb-reproduced", "scb-caveat", "scb-failed")[VERDICTS.index(verdict)]


def _claim(name: str, claims: Mapping[str, Claim]) -> Claim:
    if name not in claims:
        raise LedgerError(f"{name}: no such claim in claims.yml.")
    return claims[name]


def _finite(claim: str, value: Any) -> float | int:
    # numpy's scalars are welcome; JSON wants Python's own.
    if isinstance(value, Integral):
        return int(value)
    if not isinstance(value, Real) or not abs(float(value)) < float("inf"):
        raise LedgerError(f"{claim}: {value!r} is not a finite number.")
    return float(value)


def _tidy(value: Any) -> Any:
    # Folded YAML ends in a line break.
    return value.strip() if isinstance(value, str) else value


def _html(text: str) -> str:
    return re.sub(r"\$([^$]+)\$", r"\\(\1\\)", html.escape(text))
