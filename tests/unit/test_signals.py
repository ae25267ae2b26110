"""Signals, residuals, similarity and support, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools.signals import centred, residuals
from tests import reference_numpy as ref
from tests.examples import constrained, uneven_task

TASKS = [(2, 3), (3, 50), (5, 8), (10, 127), (30, 400)]
EACH = pytest.mark.parametrize(("vocab_size", "seq_len"), TASKS)


def on_lines(task: scb.SCBTask, alpha_V: float, alpha_A: float) -> scb.Params:
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    return scb.Params(
        alpha_A * true.A + (1 - alpha_A) * uniform.A, alpha_V * true.V + (1 - alpha_V) * uniform.V
    )


@EACH
def test_signals_by_their_definition(vocab_size: int, seq_len: int) -> None:
    """Lemma C.1, distances as mu-norms."""
    task = uneven_task(vocab_size, seq_len)
    P, mu, Q = task.transition, task.stationary, task.attention
    for seed in range(5):
        params = constrained(task, seed)
        found, wanted = scb.signals(task, params), ref.signals(P, mu, Q, *params)
        norms = (
            np.sqrt(ref.dot(X, X, mu))
            for X in (wanted.delta_V, wanted.delta_A, params.V - P, params.A - Q)
        )
        alphas = (wanted.alpha_V, wanted.alpha_A)
        np.testing.assert_allclose(found, (*alphas, *norms), rtol=1e-11, atol=1e-15)
        left = residuals(task, params)
        np.testing.assert_allclose(left.V, wanted.delta_V, rtol=0, atol=1e-11)
        np.testing.assert_allclose(left.A, wanted.delta_A, rtol=0, atol=1e-11)


@EACH
def test_residuals_are_at_right_angles_to_the_truth(vocab_size: int, seq_len: int) -> None:
    """Lemma C.2, and so no other point of the line is nearer."""
    task = uneven_task(vocab_size, seq_len)
    params = constrained(task, 7)
    left, mu = residuals(task, params), task.stationary
    assert abs(ref.dot(left.V, task.transition, mu)) < 1e-13 * vocab_size
    assert abs(ref.dot(left.A, task.attention, mu)) < 1e-13
    found = scb.signals(task, params)
    for shift in (-1e-3, 1e-3):
        near = on_lines(task, found.alpha_V + shift, found.alpha_A + shift)
        off = scb.Params(params.A - near.A, params.V - near.V)
        assert ref.dot(off.V, off.V, mu) > found.delta_V**2
        assert ref.dot(off.A, off.A, mu) > found.delta_A**2


@EACH
def test_scalars_of_the_dynamics(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    A, V = constrained(task, 2)
    P, mu, Q = task.transition, task.stationary, task.attention
    c, square = centred(task, scb.Params(A, V)), float(mu @ mu)
    pairs = [
        (c.K_V, ref.dot(V, V, mu) - square),
        (c.K_A, ref.dot(A, A, mu) - 1 / seq_len),
        (c.K_VP, ref.dot(V, P, mu) - square),
        (c.K_AQ, ref.dot(A, Q, mu) - 1 / seq_len),
        (c.norm_A, ref.dot(A, A, mu)),
        (c.dot_A_Q, ref.dot(A, Q, mu)),
        (c.K_A, c.alpha_A**2 * task.K_Q + c.delta_A_squared),
        (c.K_V, c.alpha_V**2 * task.K_P + c.delta_V_squared),
    ]
    for found, wanted in pairs:
        assert found == pytest.approx(wanted, rel=1e-11, abs=1e-13)


@EACH
def test_at_the_start_and_at_the_truth(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    start = scb.signals(task, scb.uniform_start(task))
    np.testing.assert_allclose(start[:4], 0, atol=1e-16)
    np.testing.assert_allclose(start[4:], np.sqrt([task.K_P, task.K_Q]), rtol=1e-14)
    end = scb.signals(task, scb.true_params(task))
    np.testing.assert_allclose(end, (1, 1, 0, 0, 0, 0), rtol=0, atol=1e-15 * vocab_size)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    alphas=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    vocab_size=st.integers(2, 12),
    seq_len=st.integers(4, 300),
    seed=st.integers(0, 10**6),
)
def test_on_the_lines(
    alphas: tuple[float, float], vocab_size: int, seq_len: int, seed: int
) -> None:
    task = uneven_task(vocab_size, seq_len, seed)
    found = scb.signals(task, on_lines(task, *alphas))
    np.testing.assert_allclose(found[:2], alphas, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found[2:4], 0, atol=1e-14)
    wanted = [abs(1 - alphas[0]) * task.K_P**0.5, abs(1 - alphas[1]) * task.K_Q**0.5]
    np.testing.assert_allclose(found[4:], wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_small_distances_keep_their_digits(size: float) -> None:
    """|Delta|^2 as a difference of squares would lose all of them: here 1e-6 of |Delta| is safe."""
    task = uneven_task(4, 200)
    P, mu, Q = task.transition, task.stationary, task.attention
    base, line = constrained(task, 1), on_lines(task, 0.4, 0.3)
    left = ref.signals(P, mu, Q, *base)
    params = scb.Params(line.A + size * left.delta_A, line.V + size * left.delta_V)
    found = scb.signals(task, params)
    assert found.delta_A == pytest.approx(
        size * ref.dot(left.delta_A, left.delta_A, mu) ** 0.5, rel=1e-6
    )
    assert found.delta_V == pytest.approx(
        size * ref.dot(left.delta_V, left.delta_V, mu) ** 0.5, rel=1e-6
    )


def test_similarity() -> None:
    task = uneven_task(5, 40)
    for alpha, wanted in ((0.01, 1), (1.0, 1), (3.0, 1), (-0.2, -1)):
        np.testing.assert_allclose(
            scb.similarity(task, on_lines(task, alpha, alpha)), wanted, rtol=1e-12
        )
    zero = scb.Params(np.full((40, 5), 1 / 40), np.repeat(task.stationary[:, None], 5, axis=1))
    assert scb.similarity(task, zero) == (0, 0)
    params = constrained(task, 3)
    mu, flat = task.stationary, 1 / 40
    pairs = [(params.V - mu[:, None], task.transition - mu[:, None]),
             (params.A - flat, task.attention - flat)]  # fmt: skip
    for found, (x, y) in zip(scb.similarity(task, params), pairs, strict=True):
        cosine = ref.dot(x, y, mu) / np.sqrt(ref.dot(x, x, mu) * ref.dot(y, y, mu))
        assert found == pytest.approx(cosine, rel=1e-12)


def test_no_lines_to_be_on() -> None:
    """P = mu 1' and uniform Q: signals are 0, not NaN."""
    task = scb.SCBTask([[0.5, 0.5], [0.5, 0.5]], np.full((4, 2), 0.25))
    found = scb.signals(task, constrained(task, 1))
    assert found[:2] == (0, 0)
    assert np.isfinite(found).all()
    assert np.isfinite(scb.similarity(task, constrained(task, 1))).all()


def test_support_recovered() -> None:
    task = uneven_task(6, 30)
    Q = task.attention
    for good in (Q, 0.01 * Q + 1 / 30, (Q > 0) * 1e-9):
        assert scb.support_recovered(task, good).tolist() == [True] * 6
    spoiled = np.array(Q)
    spoiled[task.sparse_attention.positions[2, 0], 2] = 0  # a tie with the unattended
    elsewhere = int(np.argmin(Q[:, 4]))
    spoiled[elsewhere, 4] = Q[:, 4].max()
    found = scb.support_recovered(task, spoiled)
    assert found.tolist() == [True, True, False, True, False, True]
    assert found.dtype == bool
    assert not scb.support_recovered(task, -Q).any()
    everywhere = scb.SCBTask(task.transition, np.full((3, 6), 1 / 3))
    assert scb.support_recovered(everywhere, np.zeros((3, 6))).all()
    with pytest.raises(ValueError, match=r"A must have shape \(30, 6\)"):
        scb.support_recovered(task, Q.T)
