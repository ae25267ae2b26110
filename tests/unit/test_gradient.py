"""The fused mini-batch gradient against one-hot matrices, and against its expectation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import scbtools as scb
from scbtools.engines import CpuEngine
from scbtools.kernels import arrays, cpu
from scbtools.stages import RAN
from tests import reference_numpy as ref
from tests.examples import (
    assert_same,
    away,
    constrained,
    gap,
    on_threads,
    share_out_everything,
    small_budgets,
    stage,
)

SHAPES = [
    # vocabulary, positions, samples
    (2, 1, 1), (2, 2, 64), (2, 127, 7), (2, 2049, 7), (2, 10000, 64),
    (3, 1, 64), (3, 2, 1), (3, 50, 7), (3, 127, 64), (3, 513, 64), (3, 1025, 33), (3, 2049, 64),
    (3, 10000, 1), (3, 10000, 64),
    (4, 1, 7), (4, 127, 64), (4, 2049, 7), (10, 50, 64), (10, 513, 7), (10, 10000, 7),
    (17, 2, 64), (17, 513, 64), (18, 1, 1), (18, 127, 64), (18, 2049, 64),
    (64, 50, 64), (64, 513, 7), (64, 2049, 1), (256, 129, 9), (257, 129, 9),
    (300, 1, 7), (300, 127, 64), (300, 513, 7), (300, 2049, 1),
]  # fmt: skip

# Samples a round, and bytes of tokens a worker keeps: so few that a row of A goes on from round to
# round, that a worker takes one group at a time, or that groups are cut.
BUDGETS = [(4096, 1), (4096, 20_000), (7, 1 << 21), (5, 1), (64, 5000)]
THREADS = [1, 2, 3, 5]


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


def engine_of(task: scb.SCBTask, params: scb.Params, size: int) -> CpuEngine:
    """An engine that has taken the gradient of a batch, to look at what it worked with."""
    attention, value = np.array(params.A.T, order="C"), np.array(params.V)
    engine = CpuEngine(task, attention, value, np.uint64(1))
    assert engine.gradients(size, 3) is not None
    return engine


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(("samples", "code_bytes"), BUDGETS)
@pytest.mark.parametrize(
    ("vocab_size", "seq_len", "size"), [(3, 5, 300), (3, 2500, 100), (10, 700, 200), (300, 600, 90)]
)
def test_same_bits_in_rounds_and_shares(
    monkeypatch: pytest.MonkeyPatch,
    vocab_size: int,
    seq_len: int,
    size: int,
    samples: int,
    code_bytes: int,
    threads: int,
) -> None:
    """However the samples are cut: between workers, between rounds, or into few groups."""
    task = make(vocab_size, seq_len)
    params = away(task, seed=1)
    with on_threads(1):
        whole = scb.minibatch_gradients(task, params, size, seed=1, step=3)
    share_out_everything(monkeypatch)
    small_budgets(monkeypatch, samples, code_bytes)
    with on_threads(threads):
        engine = engine_of(task, params, size)
        pieces = scb.minibatch_gradients(task, params, size, seed=1, step=3)
        if threads == 1:
            assert_matches(task, params, size)
    assert engine.workers == threads
    assert len(engine.batch.c) == min(samples, size)
    desk, together = engine.desks[0], arrays.group_size(vocab_size, seq_len)
    assert len(desk.codes) <= max(1, code_bytes // (2 * seq_len))
    assert len(desk.codes) * together < size or len(engine.batch.c) < size or code_bytes > 10_000
    np.testing.assert_array_equal(pieces.A, whole.A)
    np.testing.assert_array_equal(pieces.V, whole.V)


def cut_rows(engine: CpuEngine, size: int) -> list[int]:
    """How many rows a border between shares or rounds cuts, and how many samples shares hold."""
    some, workers = len(engine.batch.c), engine.workers
    borders, shares = set(), []
    for start in range(0, size, some):
        count = min(some, size - start)
        ends = [start + count * p // workers for p in range(workers + 1)]
        borders |= set(ends[1:])
        shares += np.diff(ends).tolist()
    inner = borders - set(engine.batch.begin.tolist())
    rows = {int(np.searchsorted(engine.batch.begin, at, side="right")) for at in inner}
    return [len(rows), *shares]


def test_borders_cut_rows_and_leave_shares_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests with small budgets meet every case that there is."""
    share_out_everything(monkeypatch)
    small_budgets(monkeypatch, 7, 1)
    task = make(3, 5)
    with on_threads(5):
        cut, *shares = cut_rows(engine_of(task, away(task, 1), 300), 300)
        assert cut == 3  # every row, and most of them more than once
        assert max(shares) <= 2
        _, *shares = cut_rows(engine_of(task, away(task, 1), 3), 3)
        assert sorted(shares) == [0, 0, 1, 1, 1]
        task = make(300, 600)
        cut, *_ = cut_rows(engine_of(task, away(task, 1), 90), 90)
        assert 0 < cut < 90  # some samples have a row to themselves


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    vocab_size=st.sampled_from([2, 3, 5, 18, 40]),
    seq_len=st.integers(1, 700),
    size=st.integers(1, 60),
    seed=st.integers(0, 2**64 - 1),
    threads=st.integers(1, 7),
    samples=st.integers(1, 70),
    code_bytes=st.sampled_from([1, 3000, 1 << 21]),
)
def test_same_bits_however_it_is_cut(
    vocab_size: int, seq_len: int, size: int, seed: int, threads: int, samples: int, code_bytes: int
) -> None:
    task = make(vocab_size, seq_len, seed)
    params = away(task, seed)
    whole = scb.minibatch_gradients(task, params, size, seed)
    with pytest.MonkeyPatch.context() as patch, on_threads(threads):
        share_out_everything(patch)
        small_budgets(patch, samples, code_bytes)
        pieces = scb.minibatch_gradients(task, params, size, seed)
    np.testing.assert_array_equal(pieces.A, whole.A)
    np.testing.assert_array_equal(pieces.V, whole.V)


