"""The task: what is let in, and that it stays as it was made."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools import markov, noise
from scbtools.markov import stationary_distribution
from scbtools.task import check_task
from tests.examples import uneven_task

P = np.array([[0.5, 0.2, 0.1], [0.3, 0.7, 0.3], [0.2, 0.1, 0.6]])
Q = np.array([[1.0, 0.0, 0.5], [0.0, 0.25, 0.0], [0.0, 0.75, 0.0], [0.0, 0.0, 0.5]])


def changed(array: Any, entry: tuple[int, int], value: float) -> Any:
    other = array.copy()
    other[entry] = value
    return other


# --- what it holds --------------------------------------------------------------------------------


def test_attributes() -> None:
    task = scb.SCBTask(transition=P, attention=Q)
    assert (task.vocab_size, task.seq_len, task.sparsity) == (3, 4, 2)
    np.testing.assert_allclose(task.transition, P, rtol=1e-15)
    np.testing.assert_array_equal(task.attention, Q)
    mu = task.stationary
    np.testing.assert_allclose(P @ mu, mu, rtol=0, atol=1e-16)
    assert abs(task.K_P - ((P**2 * mu).sum() - mu @ mu)) < 1e-15
    assert abs(task.K_Q - ((Q**2 * mu).sum() - 1 / 4)) < 1e-15
    sparse = task.sparse_attention
    assert sparse.counts.tolist() == [1, 2, 2]
    assert sparse.positions.tolist() == [[0, 0], [1, 2], [0, 3]]
    assert sparse.weights.tolist() == [[1, 0], [0.25, 0.75], [0.5, 0.5]]
    assert repr(task).startswith("SCBTask(vocab_size=3, seq_len=4, sparsity=2, K_P=0.1")


def test_integers_and_lists_are_arrays_too() -> None:
    cycle = [[0, 1], [1, 0]]
    task = scb.SCBTask(cycle, [[1, 0], [0, 1]])
    assert task.transition.dtype == np.float64
    assert task.K_P == 0.5
    narrow = scb.SCBTask(P.astype(np.float32).astype(float).round(6), Q.astype(np.float32))
    np.testing.assert_array_equal(narrow.attention, Q)


def test_independent_of_the_arrays_it_was_made_from() -> None:
    mine, yours = P.copy(), Q.copy()
    task = scb.SCBTask(mine, yours)
    mine[:], yours[:] = 0, 0
    np.testing.assert_allclose(task.transition, P, rtol=1e-15)
    np.testing.assert_array_equal(task.attention, Q)
    again = P / P.sum(axis=0)  # nothing to mend in this one
    scb.SCBTask(again, Q)
    assert again.flags.writeable


def test_immutable() -> None:
    task = scb.SCBTask(P, Q)
    for name in ("transition", "vocab_size", "anything"):
        with pytest.raises(AttributeError, match="SCBTask is immutable: cannot set"):
            setattr(task, name, 3)
    arrays = (
        task.transition,
        task.stationary,
        task.attention,
        *task.sparse_attention,
        *task.tables,
    )
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    assert not hasattr(task, "__dict__")


@pytest.mark.parametrize("seed", range(20))
def test_pickled_task_has_the_same_bits(seed: int) -> None:
    task = uneven_task(7, 30, seed)
    other = pickle.loads(pickle.dumps(task))
    assert_same_bits(task, other)
    with pytest.raises(ValueError, match="read-only"):
        other.stationary[0] = 1


def assert_same_bits(task: scb.SCBTask, other: scb.SCBTask) -> None:
    for name in ("transition", "stationary", "attention"):
        assert getattr(task, name).tobytes() == getattr(other, name).tobytes(), name
    for one, two in zip(task.tables, other.tables, strict=True):
        assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_made_again_from_its_own_arrays(seed: int) -> None:
    task = uneven_task(7, 30, seed)
    assert_same_bits(task, scb.SCBTask(task.transition, task.attention))


@pytest.mark.parametrize("seed", range(20))
def test_sparse_and_dense_construction_agree(seed: int) -> None:
    """Whatever the order of positions and the padding."""
    task = uneven_task(7, 30, seed)
    rng = np.random.default_rng(seed)
    positions, weights, counts = (x.copy() for x in task.sparse_attention)
    for k in range(7):
        order = rng.permutation(counts[k])
        positions[k, : counts[k]] = positions[k, order]
        weights[k, : counts[k]] = weights[k, order]
        positions[k, counts[k] :] = rng.integers(30)  # weight 0: anywhere
    other = scb.SCBTask.from_sparse(task.transition, positions, weights, 30)
    np.testing.assert_allclose(other.attention, task.attention, rtol=4e-16)
    np.testing.assert_array_equal(other.attention != 0, task.attention != 0)
    assert other.transition.tobytes() == task.transition.tobytes()
    batch, same = task.sample(100, seed=1), other.sample(100, seed=1)
    for one, two in zip(batch, same, strict=True):
        np.testing.assert_array_equal(one, two)


# --- what is refused ------------------------------------------------------------------------------

BAD_P: list[tuple[Any, str]] = [
    (changed(P, (0, 1), 0.1), r"column 1 of transition sums to 0\.9, not 1.*divide it by its sum"),
    (P.T, r"column 1 of transition sums to .*\(or transpose transition if its rows are\)"),
    (changed(P, (2, 0), np.nan), "transition has a NaN or infinite entry at row 2, column 0"),
    (changed(P, (2, 0), np.inf), "transition has a NaN or infinite entry at row 2, column 0"),
    (changed(P, (1, 2), -0.25), "transition has the negative entry -0.25 at row 1, column 2"),
    (P[:2], r"transition must be square, got shape \(2, 3\)"),
    (P[0], r"transition must be a 2-D array with entries, got shape \(3,\)"),
    (np.ones((1, 1)), "transition must have 2 to 65535 tokens, got 1"),
    (np.zeros((0, 0)), "transition must be a 2-D array with entries"),
    (np.eye(3), "token 1 cannot be reached from token 0 .* mix in a little of the uniform"),
    ([[0.5, 0, 0], [0.5, 1, 0], [0, 0, 1]], "token 2 cannot be reached from token 0"),
    ([[0.5, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5]], "token 1 cannot reach token 0"),
]


@pytest.mark.parametrize(("matrix", "message"), BAD_P)
def test_bad_transition(matrix: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scb.SCBTask(matrix, Q)
    with pytest.raises(ValueError, match=message):
        scb.SCBTask.from_sparse(matrix, [[0], [1], [2]], [[1], [1], [1]], 4)


BAD_Q: list[tuple[Any, str]] = [
    (changed(Q, (2, 1), 0.65), r"column 1 of attention sums to 0\.9, not 1"),
    (changed(Q, (0, 0), 0), "column 0 of attention is all zero: every token must attend to at"),
    (changed(Q, (3, 1), np.nan), "attention has a NaN or infinite entry at row 3, column 1"),
    (changed(Q, (3, 1), -0.5), "attention has the negative entry -0.5 at row 3, column 1"),
    (Q[:0], r"attention must be a 2-D array with entries, got shape \(0, 3\)"),
    (Q[:, :2], r"attention must have one column per token, shape \(T, 3\), got \(4, 2\)"),
    (Q.T, r"attention must have one column per token, shape \(T, 3\), got \(3, 4\)"),
    (Q[0], "attention must be a 2-D array"),
]


@pytest.mark.parametrize(("matrix", "message"), BAD_Q)
def test_bad_attention(matrix: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scb.SCBTask(P, matrix)


def test_not_numbers() -> None:
    with pytest.raises(TypeError, match="transition must be an array of real numbers"):
        scb.SCBTask([["a", "b"], ["c", "d"]], Q)
    with pytest.raises(TypeError, match="attention must be an array of real numbers"):
        scb.SCBTask(P, Q + 1j)


BAD_SPARSE: list[tuple[Any, Any, Any, str]] = [
    ([[0], [1], [4]], [[1], [1], [1]], 4, r"positions must lie in 0 \.\. 3"),
    ([[0], [1], [-1]], [[1], [1], [1]], 4, r"positions must lie in 0 \.\. 3"),
    (np.full((3, 1), 2**64 - 1), [[1], [1], [1]], 4, r"positions must lie in 0 \.\. 3"),
    ([[0], [1]], [[1], [1]], 4, r"positions must have shape \(3, S\), got \(2, 1\)"),
    ([0, 1, 2], [[1], [1], [1]], 4, r"positions must be a 2-D array .* got shape \(3,\)"),
    ([[0], [1], [2]], [[1e308], [1], [1]], 4, r"column 0 of weights .* sums to 1e\+308"),
    (np.zeros((3, 2), int), np.full((3, 2), 1e308), 4, "column 0 of weights .* sums to inf"),
    ([[0], [1], [2]], [[1], [1]], 4, "weights must have shape"),
    ([[0], [1], [2]], [[1], [0.9], [1]], 4, "column 1 of weights .* sums to 0.9"),
    (
        [[0, 0], [1, 2], [2, 3]],
        np.full((3, 2), 0.5),
        4,
        "row 0 of positions names a position twice",
    ),
    ([[0], [1], [2]], [[1], [1], [1]], 0, "seq_len must be at least 1"),
    ([[0], [1], [2]], [[1], [1], [1]], 2**35, "seq_len must be .* at most 34359738367"),
    (np.zeros((3, 0), int), np.zeros((3, 0)), 4, "positions must be a 2-D array with entries"),
]


@pytest.mark.parametrize(("positions", "weights", "seq_len", "message"), BAD_SPARSE)
def test_bad_sparse_attention(positions: Any, weights: Any, seq_len: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scb.SCBTask.from_sparse(P, positions, weights, seq_len)


@pytest.mark.parametrize("positions", [[[0.0], [1], [2]], [["0"]], [[True], [False], [True]], None])
def test_positions_of_another_kind(positions: Any) -> None:
    with pytest.raises(TypeError, match="positions must be "):
        scb.SCBTask.from_sparse(P, positions, [[1], [1], [1]], 4)


def test_positions_of_any_integer_type() -> None:
    """Big-endian, unsigned, read-only."""
    for dtype in (">i4", "u8", "i1"):
        where = np.array([[0], [1], [2]], dtype)
        where.setflags(write=False)
        task = scb.SCBTask.from_sparse(P, where, [[1], [1], [1]], 2**35 - 1)
        assert task.sparse_attention.positions.tolist() == [[0], [1], [2]]


BAD_SAMPLES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1 .*, got 0"),
    ({"batch_size": 1.5}, TypeError, "batch_size must be an integer, got 1.5"),
    ({"batch_size": 2**32}, ValueError, "batch_size must be .* at most 4294967295"),
    ({"seed": -1}, ValueError, "seed must be at least 0"),
    ({"seed": 2**64}, ValueError, "seed must be at least 0 and at most"),
    ({"seed": "1"}, TypeError, "seed must be an integer, got '1'"),
    ({"seed": None}, TypeError, "seed must be an integer, got None"),
    ({"step": -1}, ValueError, "step must be at least 0"),
    ({"step": 2**32}, ValueError, "step must be at least 0 and at most"),
    ({"step": 0.0}, TypeError, "step must be an integer"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_SAMPLES)
def test_bad_sample(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        scb.SCBTask(P, Q).sample(**{"batch_size": 4, **arguments})


def test_batch_that_no_memory_holds() -> None:
    """The error says how much it would take, and what does without."""
    task = scb.SCBTask.random(3, 2**20, 1)
    with pytest.raises(MemoryError, match=r"4\.19e\+06 GiB.* batch_size .*minibatch_gradients"):
        task.sample(2**32 - 1)


def test_check_task() -> None:
    task = scb.SCBTask(P, Q)
    assert check_task(task) is task
    for other in (P, None, scb.SCBTask):
        with pytest.raises(TypeError, match=r"task must be an SCBTask, got .* make one with SCBT"):
            check_task(other)  # type: ignore[arg-type]


class Named(scb.SCBTask):
    """A task with a name for its class."""

    __slots__ = ()


def test_subclasses_stay_what_they_are() -> None:
    task = Named(P, Q)
    copies = copy.copy(task), copy.deepcopy(task), pickle.loads(pickle.dumps(task))
    for other in (*copies, task.related(1.0), Named.random(3, 4, 2), Named.from_bigrams(P, 4, 2)):
        assert type(other) is Named
    for other in copies:
        assert_same_bits(task, other)


# --- rare tokens ----------------------------------------------------------------------------------


def mixed(*shares: float) -> Any:
    """A chain whose tokens do not depend on each other."""
    return np.repeat(np.array([shares]).T, len(shares), axis=1)


OVERFLOWING = np.array([[0.5, 1e-200, 0], [0.5, 1 - 1e-200, 1e-200], [0, 1e-200, 1 - 1e-200]])
ABSORBING = np.array([[0.5, 0.5, 1e-310], [0.25, 0.25, 1e-310], [0.25, 0.25, 1]])
UNDERFLOWING = np.array([[0.5, 1e-200, 1e-200], [0.5, 1 - 1e-200, 0.5], [0, 1e-200, 0.5]])

RARE: list[tuple[Any, int, str]] = [
    (mixed(0.25, 0.75, 1e-310), 2, "1e-310"),
    (mixed(1e-160, 0.25, 0.75), 0, "1e-160"),
    (mixed(0.25, 2.0**-41, 0.75 - 2.0**-41), 1, "4.55e-13"),
    (np.array([[1.0, 1.0], [1e-310, 0.0]]), 1, "1e-310"),
    (ABSORBING, 1, ""),
    (UNDERFLOWING, 0, ""),
    (np.roll(OVERFLOWING, (1, 1), (0, 1)), 1, "1e-200"),
]


@pytest.mark.parametrize(("matrix", "token", "share"), RARE)
def test_tokens_too_rare_to_be_drawn_are_refused(
    matrix: Any, token: int, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every way to make a task, and by name, also where mu overflows."""
    where, weights = np.zeros((len(matrix), 1), int), np.ones((len(matrix), 1))
    message = rf"token {token} \(column {token} of transition\) has the .* {share}.*, below 2\^-40"
    with pytest.raises(ValueError, match=message):
        scb.SCBTask(matrix, np.ones((1, len(matrix))))
    with pytest.raises(ValueError, match=message):
        scb.SCBTask.from_sparse(matrix, where, weights, 1)
    with pytest.raises(ValueError, match=message):
        scb.SCBTask.from_bigrams(matrix, 1, 1)
    monkeypatch.setattr("scbtools.task._RAREST", -np.inf)
    monkeypatch.setattr(markov, "stationary_distribution", lambda P: np.full(len(P), 1 / len(P)))
    stored = pickle.dumps(scb.SCBTask.from_sparse(matrix, where, weights, 1))
    monkeypatch.undo()
    with pytest.raises(ValueError, match=message):
        pickle.loads(stored)


