"""Starting points and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scbtools as scb
from scbtools.transformer import softmax
from tests import reference_numpy as ref
from tests.examples import away, gap, uneven_task


@pytest.mark.parametrize("vocab_size", [2, 3, 10, 300])
def test_predict(vocab_size: int) -> None:
    task = uneven_task(vocab_size, 40)
    params, batch = away(task, 1), task.sample(20, seed=1)
    wanted = np.array(
        [ref.predict(*params, x, k) for x, k in zip(batch.tokens, batch.last, strict=True)]
    )
    found = scb.predict(params, batch)
    assert found.shape == (20, vocab_size)
    assert gap(found, wanted) < 1e-13


def test_predictions_of_the_truth_are_the_conditional_law() -> None:
    task = uneven_task(4, 12)
    batch = task.sample(30)
    found = scb.predict(scb.true_params(task), batch)
    sparse = task.sparse_attention
    for i, k in enumerate(batch.last):
        seen = batch.tokens[i, sparse.positions[k]]
        law = (task.transition[:, seen] * sparse.weights[k]).sum(axis=1)
        np.testing.assert_allclose(found[i], law, rtol=1e-14)


def test_starts() -> None:
    task = uneven_task(4, 12)
    mu = task.stationary
    start = scb.uniform_start(task)
    np.testing.assert_array_equal(start.A, np.full((12, 4), 1 / 12))
    np.testing.assert_array_equal(start.V, np.outer(mu, np.ones(4)))
    true = scb.true_params(task)
    np.testing.assert_array_equal(true.A, task.attention)
    np.testing.assert_array_equal(true.V, task.transition)
    for params in (start, true):
        assert all(array.flags.writeable for array in params)
    other = task.related(0.5).transition
    moved = scb.transfer_start(task, other, 0.25)
    np.testing.assert_array_equal(moved.A, start.A)
    np.testing.assert_allclose(moved.V, 0.25 * other + 0.75 * start.V, rtol=1e-14)
    np.testing.assert_array_equal(scb.transfer_start(task, other, 0).V, start.V)
    assert scb.signals(task, scb.transfer_start(task, task.transition, 0.3)).alpha_V == (
        pytest.approx(0.3, rel=1e-12)
    )


def test_a_teacher_with_another_mu_is_recentred() -> None:
    """V mu = mu again, columns of sum 1; the expected step of A is the same without it."""
    task = uneven_task(4, 12)
    mu, other = task.stationary, uneven_task(4, 12, seed=5).transition
    assert np.abs(other @ mu - mu).max() > 0.01
    plain, moved = (scb.transfer_start(task, other, 0.5, way) for way in (False, True))
    np.testing.assert_allclose(moved.V @ mu, mu, rtol=1e-14)
    np.testing.assert_allclose(moved.V.sum(axis=0), 1, rtol=1e-14)
    shift = plain.V - moved.V
    np.testing.assert_allclose(shift, shift[:, :1] + np.zeros((1, 4)), atol=1e-15)
    steps = [scb.precondition(task, scb.population_gradients(task, x)).A for x in (plain, moved)]
    np.testing.assert_allclose(*steps, atol=1e-15)


def test_bad_transfer_start() -> None:
    task = uneven_task(3, 5)
    with pytest.raises(ValueError, match="theta must lie in"):
        scb.transfer_start(task, task.transition, 1.5)
    with pytest.raises(ValueError, match=r"P_hat must have shape \(3, 3\), got \(2, 2\)"):
        scb.transfer_start(task, np.full((2, 2), 0.5), 0.5)
    with pytest.raises(ValueError, match="sums to"):
        scb.transfer_start(task, 0.9 * task.transition, 0.5)


def test_softmax() -> None:
    w = np.array([[0.0, 1000.0], [np.log(3), 1000.0]])
    np.testing.assert_allclose(softmax(w), [[0.25, 0.5], [0.75, 0.5]], rtol=1e-15)


TOKENS, LAST = np.zeros((2, 5), int), np.zeros(2, int)


@pytest.mark.parametrize(
    ("tokens", "last", "message"),
    [
        (TOKENS + 3, LAST, r"integers in 0 \.\. 2"),
        (TOKENS - 1, LAST, r"integers in 0 \.\. 2"),
        (TOKENS, LAST + 3, r"integers in 0 \.\. 2"),
        (TOKENS, LAST - 1, r"integers in 0 \.\. 2"),
        (TOKENS * 1.0, LAST, r"integers in 0 \.\. 2"),
        (TOKENS[:, :4], LAST, r"params\.A must have shape \(4, 3\)"),
        (TOKENS, LAST[:1], r"tokens \(B, T\), last"),
        (TOKENS[0], LAST, r"tokens \(B, T\), last"),
    ],
)
def test_bad_predict(tokens: Any, last: Any, message: str) -> None:
    """Nothing outside an array is ever read."""
    params = scb.true_params(uneven_task(3, 5))
    with pytest.raises(ValueError, match=message):
        scb.predict(params, scb.Batch(tokens, last, last))


def test_bad_params() -> None:
    batch = scb.Batch(TOKENS, LAST, LAST)
    A, V = scb.true_params(uneven_task(3, 5))
    with pytest.raises(ValueError, match=r"params\.V must be square"):
        scb.predict(scb.Params(A, V[:, :2]), batch)
    with pytest.raises(ValueError, match=r"params\.A must have shape \(5, 3\)"):
        scb.predict(scb.Params(A[:, :2], V), batch)
