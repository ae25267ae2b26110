"""The fused mini-batch gradient against one-hot matrices, and against its expectation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import scbtools as scb
from scbtools.kernels import cpu, frozen, workspace
from tests import reference_numpy as ref
from tests.examples import away, gap

SHAPES = [
    # vocabulary, positions, samples; from T = 1024 on, two threads share positions, not samples
    (2, 1, 1), (2, 2, 64), (2, 127, 7), (2, 2049, 7), (2, 10000, 64),
    (3, 1, 64), (3, 2, 1), (3, 50, 7), (3, 127, 64), (3, 513, 64), (3, 1025, 33), (3, 2049, 64),
    (3, 10000, 1), (3, 10000, 64),
    (4, 1, 7), (4, 127, 64), (4, 2049, 7), (10, 50, 64), (10, 513, 7), (10, 10000, 7),
    (17, 2, 64), (17, 513, 64), (18, 1, 1), (18, 127, 64), (18, 2049, 64),
    (64, 50, 64), (64, 513, 7), (64, 2049, 1), (256, 129, 9), (257, 129, 9),
    (300, 1, 7), (300, 127, 64), (300, 513, 7), (300, 2049, 1),
]  # fmt: skip

# Budgets so small that a chunk holds one group, or two rows of A, or samples cut within a group;
# a row then goes on from chunk to chunk, and the last one is not full.
BUDGETS = [(1, 1 << 30, 4096), (1 << 30, 1, 4096), (20_000, 1, 4096), (1 << 30, 1 << 30, 5)]


def make(vocab_size: int, seq_len: int, seed: int = 0) -> scb.SCBTask:
    return scb.SCBTask.random(vocab_size, seq_len, min(2, seq_len), seed, signal=0.1)


def assert_matches(task: scb.SCBTask, params: scb.Params, size: int, seed: int = 1) -> None:
    batch = task.sample(size, seed, step=3)
    grad_a, grad_v = ref.gradients(params.A, params.V, batch)
    found = scb.minibatch_gradients(task, params, size, seed, step=3)
    assert found.A.shape == params.A.shape
    assert gap(found.A, grad_a) <= 1e-12
    assert gap(found.V, grad_v) <= 1e-12


@pytest.mark.parametrize(("vocab_size", "seq_len", "size"), SHAPES)
def test_matches_one_hot_matrices(vocab_size: int, seq_len: int, size: int) -> None:
    task = make(vocab_size, seq_len)
    assert_matches(task, away(task, seed=seq_len), size)


@pytest.mark.parametrize(("code_bytes", "row_bytes", "samples"), BUDGETS)
@pytest.mark.parametrize(
    ("vocab_size", "seq_len", "size"), [(3, 5, 300), (3, 2500, 100), (10, 700, 200), (300, 600, 90)]
)
def test_matches_over_several_chunks(
    monkeypatch: pytest.MonkeyPatch,
    vocab_size: int,
    seq_len: int,
    size: int,
    code_bytes: int,
    row_bytes: int,
    samples: int,
) -> None:
    task = make(vocab_size, seq_len)
    params = away(task, seed=1)
    whole = scb.minibatch_gradients(task, params, size, seed=1, step=3)
    monkeypatch.setattr(workspace, "_CODE_BYTES", code_bytes)
    monkeypatch.setattr(workspace, "_ROW_BYTES", row_bytes)
    monkeypatch.setattr(workspace, "_SAMPLES", samples)
    ws = cpu.workspace(vocab_size, seq_len, size, 2)
    assert ws.c.shape[0] < size or ws.slot.size < vocab_size
    assert_matches(task, params, size)
    pieces = scb.minibatch_gradients(task, params, size, seed=1, step=3)
    np.testing.assert_array_equal(pieces.A, whole.A)
    np.testing.assert_array_equal(pieces.V, whole.V)


def test_more_samples_than_fit_between_the_passes() -> None:
    assert cpu.workspace(3, 5, 8200, 2).c.shape[0] < 8200
    task = make(3, 5)
    assert_matches(task, away(task, seed=1), 8200)


@pytest.mark.parametrize("scale", [1e-250, 1e-30, 1e-6, 1e2, 1e4])
@pytest.mark.parametrize("vocab_size", [3, 10])
def test_matches_at_any_scale(vocab_size: int, scale: float) -> None:
    task = make(vocab_size, 200)
    assert_matches(task, away(task, seed=2, scale=scale), 50)


@pytest.mark.parametrize("vocab_size", [3, 10])
def test_matches_at_the_paper_s_places(vocab_size: int) -> None:
    task = make(vocab_size, 300)
    true, uniform = scb.true_params(task), scb.uniform_start(task)
    for params in (uniform, scb.Params(true.A, uniform.V), scb.Params(uniform.A, true.V)):
        assert_matches(task, params, 64)


@pytest.mark.parametrize("vocab_size", [2, 5])
@pytest.mark.parametrize("seq_len", [1, 900])
def test_sums_at_the_bound_that_scales_are_chosen_by(vocab_size: int, seq_len: int) -> None:
    """One token all along: |c| is the whole column sum, and every |w| as large as it can be."""
    mu = np.full(vocab_size, 1e-9)
    mu[0] = 1 - mu[1:].sum()
    P = 0.5 * (np.repeat(mu[:, None], vocab_size, axis=1) + np.eye(vocab_size))
    task = scb.SCBTask(P, np.full((seq_len, vocab_size), 1 / seq_len))
    A = np.full((seq_len, vocab_size), (1 - 1e-12) / seq_len)  # sums just below a power of two
    V = np.zeros((vocab_size, vocab_size))
    size = 64
    V[0, 0] = -0.5 * (np.sqrt(5) - 1) * (1 - 1e-12)  # and here, v^2 + |v| just below 1
    assert not task.sample(size, seed=1, step=3).tokens.any()
    assert_matches(task, scb.Params(A, V), size)


def test_zero_parameters() -> None:
    """Then the residual is -e: V's gradient vanishes with c, A's with V."""
    task = make(3, 20)
    zero = scb.Params(np.zeros((20, 3)), np.zeros((3, 3)))
    found = scb.minibatch_gradients(task, zero, 10)
    assert not found.A.any()
    assert not found.V.any()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    vocab_size=st.sampled_from([2, 3, 4, 5, 9, 17, 18, 40]),
    seq_len=st.integers(1, 1200),
    size=st.integers(1, 40),
    seed=st.integers(0, 2**64 - 1),
)
def test_matches_for_any_shape(vocab_size: int, seq_len: int, size: int, seed: int) -> None:
    task = make(vocab_size, seq_len, seed)
    assert_matches(task, away(task, seed), size, seed)


def test_read_only_and_transposed_parameters() -> None:
    """Any layout gives the same bits, and compiles nothing anew."""
    task = make(3, 40)
    params = away(task, 3)
    wanted = scb.minibatch_gradients(task, params, 9)
    compiled = len(cpu.sweep.signatures)
    locked = scb.Params(params.A.copy(), params.V.copy())
    for array in locked:
        array.setflags(write=False)
    turned = scb.Params(np.asfortranarray(params.A), np.asfortranarray(params.V))
    locked_turned = scb.Params(np.asfortranarray(params.A), params.V)
    locked_turned.A.setflags(write=False)
    for same in (locked, turned, locked_turned):
        found = scb.minibatch_gradients(task, same, 9)
        np.testing.assert_array_equal(found.A, wanted.A)
        np.testing.assert_array_equal(found.V, wanted.V)
    assert len(cpu.sweep.signatures) == compiled


def test_one_batch_is_the_mean_of_its_samples() -> None:
    """Gradients of batches of 1 .. 30 differ by what each further sample adds."""
    task = make(3, 60)
    params = away(task, 4)
    batch = task.sample(30, seed=2)
    whole = scb.minibatch_gradients(task, params, 29, seed=2)
    more = scb.minibatch_gradients(task, params, 30, seed=2)
    ends = (int(batch.last[29]), int(batch.target[29]))
    for_a, for_v = ref.sample_gradients(*params, batch.tokens[29], *ends)
    added = 30 * more.A - 29 * whole.A
    added[:, ends[0]] -= for_a
    assert np.abs(added).max() < 1e-11
    assert np.abs(30 * more.V - 29 * whole.V - for_v).max() < 1e-11


@pytest.mark.parametrize(("vocab_size", "seq_len"), [(3, 8), (3, 1100), (5, 8)])
def test_unbiased(vocab_size: int, seq_len: int) -> None:
    """Mean of 300 steps against the expected gradient, away from the truth.

    The largest of all standardised differences; false alarm 1e-6 in each of three cases.
    """
    task = make(vocab_size, seq_len, seed=7)
    params = away(task, 5)
    steps, size = 300, 40
    drawn = [scb.minibatch_gradients(task, params, size, seed=1, step=i) for i in range(steps)]
    for found, wanted in zip(
        zip(*drawn, strict=True), scb.population_gradients(task, params), strict=True
    ):
        stack = np.array(found)
        spread = stack.std(axis=0, ddof=1) / np.sqrt(steps)
        worst = (np.abs(stack.mean(axis=0) - wanted) / spread).max()
        assert worst < stats.t.isf(1e-6 / 4 / wanted.size, steps - 1)


@pytest.mark.parametrize(("vocab_size", "seq_len", "size"), [(3, 700, 3000), (5, 90, 64)])
def test_frozen_attention_draws_less_and_gives_the_same_bits(
    vocab_size: int, seq_len: int, size: int
) -> None:
    task = make(vocab_size, seq_len)
    rng = np.random.default_rng(0)
    attention = np.ascontiguousarray(task.attention.T)
    attention[:, rng.integers(0, seq_len, 5)] += rng.normal(size=5)
    value = away(task, 1).V
    full_a, full_v, only_v = np.empty_like(attention), np.empty_like(value), np.empty_like(value)
    key, step = np.uint64(8), np.uint64(2)
    ws = cpu.workspace(vocab_size, seq_len, size, 2)
    assert cpu.gradient(
        ws, task.tables, attention, value, task.stationary, key, step, size, full_a, full_v
    )
    begin, at = frozen.support_of(attention)
    assert at.size < 10 * vocab_size
    assert frozen.value_gradient(
        ws, task.tables, attention, begin, at, value, key, step, size, only_v
    )
    np.testing.assert_array_equal(only_v, full_v)


@pytest.mark.parametrize(("for_a", "for_v"), [(2e12, 1.0), (1.0, 1e13)])
def test_diverged_parameters(for_a: float, for_v: float) -> None:
    task = make(3, 20)
    A, V = scb.uniform_start(task)
    with pytest.raises(ValueError, match="diverged"):
        scb.minibatch_gradients(task, scb.Params(for_a * A, for_v * V), 4)


def test_bad_arguments() -> None:
    task = make(3, 20)
    A, V = scb.uniform_start(task)
    good = scb.Params(A, V)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        scb.minibatch_gradients(task, good, 0)
    with pytest.raises(TypeError, match="batch_size must be an integer"):
        scb.minibatch_gradients(task, good, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed"):
        scb.minibatch_gradients(task, good, 4, seed=-1)
    with pytest.raises(ValueError, match="step"):
        scb.minibatch_gradients(task, good, 4, step=2**32)
    with pytest.raises(ValueError, match=r"params.A must have shape \(20, 3\)"):
        scb.minibatch_gradients(task, scb.Params(A[:-1], V), 4)
    broken = V.copy()
    broken[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"params\.V has a NaN .* at row 1, column 2"):
        scb.minibatch_gradients(task, scb.Params(A, broken), 4)
