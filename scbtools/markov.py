"""Transition matrices: validation, stationary distribution, random and related ones.

Columns are distributions: P[:, k] is the law of the token that follows k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools._jit import jit

__all__ = ["stationary_distribution", "transition_matrix"]

Array = NDArray[np.float64]


def distribution_columns(name: str, value: ArrayLike) -> Array:
    """Return a matrix whose columns are distributions, sums mended to rounding, or raise.

    Raises ValueError if an entry is negative or a column's sum is off by more than 1e-9.
    """
    array = _check.matrix(name, value)
    if (array < 0).any():
        row, column = np.argwhere(array < 0)[0]
        raise ValueError(
            f"{name} has the negative entry {array[row, column]:g} at row {row}, column {column}; "
            f"entries are probabilities"
        )
    with np.errstate(over="ignore"):
        sums = array.sum(axis=0)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst] - 1) > 1e-9:
        raise ValueError(
            f"column {worst} of {name} sums to {sums[worst]:.9g}, not 1; each column must be a "
            f"distribution: divide it by its sum (or transpose {name} if its rows are)"
        )
    # Only where rounding does not explain the sum, so that what was mended once stays as it is.
    rounding = np.finfo(float).eps * (array != 0).sum(axis=0)
    divisors = np.where(np.abs(sums - 1) <= rounding, 1.0, sums)
    return np.ascontiguousarray(array / divisors)


def transition_matrix(value: ArrayLike, name: str = "transition") -> Array:
    """Return a validated (N, N) transition matrix with a unique, positive stationary distribution.

    Raises ValueError if it is not square, N is not in 2 .. 65535, its columns are no distributions,
    or some token cannot be reached from another (then mu is not unique, or not positive).
    """
    array = _check.matrix(name, value)
    size = len(array)
    if array.shape != (size, size):
        raise ValueError(f"{name} must be square, got shape {array.shape}")
    if not 2 <= size <= 65535:
        raise ValueError(f"{name} must have 2 to 65535 tokens, got {size}")
    array = distribution_columns(name, array)
    edges = array > 0
    for graph, words in ((edges, "cannot be reached from"), (edges.T, "cannot reach")):
        missing = ~_reached(graph)
        if missing.any():
            raise ValueError(
                f"token {int(np.argmax(missing))} {words} token 0 under {name}, so the "
                f"stationary distribution is not unique or has zeros; every token must lead to "
                f"every other: mix in a little of the uniform matrix"
            )
    return array


def _reached(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which tokens can be reached from token 0, where edges[n, k] leads from k to n."""
    seen, new = np.zeros(len(edges), bool), np.arange(len(edges)) == 0
    while new.any():
        seen |= new
        new = edges[:, new].any(axis=1) & ~seen
    return seen


_BLOCK = 32  # a multiple of 4


@jit
def _gth(p: NDArray[np.float64], mu: NDArray[np.float64]) -> None:
    """Fill mu by the elimination of Grassmann, Taksar and Heyman.

    Subtracts nothing, so that every entry is accurate to rounding, and runs in one order: every
    entry meets the tokens that are eliminated from the last to the first, here _BLOCK of them at
    a time for the sake of the cache. `p` holds rows as distributions and is overwritten.
    """
    size = p.shape[0]
    for end in range(size, 0, -_BLOCK):
        begin = max(0, end - _BLOCK)
        for last in range(end - 1, max(0, begin - 1), -1):
            leaving = 0.0
            for j in range(last):
                leaving += p[last, j]
            leaving = max(leaving, 5e-324)  # where it underflows: no division by 0
            for i in range(last):
                factor = p[i, last] = min(p[i, last] / leaving, 1e300)
                for j in range(begin if i < begin else 0, last):
                    p[i, j] += factor * p[last, j]
        for i in range(begin):
            for m in range(end - 1, begin, -4):
                f0, f1, f2, f3 = p[i, m], p[i, m - 1], p[i, m - 2], p[i, m - 3]
                for j in range(begin):
                    p[i, j] = (
                        p[i, j] + f0 * p[m, j] + f1 * p[m - 1, j] + f2 * p[m - 2, j]
                        + f3 * p[m - 3, j]
                    )  # fmt: skip
    total = mu[0] = 1.0
    for j in range(1, size):
        mu[j] = 0.0
        for i in range(j):
            mu[j] += mu[i] * p[i, j]
        total += mu[j]
    for j in range(size):
        mu[j] /= total


def stationary_distribution(transition: ArrayLike) -> Array:
    """Return the (N,) distribution mu with P mu = mu, of a matrix as in `transition_matrix`."""
    return stationary_of(transition_matrix(transition))


def stationary_of(transition: Array) -> Array:
    """Return `stationary_distribution` of a matrix that is known to be fine."""
    mu = np.empty(len(transition))
    _gth(np.array(transition.T, order="C"), mu)
    return mu


def inner(x: ArrayLike, y: ArrayLike, mu: ArrayLike) -> float:
    """Return <X, Y>_mu = Tr(X diag(mu) Y'), X and Y (T, N), columns weighted by mu (N,)."""
    left = _check.matrix("x", x, None, 1e100)
    right, weights = _check.matrix("y", y, left.shape, 1e100), _check.array("mu", mu, 1e100)
    if weights.shape != left.shape[1:]:
        raise ValueError(f"mu must have shape {left.shape[1:]}, got {weights.shape}")
    return float((left * right * weights).sum())


