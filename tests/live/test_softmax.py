"""The live race of two logits is scbtools' model, and ends as the page says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from live_node import figures

import scbtools as scb

MOST = 2000


def shown(*cases: tuple[dict[str, Any], int]) -> list[dict[str, Any]]:
    return figures([{"name": "softmax", "state": state, "steps": steps} for state, steps in cases])


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ({"omega": 10000}, 30),  # before it swings
        ({"omega": 100, "tie": 0.1}, 400),
        ({"omega": 200, "heavy": 0.7}, 700),
        ({"omega": 250, "T": 20, "tie": 0.5}, 60),
        ({"omega": 10, "T": 400, "heavy": 0.9, "tie": 0.01}, 500),
    ],
)
def test_numbers_are_the_library_s(state: dict[str, Any], steps: int) -> None:
    """The whole matrices, by the call that the figure shows, have its three numbers to 1e-12."""
    (found,) = shown((state, steps))
    assert found["taken"] == found["data"]["steps"] == steps
    known: dict[str, Any] = {}
    exec(re.sub(r"print\(.*", "", found["python"]), known)
    one, two, rest = found["data"]["weights"]
    A, T = known["A"], known["T"]
    for k in range(3):
        column = np.full(T, rest)
        column[2 * k : 2 * k + 2] = one, two
        np.testing.assert_allclose(A[:, k], column, rtol=0, atol=1e-12)
    assert found["data"]["alpha_V"] == pytest.approx(known["alpha_V"], abs=1e-12)


def test_linear_attention_is_the_library_s() -> None:
    """So is the linear model beside it."""
    state, steps, T = {"heavy": 0.7, "T": 50}, 150, 50
    (found,) = shown((state, steps))
    known: dict[str, Any] = {}
    exec(re.sub(r"for step in.*", "", found["python"], flags=re.DOTALL), known)
    task, A, V = known["task"], known["A"], known["V"]
    for _ in range(steps):
        g = scb.precondition(task, scb.population_gradients(task, scb.Params(A, V)))
        A, V = A - 0.05 / task.K_P * g.A, V - 0.05 / task.K_Q * g.V
    column = np.full(T, found["data"]["linear"][2])
    column[:2] = found["data"]["linear"][:2]
    np.testing.assert_allclose(A[:, 0], column, rtol=0, atol=1e-12)


def test_the_limit_divides_what_is_kept_from_what_swings() -> None:
    """Up to it both stay, beyond it they swing; uneven weights have their own."""
    even = {omega: {"omega": omega} for omega in (20, 50, 100, 150, 200, 250, 320, 400, 600, 1000)}
    found = shown(*[(state, MOST) for state in even.values()])
    for omega, each in zip(even, found, strict=True):
        assert each["data"]["limit"] == pytest.approx(160)
        assert each["data"]["ending"] == ("both" if omega < 160 else "swings"), omega
    kept, swung = shown(({"omega": 200, "heavy": 0.7}, MOST), ({"omega": 250, "heavy": 0.7}, MOST))
    assert kept["data"]["limit"] == pytest.approx(2 / (0.05 * 0.42**2))  # 227
    assert [kept["data"]["ending"], swung["data"]["ending"]] == ["both", "swings"]


def test_at_the_matched_rate_one_takes_all_unless_they_are_tied() -> None:
    """The answer to the question, whatever small difference they start with, and who is ahead."""
    ties = (1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.5)
    matched = [({"omega": 10000, "tie": tie}, MOST) for tie in (*ties, 0.0)]
    found = shown(*matched)
    assert [each["outcome"] for each in found] == [1] * len(ties) + [-1]
    assert {each["data"]["weights"][0] > 0.5 for each in found[:-1]} == {True, False}
    assert "exact tie" in found[-1]["words"]


def test_the_lighter_of_two_uneven_weights_comes_later() -> None:
    """At first the heavier takes nearly all; in the end both stand near the truth."""
    early, late = shown(*[({"omega": 200, "heavy": 0.7}, steps) for steps in (300, MOST)])
    assert early["data"]["weights"][0] > 0.9
    assert early["data"]["weights"][1] < 0.01
    np.testing.assert_allclose(late["data"]["weights"][:2], [0.7, 0.3], atol=0.05)


def test_softmax_takes_off_when_the_page_says() -> None:
    """At sqrt(2) T / (eta sqrt(omega)), for several rates, to a tenth."""
    for omega, T in ((100, 100), (1000, 100), (10000, 100), (200, 400)):
        at = np.sqrt(2) * T / (0.05 * np.sqrt(omega))
        state = {"omega": omega, "T": T}
        before, after = shown((state, int(0.9 * at)), (state, int(1.1 * at)))
        assert sum(before["data"]["weights"][:2]) < 0.5 < sum(after["data"]["weights"][:2])
