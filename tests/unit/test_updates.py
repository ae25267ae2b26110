"""What is done to parameters between gradients, each by its definition or its optimality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import scbtools as scb
from scbtools import updates
from scbtools.kernels import value as of_value
from tests import reference_numpy as ref
from tests.examples import away, constrained, gap, uneven_task

MATRICES = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.floats(-2, 2)
)
each = settings(max_examples=80, deadline=None, derandomize=True)


# --- eq. 4 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("vocab_size", "seq_len"), [(2, 1), (3, 50), (10, 127), (40, 9)])
def test_precondition_is_equation_4(vocab_size: int, seq_len: int, centred: bool) -> None:
    task = uneven_task(vocab_size, seq_len)
    raw = scb.Gradients(*away(task, 1))
    kept = [x.copy() for x in raw]
    found = scb.precondition(task, raw, centred)
    grad_a, grad_v = ref.precondition(*raw, task.stationary, centred)
    scale = 1 / task.stationary.min()
    assert np.abs(found.A - grad_a).max() < 1e-14 * scale
    assert np.abs(found.V - grad_v).max() < 1e-14 * scale
    np.testing.assert_array_equal(raw.A, kept[0])
    np.testing.assert_array_equal(raw.V, kept[1])


@pytest.mark.parametrize("centred", [False, True])
def test_preconditioned_gradients_keep_the_constraints(centred: bool) -> None:
    task = uneven_task(6, 30)
    grad_a, grad_v = scb.precondition(task, scb.Gradients(*away(task, 2)), centred)
    assert np.abs(grad_a.sum(axis=0)).max() < 1e-12
    assert np.abs(grad_v.sum(axis=0)).max() < 1e-12
    assert np.abs(grad_v @ task.stationary).max() < 1e-12


def test_the_centred_projection_changes_no_expectation() -> None:
    """On the constraints: what the two take away differs by a multiple of G 1, which is 0."""
    task = uneven_task(5, 30)
    raw = scb.population_gradients(task, constrained(task, 3))
    paper, centred = (scb.precondition(task, raw, way) for way in (False, True))
    np.testing.assert_allclose(centred.V, paper.V, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(centred.A, paper.A)


# --- proximal step --------------------------------------------------------------------------------


@each
@given(A=MATRICES, l1=st.floats(0, 1))
def test_soft_threshold_meets_its_optimality_condition(A: Any, l1: float) -> None:
    """x minimises 1/2 (x - a)^2 + l1 |x|: a - x is l1 sign(x), or within l1 of 0 where x = 0."""
    x = updates.soft_threshold(A, l1)
    moved = A - x
    on = x != 0
    np.testing.assert_allclose(moved[on], l1 * np.sign(x[on]), rtol=0, atol=1e-15)
    assert (np.abs(moved[~on]) <= l1).all()


@each
@given(A=MATRICES)
def test_project_goes_to_the_nearest_point_that_sums_to_1(A: Any) -> None:
    """Sums are 1, and what was added is at right angles to the plane: constant down a column."""
    found = updates.project(A)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=0, atol=1e-13)
    added = found - A
    assert np.ptp(added, axis=0).max() < 1e-14
    np.testing.assert_allclose(updates.project(found), found, rtol=0, atol=1e-14)


@pytest.mark.parametrize("l1", [0.0, 1e-3, 0.1])
def test_gradient_step(l1: float) -> None:
    task = uneven_task(5, 37)
    params, grad = constrained(task, 1), scb.Gradients(*away(task, 2))
    kept = [x.copy() for x in params]
    found = updates.gradient_step(params, grad, eta_V=0.3, eta_A=0.2, l1=l1)
    A = params.A - 0.2 * grad.A
    if l1:
        A = ref.project(ref.soft_threshold(A, l1))
    assert gap(found.A, A) < 1e-14
    assert gap(found.V, params.V - 0.3 * grad.V) < 1e-15
    np.testing.assert_array_equal(params.A, kept[0])
    np.testing.assert_array_equal(params.V, kept[1])


def test_threshold_is_lambda_itself_whatever_the_rate() -> None:
    """An entry of 0.5 loses l1 = 0.1 at any eta_A, and its column then makes up for the losses."""
    A = np.array([[0.5, 1.0], [0.5, 0.0]])
    still = scb.Gradients(np.zeros((2, 2)), np.zeros((2, 2)))
    for eta in (0.0, 0.01, 10.0):
        found = updates.gradient_step(scb.Params(A, np.eye(2)), still, eta, eta, l1=0.1)
        np.testing.assert_allclose(found.A, [[0.5, 0.95], [0.5, 0.05]], rtol=1e-15)


# --- between the stages ---------------------------------------------------------------------------


@each
@given(A=MATRICES, level=st.floats(-1, 1))
def test_threshold_and_project(A: Any, level: float) -> None:
    wanted = ref.project(np.where(level <= A, A, 0))
    np.testing.assert_allclose(updates.threshold_and_project(A, level), wanted, rtol=0, atol=1e-13)


@each
@given(A=MATRICES, level=st.floats(0.01, 1))
def test_round_and_normalise(A: Any, level: float) -> None:
    kept = np.where(level <= A, A, 0)
    if not kept.any(axis=0).all():
        column = int(np.argmin(kept.any(axis=0)))
        with pytest.raises(ValueError, match=f"nothing in column {column} of A reaches the level"):
            updates.round_and_normalise(A, level)
        return
    found = updates.round_and_normalise(A, level)
    np.testing.assert_allclose(found, kept / kept.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-14)
    np.testing.assert_array_equal(found != 0, level <= A)


def test_rounding_changes_nothing_where_a_column_is_empty() -> None:
    rows = np.array([[0.9, 0.1], [0.2, 0.1]])
    kept = rows.copy()
    assert updates.round_rows(rows, 0.5) == 1
    np.testing.assert_array_equal(rows, kept)


def test_level_itself_is_kept() -> None:
    A = np.array([[0.5], [0.25], [0.25]])
    assert updates.round_and_normalise(A, 0.5).T.tolist() == [[1, 0, 0]]
    assert updates.round_and_normalise(A, 0.25).T.tolist() == [[0.5, 0.25, 0.25]]
    assert updates.threshold_and_project(A, 0.25).T.tolist() == [[0.5, 0.25, 0.25]]


# --- mirrors --------------------------------------------------------------------------------------


def test_reflecting_twice_changes_nothing_and_once_turns_both_signals() -> None:
    task = uneven_task(4, 25)
    params = constrained(task, 3, scale=0.2)
    once = updates.reflect(task, params)
    twice = updates.reflect(task, once)
    np.testing.assert_allclose(twice.A, params.A, rtol=0, atol=1e-15)
    np.testing.assert_allclose(twice.V, params.V, rtol=0, atol=1e-15)
    before, after = scb.signals(task, params), scb.signals(task, once)
    assert after.alpha_V == pytest.approx(-before.alpha_V, rel=1e-12)
    assert after.alpha_A == pytest.approx(-before.alpha_A, rel=1e-12)
    assert after.delta_V == pytest.approx(before.delta_V, rel=1e-12)
    assert after.delta_A == pytest.approx(before.delta_A, rel=1e-12)
    np.testing.assert_allclose(once.A.sum(axis=0), 1, rtol=1e-13)
    np.testing.assert_allclose(once.V @ task.stationary, task.stationary, rtol=0, atol=1e-14)


def test_looks_mirrored() -> None:
    task = uneven_task(4, 25)
    for alpha in (0.01, 0.3, 1.0):
        right = alpha * task.attention + (1 - alpha) / 25
        assert not updates.looks_mirrored(right)
        assert updates.looks_mirrored(2 / 25 - right)
    assert not updates.looks_mirrored(np.full((25, 4), 1 / 25))


# --- the kernels that train in place --------------------------------------------------------------


@pytest.mark.parametrize(("l1", "centred"), [(0.0, False), (1e-3, True)])
def test_kernels_in_place_have_the_same_bits(l1: float, centred: bool) -> None:
    task = uneven_task(5, 61)
    params, raw = constrained(task, 1), scb.Gradients(*away(task, 2))
    rows, value = np.array(params.A.T, order="C"), params.V.copy()
    grad_a, grad_v = np.array(raw.A.T, order="C"), raw.V.copy()
    updates.precondition_rows(grad_a, task.stationary)
    of_value.precondition_value(grad_v, task.stationary, centred)
    grad = scb.precondition(task, raw, centred)
    np.testing.assert_array_equal(grad_a.T, grad.A)
    np.testing.assert_array_equal(grad_v, grad.V)
    updates.proximal_rows(rows, grad_a, 0.1, l1)
    of_value.descend(value, grad_v, 0.2)
    after = updates.gradient_step(params, grad, eta_V=0.2, eta_A=0.1, l1=l1)
    np.testing.assert_array_equal(rows.T, after.A)
    np.testing.assert_array_equal(value, after.V)
    for kernel, function in (
        (updates.threshold_rows, updates.threshold_and_project),
        (updates.round_rows, updates.round_and_normalise),
    ):
        copy = rows.copy()
        kernel(copy, 0.02)
        np.testing.assert_array_equal(copy.T, function(rows.T, 0.02))
    updates.reflect_rows(rows, value, task.stationary)
    mirrored = updates.reflect(task, after)
    np.testing.assert_array_equal(rows.T, mirrored.A)
    np.testing.assert_array_equal(value, mirrored.V)


def test_bad_arguments() -> None:
    A = np.full((4, 2), 0.25)
    params, grad = scb.Params(A, np.eye(2)), scb.Gradients(A, np.eye(2))
    for options in ({"l1": -1.0}, {"eta_A": np.nan}, {"eta_V": -0.1}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must lie in"):
            updates.gradient_step(params, grad, **{"eta_V": 0.1, "eta_A": 0.1, **options})
    with pytest.raises(ValueError, match=r"gradients\.A must have shape \(4, 2\)"):
        updates.gradient_step(params, scb.Gradients(A.T, np.eye(2)), 0.1, 0.1)
    with pytest.raises(ValueError, match="level must lie in"):
        updates.round_and_normalise(A, 0)
    with pytest.raises(ValueError, match="l1 must lie in"):
        updates.soft_threshold(A, -1)
    with pytest.raises(ValueError, match="A must be a 2-D array"):
        updates.project(A[0])
    with pytest.raises(ValueError, match="A has a NaN or infinite entry at row 0, column 1"):
        updates.looks_mirrored(np.array([[0.0, np.nan]]))
    with pytest.raises(ValueError, match=r"gradients\.V must have shape"):
        scb.precondition(uneven_task(2, 4), scb.Gradients(A, A))
