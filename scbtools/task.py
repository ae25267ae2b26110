"""The sparse contextual bigram (SCB): the task to be learned, and how its sequences are drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check, markov
from scbtools.kernels.tokens import Tables, build_tables, draw_batch, new_scratch

__all__ = ["Batch", "SCBTask", "SparseAttention", "check_task"]

Array = NDArray[np.float64]

# Tables know mu_k to 2^-32: a much rarer token is never drawn, or far too often. And float64 has
# digits to spare for 1 / mu_k up to 2^40, where it stands beside ordinary numbers or cancels.
_RAREST = 2.0**-40
_LONGEST = 2**35 - 1  # T: further on, the stream's 32-bit counters would begin again


class Batch(NamedTuple):
    """Sequences with their last and target tokens."""

    tokens: NDArray[Any]  # (B, T) uint8, or uint16 above 256 tokens
    last: NDArray[Any]  # (B,) x_{T+1}
    target: NDArray[Any]  # (B,) x_o


class SparseAttention(NamedTuple):
    """The columns of Q by their nonzero entries; row k is padded behind counts[k]."""

    positions: NDArray[np.int64]  # (N, S) ascending; padding repeats the last position
    weights: Array  # (N, S) padding is 0
    counts: NDArray[np.int64]  # (N,)


class SCBTask:
    """A sparse contextual bigram: transition matrix P and attention Q.

    Tokens x_1 .. x_{T+1} are drawn independently from mu, the stationary distribution of P. With
    k = x_{T+1}, a position s is drawn from column k of Q and the target from P[:, x_s]  (eq. 1).

    Parameters
    ----------
    transition : (N, N) array
        P; column k is the distribution of the token that follows k. 2 <= N <= 65535.
    attention : (T, N) array
        Q; column k is the distribution of the position that matters when the last token is k.

    Raises
    ------
    ValueError
        If a column is not a distribution (the message names it), if mu is not unique or one of
        its entries is below 2^-40, or if shapes disagree.

    Notes
    -----
    Immutable. Arrays are float64 and read-only; Q is kept sparse, and `attention` builds the
    dense matrix at each call.
    """

    transition: Array
    stationary: Array
    sparse_attention: SparseAttention
    seq_len: int
    tables: Tables

    __slots__ = {
        "seq_len": "T, without the last token.",
        "sparse_attention": "Q by its nonzero entries.",
        "stationary": "Stationary distribution mu of P, (N,).",
        "tables": "Integer thresholds for the kernels.",
        "transition": "P, (N, N).",
    }

    def __init__(self, transition: ArrayLike, attention: ArrayLike) -> None:
        matrix = markov.transition_matrix(transition)
        dense = _check.matrix("attention", attention)
        if dense.shape[1] != len(matrix):
            wanted = f"one column per token, shape (T, {len(matrix)})"
            raise ValueError(f"attention must have {wanted}, got {dense.shape}")
        if not (kept := dense.any(axis=0)).all():
            raise ValueError(
                f"column {kept.argmin()} of attention is all zero: every token must attend to at "
                f"least one position"
            )
        dense = markov.distribution_columns("attention", dense)
        everywhere = np.broadcast_to(np.arange(len(dense)), dense.shape[::-1])
        self._set_up(matrix, _pack(everywhere, dense.T), len(dense))

    def _set_up(self, transition: Array, sparse: SparseAttention, t: int) -> None:
        """Fill the slots from validated parts."""
        stationary = markov.stationary_of(transition)
        if not (stationary >= _RAREST).all():
            # NaN is the share of a token beside which the others are 0, or of all with the first.
            rare = int(np.nan_to_num(stationary, nan=1.0).argmin())
            raise ValueError(
                f"token {rare} (column {rare} of transition) has the stationary probability "
                f"{np.nan_to_num(stationary[rare]):.3g}, below 2^-40: it is hardly ever drawn, and "
                f"gradients are divided by it; drop it, or mix in a little of the uniform matrix"
            )
        for array in (transition, stationary, *sparse):
            array.setflags(write=False)
        tables = build_tables(stationary, transition, sparse.positions, sparse.weights)
        parts = t, sparse, stationary, tables, transition  # as in __slots__
        for name, part in zip(SCBTask.__slots__, parts, strict=True):
            object.__setattr__(self, name, part)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"SCBTask is immutable: cannot set {name!r}; build another task")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"SCBTask is immutable: cannot delete {name!r}; build another task")

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        positions, weights, _ = self.sparse_attention
        return type(self).from_sparse, (self.transition, positions, weights, self.seq_len)

    def __repr__(self) -> str:
        return (
            f"SCBTask(vocab_size={self.vocab_size}, seq_len={self.seq_len}, "
            f"sparsity={self.sparsity}, K_P={self.K_P:.3g}, K_Q={self.K_Q:.3g})"
        )

    # --- other ways to make one --------------------------------------------------------------

    @classmethod
    def from_sparse(
        cls, transition: ArrayLike, positions: ArrayLike, weights: ArrayLike, seq_len: int
    ) -> SCBTask:
        """Return a task whose Q is given by its nonzero entries.

        `transition` is P, (N, N), and `seq_len` T, 1 to 2^35 - 1. Row k of `positions`, (N, S)
        integers in 0 .. T - 1, names those that last token k attends to; row k of `weights`,
        (N, S), sums to 1. An entry with weight 0 is ignored. Raises ValueError if a position is
        out of range or named twice in a row, or weights are no distributions.
        """
        matrix = markov.transition_matrix(transition)
        seq_len = _check.integer("seq_len", seq_len, 1, _LONGEST)
        where = _check.positions(positions, len(matrix), seq_len, "S")
        values = _check.matrix("weights", weights, where.shape)
        values = markov.distribution_columns("weights (transposed)", values.T).T
        task = cls.__new__(cls)
        task._set_up(matrix, _pack(where, values), seq_len)
        return task

    @classmethod
    def random(
        cls, vocab_size: int, seq_len: int, sparsity: int, seed: int = 0,
        signal: float = 1.0, spread: float = 3.0,
    ) -> SCBTask:  # fmt: skip
        """Return a random task: columns of P uniform on the simplex, Q uniform on random positions.

        Parameters
        ----------
        vocab_size, seq_len, sparsity : int
            N (2 to 65535), T (1 to 2^35 - 1) and Q (1 to T). Every token attends to `sparsity`
            distinct positions with equal weights.
        seed : int
            0 .. 2^64 - 1.
        signal : float
            K_P >= signal |mu|^2; the paper's Assumption 2.1(c) asks for 1. At most N - 1,
            which only the cycle reaches.
        spread : float
            mu_k in [1 / (spread N), spread / N], the constant C of Assumption 2.1(b).

        Notes
        -----
        P is drawn until it meets `signal` and `spread`. Where that does not happen soon (it
        cannot for large N), it is mixed with the cycle k -> k + 1, as little as meets them.
        Finding mu takes O(N^3): some 3 s and 0.2 GB for N = 2000, 20 s and 0.8 GB for N = 4000.
        """
        vocab_size = _check.integer("vocab_size", vocab_size, 2, 65535)
        seq_len = _check.integer("seq_len", seq_len, 1, _LONGEST)
        sparsity = _check.integer("sparsity", sparsity, 1, seq_len)
        signal = _check.real("signal", signal, 0, vocab_size - 1)
        spread = _check.real("spread", spread, 1, open_low=True)
        rng = np.random.default_rng(_check.seed64(seed))
        transition = markov.random_transition(rng, vocab_size, signal, spread)
        positions = [rng.choice(seq_len, sparsity, replace=False) for _ in range(vocab_size)]
        weights = np.full((vocab_size, sparsity), 1 / sparsity)
        return cls.from_sparse(transition, positions, weights, seq_len)

    @classmethod
    def from_bigrams(
        cls, counts: ArrayLike, seq_len: int, sparsity: int, seed: int = 0, smoothing: float = 0.0
    ) -> SCBTask:
        """Return a task whose P is estimated from bigram counts, with Q as in `random`.

        counts[n, k], (N, N), says how often n follows k. `smoothing` is added to every count: every
        token needs a follower, or a ValueError is raised.
        """
        table = _check.matrix("counts", counts)
        if (table < 0).any():
            raise ValueError("counts must not be negative")
        with np.errstate(over="ignore"):
            table = table + _check.real("smoothing", smoothing, 0)
            totals = table.sum(axis=0)
        if (totals == 0).any():
            raise ValueError(
                f"nothing follows token {int(np.argmin(totals))} in counts: drop it, or set "
                f"smoothing above 0"
            )
        if np.isinf(totals.max()):
            raise ValueError(
                f"column {int(np.argmax(totals))} of counts, with smoothing, adds up to more than "
                f"{_check.LARGEST:.1g}: divide both by a large number"
            )
        matrix = markov.transition_matrix(table / totals, "counts")
        other = cls.random(len(matrix), seq_len, sparsity, seed, 0.0, 1e9)
        return other._with_transition(matrix)

    def _with_transition(self, transition: Array) -> SCBTask:
        """Return a task with this one's Q."""
        positions, weights, _ = self.sparse_attention
        return type(self).from_sparse(transition, positions, weights, self.seq_len)

    def related(self, correlation: float, seed: int = 0) -> SCBTask:
        """Return a task with the same mu and Q and another P.

        `correlation`, -1 to 1, is that of the two centred matrices, <P1 - mu 1', P2 - mu 1'>_mu
        over the product of their mu-norms; `seed` is of the part of the new P that is at right
        angles to the old one. Its K_P equals this task's unless that would make an entry negative;
        then it is as large as it can be. Raises ValueError if the new P falls apart into parts that
        do not lead to each other, or so nearly that its mu is not this one to 1e-9.
        """
        correlation = _check.real("correlation", correlation, -1, 1)
        rng = np.random.default_rng(_check.seed64(seed))
        P = markov.related_transition(rng, self.transition, self.stationary, correlation)
        try:
            other = self._with_transition(P)
            apart = np.abs(other.stationary / self.stationary - 1).max() > 1e-9
        except ValueError:
            apart = True
        if apart:
            raise ValueError(
                f"at correlation {correlation:g} the chain falls apart, or nearly, into parts that "
                f"do not lead to each other, so that mu is lost; take a correlation farther from "
                f"it, or another seed"
            )
        return other

    # --- what it is ------------------------------------------------------------------------------

    @property
    def attention(self) -> Array:
        """Q, dense (T, N), built at each call."""
        positions, weights, _ = self.sparse_attention
        dense = np.zeros((self.seq_len, self.vocab_size))
        np.add.at(dense, (positions, np.arange(self.vocab_size)[:, None]), weights)
        dense.setflags(write=False)
        return dense

    @property
    def vocab_size(self) -> int:
        """N."""
        return len(self.stationary)

    @property
    def sparsity(self) -> int:
        """Largest number of positions that a token attends to."""
        return int(self.sparse_attention.counts.max())

    @property
    def K_P(self) -> float:
        """How far P is from the trivial mu 1', K_P = |P|^2_mu - |mu|^2; 0 up to rounding."""
        mu = self.stationary
        centred = self.transition - mu[:, None]
        found = markov.inner(centred, centred, mu)
        # Entries of mu and P are rounded, to 1e-12 of themselves at worst, before they are squared.
        return found if found > 1e-24 * float((mu**2).sum()) else 0.0

    @property
    def K_Q(self) -> float:
        """How far Q is from uniform attention, K_Q = |Q|^2_mu - 1/T; 0 up to rounding."""
        found = self.norm_Q_squared - 1 / self.seq_len
        # Squares are rounded before the difference: weights and sums to 1e-12 of |Q|^2_mu at worst.
        return found if found > 1e-12 * self.norm_Q_squared else 0.0

    @property
    def norm_Q_squared(self) -> float:
        """|Q|^2_mu."""
        squares = (self.sparse_attention.weights**2).sum(axis=1)
        return float((squares * self.stationary).sum())

    def bayes_loss(self) -> float:
        """Return the irreducible expected loss, 1/2 (1 - |mu|^2 - |Q|^2_mu K_P).

        The best prediction is the conditional law P X q of the target; its loss is what remains.
        Half a squared distance, no unit.
        """
        square = float((self.stationary**2).sum())
        return 0.5 * (1 - square - self.norm_Q_squared * self.K_P)

    def sample(self, batch_size: int, seed: int = 0, step: int = 0) -> Batch:
        """Return `batch_size` sequences of step `step` of the stream `seed`.

        Token t of sample i is a pure function of (seed, step, i, t): a larger batch begins with
        the smaller one, and the training kernels see the same tokens. `batch_size` is at least 1,
        `seed` 0 .. 2^64 - 1 and `step` 0 .. 2^32 - 1.
        """
        batch_size = _check.integer("batch_size", batch_size, 1, 2**32 - 1)
        step = _check.integer("step", step, 0, 2**32 - 1)
        key = np.uint64(_check.seed64(seed))
        dtype = np.dtype(np.uint8 if self.vocab_size <= 256 else np.uint16)
        shapes = (batch_size, self.seq_len), batch_size, batch_size
        try:
            batch = Batch(*(np.empty(shape, dtype) for shape in shapes))
            scratch = new_scratch(self.seq_len)
        except (MemoryError, ValueError):  # NumPy's ValueError where an index would overflow
            size = batch_size * self.seq_len * dtype.itemsize / 2**30
            raise MemoryError(
                f"{batch_size} sequences of {self.seq_len} tokens take {size:.3g} GiB, more than "
                f"there is: make batch_size smaller; minibatch_gradients takes such batches, as "
                f"it stores none"
            ) from None
        draw_batch(self.tables, key, np.uint64(step), *scratch, *batch)
        return batch


def _pack(positions: NDArray[np.int64], weights: Array) -> SparseAttention:
    """Return sorted rows without the zero weights, or raise where a position is named twice."""
    counts = (weights != 0).sum(axis=1)
    where = np.zeros((len(positions), counts.max()), np.int64)
    values = np.zeros(where.shape)
    for k, count in enumerate(counts):
        kept = np.flatnonzero(weights[k])
        kept = kept[np.argsort(positions[k, kept])]
        row = positions[k, kept]
        if (np.diff(row) == 0).any():
            raise ValueError(f"row {k} of positions names a position twice; add the weights up")
        where[k, :count], where[k, count:] = row, row[-1]
        values[k, :count] = weights[k, kept]
    return SparseAttention(where, values, counts.astype(np.int64))


def check_task(task: SCBTask) -> SCBTask:
    """Return a task, or raise TypeError for anything else."""
    if not isinstance(task, SCBTask):
        raise TypeError(
            f"task must be an SCBTask, got {_check.shown(task)}; make one with SCBTask(P, Q) or "
            f"SCBTask.random(vocab_size, seq_len, sparsity)"
        )
    return task
