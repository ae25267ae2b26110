"""Arguments are converted where they are checked, and refused before anything is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scbtools as scb
from scbtools import noise, recipes, updates
from tests.examples import small_task, stage


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_a_stage_keeps_plain_python() -> None:
    """NumPy's integers would overflow in the count of samples, and its truths are no bools."""
    kept = scb.Stage(
        np.str_("a"), np.int32(70_000), np.uint8(200), np.float32(0.5), np.float16(0.25),
        preconditioned=np.bool_(False), before=[scb.Transform("round", np.float32(0.5))],
    )  # fmt: skip
    assert kept == scb.Stage("a", 70_000, 200, 0.5, 0.25, preconditioned=False, before=kept.before)
    plain = kept.name, kept.steps, kept.batch_size, kept.eta_V, kept.eta_A, kept.preconditioned
    assert [type(each) for each in plain] == [str, int, int, float, float, bool]
    assert type(kept.before) is tuple
    assert type(kept.before[0].level) is float
    run = scb.train(small_task(), scb.Stage("a", 3, np.uint8(200)))
    assert run.history["samples"][-1] == 600


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"preconditioned": "no"}, TypeError, "preconditioned must be True or False, got 'no'"),
    ({"freeze_A": 1}, TypeError, "freeze_A must be True or False"),
    ({"centred": "yes"}, TypeError, "centred must be True or False, got 'yes'"),
    ({"centred": True, "preconditioned": False}, ValueError, "preconditioned must be True"),
    ({"l1": "0.5"}, TypeError, "l1 must be a number, got '0.5'"),
    ({"eta_V": 10**400}, ValueError, "eta_V must lie in"),
    ({"eta_V": np.ma.masked}, TypeError, "eta_V must be a number"),
    ({"eta_V": 1j}, TypeError, "eta_V must be a number"),
    ({"steps": 10**5000}, ValueError, "steps must be at least 0 and at most"),
    ({"steps": np.ma.masked_array(1, True)}, TypeError, "steps must be an integer"),
    ({"before": None}, TypeError, "before must be a tuple of Transform objects, got None"),
    ({"name": 3}, TypeError, "name must be a string"),
    ({"until": np.zeros(3)}, TypeError, "until must be one of"),
    ({"target": Unprintable()}, TypeError, "target must be a number, got <Unprintable"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_what_is_no_stage(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stage(**options)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "params must be a pair of arrays"),
    ({"A": 1}, TypeError, "params must be a pair of arrays"),
    (3, TypeError, "params must be a pair of arrays"),
    (([[1, 2], [3]], np.eye(3)), ValueError, r"params\.A must be an array of numbers, with rows"),
    ((np.full((40, 3), "x"), np.eye(3)), TypeError, r"params\.A must be an array of real numbers"),
    ((np.ones((40, 3)), np.ma.masked_array(np.eye(3), np.eye(3))), TypeError, r"params\.V is mask"),
    ((np.ones((40, 3)), [np.ma.masked_array(np.ones(3), [1, 0, 0])] * 3), TypeError, "is masked"),
    ((np.full((40, 3), 1e200), np.eye(3)), ValueError, r"params\.A has an entry beyond 1e\+40"),
    ((np.ones((40, 3)), np.full((3, 3), np.nan)), ValueError, "NaN or infinite entry at row 0"),
]
READERS = [
    scb.signals, scb.population_loss, scb.population_gradients, scb.similarity, updates.reflect,
    noise.value_norm, noise.attention_noise, noise.signal_noise, noise.residual_covariance,
]  # fmt: skip


@pytest.mark.parametrize("call", READERS, ids=lambda call: call.__name__)
@pytest.mark.parametrize(("params", "error", "message"), WRONG)
def test_what_are_no_parameters(call: Any, params: Any, error: Any, message: str) -> None:
    """One check for all that read parameters, the noise's laws too, before they use any."""
    with pytest.raises(error, match=message):
        call(small_task(), params)


@pytest.mark.parametrize("call", READERS, ids=lambda call: call.__name__)
def test_what_is_no_task(call: Any) -> None:
    for wrong in (None, "task", np.eye(3)):
        with pytest.raises(TypeError, match="task must be an SCBTask, got"):
            call(wrong, scb.true_params(small_task()))


def test_other_clothes_make_no_difference() -> None:
    """Narrow, big-endian, strided or read-only arrays and lists: the same bits as float64."""
    task = small_task()
    A, V = (np.asarray(each, np.float32) for each in scb.true_params(task))
    A, V = A + np.float32(0.125), V + np.float32(0.25)
    wanted = scb.minibatch_gradients(task, scb.Params(A.astype(float), V.astype(float)), 8)
    fixed = np.array(A, float)
    fixed.setflags(write=False)
    for other in (
        A,
        A.astype(">f4"),
        A.tolist(),
        np.repeat(A, 2, axis=0)[::2],
        A.view(np.recarray),
        fixed,
    ):
        found = scb.minibatch_gradients(task, scb.Params(other, V.astype(">f8")), 8)
        assert found.A.tobytes() == wanted.A.tobytes()
        assert found.V.tobytes() == wanted.V.tobytes()
        loss = scb.population_loss(task, scb.Params(other, V))
        assert loss == scb.population_loss(task, scb.Params(A.astype(float), V.astype(float)))


def test_tokens_of_any_integer_type() -> None:
    task = small_task()
    batch, params = task.sample(5, seed=1), scb.true_params(task)
    wanted = scb.predict(params, batch)
    for dtype in (">i8", np.int8, np.uint64, np.uint16):
        other = scb.Batch(*(part.astype(dtype) for part in batch))
        assert scb.predict(params, other).tobytes() == wanted.tobytes()


def test_recipes_compute_in_float64() -> None:
    task = small_task()
    for recipe in (recipes.three_stage, recipes.transfer, recipes.figure_5):
        eta = np.float32(0.03)
        assert recipe(task, eta=eta) == recipe(task, eta=float(eta))


@pytest.mark.parametrize("recipe", ["three_stage", "transfer", "figure_1", "figure_2", "figure_6"])
def test_nothing_to_learn_has_no_rates(recipe: str) -> None:
    """Uniform Q, P = mu 1', and both to rounding only."""
    P, mu = np.full((3, 3), 1 / 3), np.array([0.2, 0.3, 0.5])
    Q = np.eye(4)[:, :3]
    flat = np.full((4, 3), 0.25)
    near = flat + 1e-13 * np.array([1, -1, 1, -1])[:, None]
    chain = scb.SCBTask.random(3, 4, 2, seed=0).transition
    for task in (
        scb.SCBTask(chain, flat), scb.SCBTask(chain, near), scb.SCBTask(P, Q),
        scb.SCBTask(np.repeat(mu[:, None], 3, axis=1), Q),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="nothing to learn"):
            getattr(recipes, recipe)(task)


def test_soft_threshold_looks_at_what_it_gets() -> None:
    for bad, error in ((np.nan, ValueError), ("x", TypeError), (np.ma.masked, TypeError)):
        with pytest.raises(error, match="A "):
            updates.soft_threshold(bad, 0.1)
    with pytest.raises(TypeError, match="l1 must be a number"):
        updates.soft_threshold([1.0], "0.1")


def test_a_target_of_zero_is_reached_at_once() -> None:
    run = scb.train(small_task(), stage(until="max_signal", target=0.0))
    assert run.reached == (True,)
    assert run.history["step"].tolist() == [0, 1]
