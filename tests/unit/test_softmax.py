"""Softmax attention: its gradient, its stages against a loop in NumPy, and what they refuse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import scbtools as scb
from scbtools import updates
from scbtools.transformer import softmax
from tests import reference_numpy as ref
from tests.examples import (
    assert_same,
    constrained,
    gap,
    on_threads,
    only,
    share_out_everything,
    small_task,
    stage,
    uneven_task,
)

Array = NDArray[np.float64]


def soft(**options: Any) -> scb.Stage:
    return stage(**{"attention": "softmax", "eta_A": 2.0, **options})


def positive(task: scb.SCBTask, seed: int) -> scb.Params:
    """Random positive attention, and V as training keeps it."""
    w = np.random.default_rng(seed).normal(size=task.attention.shape)
    return scb.Params(softmax(w), constrained(task, seed, scale=0.3).V)


# --- the gradient ---------------------------------------------------------------------------------


def test_gradient_in_the_logits_by_finite_differences() -> None:
    """Of the expected loss, which is exact, in every logit of a small task."""
    task = uneven_task(3, 7, seed=1)
    rng = np.random.default_rng(2)
    w, V = rng.normal(size=(7, 3)), rng.normal(size=(3, 3))
    found = updates.through_softmax(
        softmax(w), scb.population_gradients(task, scb.Params(softmax(w), V)).A
    )
    h = 1e-5
    for t, k in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[t, k] += h
        down[t, k] -= h
        loss = [scb.population_loss(task, scb.Params(softmax(x), V)) for x in (up, down)]
        assert found[t, k] == pytest.approx((loss[0] - loss[1]) / (2 * h), abs=1e-8)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 10**6), st.floats(-50, 50))
def test_through_softmax_by_matrices(seq_len: int, size: int, seed: int, shift: float) -> None:
    """It is J g, sums to zero, and does not see a constant added to g."""
    rng = np.random.default_rng(seed)
    a, g = softmax(3 * rng.normal(size=(seq_len, size))), rng.normal(size=(seq_len, size))
    found = updates.through_softmax(a, g)
    for k in range(size):
        jacobian = np.diag(a[:, k]) - np.outer(a[:, k], a[:, k])
        np.testing.assert_allclose(found[:, k], jacobian @ g[:, k], rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(updates.through_softmax(a, g + shift), found, rtol=0, atol=1e-12)


# --- the steps ------------------------------------------------------------------------------------


def naive(task: scb.SCBTask, s: scb.Stage, start: scb.Params, seed: int) -> scb.Params:
    """One-hot gradients, the Jacobian as a matrix, and logits that start where the test says."""
    A, V = start
    w = np.log(A) + np.arange(task.vocab_size)  # any shift per column gives the same softmax
    for step in range(s.steps):
        grad_a, grad_v = ref.gradients(A, V, task.sample(s.batch_size, seed, step))
        if s.preconditioned:
            grad_a, grad_v = ref.precondition(grad_a, grad_v, task.stationary, s.centred)
        for k in range(task.vocab_size):
            w[:, k] -= s.eta_A * (np.diag(A[:, k]) - np.outer(A[:, k], A[:, k])) @ grad_a[:, k]
        A, V = np.exp(w) / np.exp(w).sum(axis=0), V - s.eta_V * grad_v
    return scb.Params(A, V)


@pytest.mark.parametrize("rule", [{}, {"preconditioned": False}, {"centred": True}])
@pytest.mark.parametrize("vocab_size", [3, 6])
def test_a_softmax_stage_is_the_naive_loop(vocab_size: int, rule: dict[str, bool]) -> None:
    task = uneven_task(vocab_size, 50, seed=4)
    task = scb.SCBTask(0.7 * task.transition + 0.3 / vocab_size, task.attention)
    start, s = positive(task, 5), soft(steps=60, **rule)
    run = scb.train(task, s, start, seed=3)
    wanted = naive(task, s, start, seed=3)
    assert run.status == "finished"
    assert gap(run.params.A, wanted.A) < 1e-10
    assert gap(run.params.V, wanted.V) < 1e-10
    assert gap(run.params.A, start.A) > 1e-2


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    vocab_size=st.integers(2, 6),
    seq_len=st.integers(2, 60),
    seed=st.integers(0, 10**6),
    preconditioned=st.booleans(),
)
def test_softmax_stays_softmax(
    vocab_size: int, seq_len: int, seed: int, preconditioned: bool
) -> None:
    task = scb.SCBTask.random(vocab_size, seq_len, 1, seed, signal=0.5)
    s = soft(steps=40, eta_V=0.01, preconditioned=preconditioned)
    A = scb.train(task, s, positive(task, seed), seed=seed).params.A
    assert A.min() > 0
    assert np.abs(A.sum(axis=0) - 1).max() < 1e-14


def test_logits_are_kept_through_a_stage() -> None:
    """Recording changes no bit; a second stage starts from log A, to rounding."""
    task = small_task()
    whole = scb.train(task, soft(steps=40), seed=6, record_every=1000)
    assert_same(scb.train(task, soft(steps=40), seed=6, record_every=1).params, whole.params)
    parts = scb.train(task, [soft(steps=13), soft(steps=27)], seed=6)
    assert gap(parts.params.A, whole.params.A) < 1e-12
    assert parts.history["samples"][-1] == whole.history["samples"][-1]


def test_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    task = scb.SCBTask.random(3, 3000, 2, seed=4)
    share_out_everything(monkeypatch)
    runs = []
    for threads in (1, 2, 3, 5):
        with on_threads(threads):
            runs.append(scb.train(task, soft(steps=5, batch_size=200, eta_A=1e5), seed=5))
    for run in runs[1:]:
        assert_same(runs[0].params, run.params)
    assert gap(runs[0].params.A, scb.uniform_start(task).A) > 1e-3


def test_it_learns() -> None:
    task = scb.SCBTask.random(3, 20, 2, seed=2)
    rates = {"eta_V": 0.02 / task.K_Q, "eta_A": 0.02 / task.K_P * 20**2 / 4}
    run = scb.train(task, soft(steps=1500, batch_size=512, **rates), seed=1, record_every=100)
    assert 0 < run.history["loss"][-1] - task.bayes_loss() < 0.005
    assert scb.support_recovered(task, run.params.A).all()


def test_frozen_stages_are_the_linear_ones() -> None:
    task = small_task()
    start = scb.true_params(task)  # zeros, which a frozen stage may have
    frozen = soft(freeze_A=True)
    linear = dataclasses.replace(frozen, attention="linear")
    assert_same(scb.train(task, frozen, start).params, scb.train(task, linear, start).params)


# --- when it stops, and what it refuses -----------------------------------------------------------


@pytest.mark.parametrize("until", ["max_signal", "mean_signal"])
def test_stops_at_its_target(until: Any) -> None:
    task = scb.SCBTask.random(3, 16, 1, seed=1)
    rates = {"eta_V": 0.1 / task.K_Q, "eta_A": 0.1 / task.K_P * 16**2, "batch_size": 64}
    run = scb.train(task, [soft(steps=400, until=until, target=0.3, **rates), stage()])
    row = np.flatnonzero(run.history["stage"] == 0)[-1]
    v, a = (run.history[name][row - 1 : row + 1] for name in ("alpha_V", "alpha_A"))
    size = np.maximum(abs(v), abs(a)) if until == "max_signal" else abs(v + a) / 2
    assert run.reached[0]
    assert 0 < run.history["step"][row] < 400
    assert size[1] >= 0.3 > size[0]


@pytest.mark.parametrize("options", [{"eta_V": 1e3}, {"eta_A": 1e300}, {"eta_V": 1e300}], ids=str)
def test_divergence(options: dict[str, float]) -> None:
    task = small_task()
    run = scb.train(task, [soft(steps=500, **options), stage()], positive(task, 1))
    assert run.status == "diverged"
    assert run.history["step"][-1] < 100
    assert run.reached == ()
    assert all(np.isfinite(array).all() for array in run.params)
    scb.minibatch_gradients(task, run.params, 4)  # the last parameters that are fine


def test_refusals() -> None:
    task = small_task()
    start = scb.uniform_start(task)
    with pytest.raises(ValueError, match="attention must be 'linear' or 'softmax'"):
        stage(attention="hard")
    with pytest.raises(ValueError, match=r"l1 must be 0, got 0\.001"):
        soft(l1=1e-3)
    with pytest.raises(ValueError, match="positive, but A is 0 at row"):
        scb.train(task, soft(), scb.true_params(task))
    with pytest.raises(ValueError, match="column 0 of A sums to 2"):
        scb.train(task, soft(), scb.Params(2 * start.A, start.V))
    with pytest.raises(ValueError, match="put no stage or transform before it"):
        scb.train(task, [only(("round", 0.5)), soft()], positive(task, 1)._replace(
            A=0.5 * start.A + 0.5 * task.attention
        ))  # fmt: skip
    solve = stage(steps=0, before=(scb.Transform("least_squares"),))
    assert scb.train(task, [soft(preconditioned=False), solve]).status == "finished"
