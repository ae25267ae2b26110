"""Every one of the 65 536 upper halves of a draw, by every way from bits to tokens."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scbtools._jit import inner, opened
from scbtools.kernels import tokens
from scbtools.kernels.stream import SEGMENT, STRIP
from scbtools.kernels.tokens import Place, Tables, build_tables, new_scratch

HALVES = 1 << 16
PLACE = Place(np.uint64(11), np.uint64(2), np.uint64(5))

token_at, invert = opened(tokens.token_at), opened(tokens._invert)


@inner
def upper_halves(words: Any, size: int, place: Place, start: int) -> None:
    """Instead of random bits: position p draws the upper half p, modulo 65 536."""
    for j in range(-(-size // STRIP) * STRIP // 8):
        for word in range(4):
            p = start + j // 64 * STRIP + word * SEGMENT + 2 * (j % 64)
            words[word, j] = np.uint32((p & 0xFFFF) | ((p + 1) & 0xFFFF) << 16)


def fed(function: Any) -> Any:
    """A kernel, the same but for the bits that it finds."""
    plain = function.py_func
    return opened(
        inner(FunctionType(plain.__code__, {**plain.__globals__, "_fill_bits": upper_halves}))
    )


draw_row = fed(tokens.draw_row)


def drawn(t: Tables, codes: NDArray[np.uint16], unit: int, start: int) -> NDArray[np.uint16]:
    """What is in `codes` after a row has been added to it."""
    words, tally, _ = new_scratch(codes.size)
    draw_row(
        codes, codes.size, words, tally, t.high, t.table, t.token, np.uint16(unit), PLACE, start
    )
    return codes


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


def build(mu: NDArray[np.float64]) -> Tables:
    """Tables to draw tokens with; nothing else in them is used here."""
    return build_tables(mu, np.ones((1, 1)), np.zeros((1, 1), np.int64), np.ones((1, 1)))


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
    wanted, matters = decided(t.token)
    assert matters.sum() < len(mu)
    matters |= np.isin(np.arange(HALVES), t.high)  # padding, and thresholds without a lower half
    wanted, matters = np.roll(wanted, -start), np.roll(matters, -start)
    for p in np.flatnonzero(matters):
        wanted[p] = token_at(t.token, PLACE, start + p)
    np.testing.assert_array_equal(drawn(t, codes, unit, start), before + unit * wanted)


@pytest.mark.parametrize(
    ("vocab_size", "units"),
    [
        *[(2, (1, 2, 512)), (3, (1, 3, 243)), (4, (1, 16)), (tokens.COMPARE_LIMIT, (1, 121))],
        *[
            (tokens.COMPARE_LIMIT + 1, (1, 12)),
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
    t = build(np.full(size, 1 / size))
    wanted = [token_at(t.token, PLACE, p) for p in range(SEGMENT)]
    np.testing.assert_array_equal(drawn(t, np.empty(SEGMENT, np.uint16), 1, 0), wanted)


@pytest.mark.parametrize("vocab_size", [2, 3, 17, 300])
def test_a_draw_on_a_threshold_has_reached_it(vocab_size: int) -> None:
    for mu in laws(vocab_size):
        steps = tokens.thresholds(mu)
        for n in np.linspace(0, vocab_size - 2, 10).astype(int):
            for u in (int(steps[n]) - 1, int(steps[n]), int(steps[n]) + 1):
                if 0 <= u < 2**32:
                    wanted = np.searchsorted(steps, u, side="right")
                    assert invert(steps, np.uint64(u)) == wanted
