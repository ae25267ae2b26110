"""The loss over two signals: Python's numbers, and where nothing pulls."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from live_node import figures

import scbtools as scb
from scbtools import population

STATES = [
    {},
    {"v": 0.5},
    {"a": 0.5, "k": "1"},
    {"v": 1.35, "a": -1.5, "T": 10, "k": "2"},
    {"v": -1, "a": -1, "T": 500},
    {"v": 1, "a": 1, "T": 100},
]


def shown(states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the figure has, the whole answer of node for each state."""
    return figures([{"name": "loss", "state": state} for state in states])


def of_python(code: str) -> tuple[scb.SCBTask, scb.Params]:
    """Return task and parameters as the figure's own lines of Python make them."""
    names: dict[str, Any] = {}
    exec(code.split("excess =")[0], names)
    return names["task"], names["params"]


def test_loss_and_pulls_are_python_s() -> None:
    """Loss, expected gradients and the two forces, to 1e-12."""
    for state, found in zip(STATES, shown(STATES), strict=True):
        task, params = of_python(found["python"])
        k, data = int(state.get("k", 0)), found["data"]
        now = scb.signals(task, params)
        assert (now.alpha_V, now.alpha_A) == pytest.approx((data["v"], data["a"]), abs=1e-12)
        assert data["loss"] == pytest.approx(scb.population_loss(task, params), abs=1e-12)
        raw = scb.population_gradients(task, params)
        for gradients in (
            scb.precondition(task, raw),
            population.preconditioned_population_gradients(task, params),
        ):
            np.testing.assert_allclose(data["A"], -gradients.A[:, k], rtol=0, atol=1e-12)
            np.testing.assert_allclose(data["V"], -gradients.V[:, k], rtol=0, atol=1e-12)


def test_nothing_pulls_on_a_where_v_knows_nothing() -> None:
    """Whatever A is; with the product right; and nowhere else. On V there is always 1/T."""
    blind = [{"a": a, "T": T} for a in (-1.5, 0, 0.5, 1.5) for T in (10, 500)]
    right = [{"v": v, "a": 1 / v} for v in (0.8, 1, -1, 1.25)]
    for found in shown(blind + right):
        assert np.abs(found["data"]["A"]).max() < 1e-15
    for found in shown([{"v": v, "a": 0} for v in (-1, 0.5, 1)]):
        assert np.abs(found["data"]["A"]).max() > 0.01
        assert found["data"]["force"] == pytest.approx(1 / 40, abs=1e-15)


def test_the_bet_is_won_on_the_upright_line_alone() -> None:
    """The start itself does not answer, nor does the line where A knows nothing."""
    outcomes = [each["outcome"] for each in shown([{}, {"a": 0.5}, {"v": 0.5}, {"v": 1, "a": 1}])]
    assert outcomes == [-1, 1, -1, -1]


def test_contours_are_where_the_loss_is_level() -> None:
    """Points of each drawn contour have one excess loss, by population_loss."""
    (found,) = shown([{"T": 20}])
    task, _ = of_python(found["python"])
    start, truth = scb.uniform_start(task), scb.true_params(task)

    def excess(v: float, a: float) -> float:
        params = scb.Params(start.A + a * (truth.A - start.A), start.V + v * (truth.V - start.V))
        return scb.population_loss(task, params) - task.bayes_loss()

    paths = re.findall(
        r'class="line area soft thin"[^>]* d="M([^"]+)Z"', found["drawings"][0]["body"]
    )
    assert len(paths) > 12
    checked = 0
    for path in paths[4:]:  # the first are too narrow for a tenth of a pixel
        points = np.array([[float(x) for x in each.split()] for each in path.split("L")])
        v, a = ((points - (46, 24)) / 310 * 2 - 1).T * 1.6
        inside = (np.abs(a) < 1.6) & (np.abs(v) > 0.2)
        if inside.sum() < 3:
            continue
        heights = [excess(x, -y) for x, y in zip(v[inside], a[inside], strict=True)]
        checked += len(heights)
        np.testing.assert_allclose(heights, np.median(heights), rtol=0.05)
    assert checked > 200