ODD: list[Any] = [
    mixed(2.0**-39, 0.5, 0.5 - 2.0**-39),
    mixed(1 - 2.0**-39, 2.0**-39),
    np.array([[1.0, 1e-300], [1e-300, 1.0]]),
    np.array([[1.0, 1e-7], [1e-300, 1 - 1e-7]]) @ np.array([[0.0, 1.0], [1.0, 0.0]]),
    np.kron([[1.0, 1e-18], [1e-18, 1.0]], [[0.25, 0.75], [0.75, 0.25]]),
    np.roll(np.eye(4), 1, axis=0),
    np.kron([[0.0, 1.0], [1.0, 0.0]], mixed(0.3, 0.7)),
    mixed(0.1, 0.2, 0.7),
]


@pytest.mark.parametrize("matrix", ODD)
@pytest.mark.parametrize("small", [1e-310, 1e-30, 0.5])
def test_what_is_accepted_gives_numbers(matrix: Any, small: float) -> None:
    """Rare tokens, nearly reducible chains, cycles, and weights that are next to nothing."""
    Q = np.zeros((3, len(matrix)))
    Q[0], Q[1] = small, 1 - small
    task = scb.SCBTask(matrix, Q)
    np.testing.assert_allclose(task.transition @ task.stationary, task.stationary, rtol=1e-9)
    start, end = scb.uniform_start(task), scb.true_params(task)
    params = scb.Params((start.A + end.A) / 2, (start.V + end.V) / 2)
    raw = scb.minibatch_gradients(task, params, 32)
    found = [
        scb.population_loss(task, params), *scb.population_gradients(task, params), *raw,
        *scb.precondition(task, raw), *scb.signals(task, params), noise.value_norm(task, params),
        noise.attention_norm(task, params), *noise.draw(task, params, 8, np.random.default_rng(0)),
    ]  # fmt: skip
    assert all(np.isfinite(each).all() for each in found)


