"""The reader's own task: draws, tally and law are the library's, and the bet has its answer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import live_page
import numpy as np
import pytest
from browsing import chromium, find_chromium
from live_node import figures
from scipy import stats

import scbtools as scb
from tools import draw_stills

P = np.array([[0, 1 / 2, 1], [1, 0, 0], [0, 1 / 2, 0]])
MAPS = {
    "text": [[1 / 2, 0, 0], [0, 0, 1 / 4], [1 / 2, 0, 3 / 4], [0, 1, 0]],
    "bigram": [[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1]],
    "even": [[1 / 4] * 3] * 4,
}


def show(state: dict[str, object], steps: int = 0) -> dict:
    """Return what the figure shows."""
    return figures([{"name": "task", "state": state, "steps": steps}])[0]


@pytest.mark.parametrize(
    ("look", "say", "row", "last", "seed", "drawn"),
    [
        ("text", 1, "bcab", "a", 0, 20000),
        ("bigram", 1, "aabc", "c", 5, 12345),
        ("even", 0.75, "abab", "b", 2**31, 301),
        ("text", 0, "aaaa", "a", 7, 4000),
    ],
)
def test_draws_and_law_are_those_of_the_library(
    look: str, say: float, row: str, last: str, seed: int, drawn: int
) -> None:
    """What follows the row is counted over the tokens of `SCBTask.sample`, one by one."""
    Q = np.array(MAPS[look])
    mu = scb.SCBTask(P, Q).stationary
    task = scb.SCBTask(say * P + (1 - say) * mu[:, None], Q)
    tokens, k = np.array(["abc".index(token) for token in row]), "abc".index(last)
    counts = np.zeros(3, int)
    for step in range(-(-drawn // 100)):
        batch = task.sample(100, seed=seed, step=step)
        some = slice(0, drawn - 100 * step)
        same = (batch.tokens[some] == tokens).all(axis=1) & (batch.last[some] == k)
        counts += np.bincount(batch.target[some][same], minlength=3)
    state = {"look": look, "say": say, "row": row, "last": last, "seed": seed}
    data = show(state, drawn)["data"]
    assert data["counts"] == counts.tolist()
    assert data["hits"] == counts.sum()
    np.testing.assert_allclose(
        data["law"], task.transition[:, tokens] @ task.attention[:, k], rtol=0, atol=1e-15
    )
    assert (data["K_P"], data["K_Q"]) == (task.K_P, task.K_Q)


def test_the_tally_agrees_with_the_law() -> None:
    """By a test of fit over ten streams; one stream of tokens in 10,000 would fail it."""
    each = figures(
        [{"name": "task", "state": {"seed": seed}, "steps": 20000} for seed in range(10)]
    )
    counts = np.sum([one["data"]["counts"] for one in each], axis=0)
    law = np.array(each[0]["data"]["law"])
    assert counts.sum() > 800
    assert stats.chisquare(counts, law * counts.sum()).pvalue > 1e-4


def test_only_a_token_without_weight_can_change_without_effect() -> None:
    """Position 2 (and 4) of the text's row; each other change moves the law."""
    usual = show({})["data"]["law"]
    for row, same in (("baab", True), ("bbab", True), ("bcaa", True), ("acab", False)):
        assert (show({"row": row})["data"]["law"] == usual) == same, row
    assert show({"row": "bccb"})["data"]["law"] != usual
    assert show({"last": "c"})["data"]["law"] != usual


def test_the_bet_is_answered_when_the_change_has_been_tried() -> None:
    """And not before, nor by another change."""
    assert show({"row": "baab"})["outcome"] == 1
    assert show({"row": "bbab"})["outcome"] == 1
    for state in ({}, {"row": "acab"}, {"row": "bcaa"}, {"row": "baab", "say": 0}, {"last": "c"}):
        assert show(state)["outcome"] == -1, state
    assert "without weight" in show({"row": "baab"})["words"]


def test_in_a_bigram_the_last_token_does_not_matter() -> None:
    """All last tokens look at position 4; and when P says nothing, no token matters."""
    laws = [show({"look": "bigram", "last": last})["data"]["law"] for last in "abc"]
    assert laws[0] == laws[1] == laws[2]
    blank = [show({"say": 0, "row": row})["data"] for row in ("bcab", "aaaa", "cbca")]
    for one in blank:
        np.testing.assert_allclose(one["law"], [0.4, 0.4, 0.2], atol=1e-15)
        assert one["K_P"] == 0


