"""Philox4x32-10: published answers, and another implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import randomgen

from scbtools._jit import opened
from scbtools.kernels import stream
from scbtools.kernels.tokens import _philox
from tests import reference_numpy as ref

BOTH = pytest.mark.parametrize(
    "function", [stream.philox4x32, opened(_philox)], ids=["plain", "compiled"]
)

# From kat_vectors of Random123, the authors' own library: counter, key, output.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def clean(found: Any) -> list[int]:
    return [int(word) & 0xFFFFFFFF for word in found]


@BOTH
@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_published_answers(
    function: Callable[..., Any], counter: str, key: str, output: str
) -> None:
    found = function(*map(np.uint64, words(counter) + words(key)))
    assert clean(found) == words(output)


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_reference_has_published_answers(counter: str, key: str, output: str) -> None:
    k0, k1 = words(key)
    found = ref.philox(tuple(words(counter)), k0 | k1 << 32)  # type: ignore[arg-type]
    assert found.tolist() == words(output)


@BOTH
def test_agrees_with_randomgen(function: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        draws = rng.integers(0, 2**32, 6)
        c, k = draws[:4].tolist(), draws[4:].tolist()
        counter = sum(word << 32 * place for place, word in enumerate(c))
        # Theirs advances the counter before it draws.
        theirs = randomgen.Philox(
            counter=(counter - 1) % 2**128, key=k[0] | k[1] << 32, number=4, width=32
        )
        assert clean(function(*map(np.uint64, c + k))) == theirs.random_raw(4).tolist()


@BOTH
def test_high_halves_of_the_key_do_not_matter(function: Callable[..., Any]) -> None:
    ours = [np.uint64(word) for word in (1, 2, 3, 4, 5, 6)]
    unclean = [word | np.uint64(7 << 32) for word in ours]
    assert clean(function(*ours)) == clean(function(*unclean))
