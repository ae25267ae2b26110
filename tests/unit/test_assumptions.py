"""Training where assumptions are broken: gradients on given samples, chains, labels, by hand."""

from __future__ import annotations

import assumptions
import numpy as np
import pytest
from experiments.noise_levels import noise_of

import scbtools as scb


@pytest.fixture(scope="module")
def task() -> scb.SCBTask:
    return scb.SCBTask.random(3, 20, 2, seed=1)


def test_gradients_on_given_samples_are_the_librarys(task) -> None:
    """The same tokens, sums in another order: equal up to rounding."""
    rng = np.random.default_rng(0)
    params = scb.Params(rng.random((20, 3)), rng.random((3, 3)))
    found = assumptions.gradients(params, task.sample(300, seed=2, step=5))
    expected = scb.minibatch_gradients(task, params, 300, seed=2, step=5)
    np.testing.assert_allclose(found.A, expected.A, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.V, expected.V, rtol=0, atol=1e-13)


def test_training_on_given_samples_ends_where_the_librarys_does(task) -> None:
    stage = scb.recipes.boost(task, 400, 16, 0.05, 0.35)
    run = scb.train(task, stage, seed=3, record_every=400)
    found = assumptions.boost(task, lambda step: task.sample(16, 3, step), 0.05, limit=400)
    assert found.steps == run.history["step"][-1]
    np.testing.assert_allclose(found.params.A, run.params.A, rtol=0, atol=1e-9)


def test_the_loss_is_that_of_the_samples(task) -> None:
    params, batch = scb.uniform_start(task), task.sample(50, seed=4)
    hits = task.stationary[batch.target]
    by_hand = 0.5 * (1 - 2 * hits + (task.stationary**2).sum()).mean()
    assert assumptions.loss(params, batch) == pytest.approx(by_hand)


def test_a_chains_tokens_follow_each_other_as_it_says(task) -> None:
    chain = assumptions.sticky(task, 0.5)
    tokens, last, _ = assumptions.sequences(task, chain, 5000, np.random.default_rng(0))
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (tokens[:, 1:].ravel(), tokens[:, :-1].ravel()), 1)
    np.testing.assert_allclose(pairs / pairs.sum(axis=0), chain, atol=0.02)
    ends = np.zeros((3, 3))
    np.add.at(ends, (last, tokens[:, -1]), 1)
    np.testing.assert_allclose(ends / ends.sum(axis=0), chain, atol=0.05)


@pytest.mark.parametrize("own", [False, True])
def test_targets_follow_attended_tokens(task, own) -> None:
    """Of a walk, and of the task's own text."""
    rng = np.random.default_rng(1)
    if own:
        batch = assumptions.own_text(task, 30_000, 1, rng)(0)
    else:
        batch = assumptions.sequences(task, task.transition, 30_000, rng)
    q = task.attention[:, batch.last].T
    law = np.einsum("nm,it,itm->in", task.transition, q, np.eye(3)[batch.tokens])
    off = np.eye(3)[batch.target] - law
    for k in range(3):
        few = off[batch.last == k]
        assert np.abs(few.mean(axis=0)).max() < 4 * 0.5 / np.sqrt(len(few))


def test_own_text_moves_on_by_its_stride(task) -> None:
    draw = assumptions.own_text(task, 4, 3, np.random.default_rng(2))
    first, then = draw(0), draw(1)
    np.testing.assert_array_equal(then.tokens[:, :-3], first.tokens[:, 3:])
    np.testing.assert_array_equal(then.tokens[:, -3], first.last)
    np.testing.assert_array_equal(then.tokens[:, -2], first.target)


def test_replaced_labels_are_a_weak_transition_matrix(task) -> None:
    batch = assumptions.with_labels(
        task.sample(200_000, 1), 0.6, task.stationary, np.random.default_rng(3)
    )
    weak = assumptions.weak(task, 0.4)
    np.testing.assert_allclose(weak.stationary, task.stationary, atol=1e-12)
    found, expected = (
        scb.Params(*assumptions.gradients(scb.true_params(task), batch)),
        scb.population_gradients(weak, scb.true_params(task)),
    )
    np.testing.assert_allclose(found.V, expected.V, atol=0.006)


def test_no_chain_and_honest_labels_give_the_law_of_chapter_14(task) -> None:
    floor, nu2 = noise_of(task)
    expected = task.K_P * np.sqrt(4 / (nu2 + 20 * floor))
    assert assumptions.mirror_z(task, 2.0) == pytest.approx(expected)
    independent = np.outer(task.stationary, np.ones(3))
    assert assumptions.mirror_z(task, 2.0, chain=independent) == pytest.approx(expected)


def test_with_one_eigenvalue_the_leak_is_its_powers() -> None:
    mu = np.array([0.5, 0.3, 0.2])
    P = 0.6 * np.eye(3) + 0.4 * mu[:, None]
    task = scb.SCBTask.from_sparse(P, [[1, 9], [3, 12], [5, 18]], np.full((3, 2), 0.5), 20)
    leak, value, speed, second = assumptions.mode(task, P)
    middle = len(leak) // 2
    np.testing.assert_allclose(leak[middle - 2 : middle + 3], [0.36, 0.6, 1, 0.6, 0.36])
    shift = P - mu[:, None]
    np.testing.assert_allclose(value / value[0, 0], shift / shift[0, 0], atol=1e-12)
    assert speed == pytest.approx(np.sqrt((1 + 0.36) / (1 - 0.36)))
    assert second < 1e-9  # rank one


def test_rounding_keeps_so_many_digits() -> None:
    start = scb.Params(np.array([[1.0, 0.3]]), np.array([[1 + 2**-4, 1 + 2**-6], [-3.0, 0.0]]))
    A, V = assumptions.rounded(start, 4)
    np.testing.assert_array_equal(V, [[1 + 2**-4, 1.0], [-3.0, 0.0]])
    assert abs(A[0, 1] - 0.3) <= 0.25 * 2**-5
    np.testing.assert_array_equal(assumptions.rounded(start, 52).A, start.A)


def test_a_sure_thing_has_chance_one_and_noise_none(task) -> None:
    assert assumptions.chance(task, 1e9) == pytest.approx(1)
    assert assumptions.chance(task, 1e-3) < 0.01
