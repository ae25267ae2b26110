"""The live column that is rounded against scbtools, and what the text says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_node import figures

import scbtools as scb
from scbtools.population import least_squares_value
from scbtools.updates import round_and_normalise

P = [[0.1, 0.5, 0.4], [0.3, 0.1, 0.5], [0.6, 0.4, 0.1]]
POSITIONS = [[45, 137], [23, 117], [82, 190]]
DEFAULTS: dict[str, Any] = {"c": 0.5, "B": 64, "weights": "0.5", "seed": 1}


def shown(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the figure shows for each setting."""
    return figures([{"name": "rounding", "state": case} for case in cases])


@pytest.mark.parametrize(
    "setting",
    [{}, {"c": 0.1, "B": 16, "seed": 5}, {"c": 0.7, "weights": "0.75"}, {"c": 1.2, "seed": 2}],
)
def test_it_is_the_library_s(setting: dict[str, Any]) -> None:
    """Columns and signals after rounding have Python's bits; the loss agrees to 1e-12."""
    state = DEFAULTS | setting
    heavier = float(state["weights"])
    task = scb.SCBTask.from_sparse(P, POSITIONS, [[heavier, 1 - heavier]] * 3, 200)
    rates = 0.05 / task.K_Q, 0.05 / task.K_P
    run = scb.train(
        task, scb.Stage("on", 40, state["B"], *rates), scb.true_params(task), seed=state["seed"]
    )
    found = shown([state])[0]["data"]
    A = round_and_normalise(run.params.A, state["c"] / 2)
    params = scb.Params(A, least_squares_value(task, A))
    now = scb.signals(task, params)
    assert found["columns"] == A.T.tolist()
    assert (found["now"]["alpha_A"], found["now"]["alpha_V"]) == (now.alpha_A, now.alpha_V)
    true, kept = task.attention > 0, A > 0
    counts = (true & ~kept).sum(), (kept & ~true).sum(), kept.sum() / 3
    assert (found["lost"], found["extra"], found["kept"]) == counts
    excess = scb.population_loss(task, params) - task.bayes_loss()
    assert found["excess"] == pytest.approx(float(excess), rel=0, abs=1e-12)
    before = scb.signals(task, run.params)
    assert found["before"]["error_A"] == pytest.approx(before.error_A, rel=1e-12)


def test_an_entry_lost_is_not_seen_by_the_signal_of_A() -> None:
    """With even weights it stays at 1, V's falls below it, and the loss goes up to 0.0123."""
    grid = (1.1, 1.15, 1.2, 1.25, 1.3)
    runs = shown([{"c": c, "seed": seed} for c in grid for seed in range(1, 7)])
    lost = [run for run in runs if run["data"]["lost"]]
    assert len(lost) >= 6
    for run in lost:
        assert run["outcome"] == 1
        assert run["data"]["now"]["alpha_V"] < 0.9
    worst = max(run["data"]["excess"] for run in lost)
    task = scb.SCBTask.from_sparse(P, POSITIONS, [[0.5, 0.5]] * 3, 200)
    assert worst == pytest.approx(task.K_P / 8, rel=1e-6)  # all lighter entries lost
    assert worst == pytest.approx(task.K_P * task.norm_Q_squared / 4, rel=1e-6)


def test_both_sides_of_the_window_have_their_signatures() -> None:
    """Too low: A's signal below 1 below V's. Too high, uneven weights: the other way round."""
    for seed in range(1, 7):
        low, right, high = (
            each["data"]
            for each in shown(
                [
                    {"c": 0.1, "seed": seed},
                    {"c": 0.5, "seed": seed},
                    {"c": 0.7, "weights": "0.75", "seed": seed},
                ]
            )
        )
        assert low["extra"] > 0
        assert low["now"]["alpha_A"] < 1 < low["now"]["alpha_V"]
        assert (right["lost"], right["extra"]) == (0, 0)
        np.testing.assert_allclose([right["now"]["alpha_A"], right["now"]["alpha_V"]], 1, atol=0.03)
        assert high["lost"] > 0
        assert high["now"]["alpha_V"] < 1 < high["now"]["alpha_A"]


def test_noise_and_uneven_weights_leave_no_constant() -> None:
    """Sixteen sequences and weights 0.75 and 0.25: each of six runs says that none is right."""
    runs = shown([{"B": 16, "weights": "0.75", "seed": seed} for seed in range(1, 7)])
    assert all("No constant is right" in run["words"] for run in runs)
    assert "nothing to round" in shown([{"c": 2.0}])[0]["words"]
