"""The quiz: its runs are the gallery's, and nothing tells which before the reader has answered."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import live_page
import numpy as np
import pytest
from browsing import chromium, find_chromium
from experiments import gallery
from live_node import figures
from scipy import stats

KINDS = list(gallery.SCHEDULES)  # in the order of the answers
OF_EACH = (35, 32, 33, 31, 30)  # a seed of each kind
END = gallery.BOOST + gallery.LEARN


def case(seed: int, steps: int = 0, **more: Any) -> dict[str, Any]:
    """Return what is asked of node."""
    return {"name": "quiz", "state": {"seed": seed}, "steps": steps, **more}


def pasted(python: str) -> tuple[list[float], dict[str, Any]]:
    """Run the figure's own call; return what it prints and its names."""
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(python, "pasted", "exec"), names)
    return [float(word) for word in out.getvalue().split()], names


@pytest.fixture(scope="module")
def ended() -> list[dict[str, Any]]:
    """A run of each kind, to its end and answered, with what its call prints and names."""
    each = figures([case(seed, END, answers=[0]) for seed in OF_EACH])
    return [found | {"pasted": pasted(found["python"])} for found in each]


def test_each_run_has_python_s_bits(ended: list[dict[str, Any]]) -> None:
    """Signals and errors at the end, and the loss to 1e-12; also amid the stages."""
    amid = figures([case(seed, at, answers=[1]) for seed, at in ((31, 30), (35, 240), (33, 241))])
    for found in ended + amid:
        printed, names = found.get("pasted") or pasted(found["python"])
        assert printed == found["data"]["python"]
        assert found["data"]["loss"] == pytest.approx(names["history"]["loss"][-1], abs=1e-12)
        assert names["history"]["step"][-1] == found["data"]["steps"]


def test_schedules_and_tasks_are_the_gallery_s(ended: list[dict[str, Any]]) -> None:
    """Stage by stage; and P meets what `SCBTask.random` asks of it."""
    for kind, found in zip(KINDS, ended, strict=True):
        _, names = found["pasted"]
        task = names["task"]
        expected = gallery.SCHEDULES[kind](task, gallery.STRENGTHS[kind][0])
        for ours, theirs in zip(names["stages"], expected, strict=True):
            for field in ("steps", "batch_size", "eta_V", "eta_A", "l1", "before", "freeze_A"):
                assert getattr(ours, field) == pytest.approx(getattr(theirs, field)), (kind, field)
        assert (task.vocab_size, task.seq_len, task.sparsity) == (3, 200, 2)
        assert (task.stationary**2).sum() <= task.K_P
        assert np.abs(np.log(3 * task.stationary)).max() <= np.log(3)


def test_the_gallery_s_list_names_the_runs() -> None:
    """So the marks are there to be seen: twelve runs, all named rightly."""
    for found in figures([case(seed, END, answers=[0]) for seed in range(100, 112)]):
        curves = {name: np.array(values) for name, values in found["data"]["curves"].items()}
        last = np.append(np.diff(curves["step"]) > 0, True)  # as the gallery keeps rows
        keep = last & (curves["step"] % gallery.EVERY == 0)
        called = gallery.diagnose({name: values[keep] for name, values in curves.items()})
        assert called == KINDS[found["data"]["kind"]]


