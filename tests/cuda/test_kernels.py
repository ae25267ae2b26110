"""Tokens and gradients of the GPU kernels against one-hot matrices and against the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import scbtools as scb
from scbtools.cuda import engine as cuda_engine
from scbtools.cuda import kernels
from scbtools.cuda.engine import DEFAULT
from scbtools.cuda.kernels import GLOBAL, PRIVATE, SHARED, cuda
from tests import reference_numpy as ref
from tests.cuda.running import LAUNCH, SIMULATED
from tests.examples import away, gap, uneven_task

SMALL = [
    # vocabulary, positions, samples
    (2, 1, 1), (2, 67, 5), (3, 2, 9), (3, 40, 13), (3, 129, 4), (3, 530, 2), (5, 1, 3),
    (5, 70, 6), (18, 37, 5), (40, 21, 4), (257, 3, 1),
]  # fmt: skip
LARGE = [
    (2, 10000, 64), (3, 2049, 1000), (3, 100_000, 256), (4, 513, 65), (18, 5001, 300),
    (64, 10000, 64), (64, 1025, 1024), (300, 3000, 40), (2000, 600, 33),
]  # fmt: skip
SHAPES = SMALL if SIMULATED else SMALL + LARGE


def make(vocab_size: int, seq_len: int, seed: int = 0) -> scb.SCBTask:
    return scb.SCBTask.random(vocab_size, seq_len, min(2, seq_len), seed, signal=0.1)


def engine(
    task: scb.SCBTask, params: scb.Params, seed: int = 1, **options: Any
) -> cuda_engine.CudaEngine:
    rows, value = np.ascontiguousarray(params.A.T), np.ascontiguousarray(params.V)
    launch = dataclasses.replace(LAUNCH, **options)
    return cuda_engine.CudaEngine(task, rows, value, np.uint64(seed), launch)


def gradients(
    task: scb.SCBTask, params: scb.Params, size: int, step: int = 3, **options: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = engine(task, params, **options).gradients(size, step)
    assert found is not None
    return found[0].T, found[1]


def one_law(mu: NDArray[np.float64], seq_len: int) -> scb.SCBTask:
    """A task whose tokens follow mu."""
    P = np.repeat(mu[:, None], len(mu), axis=1)
    Q = np.full((seq_len, len(mu)), 1 / seq_len)
    return scb.SCBTask(P, Q)


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vocab_size", "seq_len", "size"), SHAPES)
def test_tokens_are_those_of_the_cpu(vocab_size: int, seq_len: int, size: int) -> None:
    task = make(vocab_size, seq_len)
    batch = task.sample(size, seed=2**40 + 7, step=5)
    tokens = cuda.to_device(np.full_like(batch.tokens, 99))
    cuda_engine.TokenDrawer(task, np.uint64(2**40 + 7), LAUNCH)(tokens, 5)
    np.testing.assert_array_equal(tokens.copy_to_host(), batch.tokens)


@pytest.mark.parametrize("vocab_size", [2, 3, 4, 6, 40])
@pytest.mark.parametrize("nudge", [0, 1])
def test_draws_at_a_threshold(vocab_size: int, nudge: int) -> None:
    """Thresholds on, just above and just below a draw: its lower 16 bits decide."""
    seed, seq_len, size = 9, 30, 3
    parts = [ref.half_words(seed, 3, np.arange(size), np.arange(seq_len), s) for s in (0, 1)]
    draws = (parts[0].astype(np.int64) << 16) | parts[1].astype(np.int64)
    # As many thresholds as there can be, each next to one of the draws.
    chosen = np.sort(draws.ravel())[:: max(draws.size // (vocab_size - 1), 1)][: vocab_size - 1]
    edges = np.concatenate([[0], (chosen + nudge) / 2.0**32, [1]])
    task = one_law(np.diff(edges), seq_len)
    near = np.isin(parts[0], task.tables.token >> 16)
    assert near.sum() >= vocab_size - 1
    batch = task.sample(size, seed, step=3)
    np.testing.assert_array_equal(
        batch.tokens, ref.tokens(task.stationary, seed, 3, np.arange(size), np.arange(seq_len))
    )
    tokens = cuda.to_device(np.full_like(batch.tokens, 99))
    cuda_engine.TokenDrawer(task, np.uint64(seed), LAUNCH)(tokens, 3)
    np.testing.assert_array_equal(tokens.copy_to_host(), batch.tokens)
    params = away(task, 4)
    found = engine(task, params, seed).gradients(size, 3)
    assert found is not None
    for_a, for_v = ref.gradients(params.A, params.V, batch)
    assert gap(found[0].T, for_a) <= 1e-11
    assert gap(found[1], for_v) <= 1e-11


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vocab_size", "seq_len", "size"), SHAPES)
def test_gradients(vocab_size: int, seq_len: int, size: int) -> None:
    task = make(vocab_size, seq_len)
    params = away(task, seed=seq_len)
    found = gradients(task, params, size)
    batch = task.sample(size, 1, step=3)
    if size * seq_len * vocab_size < 1e7:
        for one, wanted in zip(found, ref.gradients(*params, batch), strict=True):
            assert gap(one, wanted) <= 1e-11
    if not SIMULATED:
        cpu = scb.minibatch_gradients(task, params, size, seed=1, step=3)
        for one, wanted in zip(found, cpu, strict=True):
            assert gap(one, wanted) <= 1e-11


@pytest.mark.parametrize("vocab_size", [2, 3, 5])
def test_one_attended_position(vocab_size: int) -> None:
    """Then there is nothing to draw it by."""
    task = scb.SCBTask.random(vocab_size, 40, 1, seed=3)
    params = away(task, 2)
    wanted = ref.gradients(*params, task.sample(11, 1, step=3))
    for one, other in zip(gradients(task, params, 11), wanted, strict=True):
        assert gap(one, other) <= 1e-11


def test_the_public_call() -> None:
    task = uneven_task(3, 33)
    params = away(task, 1)
    found = scb.minibatch_gradients(task, params, 5, seed=4, step=2, device="cuda")
    wanted = scb.minibatch_gradients(task, params, 5, seed=4, step=2)
    assert found.A.shape == wanted.A.shape
    assert gap(found.A, wanted.A) <= 1e-11
    assert gap(found.V, wanted.V) <= 1e-11
    column = np.abs(params.A).sum(axis=0).max()
    near = scb.Params(9e11 / column * params.A, params.V)  # a step might be too much, not this
    for x, y in zip(
        scb.minibatch_gradients(task, near, 4, device="cuda"),
        scb.minibatch_gradients(task, near, 4),
        strict=True,
    ):
        assert gap(x, y) <= 1e-11
    far = scb.Params(1e13 * params.A, params.V)
    with pytest.raises(ValueError, match="diverged"):
        scb.minibatch_gradients(task, far, 4, device="cuda")


@pytest.mark.parametrize("scale", [1e-250, 1e-6, 1e4])
@pytest.mark.parametrize("vocab_size", [3, 5])
def test_gradients_at_any_scale(vocab_size: int, scale: float) -> None:
    task = make(vocab_size, 20)
    params = away(task, seed=2, scale=scale)
    wanted = ref.gradients(*params, task.sample(6, 1, step=3))
    for one, other in zip(gradients(task, params, 6), wanted, strict=True):
        assert gap(one, other) <= 1e-11


def test_rows_of_unlike_size_lose_nothing() -> None:
    """Each row of A has a scale of its own."""
    task = make(4, 25)
    params = away(task, 2)
    A = params.A * np.array([1.0, 1e-9, 1e-18, 1e5])
    batch = task.sample(40, 1, step=3)
    _, wanted = ref.gradients(A, np.zeros((4, 4)), batch)
    _, found = gradients(task, scb.Params(A, np.zeros((4, 4))), 40)
    assert gap(found, wanted) <= 1e-11
    for k in (1, 2):  # only the samples with this last token
        alone = np.zeros_like(A)
        alone[:, k] = A[:, k]
        _, wanted = ref.gradients(alone, np.zeros((4, 4)), batch)
        _, found = gradients(task, scb.Params(alone, np.zeros((4, 4))), 40)
        assert gap(found, wanted) <= 1e-11


# --- how the work is cut --------------------------------------------------------------------------

CUTS: list[dict[str, Any]] = [
    {},
    {"token_bytes": 1},  # one sample at a time between the passes
    {"per_thread": 1, "blocks_per_processor": 1000},  # as many blocks as there can be
    {"per_thread": 1000, "blocks_per_processor": 1, "token_bytes": 1 << 20},  # as few
    {"land": 2, "spread": 8, "rows": 8, "between": 1, "guide_bits": 0, "part": 5},
    {"guide_bits": 6},
]


@pytest.mark.parametrize("vocab_size", [2, 3, 4])
def test_the_cut_changes_no_bit_of_the_integer_sums(vocab_size: int) -> None:
    task = make(vocab_size, 45)
    params = away(task, 3)
    whole_a, whole_v = gradients(task, params, 7)
    for cut in CUTS:
        found_a, found_v = gradients(task, params, 7, **cut)
        np.testing.assert_array_equal(found_a, whole_a)
        assert gap(found_v, whole_v) < 1e-14


@pytest.mark.parametrize("vocab_size", [2, 3, 12])
@pytest.mark.parametrize("where", [PRIVATE, SHARED, GLOBAL])
def test_wherever_c_is_added_up(vocab_size: int, where: int) -> None:
    task = make(vocab_size, 35)
    params = away(task, 3)
    room = {PRIVATE: 1 << 15, SHARED: 8 * vocab_size, GLOBAL: 0}
    chosen = engine(task, params, shared_bytes=room[where])
    assert chosen._landing()[0] == where
    found = chosen.gradients(9, 3)
    assert found is not None
    wanted = gradients(task, params, 9)
    np.testing.assert_array_equal(found[0].T, wanted[0])
    np.testing.assert_array_equal(found[1], wanted[1])


def test_an_engine_gives_the_same_bits_again() -> None:
    """What one step leaves behind does not show in the next, nor which sample came first."""
    task = make(3, 50)
    one = engine(task, away(task, 1))
    first, second = (one.gradients(10, step) for step in (0, 1))
    again = one.gradients(10, 0)
    assert first is not None
    assert second is not None
    assert again is not None
    for x, y, z in zip(first, second, again, strict=True):
        np.testing.assert_array_equal(x, z)
        assert (x != y).any()


def test_batches_of_other_sizes() -> None:
    task = make(3, 50)
    params = away(task, 1)
    one = engine(task, params)
    for size in (10, 3, 17):
        found = one.gradients(size, 2)
        assert found is not None
        wanted = scb.minibatch_gradients(task, params, size, seed=1, step=2)
        assert gap(found[0].T, wanted.A) <= 1e-11
        assert gap(found[1], wanted.V) <= 1e-11


def test_shared_memory_fits_every_gpu() -> None:
    """48 KiB a block is what may be asked for without more ado: the sums, and the guide."""
    guide = 2 * (kernels.GUIDE + 1)
    assert DEFAULT.shared_bytes + guide + 64 <= 48 * 1024
    blocks = DEFAULT.land, DEFAULT.rows, DEFAULT.between, DEFAULT.spread
    assert max(blocks) <= min(kernels.THREADS, DEFAULT.value_threads)
    assert 2**DEFAULT.guide_bits <= kernels.GUIDE
