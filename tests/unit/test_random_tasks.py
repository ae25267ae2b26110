"""Random, related and estimated tasks meet what they promise."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools import markov
from tests.examples import uneven_task


def signal_of(task: scb.SCBTask) -> float:
    return task.K_P / float((task.stationary**2).sum())


def spread_of(task: scb.SCBTask) -> float:
    mu = task.vocab_size * task.stationary
    return float(max(mu.max(), 1 / mu.min()))


def centred_correlation(one: scb.SCBTask, two: scb.SCBTask) -> float:
    mu = one.stationary
    x, y = (task.transition - mu[:, None] for task in (one, two))
    return float((x * y * mu).sum() / np.sqrt((x * x * mu).sum() * (y * y * mu).sum()))


# --- random ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vocab_size", "signal"),
    [(2, 0.5), (2, 0.99), (3, 1.0), (3, 1.9), (4, 1.0), (10, 1.0), (10, 8.5), (30, 1.0),
     (63, 1.0), (64, 1.0), (100, 20.0), (300, 1.0)],
)  # fmt: skip
def test_random_meets_the_paper_s_assumptions(vocab_size: int, signal: float) -> None:
    for seed in range(4):
        task = scb.SCBTask.random(vocab_size, 20, 3, seed, signal=signal, spread=2.0)
        assert signal_of(task) >= signal * (1 - 1e-12)
        assert spread_of(task) <= 2.0 * (1 + 1e-12)
        assert (task.vocab_size, task.seq_len, task.sparsity) == (vocab_size, 20, 3)
        assert set(task.sparse_attention.weights.ravel()) == {1 / 3}
        assert (np.diff(task.sparse_attention.positions) > 0).all()


def count_eliminations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the chains whose mu was computed in O(N^3)."""
    sizes, exact = [], markov.stationary_distribution

    def counted(transition: Any) -> Any:
        sizes.append(len(transition))
        return exact(transition)

    monkeypatch.setattr(markov, "stationary_distribution", counted)
    return sizes


