"""Sphinx directives ``{claims-ledger}`` and ``{claims-summary}``.

Chapters run while Sphinx reads them, and any chapter may be read after the ledger page. So
reading leaves placeholders, and writing fills them from this build's records. Between the
two, the records are held against ``claims.yml``; every disagreement fails the build.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

BOOK = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BOOK))

import ledger  # noqa: E402

logger = logging.getLogger(__name__)


class pending_claim(nodes.General, nodes.Element):
    """What a cell of the ledger will say of one claim."""


class pending_summary(nodes.General, nodes.Element):
    """How many claims have which verdict."""


class ClaimsLedger(SphinxDirective):
    """Every claim with its rule, what was measured, and the verdict."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return the table, with placeholders for what the chapters measure."""
        _depends_on_claims(self.env)
        table = nodes.table(classes=["scb-ledger"])
        group = nodes.tgroup(cols=4)
        table += group
        for width in (36, 22, 26, 16):
            group += nodes.colspec(colwidth=width)
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        titles = ("Claim", "Measured", "Rule, fixed before the run", "Verdict")
        head += nodes.row("", *(nodes.entry("", nodes.paragraph(text=title)) for title in titles))
        for claim in ledger.load_claims().values():
            name = nodes.strong(text=claim.id)
            stated = self._parsed(claim.statement)
            stated.children[0].insert(0, [name, nodes.Text(" ")])  # type: ignore[attr-defined]
            stated += nodes.paragraph(text=claim.source, classes=["scb-source"])
            rule = self._parsed(claim.rule) if claim.rule else nodes.entry("", _none())
            if text := ledger.bound_text(claim.bound):
                rule += nodes.paragraph(text=f"Bound: {text}")
            body += nodes.row(
                "",
                stated,
                nodes.entry("", pending_claim(claim=claim.id, part="measured")),
                rule,
                nodes.entry("", pending_claim(claim=claim.id, part="verdict")),
                ids=[f"ledger-{claim.id}"],
            )
        return [table]

    def _parsed(self, text: str) -> nodes.entry:
        entry = nodes.entry()
        self.state.nested_parse(StringList(text.splitlines(), "claims.yml"), 0, entry)
        return entry


class ClaimsSummary(SphinxDirective):
    """One sentence that counts the verdicts."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return the placeholder of the sentence."""
        _depends_on_claims(self.env)
        return [pending_summary()]


def forget_stale_records(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Delete the records of the chapters about to run, so that each verdict is this build's."""
    folder = Path(app.outdir).parent / "records"
    os.environ["SCB_RECORDS"] = str(folder)
    claims = ledger.load_claims()
    for name in ledger.read_records(folder):
        chapter = claims[name].chapter if name in claims else None
        if chapter is None or f"book/{chapter}" in docnames:
            (folder / f"{name}.json").unlink()


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Report every disagreement between the claims and the records."""
    claims = ledger.load_claims()
    found = ledger.disagreements(claims, ledger.read_records())
    chapters = {name.removeprefix("book/") for name in env.found_docs}
    found += [
        f"{claim.id}: {claim.chapter} is not in the book."
        for claim in claims.values()
        if claim.chapter and claim.chapter not in chapters
    ]
    for chapter in sorted(chapters):
        path = Path(env.doc2path(f"book/{chapter}"))
        if path.is_file():
            found += ledger.misplaced(claims, chapter, path.read_text("utf8"))
    for line in found:
        logger.error("claims ledger: %s", line)
    if found:
        app.statuscode = 1


def rewrite_ledger_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages with directives: a change elsewhere may change what they say."""
    return sorted(getattr(env, "claims_ledger_pages", set()) & env.found_docs)


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace a page's placeholders by what the records say."""
    claims, records = ledger.load_claims(), ledger.read_records()
    for node in list(doctree.findall(pending_claim)):
        entry = records.get(node["claim"])
        if node["part"] == "measured":
            node.replace_self(_measured(entry))
        else:
            node.replace_self(_verdict(app, docname, claims[node["claim"]], entry))
    for summary in list(doctree.findall(pending_summary)):
        summary.replace_self(nodes.paragraph(text=_sentence(claims, records)))


def _measured(entry: ledger.Record | None) -> list[nodes.Node]:
    if entry is None:
        return [_none()]
    found: list[nodes.Node] = [nodes.paragraph(text=entry.measured())]
    notes = [entry.note, f"Caveat: {entry.caveat}" if entry.caveat else ""]
    found += [nodes.paragraph(text=text, classes=["scb-source"]) for text in notes if text]
    return found


def _none() -> nodes.paragraph:
    return nodes.paragraph(text="–", classes=["scb-none"])


def _verdict(
    app: Sphinx, docname: str, claim: ledger.Claim, entry: ledger.Record | None
) -> list[nodes.Node]:
    verdict = entry.verdict if entry else None
    badge = nodes.inline(text=verdict or "not yet tested", classes=["scb-badge"])
    found: list[nodes.Node] = [
        nodes.paragraph("", "", badge, classes=[ledger.verdict_class(verdict)])
    ]
    target = f"book/{claim.chapter}"
    if entry and target in app.env.titles:
        uri = f"{app.builder.get_relative_uri(docname, target)}#claim-{claim.id}"
        title = app.env.titles[target].astext()
        link = nodes.reference("", title, refuri=uri, internal=True)
        found.append(nodes.paragraph("", "", link))
    return found


def _sentence(claims: dict[str, ledger.Claim], records: dict[str, ledger.Record]) -> str:
    counts = Counter(entry.verdict for entry in records.values())
    parts = [f"{counts[verdict]} {verdict}" for verdict in ledger.VERDICTS]
    untested = len(claims) - sum(counts.values())
    return f"Of {len(claims)} claims: {', '.join(parts)}, and {untested} not yet tested."


def _depends_on_claims(env: BuildEnvironment) -> None:
    env.note_dependency(str(BOOK / "claims.yml"))
    if not hasattr(env, "claims_ledger_pages"):
        env.claims_ledger_pages = set()  # type: ignore[attr-defined]
    env.claims_ledger_pages.add(env.docname)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and their steps."""
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("claims-summary", ClaimsSummary)
    app.add_node(pending_claim)
    app.add_node(pending_summary)
    app.connect("env-before-read-docs", forget_stale_records)
    app.connect("env-check-consistency", check)
    app.connect("env-get-updated", lambda app, env: rewrite_ledger_pages(app, env))
    app.connect("doctree-resolved", fill)
    # Reading in parallel would scatter the set of pages over processes.
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
