"""Training against loops in NumPy, and what a run records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools import population, updates
from tests import reference_numpy as ref
from tests.examples import assert_same, constrained, gap, only, small_task, stage, uneven_task

COLUMNS = [
    "step", "stage", "samples", "loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V",
    "error_A",
]  # fmt: skip


def naive(task: scb.SCBTask, stages: list[scb.Stage], start: scb.Params, seed: int) -> scb.Params:
    """One-hot gradients and matrix formulas, step by step on the same tokens."""
    A, V = start
    step = 0
    for s in stages:
        for _ in range(s.steps):
            batch = task.sample(s.batch_size, seed, step)
            grad_a, grad_v = ref.gradients(A, V, batch)
            if s.preconditioned:
                grad_a, grad_v = ref.precondition(grad_a, grad_v, task.stationary, s.centred)
            V = V - s.eta_V * grad_v
            if not s.freeze_A:
                A = A - s.eta_A * grad_a
                if s.l1:
                    A = ref.project(ref.soft_threshold(A, s.l1))
            step += 1
    return scb.Params(A, V)


# --- the steps ------------------------------------------------------------------------------------

KINDS: dict[str, list[scb.Stage]] = {
    "sgd": [stage(preconditioned=False, steps=60)],
    "preconditioned": [stage(steps=60)],
    "centred": [stage(steps=60, centred=True)],
    "proximal": [stage(steps=60, l1=1e-3)],
    "proximal, raw gradient": [stage(steps=60, l1=1e-3, preconditioned=False)],
    "frozen": [stage(steps=60, freeze_A=True)],
    "all": [
        stage(),
        stage(l1=1e-3, batch_size=30),
        stage(freeze_A=True, centred=True, batch_size=5),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocab_size", [3, 6])
def test_training_is_the_naive_loop(kind: str, vocab_size: int) -> None:
    task = uneven_task(vocab_size, 50, seed=4)
    task = scb.SCBTask(0.7 * task.transition + 0.3 / vocab_size, task.attention)
    start = constrained(task, 5, scale=0.1)
    run = scb.train(task, KINDS[kind], params=start, seed=3)
    wanted = naive(task, KINDS[kind], start, seed=3)
    assert run.status == "finished"
    assert gap(run.params.A, wanted.A) < 1e-10
    assert gap(run.params.V, wanted.V) < 1e-10
    moved = gap(run.params.A, start.A)
    assert moved == 0 if kind == "frozen" else moved > 1e-3


def test_training_starts_from_the_uniform_start() -> None:
    task = small_task()
    wanted = scb.train(task, stage(), params=scb.uniform_start(task))
    assert_same(scb.train(task, [stage()]).params, wanted.params)
    assert wanted.history["alpha_V"][0] == pytest.approx(0, abs=1e-15)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    vocab_size=st.integers(2, 6),
    seq_len=st.integers(2, 60),
    seed=st.integers(0, 10**6),
    l1=st.sampled_from([0.0, 1e-4]),
)
def test_constraints_hold_all_through_training(
    vocab_size: int, seq_len: int, seed: int, l1: float
) -> None:
    """1'A = 1', 1'V = 1', V mu = mu to 1e-12 (claim M4)."""
    task = scb.SCBTask.random(vocab_size, seq_len, 1, seed, signal=0.5)
    eta = 0.01
    s = stage(steps=100, eta_V=eta / task.K_Q, eta_A=eta / task.K_P, l1=l1)
    A, V = scb.train(task, s, seed=seed).params
    assert np.abs(A - 1 / seq_len).max() > 1e-6
    assert np.abs(A.sum(axis=0) - 1).max() < 1e-12
    assert np.abs(V.sum(axis=0) - 1).max() < 1e-12
    assert np.abs(V @ task.stationary - task.stationary).max() < 1e-12


def test_it_learns() -> None:
    """A large batch on a short task: both signals reach 1 and the loss the irreducible one."""
    task = scb.SCBTask.random(3, 20, 2, seed=2)
    s = stage(steps=1500, batch_size=512, eta_V=0.02 / task.K_Q, eta_A=0.02 / task.K_P)
    run = scb.train(task, s, seed=1, record_every=100)
    assert run.history["alpha_V"][-1] == pytest.approx(1, abs=0.1)
    assert run.history["alpha_A"][-1] == pytest.approx(1, abs=0.1)
    assert 0 < run.history["loss"][-1] - task.bayes_loss() < 0.005
    assert scb.support_recovered(task, run.params.A).all()


# --- transforms -----------------------------------------------------------------------------------


def test_transforms() -> None:
    task = uneven_task(4, 30)
    true, flat = scb.true_params(task), 1 / 30
    base = constrained(task, 2, scale=0.02)
    start = scb.Params(base.A + 0.5 * (true.A - flat), base.V + 0.5 * (true.V - base.V))
    alpha = scb.signals(task, start).alpha_V
    cut = 0.4 * alpha / task.sparsity
    run = scb.train(task, only(("threshold", 0.4)), start)
    wanted = ref.project(start.A * (cut <= start.A))
    np.testing.assert_allclose(run.params.A, wanted, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(run.params.V, start.V)

    run = scb.train(task, only(("round", 0.45)), start)
    kept = start.A * (start.A * task.sparsity >= 0.45)
    np.testing.assert_allclose(run.params.A, kept / kept.sum(axis=0), rtol=1e-14)

    run = scb.train(task, only(("round", 0.45), ("least_squares", 1)), start)
    solved = population.least_squares_value(task, run.params.A)
    np.testing.assert_allclose(run.params.V, solved, rtol=1e-13)

    mirrored = updates.reflect(task, start)
    run = scb.train(task, only(("reflect", 1)), mirrored)
    np.testing.assert_allclose(run.params.A, start.A, rtol=0, atol=1e-15)
    np.testing.assert_allclose(run.params.V, start.V, rtol=0, atol=1e-15)
    assert_same(scb.train(task, only(("reflect", 1)), start).params, start)


def test_nothing_to_round() -> None:
    task = small_task()
    run = scb.train(task, [stage(steps=3), only(("round", 0.9)), stage()])
    assert run.status == "nothing to round"
    assert run.reached == (True,)
    assert run.history["step"][-1] == 3
    assert_same(run.params, scb.train(task, stage(steps=3)).params)


# --- the record -----------------------------------------------------------------------------------


def test_history() -> None:
    task = small_task()
    stages = [stage(steps=25), stage(steps=0), only(("reflect", 1)), stage(steps=7, batch_size=5)]
    run = scb.train(task, stages, record_every=10)
    assert list(run.history) == COLUMNS
    assert run.history["step"].tolist() == [0, 10, 20, 25, 25, 32]
    assert run.history["stage"].tolist() == [0, 0, 0, 0, 2, 3]
    assert run.history["samples"].tolist() == [0, 160, 320, 400, 400, 435]
    assert all(np.isfinite(column).all() for column in run.history.values())
    assert run.history["loss"][-1] == scb.population_loss(task, run.params)
    assert [run.history[name][-1] for name in COLUMNS[4:]] == list(scb.signals(task, run.params))
    assert run.stages == tuple(stages)
    assert run.reached == (True,) * 4
    assert run.status == "finished"


def test_recording_changes_nothing() -> None:
    task = small_task()
    stages = [stage(steps=30), stage(steps=23, l1=1e-3)]
    runs = {every: scb.train(task, stages, record_every=every) for every in (1, 7, 1000)}
    assert len(runs[1].history["step"]) == 54
    assert runs[1000].history["step"].tolist() == [0, 30, 53]
    for every in (7, 1000):
        assert_same(runs[every].params, runs[1].params)
        for name in COLUMNS:
            at = runs[every].history["step"].astype(int)
            np.testing.assert_array_equal(runs[every].history[name], runs[1].history[name][at])


def test_a_stage_in_two_pieces_is_the_same_stage() -> None:
    task = small_task()
    whole = scb.train(task, stage(steps=40), seed=6)
    parts = scb.train(task, [stage(steps=13), stage(steps=27)], seed=6)
    assert_same(parts.params, whole.params)
    assert parts.history["samples"][-1] == whole.history["samples"][-1]


def test_seeds_matter_and_repeat() -> None:
    task = small_task()
    one, same, other = (scb.train(task, stage(), seed=seed) for seed in (1, 1, 2))
    assert_same(one.params, same.params)
    assert gap(one.params.A, other.params.A) > 1e-3


@pytest.mark.parametrize("order", ["C", "F"])
def test_parameters_are_not_changed_in_place(order: Any) -> None:
    task = small_task()
    kept = constrained(task, 1, scale=0.1)
    start = scb.Params(kept.A.copy(order), kept.V.copy(order))
    run = scb.train(task, [stage(), only(("reflect", 1))], params=start)
    assert_same(start, kept)
    assert not np.shares_memory(run.params.A, start.A)
    unmoved = scb.train(task, stage(steps=0), params=start)
    assert_same(unmoved.params, start)
    unmoved.params.A[:] = 0
    assert_same(start, kept)
