"""Training where assumptions are broken: gradients on given samples, chains, labels, by hand."""

from __future__ import annotations

import assumptions
import numpy as np
import pytest
from experiments.noise_levels import noise_of
from experiments.weak_labels import shows

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


def test_training_on_a_set_ends_where_its_loss_is_low_enough(task) -> None:
    kept = task.sample(30, seed=1)
    enough = 0.95 * assumptions.loss(scb.uniform_start(task), kept)
    at_end = assumptions.boost(task, lambda _: kept, 0.05, target=10, enough=enough)
    assert assumptions.loss(at_end.params, kept) < enough
    before = assumptions.boost(task, lambda _: kept, 0.05, target=10, limit=at_end.steps - 1)
    assert assumptions.loss(before.params, kept) >= enough


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


def test_gradients_of_single_parameters_are_reckoned_in_single(task) -> None:
    rng = np.random.default_rng(0)
    params = scb.Params(rng.random((20, 3)), rng.random((3, 3)))
    batch = task.sample(3000, seed=2)
    long = assumptions.gradients(params, batch)
    short = assumptions.gradients(assumptions.single(params), batch)
    assert short.A.dtype == short.V.dtype == np.float32
    far = abs(short.A / long.A - 1).max()
    assert 1e-7 < far < 1e-3  # terms are added one after the other


def test_a_sure_thing_has_chance_one_and_noise_none(task) -> None:
    assert assumptions.chance(task, 1e9) == pytest.approx(1)
    assert assumptions.chance(task, 1e-3) < 0.01


def test_a_large_set_lets_v_point_at_p_and_a_small_one_anywhere(task) -> None:
    height, aligned = assumptions.on_set(task, 10**8, 0.05)
    assert aligned.min() > 0.999
    usual = task.K_P * 1e4 / assumptions.noise_height(task)
    np.testing.assert_allclose(height, usual, rtol=0.01)
    longer = scb.SCBTask.random(3, 2000, 2, seed=1)
    few = assumptions.on_set(longer, 30, 0.05, draws=400)
    assert 0.1 < few.aligned.mean() < 0.5  # a quarter, if no direction of the four is preferred


def test_the_linear_theory_of_a_fixed_set_is_what_training_does() -> None:
    """160 sets of 250: one standard deviation of their share is 0.04."""
    found = []
    for seed in range(160):
        task = scb.SCBTask.random(3, 100, 2, seed=seed)
        kept = task.sample(250, seed)
        (A, _), _, _ = assumptions.boost(task, lambda _, kept=kept: kept, 0.05)
        law = assumptions.all_highest(task, assumptions.on_set(task, 250, 0.05, seed=seed).height)
        alone = assumptions.chance(task, 250)
        found.append((shows(task, A), law.mean(), alone))
    shown, law, alone = np.mean(found, axis=0)
    assert abs(shown - law) < 0.12
    assert alone - shown > 0.3


def test_the_highest_of_nothing_but_grass_is_any_of_it() -> None:
    """Q attended entries of T without height are the Q highest in one of T choose Q cases."""
    task = scb.SCBTask.from_sparse([[0.5, 0.5], [0.5, 0.5]], [[1], [4]], [[1.0], [1.0]], 6)
    assert assumptions.all_highest(task, [0.0, 50.0]) == pytest.approx([1 / 36, 1], rel=0.01)
