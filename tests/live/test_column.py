"""The live column of Stage 2 against scbtools, and what the text says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_node import figures

import scbtools as scb
from scbtools import updates

P = [[0.1, 0.5, 0.4], [0.3, 0.1, 0.5], [0.6, 0.4, 0.1]]
POSITIONS = [[65, 205], [23, 177], [42, 290]]
TASK = scb.SCBTask.from_sparse(P, POSITIONS, [[0.5, 0.5]] * 3, 300)
DEFAULTS: dict[str, Any] = {"l1": 0.003, "B": 256, "eta": 0.05, "cut": True, "seed": 1}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"l1": 0.0, "B": 16, "seed": 7},
    {"l1": 0.02, "eta": 0.1, "cut": False, "seed": 3},
]


def shown(cases: list[dict[str, Any]], steps: int) -> list[dict[str, Any]]:
    """Return what the column shows after some steps of each setting."""
    return figures([{"name": "column", "state": case, "steps": steps} for case in cases])


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_step_in_three_layers(setting: dict[str, Any]) -> None:
    """Gradient, threshold and projection are eq. 6 taken from the library's own state before it."""
    state, steps = DEFAULTS | setting, 9
    before, after = (
        figures([{"name": "column", "state": state, "steps": n}])[0]["data"]
        for n in (steps - 1, steps)
    )
    boost = scb.recipes.boost(TASK, 2000, 200, 0.1, 0.35)
    cut = [scb.Transform("reflect")] + [scb.Transform("threshold")] * state["cut"]
    rates = state["eta"] / TASK.K_Q, state["eta"] / TASK.K_P
    learn = scb.Stage("learn", steps - 1, state["B"], *rates, l1=state["l1"], before=cut)
    run = scb.train(TASK, [boost, learn], seed=state["seed"], record_every=1)
    assert before["python"] == run.params.A[:, 0].tolist()
    now = scb.signals(TASK, run.params)
    assert (before["alpha_V"], before["alpha_A"]) == (now.alpha_V, now.alpha_A)

    at = int(run.history["step"][-1])
    raw = scb.minibatch_gradients(TASK, run.params, state["B"], state["seed"], at)
    gradient = scb.precondition(TASK, raw).A
    moved = (run.params.A - rates[1] * gradient)[:, 0]
    shrunk = updates.soft_threshold(moved, state["l1"])
    layers = [moved, shrunk, after["python"]]
    np.testing.assert_allclose(after["layers"], layers, rtol=0, atol=1e-13)
    projected = updates.project(shrunk[:, None])[:, 0] if state["l1"] else shrunk
    np.testing.assert_allclose(after["python"], projected, rtol=0, atol=1e-13)
    back = projected[0] - shrunk[0]
    np.testing.assert_allclose(after["takes"][-1], state["l1"] - back, rtol=0, atol=1e-13)
    given = state["eta"] * TASK.K_Q * (1 - now.alpha_A * now.alpha_V) * now.alpha_V
    assert after["gives"][steps - 1] == pytest.approx(given, rel=1e-12)


def test_the_gradient_gives_what_the_proposition_says() -> None:
    """Summed over steps of eight runs, attended entries get what is foreseen, to a tenth.

    The noise of the sum is some 3 % of it; the streams are fixed, so that the test never wavers.
    """
    runs = shown([{"seed": seed, "l1": 0.001} for seed in range(1, 9)], 20)
    given = sum(sum(run["data"]["measured"][1:]) for run in runs)
    foreseen = sum(sum(run["data"]["gives"][:-1]) for run in runs)
    assert given == pytest.approx(foreseen, rel=0.1)


def test_which_penalty_the_signal_survives() -> None:
    """Twice what a first gradient gives is survived, and more than three times that is not.

    Measured over 20 streams before it was written: the border lies at 2.4 to 2.8 times.
    """
    seeds = (1, 2)
    lived = shown([{"l1": 0.016, "seed": seed} for seed in seeds], 160)
    died = shown([{"l1": 0.025, "seed": seed} for seed in seeds], 160)
    for run in lived:
        assert run["data"]["gives"][0] == pytest.approx(0.008, rel=0.12)
        assert run["data"]["alpha_A"] > 0.25
        assert run["outcome"] == 2
    assert [run["data"]["fate"] for run in died] == ["gone"] * 2
    assert [run["outcome"] for run in died] == [-1] * 2


def test_who_wins() -> None:
    """The ends that presets and text promise, and how soon the too large penalty brings its own."""
    promised: dict[str, dict[str, Any]] = {
        "noise": {"l1": 0.0},
        "neither": {},
        "penalty": {"l1": 0.01},
        "gone": {"l1": 0.03},
        "drowned": {"l1": 0.0, "B": 16},
    }
    runs = shown(list(promised.values()), 160)
    assert [run["data"]["fate"] for run in runs] == list(promised)
    (soon,) = shown([{"l1": 0.03}], 11)
    assert soon["data"]["fate"] == "gone"


def test_sixteen_sequences_are_too_few() -> None:
    """With B = 16 no penalty of the slider brings A nearer than 0.5; the whole way is 0.71."""
    grid = (0.001, 0.003, 0.007, 0.01, 0.02)
    runs = shown([{"l1": l1, "B": 16} for l1 in grid], 160)
    assert min(run["data"]["error_A"] for run in runs) > 0.5