# --- nothing to learn -----------------------------------------------------------------------------


@pytest.mark.parametrize("seq_len", [1, 3, 7, 49, 1000])
def test_uniform_attention_has_no_length(seq_len: int) -> None:
    """K_Q is 0 and no rounding, so that signals over it are 0 and no noise."""
    for seed in range(10):
        P = uneven_task(7, 1, seed).transition
        even = np.full((seq_len, 7), 1 / seq_len)
        assert scb.SCBTask(P, even).K_Q == 0.0
        rough = np.random.default_rng(seed).random(seq_len) * 1e-8 + 1
        task = scb.SCBTask(P, np.repeat((rough / rough.sum())[:, None], 7, axis=1))
        assert task.K_Q == 0.0
        start = scb.uniform_start(task)
        assert scb.signals(task, scb.Params(start.A + 0.1, start.V)).alpha_A == 0.0


@pytest.mark.parametrize("vocab_size", [2, 7, 50])
def test_trivial_transitions_have_no_length(vocab_size: int) -> None:
    """K_P is 0 and no rounding, also where columns are rounded one by one."""
    for seed in range(10):
        mu = np.random.default_rng(seed).dirichlet(np.ones(vocab_size))
        columns = mu[:, None] * (1 + 1e-14 * np.random.default_rng(seed).normal(size=vocab_size))
        for P in (np.repeat(mu[:, None], vocab_size, axis=1), columns / columns.sum(axis=0)):
            assert scb.SCBTask(P, np.ones((1, vocab_size))).K_P == 0.0