@pytest.mark.parametrize("signal", [1.0, 100.0])
def test_large_vocabularies_take_few_eliminations(
    signal: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is O(N^3): the one for the task, and where a decision is a close one."""
    sizes = count_eliminations(monkeypatch)
    task = scb.SCBTask.random(500, 50, 2, signal=signal)
    assert len(sizes) <= 4
    assert signal_of(task) >= signal
    assert spread_of(task) <= 3


@pytest.mark.parametrize("size", [64, 100, 300])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.9, 1 - 2.0**-20, 1.0])
def test_close_decisions_are_the_exact_ones(size: int, part: float) -> None:
    """What is asked for is what there is, or the next number above or below it, or nearly that."""
    draw = markov.spacings(np.random.default_rng(size), size)
    transition = markov._mixed(draw, part)
    ratio, uneven = markov._measures(transition, markov.stationary_distribution(transition))
    for off in (0.0, 2e-16, 1e-13, 1e-9, 1e-6, 1e-3):
        assert markov._meets(transition, ratio * (1 - off), uneven * (1 + off))
        if off:
            assert not markov._meets(transition, ratio * (1 + off), 1e9)
            assert not markov._meets(transition, 0.0, uneven * (1 - off))


@pytest.mark.parametrize("size", [64, 300])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_the_bound_on_mu_holds_and_decides_where_mixing_is_fast(size: int, part: float) -> None:
    draw = markov.spacings(np.random.default_rng(size), size)
    transition = markov._mixed(draw, part)
    mu, error = markov._nearly_stationary(transition)
    exact = markov.stationary_distribution(transition)
    assert np.abs(mu / exact - 1).max() <= error
    assert error < 1e-6 or part == 0.99


SAME_BITS = [
    ((63, 1.0, 3.0), "31d37dd3b87889d5"),
    ((64, 1.0, 3.0), "1d1c04aa8c8d8150"),
    ((100, 50.0, 3.0), "f1cb8891e814f516"),
    ((200, 0.02, 1.2), "1527403efc787203"),
    ((400, 1.0, 1.01), "f19384c9051c9553"),
]


@pytest.mark.parametrize(("arguments", "digest"), SAME_BITS)
def test_random_has_the_bits_that_stored_results_rest_on(
    arguments: tuple[int, float, float], digest: str
) -> None:
    """P and mu as when every decision was by elimination, one token at a time."""
    size, signal, spread = arguments
    task = scb.SCBTask.random(size, 20, 2, 1, signal, spread)
    found = hashlib.sha256(task.transition.tobytes() + task.stationary.tobytes())
    assert found.hexdigest()[:16] == digest


def test_no_more_of_the_cycle_than_needed() -> None:
    task = scb.SCBTask.random(100, 5, 1, signal=2.0)
    assert 2.0 <= signal_of(task) < 2.001


@pytest.mark.parametrize("vocab_size", [3, 100])
def test_random_depends_on_its_seed_alone(vocab_size: int) -> None:
    one, same, other = (scb.SCBTask.random(vocab_size, 500, 2, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.transition, same.transition)
    np.testing.assert_array_equal(one.attention, same.attention)
    assert np.abs(one.transition - other.transition).max() > 0.01
    assert np.abs(one.attention - other.attention).max() > 0.01


def test_random_positions_are_uniform() -> None:
    """5000 positions in 10 cells; false alarm 1e-6 by chi-square with 9 degrees: 45.1."""
    counts = sum(
        np.bincount(scb.SCBTask.random(50, 10, 1, seed, 0.1).sparse_attention.positions[:, 0],
                    minlength=10)
        for seed in range(100)
    )  # fmt: skip
    assert ((counts - 500) ** 2 / 500).sum() < 45.1


def test_random_columns_are_uniform_on_the_simplex() -> None:
    """With no condition to meet: entries of N = 3 have mean 1/3, mean square 1/6; 1e-6 in all."""
    entries = np.array(
        [scb.SCBTask.random(3, 2, 1, s, 0.0, 1e9).transition for s in range(2000)]
    ).reshape(2000, -1)
    for power, mean in ((1, 1 / 3), (2, 1 / 6)):
        values = entries**power
        error = (values.mean(axis=0) - mean) / (values.std(axis=0) / np.sqrt(2000))
        assert np.abs(error).max() < 5.5


def test_long_sequences_take_no_memory() -> None:
    """Only attended positions are held."""
    task = scb.SCBTask.random(3, 2**35 - 1, 2)
    assert task.sparse_attention.positions.max() > 2**31
    assert abs(task.K_Q - 0.5) < 1e-9


def test_bad_random() -> None:
    make = scb.SCBTask.random
    with pytest.raises(ValueError, match="vocab_size must be at least 2"):
        make(1, 5, 1)
    for seq_len in (0, 2**35, 10**400):
        with pytest.raises(ValueError, match="seq_len must be at least 1"):
            make(3, seq_len, 1)
    with pytest.raises(ValueError, match="sparsity must be at least 1 and at most 5"):
        make(3, 5, 6)
    with pytest.raises(ValueError, match="sparsity must be at least 1"):
        make(3, 5, 0)
    with pytest.raises(ValueError, match=r"signal must lie in \[0, 2\]"):
        make(3, 5, 1, signal=2.1)
    with pytest.raises(ValueError, match="signal must lie in"):
        make(3, 5, 1, signal=-0.1)
    with pytest.raises(ValueError, match="spread must lie in"):
        make(3, 5, 1, spread=1.0)
    with pytest.raises(TypeError, match="vocab_size must be an integer"):
        make(3.0, 5, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="signal must be a number"):
        make(3, 5, 1, signal="much")  # type: ignore[arg-type]


# --- related --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(vocab_size=st.integers(3, 40), correlation=st.floats(-1, 1), seed=st.integers(0, 2**64 - 1))
def test_related(vocab_size: int, correlation: float, seed: int) -> None:
    task = uneven_task(vocab_size, 9, seed % 1000)
    other = task.related(correlation, seed)
    assert centred_correlation(task, other) == pytest.approx(correlation, abs=1e-9)
    np.testing.assert_allclose(other.stationary, task.stationary, rtol=1e-9)
    np.testing.assert_array_equal(other.attention, task.attention)
    assert other.transition.min() >= 0
    np.testing.assert_allclose(other.transition.sum(axis=0), 1, rtol=1e-15)
    assert task.K_P * (1 + 1e-9) >= other.K_P > 0


def test_related_keeps_the_signal_where_it_can() -> None:
    task = scb.SCBTask.random(10, 5, 1, seed=1, signal=0.2)
    assert abs(task.related(1.0).K_P / task.K_P - 1) < 1e-12
    np.testing.assert_allclose(task.related(1.0).transition, task.transition, atol=1e-14)
    other = task.related(0.9, seed=3)
    assert abs(other.K_P / task.K_P - 1) < 1e-12 or other.transition.min() < 1e-12


def test_related_depends_on_its_seed() -> None:
    task = scb.SCBTask.random(5, 5, 1)
    one, same, other = (task.related(0.5, seed).transition for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_related_with_two_tokens() -> None:
    task = scb.SCBTask.random(2, 5, 1, signal=0.3)
    assert centred_correlation(task, task.related(1)) == pytest.approx(1)
    assert centred_correlation(task, task.related(-1)) == pytest.approx(-1)
    with pytest.raises(ValueError, match=r"with two tokens .* correlation must be 1 or -1"):
        task.related(0.5)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45, 0.6])
def test_related_that_falls_apart_is_refused(share: float) -> None:
    """Two halves that lead to each other alone: the mirror image of P stays within each half.

    What should be 0 is rounding, 1e-17, of which mu would be made.
    """
    half = np.repeat([[share], [0.9 - share], [0.1]], 3, axis=1)
    task = scb.SCBTask(np.kron([[0, 1], [1, 0]], half), np.ones((1, 6)))
    with pytest.raises(ValueError, match=r"at correlation -1 the chain falls apart.*another seed"):
        task.related(-1.0)
    for correlation in (-0.9, 0.5, 1.0):
        other = task.related(correlation)
        np.testing.assert_allclose(other.stationary, task.stationary, rtol=1e-9)
    with pytest.raises(ValueError, match="at correlation -1 the chain falls apart"):
        scb.SCBTask.random(2, 5, 1).related(-1)


def test_bad_related() -> None:
    task = scb.SCBTask.random(3, 5, 1)
    with pytest.raises(ValueError, match=r"correlation must lie in \[-1, 1\], got 1.5"):
        task.related(1.5)
    with pytest.raises(ValueError, match="correlation must lie in"):
        task.related(float("nan"))
    with pytest.raises(ValueError, match="seed"):
        task.related(0.5, seed=-3)
    trivial = scb.SCBTask(np.full((3, 3), 1 / 3), np.ones((1, 3)))
    with pytest.raises(ValueError, match="nothing to be related to"):
        trivial.related(0.5)


# --- from bigrams ---------------------------------------------------------------------------------


def test_from_bigrams() -> None:
    counts = np.array([[0, 3, 1], [4, 1, 1], [4, 0, 2]])
    task = scb.SCBTask.from_bigrams(counts, 30, 2, seed=4)
    np.testing.assert_allclose(task.transition, counts / counts.sum(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(task.sparse_attention.counts, 2)
    other = scb.SCBTask.from_bigrams(counts, 30, 2, seed=5)
    assert (task.attention != other.attention).any()
    smooth = scb.SCBTask.from_bigrams(counts, 30, 2, smoothing=0.5)
    wanted = (counts + 0.5) / (counts + 0.5).sum(axis=0)
    np.testing.assert_allclose(smooth.transition, wanted, rtol=1e-15)


def test_bad_bigrams() -> None:
    make = scb.SCBTask.from_bigrams
    with pytest.raises(ValueError, match="counts must not be negative"):
        make([[1, -1], [1, 1]], 5, 1)
    with pytest.raises(ValueError, match="nothing follows token 1 in counts"):
        make([[1, 0], [1, 0]], 5, 1)
    with pytest.raises(ValueError, match="counts must be square"):
        make([[1, 1, 1], [1, 1, 1]], 5, 1)
    with pytest.raises(ValueError, match="counts must have 2 to 65535 tokens, got 1"):
        make([[5]], 5, 1)
    with pytest.raises(ValueError, match="token 1 cannot be reached from token 0 under counts"):
        make(np.eye(2), 5, 1)
    for counts, smoothing in ((np.full((2, 2), 1e308), 0.0), (np.ones((2, 2)), 1e308)):
        with pytest.raises(ValueError, match="column 0 of counts, with smoothing, adds up to more"):
            make(counts, 5, 1, smoothing=smoothing)
    with pytest.raises(ValueError, match="smoothing must lie in"):
        make([[1, 1], [1, 1]], 5, 1, smoothing=float("nan"))
    with pytest.raises(ValueError, match="smoothing must lie in"):
        make([[1, 1], [1, 1]], 5, 1, smoothing=-1)


def test_two_tokens_with_the_full_signal_are_the_swap() -> None:
    task = scb.SCBTask.random(2, 5, 1)
    np.testing.assert_array_equal(task.transition, [[0, 1], [1, 0]])
    assert signal_of(task) == pytest.approx(1)
