"""Stages and arguments that are refused before anything is computed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import scbtools as scb
from tests.examples import small_task, stage

BAD_STAGES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"steps": -1}, ValueError, "steps must be at least 0"),
    ({"steps": 2.5}, TypeError, "steps must be an integer"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"eta_V": -0.1}, ValueError, "eta_V must lie in"),
    ({"eta_A": float("nan")}, ValueError, "eta_A must lie in"),
    ({"eta_A": "fast"}, TypeError, "eta_A must be a number"),
    ({"l1": -1e-5}, ValueError, "l1 must lie in"),
    ({"l1": float("inf")}, ValueError, "l1 must lie in"),
    ({"target": -1.0}, ValueError, "target must lie in"),
    ({"until": "loss"}, ValueError, "until must be one of"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_STAGES)
def test_bad_stage(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stage(**options)


def test_bad_transform() -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        scb.Transform("polish")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level must lie in"):
        scb.Transform("round", 0.0)


def test_stages_are_data() -> None:
    s = stage()
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.steps = 3  # type: ignore[misc]
    assert s == stage()
    assert dataclasses.replace(s, steps=3).steps == 3
    with pytest.raises(ValueError, match="batch_size"):
        dataclasses.replace(s, batch_size=0)


def test_bad_train() -> None:
    task = small_task()
    with pytest.raises(TypeError, match="stages must be Stage objects, got 'boost'"):
        scb.train(task, ["boost"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="seed must be at least 0"):
        scb.train(task, stage(), seed=-1)
    with pytest.raises(ValueError, match="record_every must be at least 1"):
        scb.train(task, stage(), record_every=0)
    with pytest.raises(ValueError, match=r"params\.A must have shape \(40, 3\)"):
        scb.train(task, stage(), params=scb.Params(np.zeros((3, 40)), np.eye(3)))
    broken = scb.uniform_start(task)
    broken.V[0, 0] = np.inf
    with pytest.raises(ValueError, match=r"params\.V has a NaN or infinite entry at row 0"):
        scb.train(task, stage(), params=broken)


def test_solving_for_v_needs_columns_that_sum_to_one() -> None:
    task = small_task()
    solve = stage(steps=0, before=(scb.Transform("least_squares"),))
    mend = stage(steps=0, before=(scb.Transform("round"), scb.Transform("least_squares")))
    plain = stage(preconditioned=False, steps=1)
    with pytest.raises(ValueError, match="columns of A need not sum to 1"):
        scb.train(task, [plain, solve])
    start = scb.true_params(task)
    assert scb.train(task, [plain, mend], start).status == "finished"
    assert scb.train(task, [stage(steps=1), solve], start).status == "finished"


def test_before_holds_transforms() -> None:
    with pytest.raises(TypeError, match="before must be a tuple of Transform"):
        stage(before=("round",))
