"""Screening: pair counts, the test, estimates; and the book's laws about them."""

from __future__ import annotations

import numpy as np
import pair_laws
import pytest
from scipy import stats

import scbtools as scb
from scbtools import screening


@pytest.fixture(scope="module")
def task() -> scb.SCBTask:
    return scb.SCBTask.random(3, 12, 2, seed=1)


@pytest.fixture(scope="module")
def counts(task: scb.SCBTask) -> np.ndarray:
    return pair_laws.pair_counts(task, 4000, seed=1)


def test_every_sample_is_counted_once_at_every_position(task, counts) -> None:
    batch = task.sample(4000, 1)
    by_hand = np.zeros_like(counts)
    for tokens, last, target in zip(*(batch.tokens, batch.last, batch.target), strict=True):
        for t, token in enumerate(tokens):
            by_hand[last, t, token, target] += 1
    np.testing.assert_array_equal(counts, by_hand)


def test_samples_may_be_drawn_in_chunks(task, monkeypatch) -> None:
    monkeypatch.setattr(pair_laws, "CHUNK", 100 * task.seq_len)
    assert pair_laws.pair_counts(task, 250, seed=1).sum() == 250 * task.seq_len


def test_the_statistic_is_pearsons(counts) -> None:
    expected = stats.chi2_contingency(counts[1, 5], correction=False).statistic
    assert screening.chi_square(counts)[1, 5] == pytest.approx(expected)


def test_tokens_that_were_never_seen_do_not_harm() -> None:
    assert not screening.chi_square(np.zeros((2, 3, 2, 2), np.int64)).any()


def test_the_gradient_at_a_random_value_is_a_function_of_the_counts(task) -> None:
    """Once V - mu 1' is small, and up to a factor for each last token."""
    n, theta, W = 500, 1e-7, np.random.default_rng(0).standard_normal((2, 3, 3))
    counts = pair_laws.pair_counts(task, n, seed=3)
    start = scb.uniform_start(task)
    for each, moved in zip(W, pair_laws.gradients(counts, task.stationary, W), strict=True):
        at = scb.Params(start.A, start.V + theta * each)
        step = -scb.precondition(task, scb.minibatch_gradients(task, at, n, seed=3)).A.T / theta
        np.testing.assert_allclose(step * n * task.stationary[:, None], moved, atol=1e-3)


def test_squares_over_random_values_average_to_the_unweighted_statistic(task, counts) -> None:
    W = np.random.default_rng(0).standard_normal((4000, 3, 3))
    mean = (pair_laws.gradients(counts, task.stationary, W) ** 2).mean(axis=0)
    np.testing.assert_allclose(mean, pair_laws.gradients(counts, task.stationary), rtol=0.15)


def test_least_squares_finds_the_truth_from_expected_counts(task) -> None:
    mu, P, Q = task.stationary, task.transition, task.attention
    law = Q.T[..., None, None] * (P.T * mu[:, None])
    law = law + (1 - Q.T[..., None, None]) * np.outer(mu, mu)
    counts = 1e6 * mu[:, None, None, None] * law
    positions = screening.strongest(Q.T, 2)
    found = screening.estimate(counts, positions)
    np.testing.assert_allclose(found.A, Q, atol=1e-9)
    np.testing.assert_allclose(found.V, P, atol=1e-9)
    assert pair_laws.shows(task, screening.chi_square(counts))


def test_numbers_by_hand_grow_with_length_as_they_should() -> None:
    tasks = [scb.SCBTask.random(3, 20, 2, seed=seed) for seed in range(3)]
    hand = [pair_laws.least_by_hand(tasks, T, 0.9) for T in (100, 10_000)]
    fano = [pair_laws.least_by_fano(tasks, T, 0.9) for T in (100, 10_000)]
    assert fano[0] < hand[0] < hand[1] < 2 * hand[0]
    assert fano[1] < hand[1]
    pooled = [pair_laws.least_pooled(tasks, T, 0.9) for T in (100, 10_000)]
    assert pooled[1] / pooled[0] == pytest.approx(100, rel=0.02)


BAD: list[tuple[str, tuple[object, ...], str]] = [
    ("chi_square", (np.zeros((2, 5, 2)),), "counts must have shape"),
    ("chi_square", (np.zeros((2, 5, 2, 3)),), "counts must have shape"),
    ("chi_square", (-np.ones((2, 5, 2, 2)),), "counts must not be negative"),
    ("strongest", (np.zeros((2, 5)), 6), "sparsity must be at least 1 and at most 5"),
    ("estimate", (np.ones((2, 5, 2, 2)), [[0, 5], [1, 2]]), "positions must lie in 0 .. 4"),
    ("estimate", (np.ones((2, 5, 2, 2)), [[0, 0], [1, 2]]), "names a position twice"),
    ("estimate", (np.zeros((2, 5, 2, 2)), [[0, 1], [1, 2]]), "token 0 occurs at no position"),
]


@pytest.mark.parametrize(("name", "given", "message"), BAD)
def test_what_is_refused(name: str, given: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(screening, name)(*given)


def test_a_token_of_another_alphabet_is_refused(task) -> None:
    with pytest.raises(ValueError, match="the tokens of vocab_size"):
        screening.pair_counts(task.sample(50), 2)


def test_a_last_token_without_samples_attends_evenly() -> None:
    counts = np.ones((2, 5, 2, 2), np.int64)
    counts[1] = 0
    A, _ = screening.estimate(counts, [[0, 3], [1, 2]])
    np.testing.assert_array_equal(A[:, 1], [0, 0.5, 0.5, 0, 0])
