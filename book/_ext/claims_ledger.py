"""Directives ``{claims-ledger}``, ``{claims-summary}``, ``{verdict}``; the role ``{measured}``.

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
    """Every claim: its number, its verdict, and its rule, folded."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return a table each for the paper's claims and ours, with placeholders."""
        _depends_on_claims(self.env)
        found: list[nodes.Node] = []
        for ours, title in ((False, "The paper's claims"), (True, "This book's claims")):
            section = nodes.section(ids=[nodes.make_id(title)])
            section += [nodes.title(text=title), self._table(ours)]
            found.append(section)
        return found

    def _table(self, ours: bool) -> nodes.table:
        table = nodes.table(classes=["scb-ledger"])
        group = nodes.tgroup(cols=3)
        table += group
        for width in (50, 30, 20):
            group += nodes.colspec(colwidth=width)
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        titles = ("Claim", "Number that decided", "Verdict")
        head += nodes.row("", *(nodes.entry("", nodes.paragraph(text=title)) for title in titles))
        for claim in ledger.load_claims().values():
            if claim.ours == ours:
                body += nodes.row(
                    "",
                    nodes.entry("", *self._claim(claim)),
                    nodes.entry("", pending_claim(claim=claim.id, part="measured")),
                    nodes.entry("", pending_claim(claim=claim.id, part="verdict")),
                    ids=[f"ledger-{claim.id}"],
                )
        return table

    def _claim(self, claim: ledger.Claim) -> list[nodes.Node]:
        """Return what is claimed and where, and the rule behind a click."""
        stated = _parsed(self, claim.statement)
        stated[0].insert(0, [nodes.strong(text=claim.id), nodes.Text(" ")])  # type: ignore[attr-defined]
        found = [*stated, nodes.paragraph(text=claim.source, classes=["scb-source"])]
        if claim.rule:
            fold = nodes.raw("", "<details><summary>Rule</summary>", format="html")
            found += [fold, *_parsed(self, claim.rule), nodes.raw("", "</details>", format="html")]
        return found


class VerdictCard(SphinxDirective):
    """A verdict where the main text comes to it: claim, badge, number, and the way to how."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the card, with placeholders for what the lab notes measure."""
        _depends_on_claims(self.env)
        claim = ledger.load_claims().get(self.arguments[0])
        if claim is None:
            raise self.error(f"no such claim: {self.arguments[0]}")
        card = nodes.container(classes=["scb-card", "scb-ours" if claim.ours else "scb-paper"])
        words = nodes.inline(text=ledger.whose(claim), classes=["scb-whose"])
        where = nodes.inline(text=f"{claim.source} · {claim.id}", classes=["scb-source"])
        card += nodes.paragraph("", "", words, nodes.Text(" "), where, classes=["scb-card-title"])
        card += _parsed(self, claim.statement)
        card += pending_claim(claim=claim.id, part="card")
        return [card]


def _parsed(directive: SphinxDirective, text: str) -> list[nodes.Node]:
    """Return the nodes of a text of claims.yml, which may hold mathematics."""
    holder = nodes.Element()
    directive.state.nested_parse(StringList(text.splitlines(), "claims.yml"), 0, holder)
    return holder.children


def measured(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return what a role ``{measured}`` leaves for the number of a claim."""
    _depends_on_claims(inliner.document.settings.env)
    return [pending_claim(claim=text, part="number")], []


class ClaimsSummary(SphinxDirective):
    """Two sentences that count the verdicts, on the paper's claims and on ours."""

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
        entry, claim = records.get(node["claim"]), claims[node["claim"]]
        if node["part"] == "measured":
            node.replace_self(_measured(claim, entry))
        elif node["part"] == "number":
            node.replace_self(nodes.Text(entry.measured() if entry else "–"))
        elif node["part"] == "card":
            node.replace_self(_card(app, docname, claim, entry))
        else:
            node.replace_self(_verdict(app, docname, claim, entry))
    for summary in list(doctree.findall(pending_summary)):
        summary.replace_self(nodes.paragraph(text=_sentence(claims, records)))


def _measured(claim: ledger.Claim, entry: ledger.Record | None) -> list[nodes.Node]:
    if entry is None:
        return [_none()]
    found: list[nodes.Node] = [nodes.paragraph(text=entry.measured())]
    bound = ledger.bound_text(claim.bound)
    notes = [f"Bound: {bound}" if bound else "", entry.note]
    notes.append(f"Caveat: {entry.caveat}" if entry.caveat else "")
    found += [nodes.paragraph(text=text, classes=["scb-source"]) for text in notes if text]
    return found


def _card(
    app: Sphinx, docname: str, claim: ledger.Claim, entry: ledger.Record | None
) -> list[nodes.Node]:
    """Return the lower half of a card: badge, number and bound, caveat, link."""
    badge, *link = _verdict(app, docname, claim, entry)
    assert isinstance(badge, nodes.Element)
    text = f" Measured: {entry.measured()}" if entry else ""
    if entry and (bound := ledger.bound_text(claim.bound)):
        text += f" (bound: {bound})"
    line = nodes.paragraph("", "", *badge.children, nodes.Text(text), classes=badge["classes"])
    found: list[nodes.Node] = [line]
    if entry and entry.caveat:
        found.append(nodes.paragraph(text=f"Caveat: {entry.caveat}"))
    return [*found, *link]


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
        link = nodes.reference("", "How this was decided", refuri=uri, internal=True)
        found.append(nodes.paragraph("", "", link))
    return found


def _sentence(claims: dict[str, ledger.Claim], records: dict[str, ledger.Record]) -> str:
    return " ".join(
        _count(
            words, {name: records.get(name) for name, each in claims.items() if each.ours == ours}
        )
        for ours, words in ((False, "claims of the paper"), (True, "claims of our own"))
    )


def _count(words: str, found: dict[str, ledger.Record | None]) -> str:
    counts = Counter(entry.verdict for entry in found.values() if entry)
    parts = [f"{counts[verdict]} {verdict}" for verdict in ledger.VERDICTS]
    untested = sum(entry is None for entry in found.values())
    parts += [f"{untested} not yet tested"] if untested else []
    return f"Of {len(found)} {words}: {', '.join(parts)}."


def _depends_on_claims(env: BuildEnvironment) -> None:
    env.note_dependency(str(BOOK / "claims.yml"))
    if not hasattr(env, "claims_ledger_pages"):
        env.claims_ledger_pages = set()  # type: ignore[attr-defined]
    env.claims_ledger_pages.add(env.docname)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and their steps."""
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("claims-summary", ClaimsSummary)
    app.add_directive("verdict", VerdictCard)
    app.add_role("measured", measured)
    app.add_node(pending_claim)
    app.add_node(pending_summary)
    app.connect("env-before-read-docs", forget_stale_records)
    app.connect("env-check-consistency", check)
    app.connect("env-get-updated", lambda app, env: rewrite_ledger_pages(app, env))
    app.connect("doctree-resolved", fill)
    # Reading in parallel would scatter the set of pages over processes.
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
