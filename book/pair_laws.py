"""Pair counts of a task's samples, what a first gradient makes of them, and laws of screening.

The counts themselves, the test and the estimates are `scbtools.screening`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

import scbtools as scb
from scbtools import screening

__all__ = [
    "gradients", "least_by_fano", "least_by_hand",
    "least_pooled", "pair_counts", "shows", "strength",
]  # fmt: skip

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
CHUNK = 1 << 25  # tokens held at a time


def pair_counts(task: scb.SCBTask, n: int, seed: int, step: int = 0) -> Counts:
    """Return the pairs of n samples: (N, T, N, N) by last token, position, token and target.

    Samples are drawn in chunks, as steps `1000 step`, `1000 step + 1`, ... of the stream.
    """
    N, most = task.vocab_size, max(1, CHUNK // task.seq_len)
    counts = np.zeros((N, task.seq_len, N, N), np.int64)
    for chunk, done in enumerate(range(0, n, most)):
        batch = task.sample(min(most, n - done), seed, 1000 * step + chunk)
        counts += screening.pair_counts(batch, N)
    return counts


def gradients(counts: Counts, mu: ArrayLike, W: ArrayLike | None = None) -> Floats:
    """Return how A's entries move in one step, (M, N, T), from uniform A and V = mu 1' + small W.

    For M matrices W, (M, N, N), up to a factor for each last token. With W None, the expected
    square of that over Gaussian W, (N, T).
    """
    pairs = counts.astype(float)
    # sum over samples of (e_target - mu) e_token', by k and t, as [token, target]
    centred = pairs - pairs.sum(axis=3, keepdims=True) * np.asarray(mu, float)
    centred -= centred.mean(axis=1, keepdims=True)
    if W is None:
        return np.asarray((centred**2).sum(axis=(2, 3)))
    flat = np.swapaxes(np.asarray(W, float), 1, 2).reshape(len(np.asarray(W)), -1)
    return np.moveaxis(centred.reshape(*counts.shape[:2], -1) @ flat.T, -1, 0)


def shows(task: scb.SCBTask, scores: ArrayLike) -> bool:
    """Return whether for every last token exactly the attended positions score highest."""
    return bool(scb.support_recovered(task, np.asarray(scores, float).T).all())


def strength(task: scb.SCBTask) -> float:
    """Return chi^2_P, how far the target depends on an attended token: 0 for P = mu 1'."""
    mu = task.stationary
    return float((mu * (task.transition - mu[:, None]) ** 2 / mu[:, None]).sum())


@functools.cache
def _recovery(N: int, T: int, Q: int) -> tuple[Floats, Floats]:
    """Return non-centralities, and how likely Q such statistics exceed T - Q central ones."""
    freedom, centre = (N - 1) ** 2, np.geomspace(0.5, 400, 60)
    u = (np.arange(100) + 0.5) / 100
    highest = stats.chi2.isf(-np.expm1(np.log(u) / (T - Q)), freedom)
    shown = stats.ncx2.sf(highest, freedom, centre[:, None]) ** Q
    return centre, np.asarray(shown.mean(axis=1))


def least_by_hand(tasks: Sequence[scb.SCBTask], T: int, wanted: float) -> float:
    """Return the samples with which the test shows the supports of a share of tasks, by hand.

    The tasks may be shorter than T.
    """

    def share(n: float) -> float:
        found = []
        for task in tasks:
            at = _recovery(task.vocab_size, T, task.sparsity)
            centre = n * task.stationary * strength(task) / task.sparsity**2
            found.append(np.interp(centre, *at).prod())
        return float(np.mean(found))

    return _first(share, wanted)


def least_by_fano(tasks: Sequence[scb.SCBTask], T: int, wanted: float) -> float:
    """Return the samples below which nothing shows the supports of a share of tasks, by Fano."""

    def share(n: float) -> float:
        found = []
        for task in tasks:
            Q = task.sparsity
            bits = n * task.stationary.min() * strength(task) / Q
            choices = special.gammaln(T + 1) - special.gammaln(Q + 1) - special.gammaln(T - Q + 1)
            found.append(min(1.0, (bits + np.log(2)) / choices))
        return float(np.mean(found))

    return _first(share, wanted)


def least_pooled(tasks: Sequence[scb.SCBTask], T: int, wanted: float) -> float:
    """Return the samples with which pooled counts name a share of signs rightly, by hand."""
    size = np.array([strength(task) / T for task in tasks])
    return _first(lambda n: float(stats.norm.cdf(np.sqrt(n * size)).mean()), wanted)


def _first(share: Callable[[float], float], wanted: float) -> float:
    """Return where an increasing share reaches what is wanted."""
    low, high = 1.0, 1e9
    while high / low > 1.005:
        middle = np.sqrt(low * high)
        low, high = (low, middle) if share(middle) >= wanted else (middle, high)
    return float(high)
