"""Intervals must cover what they claim to cover. Seeds are fixed."""

import numpy as np
import pytest
from intervals import Interval, bootstrap, crossing, exponent, median, share


def test_share_is_the_exact_binomial_interval() -> None:
    # Clopper and Pearson's interval for no success solves (1 - p)^n = 0.025.
    assert share(0, 20) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 20)))
    assert share(20, 20) == pytest.approx((1, 0.025 ** (1 / 20), 1))
    assert share(7, 20).value == 0.35


@pytest.mark.parametrize("size", [6, 9, 20, 37])
def test_median_interval_covers_often_enough(size: int) -> None:
    rng = np.random.default_rng(size)
    covered = 0
    for _ in range(2000):
        found = median(rng.exponential(size=size))
        covered += found.low <= np.log(2) <= found.high
    # 1900 expected at least; a fair interval falls below 1860 with probability under 1e-4.
    assert covered >= 1860


def test_median_of_few_values_is_bounded_by_their_range() -> None:
    assert median([3.0, 1.0, 2.0]) == (2, 1, 3)


def test_exponent_of_a_power_law_is_exact() -> None:
    x = np.array([10, 100, 1000])
    found = exponent(x, [5 * np.full(4, each**1.5) for each in x])
    assert found == pytest.approx((1.5, 1.5, 1.5))


def test_exponent_interval_covers_often_enough() -> None:
    rng = np.random.default_rng(0)
    x = np.geomspace(10, 1000, 5)
    covered = 0
    for _ in range(100):
        found = exponent(x, [each**0.7 * np.exp(0.3 * rng.standard_normal(20)) for each in x])
        covered += found.low <= 0.7 <= found.high
    # The bootstrap's true coverage at 20 seeds is near 94 %; below 85 has probability under 1e-3.
    assert covered >= 85


def test_intervals_print_in_one_format() -> None:
    assert f"{Interval(0.5, 0.25, 1):.2f}" == "0.50 [0.25, 1.00]"


def test_crossing_interpolates_monotone_shares() -> None:
    runs = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1]], bool)
    # Shares 0, 1/2, 3/4, 1 at 1, 10, 100, 1000.
    levels = [1, 10, 100, 1000]
    assert crossing(levels, runs, 0.25) == pytest.approx(10**0.5)
    assert crossing(levels, runs, 0.75) == pytest.approx(100)
    assert crossing(levels, runs, 0.0) == 1
    assert crossing(levels[:3], runs[:, :3], 0.9) == np.inf
    # Shares 0, 3/4, 1/2, 1 are first averaged where they fall.
    assert crossing(levels, runs[:, [0, 2, 1, 3]], 0.625) == pytest.approx(10)


def test_bootstrap_of_a_mean_is_the_usual_interval() -> None:
    values = np.random.default_rng(1).standard_normal(400)
    found = bootstrap(lambda index: float(values[index].mean()), 400, 1000)
    half = 1.96 * values.std() / 20
    assert found.value == values.mean()
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)
    assert bootstrap(lambda index: 3.0, 5) == (3, 3, 3)
    assert bootstrap(lambda index: np.nan if index[0] else 1.0, 5)[1:] == (1, 1)
