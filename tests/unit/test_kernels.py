"""The small parts of the kernels, each against its plain form in NumPy or in Python's integers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scbtools._jit import opened
from scbtools.kernels import bounds, joint, sums, value
from scbtools.kernels.arrays import group_size

each = settings(max_examples=60, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
FLOATS = st.floats(-1e300, 1e300)

add_at, marginals, fill_table = (
    opened(f) for f in (joint.add_at, joint.marginals, joint.fill_table)
)
add_looked_up, add_looked_up_twice = opened(joint.add_looked_up), opened(joint.add_looked_up_twice)
lane_sum, lane_sum_abs = opened(sums.lane_sum), opened(sums.lane_sum_abs)
exponent_above, to_fixed = opened(sums.exponent_above), opened(sums.to_fixed)
row_scale, w_bound = opened(bounds.row_scale), opened(bounds.w_bound)
add_product = opened(value.add_product)


# --- several tokens as one number -----------------------------------------------------------------


@each
@given(SEEDS, st.integers(2, 6), st.integers(1, 4), st.integers(1, 90))
def test_groups_find_what_their_samples_find(
    seed: int, vocab_size: int, together: int, seq_len: int
) -> None:
    """Both ways: values land on tokens, and tokens look values up."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, vocab_size, (together, seq_len))
    codes = (vocab_size ** np.arange(together) @ tokens).astype(np.uint16)
    values = rng.integers(-(2**40), 2**40, seq_len)
    table = np.zeros(vocab_size**together, np.int64)
    found = rng.integers(0, 9, (together, vocab_size))
    wanted = found + [
        [values[row == n].sum() for n in range(vocab_size)] for row in tokens
    ]  # it adds to what is there
    add_at(codes, values, table)
    marginals(table, vocab_size, found)
    np.testing.assert_array_equal(found, wanted)

    w = rng.integers(-(2**40), 2**40, (together, vocab_size))
    room = np.empty(vocab_size**together, np.int64)
    assert fill_table(w, 0, together, together, room) == room.size
    shares = np.take_along_axis(w, tokens, axis=1).sum(axis=0)
    out = np.full(seq_len, 7)
    add_looked_up(codes, room, out, False)
    np.testing.assert_array_equal(out, 7 + shares)
    add_looked_up(codes, room, out, True)
    np.testing.assert_array_equal(out, shares)
    add_looked_up_twice(codes, room, codes[::-1].copy(), room, out, True)
    np.testing.assert_array_equal(out, shares + shares[::-1])
    add_looked_up_twice(codes, room, codes, room, out, False)
    np.testing.assert_array_equal(out, shares + shares[::-1] + 2 * shares)


def test_the_last_group_may_be_smaller() -> None:
    w, room = np.arange(10).reshape(5, 2), np.full(8, -1)
    assert fill_table(w, 3, 5, 3, room) == 4
    assert room.tolist() == [14, 15, 15, 16, -1, -1, -1, -1]


@pytest.mark.parametrize("seq_len", [1, 7, 8, 100, 5000, 10**6])
def test_a_group_s_table_pays_for_itself(seq_len: int) -> None:
    for vocab_size in (2, 3, 10, 64, 65, 1000):
        m = group_size(vocab_size, seq_len)
        limit = min(4096, seq_len // 4)
        assert m == 1 or vocab_size**m <= limit
        assert vocab_size ** (m + 1) > limit


# --- sums -----------------------------------------------------------------------------------------


@each
@given(SEEDS, st.integers(0, 70))
def test_sums_run_in_eight_lanes(seed: int, size: int) -> None:
    x = np.random.default_rng(seed).normal(size=size)
    for function, terms in ((lane_sum, x), (lane_sum_abs, np.abs(x))):
        lanes, whole = [0.0] * 8, size // 8 * 8
        for i, term in enumerate(terms.tolist()):
            lanes[i % 8 if i < whole else 0] += term
        a, b, c, d, e, f, g, h = lanes
        assert function(x) == ((a + e) + (c + g)) + ((b + f) + (d + h))


@each
@given(FLOATS)
def test_exponents(x: float) -> None:
    size = abs(x)
    e = exponent_above(size)
    assert Fraction(size) < Fraction(2) ** e
    if size >= 5e-324:
        assert Fraction(size) >= Fraction(2) ** (e - 1)


@each
@given(st.floats(0, 1e12), st.lists(st.floats(-1, 1), max_size=20))
def test_fixed_point_rounds_to_nearest_and_cannot_overflow(bound: float, shares: Any) -> None:
    """Terms whose absolute values add up to the bound, and their sum in Python's integers."""
    scale = row_scale(bound)
    assert np.log2(scale) % 1 == 0
    total = sum(map(abs, shares)) or 1.0
    terms = [share / total * bound * (1 - 1e-9) for share in shares]
    fixed = [int(to_fixed(term, scale)) for term in terms]
    assert sum(map(abs, fixed)) < 2**62
    for term, integer in zip(terms, fixed, strict=True):
        # The half that is added first may make it round to a float once more.
        exact = Fraction(term) * Fraction(scale)
        assert abs(integer - exact) <= Fraction(1, 2) + (1 + abs(exact)) / 2**52


@each
@given(SEEDS, st.integers(1, 6), st.integers(1, 30))
def test_w_is_within_its_bound(seed: int, vocab_size: int, seq_len: int) -> None:
    """For any tokens: c is any way to share out a row's entries."""
    rng = np.random.default_rng(seed)
    rows, V = rng.normal(size=(vocab_size, seq_len)), rng.normal(size=(vocab_size, vocab_size))
    bound = w_bound(np.abs(rows).sum(axis=1), V)
    for _ in range(20):
        tokens = rng.integers(0, vocab_size, seq_len)
        c = np.bincount(tokens, rows[rng.integers(vocab_size)], minlength=vocab_size)
        w = V.T @ (V @ c - np.eye(vocab_size)[rng.integers(vocab_size)])
        assert np.abs(w).max() <= bound
    V[0, 0] = 1.0001e12
    assert np.isnan(w_bound(np.ones(vocab_size), V))


# --- products of V --------------------------------------------------------------------------------


@each
@given(SEEDS, st.integers(1, 13), st.integers(1, 9), st.integers(0, 13))
def test_a_product_runs_over_rows_one_after_another(
    seed: int, count: int, size: int, cut: int
) -> None:
    """To the bit, so that it may be cut anywhere, as rounds of samples cut it."""
    rng = np.random.default_rng(seed)
    rows, x, start = rng.normal(size=(count, size)), rng.normal(size=count), rng.normal(size=size)
    wanted = start.copy()
    for m in range(count):
        wanted += rows[m] * x[m]
    whole, parts = start.copy(), start.copy()
    add_product(rows, x, whole)
    np.testing.assert_array_equal(whole, wanted)
    add_product(rows[:cut], x[:cut], parts)
    add_product(rows[cut:], x[cut:], parts)
    np.testing.assert_array_equal(parts, wanted)