@pytest.mark.parametrize("part", [1e-5, 1e-3, 1.0])
def test_small_lengths_are_lengths(part: float) -> None:
    """What stands out from rounding is kept: K_P and K_Q go with the square of the distance."""
    task = uneven_task(5, 8)
    mu = task.stationary[:, None]
    near = scb.SCBTask(mu + part * (task.transition - mu), 1 / 8 + part * (task.attention - 1 / 8))
    assert abs(near.K_P / (part**2 * task.K_P) - 1) < 1e-4
    assert abs(near.K_Q / (part**2 * task.K_Q) - 1) < 1e-4


# --- stationary distribution ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(size=st.integers(2, 30), seed=st.integers(0, 10**6), power=st.floats(0.1, 6))
def test_stationary_distribution(size: int, seed: int, power: float) -> None:
    """It does not move under P, to rounding in every entry, however uneven P is."""
    rng = np.random.default_rng(seed)
    matrix = rng.random((size, size)) ** power + 1e-12
    task = scb.SCBTask(matrix / matrix.sum(axis=0), np.ones((1, size)))
    mu = task.stationary
    np.testing.assert_allclose(task.transition @ mu, mu, rtol=1e-13)
    assert mu.sum() == pytest.approx(1, abs=1e-15)
    assert (mu > 0).all()


