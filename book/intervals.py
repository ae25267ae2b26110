"""Values with 95 % intervals, as (value, low, high): shares, medians, exponents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

__all__ = ["Interval", "bootstrap", "crossing", "exponent", "median", "share"]

CONFIDENCE = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Return "value [low, high]", each in the given format."""
        spec = spec or ".3g"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def share(successes: int, trials: int) -> Interval:
    """Return the share of successes and its exact binomial interval (Clopper and Pearson)."""
    found = stats.binomtest(int(successes), int(trials)).proportion_ci(CONFIDENCE, method="exact")
    return Interval(successes / trials, float(found.low), float(found.high))


def median(values: ArrayLike) -> Interval:
    """Return the median and an interval from order statistics, at least 95 % for any law.

    With fewer than six values no such interval exists; it is then the whole range.
    """
    ordered = np.sort(np.asarray(values, float))
    below = int(stats.binom(ordered.size, 0.5).ppf((1 - CONFIDENCE) / 2)) - 1
    rank = max(below, 0)
    return Interval(float(np.median(ordered)), float(ordered[rank]), float(ordered[-1 - rank]))


def exponent(x: ArrayLike, samples: Sequence[ArrayLike]) -> Interval:
    """Return b of samples ~ x^b by least squares on logarithms, with a bootstrap interval.

    Parameters
    ----------
    x : (n,) array
        Positive.
    samples : n arrays
        Positive values at each x, one per seed. Seeds are resampled at each x separately; the
        line goes through the means of the logarithms.
    """
    at = np.log(np.asarray(x, float))
    weights = (at - at.mean()) / ((at - at.mean()) ** 2).sum()
    logs = [np.log(np.asarray(values, float)) for values in samples]

    def slope(*drawn: NDArray[np.float64], axis: int = -1) -> Any:
        return sum(w * each.mean(axis=axis) for w, each in zip(weights, drawn, strict=True))

    value = float(slope(*logs))
    if all(np.ptp(each) == 0 for each in logs):  # nothing to resample
        return Interval(value, value, value)
    found = stats.bootstrap(
        logs,
        slope,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))


def crossing(levels: ArrayLike, successes: ArrayLike, wanted: float) -> float:
    """Return the least level at which the share of successes reaches `wanted`.

    Parameters
    ----------
    levels : (n,) array
        Positive and ascending, such as batch sizes.
    successes : (seeds, n) bool array
    wanted : float
        Between 0 and 1.

    Returns
    -------
    float
        From shares made monotone by least squares, interpolated linearly in the logarithm of the
        level. The first level if that reaches it already, infinity if none does.
    """
    at = np.log(np.asarray(levels, float))
    shares = optimize.isotonic_regression(np.asarray(successes, float).mean(axis=0)).x
    if not (enough := shares >= wanted - 1e-12).any():
        return float("inf")
    first = int(np.argmax(enough))
    if first == 0:
        return float(np.exp(at[0]))
    below, above = shares[first - 1], shares[first]
    part = (wanted - below) / (above - below)
    return float(np.exp(at[first - 1] + part * (at[first] - at[first - 1])))


def bootstrap(
    function: Callable[[NDArray[np.int64]], float], seeds: int, resamples: int = 400
) -> Interval:
    """Return a function of the seeds' indices, with a percentile bootstrap interval over them.

    Parameters
    ----------
    function : called with an index array (seeds,)
        First with 0, 1, ..., then with draws from them with replacement. Values that are not a
        number are left out of the interval.
    seeds : int
    resamples : int
    """
    rng = np.random.default_rng(0)
    value = function(np.arange(seeds))
    drawn = [function(rng.integers(0, seeds, seeds)) for _ in range(resamples)]
    tail = (1 - CONFIDENCE) / 2
    kept = np.sort([each for each in drawn if not np.isnan(each)])
    if not kept.size:
        return Interval(value, value, value)
    low, high = kept[int(tail * kept.size)], kept[-1 - int(tail * kept.size)]
    return Interval(value, min(value, float(low)), max(value, float(high)))