KINDS: dict[str, dict[str, Any]] = {
    "sgd": {"preconditioned": False},
    "preconditioned": {},
    "proximal": {"l1": 1e-3},
    "proximal, raw gradient": {"l1": 1e-3, "preconditioned": False},
    "frozen": {"freeze_A": True},
    "frozen, raw gradient": {"freeze_A": True, "preconditioned": False},
    "max_signal": {"until": "max_signal", "target": 0.104},
    "mean_signal": {"until": "mean_signal", "target": 0.102, "l1": 1e-5},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("vocab_size", "seq_len", "size"), [(3, 40, 50), (3, 40, 3), (18, 130, 40)]
)
def test_training_has_the_same_bits_in_rounds_and_shares(
    monkeypatch: pytest.MonkeyPatch, kind: str, vocab_size: int, seq_len: int, size: int
) -> None:
    task = make(vocab_size, seq_len)
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    start = scb.Params(
        0.9 * uniform.A + 0.1 * true.A + constrained(task, 1, 1e-3).A - uniform.A,
        0.9 * uniform.V + 0.1 * true.V,
    )
    eta = 0.002 if "signal" in kind else 0.01
    options = {"eta_V": eta / task.K_Q, "eta_A": eta / task.K_P, "batch_size": size, **KINDS[kind]}
    s = stage(steps=60 if "signal" in kind else 12, **options)
    with on_threads(1):
        whole = scb.train(task, s, start, seed=3, record_every=5)
    assert whole.status == "finished"
    if s.until and size > 3:
        assert whole.reached == (True,)
        assert 1 < whole.history["step"][-1] < s.steps
    share_out_everything(monkeypatch)
    for samples, code_bytes in ((4096, 1 << 21), (7, 1)):
        small_budgets(monkeypatch, samples, code_bytes)
        for threads in THREADS:
            with on_threads(threads):
                run = scb.train(task, s, start, seed=3, record_every=5)
            assert_same(run.params, whole.params)
            assert run.reached == whole.reached
            for name, column in whole.history.items():
                np.testing.assert_array_equal(run.history[name], column)


@pytest.mark.parametrize("threads", [1, 3])
def test_divergence_is_foreseen_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    task = make(3, 40)
    s = stage(steps=500, eta_V=50.0, eta_A=50.0)
    whole = scb.train(task, s)
    share_out_everything(monkeypatch)
    with on_threads(threads):
        run = scb.train(task, s)
    assert run.status == whole.status == "diverged"
    assert_same(run.params, whole.params)


def test_more_samples_than_a_round_takes() -> None:
    task = make(3, 5)
    params = away(task, seed=1)
    assert len(engine_of(task, params, 8200).batch.c) < 8200
    assert_matches(task, params, 8200)


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
    compiled = len(cpu.run.signatures)  # type: ignore[attr-defined]
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
    assert len(cpu.run.signatures) == compiled  # type: ignore[attr-defined]


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
    full = CpuEngine(task, attention, value, np.uint64(8)).gradients(size, 2)
    assert full is not None
    engine = CpuEngine(task, attention.copy(), value.copy(), np.uint64(8))
    engine.begin(stage(batch_size=size, eta_V=0.0, freeze_A=True, preconditioned=False))
    assert engine.advance(2, 1) == (1, RAN)
    assert engine.model.kept.size < 10 * vocab_size
    np.testing.assert_array_equal(engine.model.grad_V, full[1])
    np.testing.assert_array_equal(engine.attention, attention)
    np.testing.assert_array_equal(engine.value, value)


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
