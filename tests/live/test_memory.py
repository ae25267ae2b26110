"""One training set, again and again: losses and entries are those that the library finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from experiments import memories
from live_node import figures

import scbtools as scb

LAST = 1000  # steps, more than there are


def shown(steps: int, **state: Any) -> dict[str, Any]:
    return figures([{"name": "memory", "state": state, "steps": steps}])[0]


def known(found: dict[str, Any]) -> dict[str, Any]:
    """What the pasted code leaves behind."""
    names: dict[str, Any] = {}
    exec(found["python"], names)
    return names


@pytest.mark.parametrize(("steps", "state"), [
    (0, {}), (25, {"n": 250, "T": 40}), (120, {"n": 250, "T": 40, "seed": 3}),
    (150, {"n": 500, "T": 20, "penalty": True}),
])  # fmt: skip
def test_losses_are_those_of_the_set_and_of_the_law(steps: int, state: dict[str, Any]) -> None:
    """On the set, in truth, and of the largest entries with V fitted on the set."""
    found = shown(steps, **state)
    names, data = known(found), found["data"]
    task, params = names["task"], names["params"]
    kept = task.sample(state.get("n", 500), state.get("seed", 0))
    inside = memories.on_set(task, params, kept)
    outside = memories.on_average(task, params)
    np.testing.assert_allclose(data["inside"][-1], inside, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(data["outside"][-1], outside, rtol=1e-11, atol=1e-13)
    assert len(data["inside"]) == len(data["outside"]) == steps + 1
    if not data["after"]:
        return
    largest = np.zeros_like(params.A)
    order = np.argsort(-params.A, axis=0)[:2]
    np.put_along_axis(largest, order, 0.5, axis=0)
    assert data["shown"] == (largest * (task.attention > 0)).sum() / 0.5
    rounded = scb.Params(largest, memories.least_squares(task, largest, kept))
    np.testing.assert_allclose(data["rounded"], memories.on_average(task, rounded), atol=1e-11)


def test_fresh_samples_are_a_run_of_the_library() -> None:
    """The history of one call of `train`, at any step of either stage."""
    for steps in (10, 100):
        found = shown(steps, n=250, T=40, fresh=True, penalty=True)
        history, row = (known(found)[name] for name in ("history", "row"))
        assert history["step"][row] == found["data"]["count"] == steps
        assert found["data"]["loss"] == history["loss"][row]


def test_the_bet() -> None:
    """The same 500 samples are memorised; fresh ones, even half as many, are not."""
    kept, fresh = figures([
        {"name": "memory", "steps": LAST},
        {"name": "memory", "state": {"n": 250, "T": 100, "fresh": True}, "steps": LAST},
    ])  # fmt: skip
    assert kept["outcome"] == 2
    assert kept["data"]["after"] == fresh["data"]["after"] == 300
    assert kept["data"]["inside"][-1] < -0.5
    assert fresh["data"]["outside"][-1] < 0.2