def spacings(rng: np.random.Generator, vocab_size: int) -> Array:
    """Return an (N, N) matrix with columns uniform on the simplex, that is Dirichlet(1, ..., 1).

    Gaps between sorted uniforms have that law and need no logarithm, whose last bit depends on
    the machine.
    """
    cuts = np.sort(rng.random((vocab_size - 1, vocab_size)), axis=0)
    edges = np.vstack([np.zeros(vocab_size), cuts, np.ones(vocab_size)])
    gaps = np.diff(edges, axis=0)
    return np.asarray(gaps / gaps.sum(axis=0))


def random_transition(
    rng: np.random.Generator, vocab_size: int, signal: float, spread: float, tries: int = 200
) -> Array:
    """Return a random transition matrix with K_P >= signal |mu|^2 and mu within `spread` of 1/N.

    Columns are uniform on the simplex, drawn until both conditions hold. If they do not within
    `tries` (large vocabularies cannot: K_P of such columns tends to |mu|^2), the last draw is
    mixed with the cycle k -> k + 1, as little of it as meets them. The pure cycle has
    K_P = (N - 1) |mu|^2 and uniform mu, so this always ends.
    """
    for _ in range(tries if vocab_size < 64 else 3):
        draw = spacings(rng, vocab_size)
        if _meets(draw, signal, spread):
            return draw
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        met = _meets(_mixed(draw, middle), signal, spread)
        low, high = (low, middle) if met else (middle, high)
    return _mixed(draw, high)


def _mixed(draw: Array, part: float) -> Array:
    """Return a transition matrix mixed with a part of the cycle k -> k + 1."""
    mixed, tokens = (1 - part) * draw, np.arange(len(draw))
    mixed[(tokens + 1) % len(draw), tokens] += part
    return mixed


def _meets(transition: Array, signal: float, spread: float) -> bool:
    """Return whether K_P >= signal |mu|^2 and mu is within `spread` of uniform."""
    if transition.max(axis=1).min() <= 0:
        return False
    if len(transition) >= 64:  # where it saves time: mu to within `error` mostly decides
        mu, error = _nearly_stationary(transition)
        ratio, uneven = _measures(transition, mu)
        # At most twice what such an error in mu can make of either.
        doubt = 10 * error * (1 + ratio), 10 * error * uneven
        if ratio + doubt[0] < signal or uneven - doubt[1] > spread:
            return False
        if ratio - doubt[0] > signal and uneven + doubt[1] < spread:
            return True
    ratio, uneven = _measures(transition, stationary_of(transition))
    return ratio >= signal and uneven <= spread


def _measures(transition: Array, mu: Array) -> tuple[float, float]:
    """Return K_P / |mu|^2, and by what factor mu is away from uniform."""
    centred = transition - mu[:, None]
    ratio = inner(centred, centred, mu) / float((mu**2).sum())
    return ratio, float(max(len(mu) * mu.max(), 1 / (len(mu) * mu.min())))


def _nearly_stationary(transition: Array) -> tuple[Array, float]:
    """Return mu by power iterations, and a bound on the relative error of its entries.

    A step shrinks differences of distributions, in sum, by 1 - sum_i min_k P_ik or less (Doeblin).
    So mu is within |P x - x|_1 / sum_i min_k P_ik of x, and entry i of P x within max_k P_ik times
    that of mu_i. Sums of N terms are off by N eps at most.
    """
    size = len(transition)
    rounding = size * float(np.finfo(float).eps)
    mu, moved = np.full(size, 1 / size), 1.0
    for _ in range(60):
        if moved <= rounding:
            break
        before, mu = mu, transition @ mu
        mu /= mu.sum()
        moved = float(np.abs(mu - before).sum())
    shared = max(float(transition.min(axis=1).sum()), 1e-300)
    error = float((transition.max(axis=1) / mu).max()) * (moved + rounding) / shared
    return mu, error + rounding


def related_transition(
    rng: np.random.Generator, transition: Array, stationary: Array, correlation: float
) -> Array:
    """Return another transition matrix with the same mu and the centred correlation asked for.

    With U the direction of P - mu 1' and W a random direction at right angles to it (both keep
    column sums and mu), the result is mu 1' + s (rho U + sqrt(1 - rho^2) W). The length s is that
    of P - mu 1', or as much of it as leaves no entry negative.
    """
    centred = transition - stationary[:, None]
    length = np.sqrt(inner(centred, centred, stationary))
    if length < 1e-9:
        raise ValueError("transition is mu 1', so that there is nothing to be related to")
    along = centred / length
    noise = spacings(rng, len(stationary))
    noise -= noise.mean(axis=0)
    noise -= np.outer((noise * stationary).sum(axis=1), stationary) / (stationary**2).sum()
    noise -= inner(noise, along, stationary) * along
    size = np.sqrt(inner(noise, noise, stationary))
    if size <= 1e-9 and abs(correlation) < 1:
        raise ValueError(
            "with two tokens the matrices that share mu form a line: correlation must be 1 or -1"
        )
    across = noise / size if size > 1e-9 else np.zeros_like(noise)
    direction = correlation * along + np.sqrt(max(0.0, 1 - correlation**2)) * across
    falling = direction < 0
    room = np.where(falling, stationary[:, None] / np.where(falling, -direction, 1.0), np.inf)
    reach = min(length, float(room.min()))
    return np.asarray(np.maximum(stationary[:, None] + reach * direction, 0.0))
