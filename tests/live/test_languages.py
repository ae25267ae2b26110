"""One step towards a language: the figure's bigrams, steps and law are the book's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from experiments import bigrams
from experiments.transfer_step import snr
from live import bundle
from live_node import figures
from scipy import stats

FIVE = ("en", "de", "fr", "fi", "pl")
BATCHES = 48


def shown(steps: int, **state: Any) -> dict[str, Any]:
    return figures([{"name": "languages", "state": state, "steps": steps}])[0]


def pasted(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the code that the figure shows leaves behind."""
    known: dict[str, Any] = {}
    exec(re.sub(r"print\(.*", "", found["python"]), known)
    return known


def test_the_bigrams_are_the_stored_ones() -> None:
    """Every count of the figure's five languages."""
    text = (bundle.HERE / "bigrams.mjs").read_text("utf8")
    held = dict(re.findall(r'^  (\w+): "(.*)",$', text, re.MULTILINE))
    assert tuple(held) == FIVE
    for name, digits in held.items():
        counts = [int(each or "0", 36) for each in digits.split(" ")]
        assert counts == bigrams.counts_of(name).T.ravel().tolist()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"learner": "fi", "teacher": "de", "B": 256, "seed": 3},
        {"learner": "pl", "teacher": "back", "B": 512},
        {"learner": "fr", "teacher": "classes", "B": 1024, "seed": 1},
        {"learner": "de", "teacher": "de", "B": 512},
    ],
)
def test_letters_are_found_where_python_finds_them(state: dict[str, Any]) -> None:
    """The counts by letter, and the start to rounding; correlation and signals are the book's."""
    found = shown(3, **state)
    data, known = found["data"], pasted(found)
    task = known["task"]
    assert known["found"].tolist() == data["hits"] == data["python"]
    np.testing.assert_allclose(data["V"], known["start"].V, rtol=1e-12, atol=1e-15)
    assert data["mu"] == task.stationary.tolist()
    assert data["rho"] == pytest.approx(bigrams.correlation(task, known["P_hat"]), abs=1e-12)
    np.testing.assert_allclose(
        data["z"],
        snr(task, bigrams.recentred(known["P_hat"], task.stationary)),
        rtol=1e-10,
        atol=1e-14,
    )
    share = (np.array(data["hits"]) * task.stationary).sum() / 3
    assert data["share"] == pytest.approx(share, abs=1e-12)


def test_the_law_is_two_entries_above_all_others() -> None:
    """By the same sum in scipy, and by its own integral within its error."""
    data = shown(0)["data"]
    z = np.array(data["z"]) * np.sqrt(4096)
    x = np.arange(-40, 91) / 10
    largest = 0.1 * 98 * stats.norm.pdf(x) * stats.norm.cdf(x) ** 97
    exact = np.array([largest @ stats.norm.sf(x - each) ** 2 for each in z])
    np.testing.assert_allclose(data["odds"], exact, rtol=0, atol=2e-12)
    assert data["law"] == pytest.approx(exact @ np.array(data["mu"]), abs=2e-12)


def test_the_correlations_are_the_chapter_s() -> None:
    """Of every teacher, under each learner."""
    for learner in FIVE:
        rhos = shown(0, learner=learner)["data"]["rhos"]
        task = bigrams.language(learner)
        for teacher in FIVE:
            wanted = bigrams.correlation(task, bigrams.language(teacher).transition)
            assert rhos[teacher] == pytest.approx(wanted, abs=1e-12)
        classes = bigrams.correlation(task, bigrams.classes_only(task))
        assert rhos["classes"] == pytest.approx(classes, abs=1e-12)


def test_the_answer_to_the_question() -> None:
    """Vowels and consonants teach English more than English backwards; found is near the law.

    Means of 48 batches scatter by less than 0.02 from seed to seed.
    """
    asked = [{"teacher": name} for name in ("classes", "back", "fr", "fi")]
    cases = [{"name": "languages", "state": s, "steps": BATCHES} for s in asked]
    classes, back, french, finnish = figures(cases)
    assert classes["outcome"] == back["outcome"] == 1
    assert french["outcome"] == -1
    assert classes["data"]["share"] > 0.5 > 0.02 > back["data"]["share"]
    for each in (classes, back, french, finnish):
        assert abs(each["data"]["share"] - each["data"]["law"]) < 0.12
    assert french["data"]["share"] > finnish["data"]["share"] + 0.3
    assert "Hardly any letter" in back["words"]
    assert "Never found: j, q, x, z." in french["words"]
