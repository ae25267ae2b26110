"""The stream promise: a token depends on seed, step, sample and position alone."""

from __future__ import annotations

import numpy as np
import pytest

import scbtools as scb
from scbtools._jit import opened
from scbtools.kernels import tokens
from scbtools.kernels.tokens import COMPARE_LIMIT, Place
from tests import reference_numpy as ref

# Each way to find a token, and its edges: two thresholds compared at once, four, a table of bytes,
# a table of two-byte tokens.
SIZES = [2, 3, 4, 5, 6, COMPARE_LIMIT, COMPARE_LIMIT + 1, 64, 255, 256, 257, 300]
LENGTHS = [1, 2, 127, 128, 129, 500, 512, 513, 1000]
SEED = 0x0123456789ABCDEF

token_at = opened(tokens.token_at)


def make(vocab_size: int, seq_len: int) -> scb.SCBTask:
    return scb.SCBTask.random(vocab_size, seq_len, min(2, seq_len), seed=vocab_size, signal=0.1)


def skewed(vocab_size: int, seq_len: int) -> scb.SCBTask:
    """A task with many tokens rarer than 2^-16, so that thresholds share their upper halves."""
    rng = np.random.default_rng(vocab_size)
    mu = 10.0 ** rng.uniform(-9, 0, vocab_size)
    mu /= mu.sum()
    P = 0.9 * np.repeat(mu[:, None], vocab_size, axis=1) + 0.1 * np.eye(vocab_size)
    Q = np.full((seq_len, vocab_size), 1 / seq_len)
    return scb.SCBTask(P, Q)


def by_definition(task: scb.SCBTask, size: int, seed: int, step: int) -> ref.Batch:
    return ref.sample(task.transition, task.stationary, task.attention, size, seed, step)


def assert_same(found: scb.Batch, wanted: ref.Batch) -> None:
    np.testing.assert_array_equal(found.tokens, wanted.tokens)
    np.testing.assert_array_equal(found.last, wanted.last)
    np.testing.assert_array_equal(found.target, wanted.target)


@pytest.mark.parametrize("vocab_size", SIZES)
def test_sample_follows_the_definition(vocab_size: int) -> None:
    for seq_len in LENGTHS:
        task = make(vocab_size, seq_len)
        batch = task.sample(5, seed=SEED, step=seq_len)
        assert_same(batch, by_definition(task, 5, SEED, seq_len))
        assert batch.tokens.dtype == (np.uint8 if vocab_size <= 256 else np.uint16)


def test_sample_follows_the_definition_at_the_ends_of_its_range() -> None:
    task = make(3, 130)
    for seed in (0, 2**32 - 1, 2**32, 2**64 - 1):
        for step in (0, 2**32 - 1):
            assert_same(task.sample(3, seed, step), by_definition(task, 3, seed, step))


@pytest.mark.parametrize("vocab_size", [3, 10, 17, 40, 300])
def test_undecided_draws_are_refined(vocab_size: int) -> None:
    """In these tasks 0.01 % to 0.5 % of the draws need their second half."""
    task = skewed(vocab_size, 3000)
    size = 40
    high = ref.half_words(3, 0, np.arange(size), np.arange(3000), 0)
    split = np.isin(high, ref.thresholds(task.stationary) >> np.uint64(16))
    assert split.sum() >= 3
    batch = task.sample(size, seed=3)
    wanted = ref.tokens(task.stationary, 3, 0, np.arange(size), np.arange(3001))
    np.testing.assert_array_equal(batch.tokens, wanted[:, :-1])
    np.testing.assert_array_equal(batch.last, wanted[:, -1])


@pytest.mark.parametrize("vocab_size", [2, 3, 5, 17, 18, 300])
def test_one_token_at_a_time(vocab_size: int) -> None:
    task = make(vocab_size, 700)
    batch = task.sample(3, seed=9, step=4)
    found = [
        [
            token_at(task.tables.token, Place(np.uint64(9), np.uint64(4), np.uint64(i)), t)
            for t in range(701)
        ]
        for i in range(3)
    ]
    np.testing.assert_array_equal(np.c_[batch.tokens, batch.last], found)


@pytest.mark.parametrize("vocab_size", [3, 10, 64, 300])
def test_a_larger_batch_begins_with_the_smaller_one(vocab_size: int) -> None:
    task = make(vocab_size, 600)
    whole = task.sample(100, seed=1, step=2)
    for size in (1, 2, 63, 99):
        part = task.sample(size, seed=1, step=2)
        for found, wanted in zip(part, whole, strict=True):
            np.testing.assert_array_equal(found, wanted[:size])


@pytest.mark.parametrize("vocab_size", [3, 10, 64, 300])
def test_a_longer_sequence_begins_with_the_shorter_one(vocab_size: int) -> None:
    P = make(vocab_size, 1).transition
    tasks = [scb.SCBTask(P, np.full((t, vocab_size), 1 / t)) for t in (300, 1000)]
    short, long = (task.sample(20, seed=5).tokens for task in tasks)
    np.testing.assert_array_equal(short, long[:, :300])


def test_every_part_of_the_address_matters() -> None:
    """Two independent rows of 2000 tokens agree in more than 60 % with chance below 1e-15."""
    task = scb.SCBTask(np.full((3, 3), 1 / 3), np.full((2000, 3), 1 / 2000))
    base = task.sample(2, seed=7, step=3)
    seen = [base.tokens[0], base.tokens[1]]
    others = [(7, 4), (7, 2**31 + 3), (8, 3), (7 + 2**32, 3), (3, 7)]
    seen += [task.sample(1, seed, step).tokens[0] for seed, step in others]
    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert (one == other).mean() < 0.6
            assert (one[1:] == other[:-1]).mean() < 0.6


def test_drawing_leaves_no_trace() -> None:
    task = make(3, 50)
    before = task.sample(4, seed=1)
    task.sample(9, seed=2, step=8)
    for found, wanted in zip(task.sample(4, seed=1), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
