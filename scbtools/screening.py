"""Where does a token look? Found by counting pairs, one position at a time, without training.

Not in the paper. By Lemma B.1 an attended position's token and the target depend on each other, and
no other's do: a chi-square test of every position shows the support, and sums of the same counts
give P and Q. Samples needed grow with log T alone; the time is that of one pass over the tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools._jit import jit
from scbtools.task import Batch
from scbtools.transformer import Params, check_batch

__all__ = ["chi_square", "estimate", "pair_counts", "strongest"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST = 1e15  # of one count, and of scores: integers and sums of them are exact


def pair_counts(batch: Batch, vocab_size: int) -> Ints:
    """Return how often pairs occur in a batch, (N, T, N, N) integers.

    By last token k, position t, the token there, and the target. Counts of several batches may be
    added up. They take 8 T N^3 bytes. Raises ValueError if a token is not in 0 .. vocab_size - 1.
    """
    vocab_size = _check.integer("vocab_size", vocab_size, 2, 65535)
    tokens, last, target = check_batch(batch, vocab_size, "vocab_size")
    shape = vocab_size, tokens.shape[1], vocab_size, vocab_size
    try:
        counts = np.zeros(shape, np.int64)
    except (MemoryError, ValueError):  # NumPy's ValueError where an index would overflow
        raise MemoryError(
            f"counts of shape {shape} do not fit: count fewer positions at a time"
        ) from None
    _count(tokens, last, target, counts)
    return counts


@jit
def _count(tokens: NDArray[Any], last: NDArray[Any], target: NDArray[Any], counts: Ints) -> None:
    """Add one to counts[k, t, m, n] for every sample with last token k, m at t, and target n."""
    for i in range(tokens.shape[0]):
        k, n = last[i], target[i]
        for t in range(tokens.shape[1]):
            counts[k, t, tokens[i, t], n] += 1


def chi_square(counts: ArrayLike) -> Floats:
    """Return Pearson's chi-square of token against target, (N, T): large where they depend.

    `counts`, (N, T, N, N), are as from `pair_counts`. At a position that last token k does not
    attend to, the statistic has about (N - 1)^2 degrees of freedom, however many samples there are.
    """
    pairs = _pairs(counts)
    token, target = pairs.sum(axis=3, keepdims=True), pairs.sum(axis=2, keepdims=True)
    expected = token * target / np.maximum(pairs.sum(axis=(2, 3), keepdims=True), 1)
    squares = (pairs - expected) ** 2 / np.where(expected > 0, expected, 1)
    return np.asarray(squares.sum(axis=(2, 3)))


def strongest(scores: ArrayLike, sparsity: int) -> Ints:
    """Return the Q positions with the largest scores, ascending, for each last token: (N, Q).

    `scores` is (N, T), as from `chi_square`, and `sparsity` Q, at most T. Of equal scores the
    earlier ones are taken.
    """
    found = _check.matrix("scores", scores)
    sparsity = _check.integer("sparsity", sparsity, 1, found.shape[1])
    return np.sort(np.argsort(-found, axis=1, kind="stable")[:, :sparsity], axis=1)


def estimate(counts: ArrayLike, positions: ArrayLike) -> Params:
    """Return A (T, N) and V (N, N) by least squares, for attention on these positions.

    `counts`, (N, T, N, N), are as from `pair_counts`, and row k of `positions`, (N, Q), names
    those of last token k, as from `strongest`. What token and target have in common, summed over
    the positions of a last token, is P - mu 1', since weights sum to one; a weight is the share of
    P - mu 1' that its position has. Columns of A without any are uniform on their positions.

    Raises TypeError for positions that are no integers, ValueError for those that are out of range
    or named twice, and where a token occurs in no pair, as mu is not known then.
    """
    pairs = _pairs(counts)
    N, T = pairs.shape[:2]
    where = _check.positions(positions, N, T, "Q")
    if (np.diff(np.sort(where, axis=1), axis=1) == 0).any():
        raise ValueError("a row of positions names a position twice")
    seen = pairs.sum(axis=(1, 2, 3)) / T
    mu = pairs.sum(axis=(0, 1, 3))
    if not mu.all():
        raise ValueError(f"token {int(mu.argmin())} occurs at no position of counts: add samples")
    mu = mu / (T * seen.sum())
    at = pairs[np.arange(N)[:, None], where]  # (N, Q, N, N) by token and target
    token, target = at.sum(axis=3, keepdims=True), at.sum(axis=2, keepdims=True)
    common = at - token * target / np.maximum(seen, 1)[:, None, None, None]
    shift = common.sum(axis=(0, 1)).T / (mu * seen.sum())  # P - mu 1', (target, token)
    share = (common * shift.T).sum(axis=(2, 3)) / np.maximum(seen, 1)[:, None]
    A = np.zeros((T, N))
    for k in range(N):
        A[where[k], k] = share[k] / share[k].sum() if share[k].sum() > 0 else 1 / where.shape[1]
    return Params(A, shift + mu[:, None])


def _pairs(counts: ArrayLike) -> Floats:
    """Return checked counts as float64, or raise."""
    found = _check.array("counts", counts, _MOST)
    if found.ndim != 4 or found.shape != (len(found), found.shape[1], *(2 * [len(found)])):
        raise ValueError(
            f"counts must have shape (N, T, N, N), as from pair_counts, got {found.shape}"
        )
    if (found < 0).any():
        raise ValueError("counts must not be negative")
    return found
