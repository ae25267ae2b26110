"""Closed forms against every sequence that can occur, and against derivatives by differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools import population
from tests import reference_numpy as ref
from tests.examples import away, constrained, gap, uneven_task

TINY = [(2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (3, 4)]
EACH = pytest.mark.parametrize(("vocab_size", "seq_len"), TINY)


def parts(task: scb.SCBTask) -> tuple[ref.Array, ref.Array, ref.Array]:
    return task.transition, task.stationary, task.attention


def places(task: scb.SCBTask) -> list[scb.Params]:
    return [away(task, 1), away(task, 2), constrained(task, 3), scb.true_params(task)]


def test_outcomes_are_a_distribution() -> None:
    task = uneven_task(3, 3)
    assert sum(chance for chance, *_ in ref.outcomes(*parts(task))) == pytest.approx(1, abs=1e-14)


@EACH
def test_loss(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    for params in places(task):
        wanted = ref.loss(*parts(task), *params)
        assert scb.population_loss(task, params) == pytest.approx(wanted, rel=1e-13)


@EACH
def test_gradients_by_enumeration(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    for params in places(task):
        grad_a, grad_v = np.zeros_like(params.A), np.zeros_like(params.V)
        for chance, sequence, last, target in ref.outcomes(*parts(task)):
            for_a, for_v = ref.sample_gradients(*params, sequence, last, target)
            grad_a[:, last] += chance * for_a
            grad_v += chance * for_v
        found = scb.population_gradients(task, params)
        assert np.abs(found.A - grad_a).max() < 1e-13
        assert np.abs(found.V - grad_v).max() < 1e-13


@pytest.mark.parametrize(("vocab_size", "seq_len"), [(2, 3), (3, 2), (3, 3)])
def test_gradients_by_differences_of_the_enumerated_loss(vocab_size: int, seq_len: int) -> None:
    """Central differences, which are exact here: the loss is quadratic in every single entry."""
    task = uneven_task(vocab_size, seq_len)
    params = away(task, 4)
    found = scb.population_gradients(task, params)
    for which in range(2):
        for entry in np.ndindex(params[which].shape):
            up, down = ([x.copy() for x in params] for _ in range(2))
            up[which][entry] += 0.5
            down[which][entry] -= 0.5
            slope = ref.loss(*parts(task), *up) - ref.loss(*parts(task), *down)
            assert found[which][entry] == pytest.approx(slope, abs=1e-13)


def test_gradients_have_the_form_of_lemma_b7() -> None:
    """As printed, where 1'A = 1' and V mu = mu."""
    task = uneven_task(4, 30)
    P, mu, Q = parts(task)
    A, V = constrained(task, 1)
    square, D, along = float(mu @ mu), np.diag(mu), np.outer(mu, mu)
    norm, match = ref.dot(A, A, mu), ref.dot(Q, A, mu)
    grad_v = norm * V @ D + (1 - norm) * along - match * P @ D - (1 - match) * along
    grad_a = mu * (
        (ref.dot(V, V, mu) - square) * A
        + square
        - Q * ref.dot(V, P, mu)
        - (1 - Q) * square
    )  # fmt: skip
    found = scb.population_gradients(task, scb.Params(A, V))
    assert gap(found.V, grad_v) < 1e-13
    assert gap(found.A, grad_a) < 1e-13


@settings(max_examples=50, deadline=None, derandomize=True)
@given(vocab_size=st.integers(2, 12), seq_len=st.integers(1, 60), seed=st.integers(0, 10**6))
def test_lemma_b8_is_b7_preconditioned(vocab_size: int, seq_len: int, seed: int) -> None:
    task = uneven_task(vocab_size, seq_len, seed)
    params = constrained(task, seed)
    closed = population.preconditioned_population_gradients(task, params)
    raw = scb.population_gradients(task, params)
    wanted = ref.precondition(*raw, task.stationary)
    scale = max(np.abs(raw.A / task.stationary).max(), np.abs(raw.V / task.stationary).max())
    assert np.abs(closed.A - wanted[0]).max() <= 1e-12 * scale
    assert np.abs(closed.V - wanted[1]).max() <= 1e-12 * scale


@EACH
def test_joint_law_by_enumeration(vocab_size: int, seq_len: int) -> None:
    """Lemma B.1, for every last token and position."""
    task = uneven_task(vocab_size, seq_len)
    joint = np.zeros((vocab_size, seq_len, vocab_size, vocab_size))
    for chance, sequence, last, target in ref.outcomes(*parts(task)):
        joint[last, range(seq_len), target, sequence] += chance / task.stationary[last]
    for k, t in itertools.product(range(vocab_size), range(seq_len)):
        found = population.joint_probabilities(task, k, t)
        assert np.abs(found - joint[k, t]).max() < 1e-14


@EACH
def test_target_law_by_enumeration(vocab_size: int, seq_len: int) -> None:
    """Eq. 1, and that it sums to 1."""
    task = uneven_task(vocab_size, seq_len)
    P, mu, Q = parts(task)
    for chance, sequence, last, target in ref.outcomes(P, mu, Q):
        law = population.target_law(task, sequence, last)
        weight = mu[sequence].prod() * mu[last]
        assert law[target] * weight == pytest.approx(chance, abs=1e-15)
        assert law.sum() == pytest.approx(1, abs=1e-14)


@EACH
def test_bayes_loss_is_the_loss_of_the_conditional_mean(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    total = 0.0
    for chance, sequence, last, target in ref.outcomes(*parts(task)):
        law = sum(task.attention[s, last] * task.transition[:, sequence[s]] for s in range(seq_len))
        total += chance * 0.5 * float(((np.eye(vocab_size)[target] - law) ** 2).sum())
    assert task.bayes_loss() == pytest.approx(total, rel=1e-13)
    assert scb.population_loss(task, scb.true_params(task)) == pytest.approx(total, rel=1e-13)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    vocab_size=st.integers(2, 6),
    seq_len=st.integers(1, 20),
    seed=st.integers(0, 10**6),
    size=st.floats(-6, 1),
)
def test_nothing_does_better_than_the_truth(
    vocab_size: int, seq_len: int, seed: int, size: float
) -> None:
    task = uneven_task(vocab_size, seq_len, seed)
    rng = np.random.default_rng(seed)
    A, V = scb.true_params(task)
    other = scb.Params(
        A + 10**size * rng.normal(size=A.shape), V + 10**size * rng.normal(size=V.shape)
    )
    assert scb.population_loss(task, other) >= task.bayes_loss() * (1 - 1e-13)
    assert scb.population_loss(task, away(task, seed)) > task.bayes_loss()


def test_gradients_vanish_at_the_truth() -> None:
    task = uneven_task(5, 40)
    found = scb.population_gradients(task, scb.true_params(task))
    assert np.abs(found.A).max() < 1e-15
    assert np.abs(found.V).max() < 1e-15


@settings(max_examples=50, deadline=None, derandomize=True)
@given(vocab_size=st.integers(2, 8), seq_len=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_least_squares_value(vocab_size: int, seq_len: int, seed: int) -> None:
    """No gradient is left for V, and no other V does better."""
    task = uneven_task(vocab_size, seq_len, seed)
    A = constrained(task, seed, scale=0.3).A
    V = population.least_squares_value(task, A)
    assert np.abs(scb.population_gradients(task, scb.Params(A, V)).V).max() < 1e-13
    least = scb.population_loss(task, scb.Params(A, V))
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-1, 1.0):
        other = V + size * rng.normal(size=V.shape)
        assert scb.population_loss(task, scb.Params(A, other)) > least


def test_least_squares_value_of_the_truth_is_the_truth() -> None:
    task = uneven_task(4, 10)
    np.testing.assert_allclose(
        population.least_squares_value(task, task.attention), task.transition, atol=1e-15
    )


def test_bad_arguments() -> None:
    task = uneven_task(3, 5)
    A, V = scb.uniform_start(task)
    with pytest.raises(ValueError, match="columns of A must sum to 1"):
        population.least_squares_value(task, 2 * A)
    with pytest.raises(ValueError, match=r"params\.A must have shape"):
        scb.population_loss(task, scb.Params(V, V))
    with pytest.raises(ValueError, match=r"params\.V must have shape"):
        scb.population_gradients(task, scb.Params(A, A))
    for last, position in ((3, 0), (-1, 0), (0, 5), (0, -1)):
        with pytest.raises(ValueError, match="must be at least 0"):
            population.joint_probabilities(task, last, position)
    with pytest.raises(ValueError, match="last must be at least 0"):
        population.target_law(task, np.zeros(5, int), 3)