def test_a_chain_that_falls_apart_is_named() -> None:
    """Where b leads to b alone, mu is not unique: the figure says so and draws nothing."""
    found = show({"follow": "010010100"}, 50)
    assert "μ is not unique" in found["words"]
    assert found["taken"] == 0
    assert found["data"]["python"] == []


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    """However the steps are cut."""
    counts = [show({}, drawn)["data"]["counts"] for drawn in (0, 99, 100, 101, 5000)]
    for before, after in pairwise(counts):
        assert all(x <= y for x, y in zip(before, after, strict=True))


@pytest.mark.browser
def test_a_pointer_turns_tokens_and_cells_one_by_one(tmp_path: Path) -> None:
    """Also on a telephone, where the narrow still stands first; a shaky hand turns once."""
    if not find_chromium():
        pytest.skip("Chromium is not installed")
    stills = [
        (draw_stills.STILLS / f"task-{kind}.svg")
        .read_text("utf8")
        .replace('"live-picture"', f'"live-picture live-{kind}"', 1)
        for kind in ("wide", "narrow")
    ]
    address = live_page.write(tmp_path / "page.html", "task", still="".join(stills))
    main = "document.querySelector('[data-live]').live"
    with chromium() as browser, browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_viewport_size({"width": 360, "height": 900})
        page.goto(address)
        page.wait_for_selector(".live-on")
        for change in ({"row": "ccab"}, {"last": "b"}, {"look": "own"}, {"follow": "110101100"}):
            page.evaluate(f"{main}.reset()")
            picture = page.locator("svg.live-picture")
            assert picture.count() == 1
            (name,) = change
            width = page.evaluate(
                "document.querySelector('svg.live-picture').viewBox.baseVal.width"
            )
            left = (width - 248) / 2
            cell = min(34, (width - 110) / 6)
            x, y = {
                "row": (left + 19, 103),
                "last": (left + 229, 103),
                "look": (30 + 0.5 * cell, 212 + 1.5 * cell),
                "follow": (width - 12 - 2.5 * cell, 212 + 0.5 * cell),
            }[name]
            box = picture.bounding_box()
            assert box is not None
            unit = box["width"] / width
            page.mouse.move(box["x"] + x * unit, box["y"] + y * unit)
            page.mouse.down()
            page.mouse.move(box["x"] + x * unit + 2, box["y"] + y * unit + 2)
            page.mouse.up()
            page.evaluate(f"{main}.pause()")
            state = page.evaluate(f"{main}.state")
            assert {name: state[name]} == change
            if name == "look":
                assert state["own"] == "111000010130"


@pytest.mark.browser
def test_keys_reach_and_turn_every_token_and_cell(tmp_path: Path) -> None:
    """One stop of Tab; arrows go to each, + and - turn it on and back, and it is spoken."""
    if not find_chromium():
        pytest.skip("Chromium is not installed")
    main = "document.querySelector('[data-live]').live"
    label = "document.activeElement.getAttribute('aria-label')"
    with chromium() as browser, browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(live_page.write(tmp_path / "page.html", "task"))
        page.wait_for_selector(".live-on")
        spots = page.locator(".live-part")
        assert spots.count() == 4 * 3 + 5 + 3 * 3
        assert page.locator('.live-part[tabindex="0"]').count() == 1
        page.locator('.live-part[tabindex="0"]').focus()
        assert page.evaluate(label) == "Q, last token a, position 1: 1/2"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        found = {page.evaluate(label)}
        keys = {"ArrowRight": "ArrowLeft", "ArrowDown": "ArrowUp"}
        for _ in range(4):  # row by row of the drawing, there and back
            for ahead, back in keys.items():
                for key in 10 * [ahead] + 10 * [back] + [ahead]:
                    page.keyboard.press(key)
                    found.add(page.evaluate(label))
        kinds = [name.split(":")[0] for name in found]
        assert "last token" in kinds
        assert {name.split(",")[0] for name in kinds if "," in name} == {"Q", "P"}
        spots.nth(4).focus()  # Q: position 1 after b, which has no weight
        for key, own, said in (
            ("+", "101010010130", "1/2"), ("-", "101000010130", "0"), ("-", "101030010130", "3/4"),
        ):  # fmt: skip
            page.keyboard.press(key)
            page.evaluate(f"{main}.pause()")
            assert page.evaluate(f"{main}.state.own") == own
            spoken = page.locator(".live-spoken").inner_text()
            assert page.evaluate(label) == f"Q, last token b, position 1: {said}"
            assert spoken == page.evaluate(label) or spoken.startswith("After")
        spots.nth(12).focus()
        page.keyboard.press("Enter")
        assert page.evaluate(f"{main}.state.row") == "ccab"
        assert page.evaluate("document.activeElement.className") == "live-part"
