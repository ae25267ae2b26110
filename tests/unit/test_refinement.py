"""Every one of the 65 536 upper halves of a draw, by every way from bits to tokens."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scbtools.kernels import tables
from scbtools.kernels.stream import SEGMENT, STRIP
from scbtools.kernels.tokens import _invert, add_tokens, token_at

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
    """Tables to draw tokens with; nothing else in them is used here."""
    return tables.build_tables(mu, np.ones((1, 1)), np.zeros((1, 1), np.int64), np.ones((1, 1)))


def decided(thresholds: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Token of each upper half with the lower half 0, and whether the lower half matters."""
    low = np.arange(HALVES, dtype=np.uint64) << np.uint64(16)
    first = np.searchsorted(thresholds, low, side="right")
    final = np.searchsorted(thresholds, low + np.uint64(0xFFFF), side="right")
    return first, first != final


def check(mu: NDArray[np.float64], unit: int, start: int) -> None:
    """Every upper half gives its token; one that decides nothing, that of the definition."""
    t = build(mu)
    before = np.arange(HALVES, dtype=np.uint16) % np.uint16(unit)  # digits of earlier samples
    codes = before.copy() if unit > 1 else np.full(HALVES, 77, np.uint16)
    tally = np.empty(SEGMENT, np.uint16)
    add_tokens(
        codes, all_halves(), t.high, t.table, t.token, tally, np.uint16(unit), KEY, STEP, SAMPLE,
        start,
    )  # fmt: skip
    wanted, matters = decided(t.token)
    assert matters.sum() < len(mu)
    matters |= np.isin(np.arange(HALVES), t.high)  # padding, and thresholds without a lower half
    for p in np.flatnonzero(matters):
        wanted[p] = token_at(t.token, KEY, STEP, SAMPLE, start + p)
    np.testing.assert_array_equal(codes, before + unit * wanted)


@pytest.mark.parametrize(
    ("vocab_size", "units"),
    [
        *[(2, (1, 2, 512)), (3, (1, 3, 243)), (4, (1, 16)), (tables.COMPARE_LIMIT, (1, 121))],
        *[
            (tables.COMPARE_LIMIT + 1, (1, 12)),
            (32, (1, 32)),
            (256, (1,)),
            (257, (1,)),
            (999, (1,)),
        ],
    ],
)
def test_tokens_of_every_half(vocab_size: int, units: tuple[int, ...]) -> None:
    for mu in laws(vocab_size)[: 5 if vocab_size < 100 else 4]:
        for unit in units:
            check(mu, unit, 0)


def test_undecided_tokens_are_redrawn_at_their_own_position() -> None:
    for mu in laws(3):
        check(mu, 3, 7 * STRIP)


def test_more_tokens_than_flags_leave_room_for() -> None:
    """Above 32 768 tokens all draws are refined: slow, and right."""
    size = 40_000
    codes = np.empty(SEGMENT, np.uint16)
    t = build(np.full(size, 1 / size))
    tally = np.empty(SEGMENT, np.uint16)
    add_tokens(
        codes, all_halves()[:, :SEGMENT].copy(), t.high, t.table, t.token, tally, np.uint16(1),
        KEY, STEP, SAMPLE, 0,
    )  # fmt: skip
    wanted = [token_at(t.token, KEY, STEP, SAMPLE, p) for p in range(SEGMENT)]
    np.testing.assert_array_equal(codes, wanted)


@pytest.mark.parametrize("vocab_size", [2, 3, 17, 300])
def test_a_draw_on_a_threshold_has_reached_it(vocab_size: int) -> None:
    for mu in laws(vocab_size):
        steps = tables.thresholds(mu)
        for n in np.linspace(0, vocab_size - 2, 10).astype(int):
            for u in (int(steps[n]) - 1, int(steps[n]), int(steps[n]) + 1):
                if 0 <= u < 2**32:
                    wanted = np.searchsorted(steps, u, side="right")
                    assert _invert(steps, np.uint64(u)) == wanted
