"""Tokens follow mu, targets eq. 1: exactly in the thresholds, and in what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import scbtools as scb
from scbtools.kernels.tokens import thresholds
from scbtools.population import joint_probabilities

CHANCE = 1e-6  # of a false alarm, in each assertion below


def law_of(steps: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The probabilities that thresholds stand for, exactly."""
    ends = [0, *steps.tolist(), 2**32]
    return np.diff(np.array(ends, dtype=np.int64)) / 2.0**32


@pytest.mark.parametrize("vocab_size", [2, 3, 17, 18, 300, 1000])
def test_thresholds_meet_every_probability(vocab_size: int) -> None:
    task = scb.SCBTask.random(vocab_size, 10, 3, seed=1, signal=0.5)
    bound = 1.001 * 2.0**-32  # half a unit at either end, and the rounding of the sum
    np.testing.assert_allclose(law_of(task.tables.token), task.stationary, rtol=0, atol=bound)
    for k in range(min(vocab_size, 20)):
        found = law_of(task.tables.target[k])
        np.testing.assert_allclose(found, task.transition[:, k], rtol=0, atol=bound)
        found = law_of(task.tables.attended[k])
        np.testing.assert_allclose(found, task.sparse_attention.weights[k], rtol=0, atol=bound)


def test_thresholds_of_extreme_laws() -> None:
    for law in ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1e-12, 1 - 2e-12, 1e-12]):
        found = law_of(thresholds(np.array(law)))
        np.testing.assert_allclose(found, law, rtol=0, atol=1.001 * 2.0**-32)


def assert_follows(counts: NDArray[np.int64], law: NDArray[np.float64]) -> None:
    """Pearson's chi-square, cells of no probability apart."""
    counts, law = counts.ravel(), law.ravel()
    possible = law > 0
    assert counts[~possible].sum() == 0
    wanted = law[possible] / law.sum() * counts.sum()
    assert wanted.min() > 5
    statistic = ((counts[possible] - wanted) ** 2 / wanted).sum()
    assert statistic < stats.chi2.isf(CHANCE, possible.sum() - 1)


@pytest.mark.parametrize("vocab_size", [2, 3, 4, 17, 18, 300])
def test_tokens_follow_mu(vocab_size: int) -> None:
    """All tokens, those of the first and final position, and last tokens; 1e-6 each."""
    task = scb.SCBTask.random(vocab_size, 200, 2, seed=2, signal=0.2)
    batch = task.sample(8000, seed=4, step=1)
    for drawn in (batch.tokens, batch.tokens[:, 0], batch.tokens[:, -1], batch.last):
        assert_follows(np.bincount(drawn.ravel(), minlength=vocab_size), task.stationary)


@pytest.mark.parametrize("apart", [1, 2, 3, 127, 128, 129, 256, 512])
def test_tokens_are_independent_of_each_other(apart: int) -> None:
    """Pairs within a sample, next to each other or in the same lane, word, strip; 1e-6 each."""
    task = scb.SCBTask.random(3, 600, 2, seed=3)
    mu, tokens = task.stationary, task.sample(1000, seed=6).tokens.astype(np.int64)
    pairs = 3 * tokens[:, :-apart] + tokens[:, apart:]
    assert_follows(np.bincount(pairs[:, :80].ravel(), minlength=9), np.outer(mu, mu))


def test_samples_and_steps_are_independent_of_each_other() -> None:
    """The same position in neighbouring samples, and in neighbouring steps; 1e-6 each."""
    task = scb.SCBTask.random(3, 100, 2, seed=3)
    mu, here = task.stationary, task.sample(3000, seed=6).tokens.astype(np.int64)
    there = task.sample(3000, seed=6, step=1).tokens
    law = np.outer(mu, mu)
    assert_follows(np.bincount((3 * here[0::2] + here[1::2]).ravel(), minlength=9), law)
    assert_follows(np.bincount((3 * here + there).ravel(), minlength=9), law)


def test_last_is_independent_of_the_sequence() -> None:
    """1e-6."""
    task = scb.SCBTask.random(3, 10, 2, seed=8)
    batch = task.sample(20000, seed=1)
    pairs = 3 * batch.last.astype(np.int64) + batch.tokens[:, 4]
    assert_follows(np.bincount(pairs, minlength=9), np.outer(task.stationary, task.stationary))


def uneven() -> scb.SCBTask:
    """Every column of Q attends to another number of positions, with unequal weights."""
    P = np.array([[0.2, 0.1, 0.6], [0.5, 0.3, 0.1], [0.3, 0.6, 0.3]])
    Q = np.zeros((6, 3))
    Q[2, 0] = 1
    Q[[0, 5], 1] = 0.3, 0.7
    Q[[1, 3, 4], 2] = 0.2, 0.5, 0.3
    return scb.SCBTask(P, Q)


@pytest.mark.parametrize("position", range(6))
def test_target_and_one_position_follow_lemma_b1(position: int) -> None:
    """Pr(x_o = n, x_t = m | k) for attended and for other positions; 1e-6 for each of three k."""
    task = uneven()
    batch = task.sample(60000, seed=7)
    for k in range(3):
        kept = batch.last == k
        cells = 3 * batch.target[kept].astype(np.int64) + batch.tokens[kept, position]
        found = np.bincount(cells, minlength=9)
        assert_follows(found, joint_probabilities(task, k, position))


@pytest.mark.parametrize(("k", "s", "t"), [(0, 2, 1), (1, 0, 5), (1, 0, 3), (2, 3, 4), (2, 0, 5)])
def test_target_and_two_positions_follow_lemma_b2(k: int, s: int, t: int) -> None:
    """Pr(x_o = n | k, x_s = m, x_t = l) by its formula; 1e-6."""
    task = uneven()
    P, mu, q = task.transition, task.stationary, task.attention[:, k]
    batch = task.sample(60000, seed=8)
    kept = batch.last == k
    target, first, second = (
        x[kept].astype(np.int64) for x in (batch.target, batch.tokens[:, s], batch.tokens[:, t])
    )
    law = (
        q[s] * P[:, :, None] + q[t] * P[:, None, :] + (1 - q[s] - q[t]) * mu[:, None, None]
    ) * np.outer(mu, mu)
    assert_follows(np.bincount(9 * target + 3 * first + second, minlength=27), law)