def test_every_kind_is_as_likely() -> None:
    """By a test of fit over 300 seeds, at 1e-4."""
    found = figures([case(seed, answers=[0]) for seed in range(300)])
    counts = np.bincount([each["data"]["kind"] for each in found], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_nothing_tells_before_the_answer(ended: list[dict[str, Any]]) -> None:
    """No call, no outcome, no word of a fault, no mark in the drawing; all of it afterwards."""
    for before, after in zip(figures([case(seed, 260) for seed in OF_EACH]), ended, strict=True):
        assert before["python"] == ""
        assert before["outcome"] == -1
        assert not {"kind", "python"} & set(before["data"])
        assert before["words"].startswith("Run ")
        assert "mirror" not in before["words"]
        assert "here" not in before["drawings"][0]["body"]
        assert after["outcome"] == after["data"]["kind"]
        assert ("here" in after["drawings"][0]["body"]) == (after["outcome"] > 0)
    blind = figures([{"name": "quiz", "state": {"seed": 30, "blind": True}, "steps": END}])[0]
    assert "signals" not in blind["drawings"][0]["body"]
    assert "Signals" not in blind["words"]


def test_the_marks_are_as_the_answers_say(ended: list[dict[str, Any]]) -> None:
    """Of each kind: what the sentence after the answer speaks of."""

    def at(kind: str, name: str, step: int) -> float:
        curves = ended[KINDS.index(kind)]["data"]["curves"]
        return float(curves[name][np.flatnonzero(np.array(curves["step"]) == step)[-1]])

    end, switch = END, gallery.BOOST
    assert 0.8 < at("well", "alpha_V", end) < 1.2
    assert 0.8 < at("well", "alpha_A", end) < 1.2
    assert max(at("well", "delta_V", end), at("well", "delta_A", end)) < 0.25
    assert at("A too noisy", "delta_A", end) > 1
    assert at("V too noisy", "delta_V", switch + 40) > 10 * at("V too noisy", "delta_V", switch)
    assert max(at("mirror", "alpha_V", end), at("mirror", "alpha_A", end)) < -0.5
    assert at("mirror", "alpha_A", switch - 2) < at("mirror", "alpha_A", switch) - 0.5
    assert at("λ too large", "alpha_A", end) < 0.5
    assert at("λ too large", "alpha_V", end) > 1.2
    assert at("λ too large", "delta_A", end) < at("λ too large", "delta_A", switch - 2)


def test_the_first_answer_counts() -> None:
    """Once a run; and an answer to another run is none to this."""
    right, wrong = KINDS.index("λ too large"), 0
    found = figures(
        [
            case(30, 10, answers=[right, wrong]),
            case(30, 10, answers=[wrong, right]),
            {"name": "quiz", "state": {"seed": 31, "answer": f"30.{right}", "tried": 1}},
        ]
    )
    scores = [(each["state"]["right"], each["state"]["tried"]) for each in found]
    assert scores == [(1, 1), (0, 1), (0, 1)]
    assert [each["outcome"] >= 0 for each in found] == [True, True, False]


@pytest.mark.browser
def test_a_reader_answers_and_goes_on(tmp_path: Path) -> None:
    """Buttons take the answer and keep the focus; only a reset ends the score."""
    if not find_chromium():
        pytest.skip("Chromium is not installed")
    address = live_page.write(tmp_path / "page.html", "quiz")
    with chromium() as browser, browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".live-on")
        words, main = page.locator(".live-words"), "document.querySelector('[data-live]').live"
        page.evaluate(f"{main}.runTo({END})")
        assert page.evaluate(f"{main}.python()") == ""
        given = page.get_by_role("button", name="λ too large")
        given.focus()
        page.keyboard.press("Enter")
        assert "λ is too large" in words.inner_text()
        assert "Right so far: 1 of 1. You said so." in words.inner_text()
        assert given.get_attribute("aria-pressed") == "true"
        assert page.evaluate("document.activeElement.textContent") == "λ too large"
        assert page.evaluate(f"{main}.steps") == END
        page.get_by_role("button", name="New seed").click()
        page.evaluate(f"{main}.runTo(20)")
        assert words.inner_text().startswith("Run 31")
        assert given.get_attribute("aria-pressed") == "false"
        given.click()
        assert "Right so far: 1 of 2. You had said: λ too large. It is: " in words.inner_text()
        page.evaluate("location.hash = '#live-quiz:seed=33'")  # as a phrase of the page does
        page.wait_for_function(f"{main}.state.seed === 33")
        state = json.loads(page.evaluate(f"JSON.stringify({main}.state)"))
        assert (state["right"], state["tried"]) == (1, 2)
        page.get_by_role("button", name="Reset").click()
        state = json.loads(page.evaluate(f"JSON.stringify({main}.state)"))
        assert (state["seed"], state["right"], state["tried"]) == (30, 0, 0)
