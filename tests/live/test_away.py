"""Two projections on the same tokens: the runs are the library's, and the counts the chapter's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from experiments.looking_away import by_hand
from live_node import figures
from scipy.stats import norm

import scbtools as scb

ALL = 240  # streams


def shown(steps: int, **state: Any) -> dict[str, Any]:
    return figures([{"name": "away", "state": state, "steps": steps}])[0]


def setting(found: dict[str, Any]) -> dict[str, Any]:
    """Return the task and the stage that the pasted code makes."""
    known: dict[str, Any] = {}
    exec(found["python"].split("\n\n\n")[0], known)
    return known


@pytest.mark.parametrize("kind", ["even", "random", "skewed"])
def test_the_law_is_the_chapter_s(kind: str) -> None:
    """Both z are those of the experiment behind the chapter."""
    for T, r in ((20, 8), (400, 1)):
        found = shown(0, kind=kind, T=T, r=r)
        task = setting(found)["task"]
        z = [by_hand(task, r, method) for method in ("paper", "centred")]
        np.testing.assert_allclose(found["data"]["z"], z, rtol=1e-12)
        np.testing.assert_allclose(found["data"]["law"], norm.sf(z), rtol=1e-12, atol=1e-14)
        assert found["data"]["B"] == round(r * T / 10)


@pytest.mark.parametrize(
    "state",
    [
        {"T": 100, "r": 1, "seed": 3},
        {"T": 40, "r": 2, "kind": "random"},
        {"T": 20, "r": 1, "reflect": True, "seed": 1},
    ],
)
def test_every_run_is_one_of_the_library(state: dict[str, Any]) -> None:
    """Where runs end, with either projection, their signals have the bits of `train`."""
    found = shown(250, **state)
    known: dict[str, Any] = setting(found)
    exec(found["python"].rsplit("\n\n\n", 1)[0], known)
    count = found["data"]["count"]
    assert count >= 16
    seeds = range(1000 * state.get("seed", 0), 1000 * state.get("seed", 0) + count)
    ends = [[known["end"](centred, seed) for seed in seeds] for centred in (False, True)]
    assert ends == [found["data"]["ends"][name] for name in ("paper", "centred")]
    assert [sum(end < 0 for end in each) for each in ends] == found["data"]["wrong"]


def test_the_columns_have_python_s_bits() -> None:
    """Amid a run, the first stream's attention on both sides."""
    found = shown(20, T=100, kind="skewed", seed=2)
    known = setting(found)
    for centred, column in zip((False, True), found["data"]["columns"], strict=True):
        stage = dataclasses.replace(known["stage"], centred=centred, steps=20)
        params = scb.train(known["task"], stage, seed=2000).params
        assert params.A[:, 0].tolist() == column


def test_even_tokens_make_both_sides_the_same() -> None:
    """Up to rounding, and so for every count."""
    found = shown(150, kind="even", T=100, r=1)["data"]
    np.testing.assert_allclose(*found["ends"].values(), rtol=1e-9)
    assert found["wrong"][0] == found["wrong"][1]
    assert found["count"] >= 16


@pytest.fixture(scope="module")
def long() -> dict[str, Any]:
    """All streams of T = 400."""
    return shown(10**6, T=400)


def test_the_answer_to_the_question(long: dict[str, Any]) -> None:
    """Five times as many look away, and none with the centred projection.

    The share is 0.296 (1200 runs); it falls below the question's bound, 0.18, with a chance of
    4e-5. For T = 40 it is 0.057 (4000 runs).
    """
    paper, centred = long["data"]["wrong"]
    assert long["data"]["count"] == ALL
    assert long["outcome"] == 2
    assert abs(paper / ALL - long["data"]["law"][0]) < 0.12  # four standard errors
    assert centred <= 4  # more of 240 at 0.1 %: a chance below 1e-5
    assert f"{paper} look away with the paper" in long["words"]
    # As many as the question says, by the law.
    assert shown(0)["data"]["law"][0] == pytest.approx(0.06, abs=0.002)


def test_attention_alone_turns_them_round(long: dict[str, Any]) -> None:
    """With the reflection the same runs are turned that had looked away, and no others."""
    some = shown(212, T=400, reflect=True)
    count = some["data"]["count"]
    assert count == 24  # as in the still picture's rounds
    away = [end < 0 for end in long["data"]["ends"]["paper"][:count]]
    assert some["data"]["turned"]["paper"] == sum(away) > 0
    assert some["data"]["wrong"] == [0, 0]
    assert "None looks away now" in some["words"]
