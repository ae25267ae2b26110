"""What the kernels work on: rules, parameters, the batch, and scratch of bounded size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools.kernels.stream import SEGMENT
from scbtools.kernels.tokens import new_scratch
from scbtools.stages import NO_TARGET

__all__ = [
    "Batch", "Desk", "Model", "Rule", "Turn", "batch_arrays", "desk_arrays", "group_size",
    "room_sizes",
]  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CODE_BYTES = 1 << 21  # tokens kept between the passes, per worker
_JOINT = 4096  # entries of the largest table over the joint symbols of a group: 32 kB
_SAMPLES = 4096  # samples at most whose c and r are kept


class Rule(NamedTuple):
    """What a step does."""

    batch: int
    train: bool = False  # step along the gradients; otherwise store them raw
    frozen: bool = False  # A stays: only its nonzero positions are drawn
    preconditioned: bool = False
    centred: bool = False  # how V's gradient is projected, if preconditioned
    eta_A: float = 0.0
    eta_V: float = 0.0
    l1: float = 0.0
    kind: int = NO_TARGET
    target: float = 0.0


class Turn(NamedTuple):
    """Which parts of a step a call does, and as which worker."""

    parts: int
    worker: int = 0
    workers: int = 1
    start: int = 0  # the first sample of the round, for SHARE, JOIN and VALUES


class Model(NamedTuple):
    """Parameters and what goes with them."""

    attention: Floats  # (N, T), rows are columns of A
    value: Floats  # (N, N)
    value_rows: Floats  # (N, N) transpose of V
    grad_A: Floats  # (N, T), or empty when training
    grad_V: Floats  # (N, N)
    sizes: Floats  # (N,) sums of |A| over positions
    scale: Floats  # (N + 1,) fixed-point scales of the rows, and of w
    begin: Ints  # (N + 1,) where each row's entry of `kept` begins, if A is frozen
    kept: Ints  # positions where a frozen row is not zero


class Batch(NamedTuple):
    """The batch at work, shared by the workers."""

    last: Ints  # (B,)
    target: Ints  # (B,)
    order: Ints  # (B,) samples by last token
    begin: Ints  # (N + 1,) where each last token begins in `order`
    c: Floats  # (R, N) of a round of R samples
    r: Floats  # (R, N)
    cuts: Ints  # (2 W + 1, T) gradients of rows cut at the ends of shares; the last is their sum


class Desk(NamedTuple):
    """What a worker has to itself; G groups and S samples are at work at once."""

    fixed: Ints  # (T,) a row of A in fixed point
    sums: Ints  # (T,) its gradient
    words: NDArray[np.uint32]  # (4, 256) random bits of a tile
    tally: NDArray[np.uint16]  # (128,) scratch of drawing
    codes: NDArray[np.uint16]  # (G, padded T) tokens of a group, as one number
    together: int  # samples of a group, m
    tables: Ints  # (2, N^m) over these numbers
    partial: Ints  # (S, N) c, then w, in fixed point
    w: Floats  # (N,)


def group_size(vocab_size: int, seq_len: int) -> int:
    """Return how many samples share a number: their joint table must pay for itself."""
    size, limit = 1, min(_JOINT, seq_len // 4)
    while vocab_size ** (size + 1) <= limit:
        size += 1
    return size


def room_sizes(vocab_size: int, seq_len: int, batch: int, m: int) -> tuple[int, int, int, int]:
    """Return the samples of a round, the padded T, and the groups of m and samples at work."""
    some = min(batch, _SAMPLES, max(64, (1 << 19) // vocab_size))
    width = -(-seq_len // SEGMENT) * SEGMENT
    groups = max(1, min(-(-batch // m), _CODE_BYTES // (2 * width)))
    return some, width, groups, min(groups * m, max(64, (1 << 17) // vocab_size))


def batch_arrays(vocab_size: int, seq_len: int, batch: int, workers: int) -> Batch:
    """Return arrays for batches of this size.

    With W workers, 24 B + 8 N bytes, 8 MiB (1 kB a token if N > 8192), and 2 W + 1 rows of A.
    """
    some = room_sizes(vocab_size, seq_len, batch, 1)[0]
    return Batch(
        last=np.empty(batch, np.int64),
        target=np.empty(batch, np.int64),
        order=np.empty(batch, np.int64),
        begin=np.empty(vocab_size + 1, np.int64),
        c=np.empty((some, vocab_size)),
        r=np.empty((some, vocab_size)),
        cuts=np.empty((2 * workers + 1, seq_len), np.int64),
    )


def desk_arrays(vocab_size: int, seq_len: int, batch: int) -> Desk:
    """Return a worker's arrays.

    At most 2 MiB of tokens or one group's, 1 MiB of samples (or 64), 64 KiB of tables (or two of
    N entries), two rows of A, and 5 kB beside 8 N.
    """
    together = group_size(vocab_size, seq_len)
    _, _, groups, samples = room_sizes(vocab_size, seq_len, batch, together)
    words, tally, codes = new_scratch(seq_len, groups)
    return Desk(
        fixed=np.empty(seq_len, np.int64),
        sums=np.empty(seq_len, np.int64),
        words=words,
        tally=tally,
        codes=codes,
        together=together,
        tables=np.empty((2, vocab_size**together), np.int64),
        partial=np.empty((samples, vocab_size), np.int64),
        w=np.empty(vocab_size),
    )
