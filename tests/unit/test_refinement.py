"""Every one of the 65 536 upper halves of a draw, by every way from bits to tokens."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scbtools.kernels import tables
from scbtools.kernels.tokens import SEGMENT, STRIP, _invert, compare, look_up, refine, token_at

HALVES = 1 << 16
KEY, STEP, SAMPLE = np.uint64(11), np.uint64(2), 5


def all_halves() -> NDArray[np.uint16]:
    """Bits laid out so that position p of a row of 65 536 draws the upper half p."""
    words = np.arange(HALVES, dtype=np.uint16).reshape(-1, STRIP // SEGMENT, SEGMENT)
    return np.ascontiguousarray(words.transpose(1, 0, 2)).reshape(4, -1)


def laws(vocab_size: int) -> list[NDArray[np.float64]]:
    """Distributions whose thresholds lie apart, together in one bucket, and at both ends."""
    rng = np.random.default_rng(vocab_size)
    spread = rng.dirichlet(np.ones(vocab_size))
    close = np.full(vocab_size, 2.0**-20 / vocab_size)
    close[vocab_size // 2] = 1 - close[1:].sum()
    ends = np.full(vocab_size, 2.0**-33)
    ends[0] = 1 - ends[1:].sum()
    on_edges = np.full(vocab_size, 2.0**-10)
    on_edges[-1] = 1 - on_edges[1:].sum()
    return [spread, close, ends, ends[::-1].copy(), on_edges]


def build(mu: NDArray[np.float64]) -> tables.Tables:
    size = len(mu)
    P = np.repeat(mu[:, None], size, axis=1)
    return tables.build_tables(mu, P, np.zeros((size, 1), np.int64), np.ones((size, 1)))


def decided(thresholds: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Token of each upper half with the lower half 0, and whether the lower half matters."""
    low = np.arange(HALVES, dtype=np.uint64) << np.uint64(16)
    first = np.searchsorted(thresholds, low, side="right")
    final = np.searchsorted(thresholds, low + np.uint64(0xFFFF), side="right")
    return first, first != final


@pytest.mark.parametrize("vocab_size", range(2, tables.COMPARE_LIMIT + 1))
def test_compare(vocab_size: int) -> None:
    bits = all_halves()
    for mu in laws(vocab_size):
        t = build(mu)
        row = np.empty(HALVES, np.uint8)
        assert compare(row, bits, t.high)
        flagged = row >= 0x80
        wanted, matters = decided(t.token)
        assert (flagged | ~matters).all()
        assert flagged.sum() <= vocab_size  # not more than there are thresholds, and the padding
        np.testing.assert_array_equal(row[~flagged], wanted[~flagged])
        refine(row, t.token, KEY, STEP, SAMPLE, 0)
        for p in np.flatnonzero(flagged):
            assert row[p] == token_at(t.token, KEY, STEP, SAMPLE, p)


@pytest.mark.parametrize("vocab_size", [18, 100, 256])
def test_look_up_bytes(vocab_size: int) -> None:
    check_look_up(vocab_size, np.uint8)


@pytest.mark.parametrize("vocab_size", [257, 1000])
def test_look_up_two_bytes(vocab_size: int) -> None:
    check_look_up(vocab_size, np.uint16)


def check_look_up(vocab_size: int, dtype: type) -> None:
    bits = all_halves()
    for mu in laws(vocab_size)[:4]:
        t = build(mu)
        row = np.empty(HALVES, dtype)
        start = 3 * STRIP
        look_up(row, bits, t.table, t.token, KEY, STEP, SAMPLE, start)
        wanted, matters = decided(t.token)
        open_ = t.table == tables.UNDECIDED
        assert (open_ | ~matters).all()
        assert open_.sum() < vocab_size
        np.testing.assert_array_equal(row[~open_], wanted[~open_])
        for p in np.flatnonzero(open_):
            assert row[p] == token_at(t.token, KEY, STEP, SAMPLE, start + p)


def test_undecided_tokens_are_redrawn_at_their_own_position() -> None:
    """A row that begins at position 512 redraws from there."""
    t = build(np.array([0.25, 0.5, 0.25]))
    row = np.full(SEGMENT, 0x80, np.uint8)
    refine(row, t.token, KEY, STEP, SAMPLE, STRIP)
    wanted = [token_at(t.token, KEY, STEP, SAMPLE, STRIP + p) for p in range(SEGMENT)]
    np.testing.assert_array_equal(row, wanted)


@pytest.mark.parametrize("vocab_size", [2, 3, 17, 300])
def test_a_draw_on_a_threshold_has_reached_it(vocab_size: int) -> None:
    for mu in laws(vocab_size):
        steps = tables.thresholds(mu)
        for n in np.linspace(0, vocab_size - 2, 10).astype(int):
            for u in (int(steps[n]) - 1, int(steps[n]), int(steps[n]) + 1):
                if 0 <= u < 2**32:
                    wanted = np.searchsorted(steps, u, side="right")
                    assert _invert(steps, np.uint64(u)) == wanted