def test_stationary_distribution_is_the_first_eigenvector() -> None:
    task = uneven_task(12, 4, seed=3)
    values, vectors = np.linalg.eig(task.transition)
    first = np.argmin(np.abs(values - 1))
    vector = np.real(vectors[:, first])
    np.testing.assert_allclose(task.stationary, vector / vector.sum(), rtol=1e-12)


def test_stationary_distribution_of_rare_tokens() -> None:
    """Two tokens that lead to each other with 1e-12 and 2e-12: mu = (1, 2)/3 to the last digits."""
    rare = np.array([[1 - 2e-12, 1e-12], [2e-12, 1 - 1e-12]])
    np.testing.assert_allclose(stationary_distribution(rare), [1 / 3, 2 / 3], rtol=1e-15)


@pytest.mark.parametrize("size", [2, 3, 31, 32, 33, 64, 65, 97])
@pytest.mark.parametrize("power", [1, 9])
def test_elimination_in_blocks_has_the_bits_of_one_by_one(size: int, power: int) -> None:
    """However many tokens share a pass through memory."""
    rng = np.random.default_rng(size)
    matrix = rng.random((size, size)) ** power * (rng.random((size, size)) < 0.7)
    matrix += 1e-6 * np.roll(np.eye(size), 1, axis=0)
    matrix /= matrix.sum(axis=0)
    p, mu = matrix.T.copy(), np.ones(size)
    for last in range(size - 1, 0, -1):
        p[:last, last] /= sum(p[last, :last].tolist())
        for row in p[:last]:
            row[:last] += row[last] * p[last, :last]
    for j in range(1, size):
        mu[j] = sum((mu[:j] * p[:j, j]).tolist())
    mu /= sum(mu.tolist())
    assert stationary_distribution(matrix).tobytes() == mu.tobytes()


@pytest.mark.parametrize("size", [5, 700])
def test_tokens_are_followed_in_any_order(size: int) -> None:
    """A cycle is the longest way round; one link less and it is none."""
    cycle = np.roll(np.eye(size), 1, axis=0)
    np.testing.assert_array_equal(markov.transition_matrix(cycle), cycle)
    cycle[:, 2] = np.eye(size)[2]
    with pytest.raises(ValueError, match="token 3 cannot be reached from token 0 under P_hat"):
        markov.transition_matrix(cycle, "P_hat")
