"""Scratch arrays of the CPU kernels, and how a batch is cut to fit them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import jit
from scbtools.kernels.stream import SEGMENT, STRIP

__all__ = [
    "TILE",
    "Chunk",
    "Workspace",
    "group_size",
    "next_chunk",
    "start_chunks",
    "workspace",
]

TILE = 4 * STRIP  # positions whose random words are drawn at once: 16 kB
_CODE_BYTES = 1 << 21  # tokens kept between the passes, per worker
_ROW_BYTES = 1 << 20  # rows of A worked on at once, per worker: a usual second-level cache
_SAMPLES = 4096  # samples at most between the passes
_JOINT = 4096  # entries of the largest table over the joint symbols of a group: 32 kB


class Workspace(NamedTuple):
    """Scratch arrays of one training run.

    W workers; chunks of S samples in G groups, on R rows of A. Beside what is O(N^2 + B), memory
    is bounded per worker by 2 MB of tokens, 1 MB of rows of A and 2 MB of c, and by 8 MB for the
    chunk's samples; two rows of A and one of tokens always have room.
    """

    l1: NDArray[np.float64]  # (N,) sums of |A| over positions: kept by who changes A
    scale: NDArray[np.float64]  # (N,) fixed-point scale of each row
    fixed: NDArray[np.int64]  # (R, T) rows of A in fixed point
    sums: NDArray[np.int64]  # (R, T) their gradient in fixed point
    blocks: NDArray[np.float64]  # (R, T / 512) sums over strips of an updated row
    totals: NDArray[np.int64]  # (W, R, 2) sums of `sums`: upper and lower halves
    slot: NDArray[np.int64]  # (R,) slot of each row of the chunk in the arrays above
    row: NDArray[np.int64]  # (R,) which row of A it is
    fresh: NDArray[np.bool_]  # (R,) whether the chunk begins the row
    done: NDArray[np.bool_]  # (R,) whether the chunk completes the row
    shift: NDArray[np.float64]  # (R,) what projecting adds
    words: NDArray[np.uint32]  # (W, 4, 256) random bits of a tile
    tally: NDArray[np.uint16]  # (W, 128) scratch of drawing
    codes: NDArray[np.uint16]  # (G, padded T) tokens of a group, as one number
    joint: NDArray[np.int64]  # (W, 2, J) tables over these numbers
    group: NDArray[np.int64]  # (G + 1,) first sample of each group of the chunk
    group_slot: NDArray[np.int64]  # (G,) slot of its row of A
    group_begins: NDArray[np.bool_]  # (G,) whether it is the row's first
    partial: NDArray[np.int64]  # (W, S, N) c in fixed point, by worker
    c: NDArray[np.float64]  # (S, N)
    r: NDArray[np.float64]  # (S, N)
    w: NDArray[np.float64]  # (S, N)
    w_fixed: NDArray[np.int64]  # (S, N)
    v_rows: NDArray[np.float64]  # (N, N) transpose of V
    last: NDArray[np.int64]  # (B,)
    target: NDArray[np.int64]  # (B,)
    order: NDArray[np.int64]  # (B,) samples by last token
    begin: NDArray[np.int64]  # (N + 1,) where each last token begins in `order`
    cursor: NDArray[np.int64]  # (3,) next row, sample and slot


def group_size(vocab_size: int, seq_len: int) -> int:
    """Return how many samples share a number: their joint table must pay for itself."""
    limit = min(_JOINT, seq_len // 4)
    size = 1
    while vocab_size ** (size + 1) <= limit:
        size += 1
    return size


def workspace(vocab_size: int, seq_len: int, batch_size: int, workers: int) -> Workspace:
    """Return scratch arrays for batches of up to `batch_size`."""
    padded = -(-seq_len // SEGMENT) * SEGMENT
    together = group_size(vocab_size, seq_len)
    samples = min(batch_size, _SAMPLES, max(64, (1 << 18) // vocab_size))
    groups = max(1, min(samples, _CODE_BYTES * workers // (2 * padded)))
    samples = min(samples, groups * together)
    rows = min(vocab_size, max(2, _ROW_BYTES * workers // (16 * seq_len)))
    small = (samples, vocab_size)
    return Workspace(
        l1=np.empty(vocab_size),
        scale=np.empty(vocab_size),
        fixed=np.empty((rows, seq_len), np.int64),
        sums=np.empty((rows, seq_len), np.int64),
        blocks=np.empty((rows, -(-seq_len // STRIP))),
        totals=np.empty((workers, rows, 2), np.int64),
        slot=np.empty(rows, np.int64),
        row=np.empty(rows, np.int64),
        fresh=np.empty(rows, np.bool_),
        done=np.empty(rows, np.bool_),
        shift=np.empty(rows),
        words=np.empty((workers, 4, TILE // 8), np.uint32),
        tally=np.empty((workers, SEGMENT), np.uint16),
        codes=np.empty((groups, padded), np.uint16),
        joint=np.empty((workers, 2, vocab_size**together), np.int64),
        group=np.empty(groups + 1, np.int64),
        group_slot=np.empty(groups, np.int64),
        group_begins=np.empty(groups, np.bool_),
        partial=np.empty((workers, *small), np.int64),
        c=np.empty(small),
        r=np.empty(small),
        w=np.empty(small),
        w_fixed=np.empty(small, np.int64),
        v_rows=np.empty((vocab_size, vocab_size)),
        last=np.empty(batch_size, np.int64),
        target=np.empty(batch_size, np.int64),
        order=np.empty(batch_size, np.int64),
        begin=np.empty(vocab_size + 1, np.int64),
        cursor=np.empty(3, np.int64),
    )


class Chunk(NamedTuple):
    """The part of a batch that is worked on at once."""

    first: int  # its first sample, in `order`
    samples: int
    groups: int
    rows: int


@jit
def start_chunks(ws: Workspace) -> None:
    """Put the cursor before the first row."""
    ws.cursor[0] = ws.cursor[1] = ws.cursor[2] = 0


@jit
def next_chunk(ws: Workspace, every: bool, together: int) -> tuple[int, int, int, int]:
    """Return the next chunk, as the entries of `Chunk`: whole groups, row after row of A.

    A row whose samples do not all fit goes on in the next chunk, in the same slot. Rows without
    samples are left out unless `every` is set. There is nothing left when the chunk has no rows.
    """
    vocab_size, slots = ws.l1.size, ws.slot.size
    k, at, slot = ws.cursor[0], ws.cursor[1], ws.cursor[2]
    first, groups, rows = at, 0, 0
    ws.group[0] = 0
    while k < vocab_size and rows < slots:
        begin, end = ws.begin[k], ws.begin[k + 1]
        if begin == end and not every:
            k += 1
            continue
        started = at
        while at < end and groups < ws.codes.shape[0] and at - first < ws.c.shape[0]:
            ws.group_slot[groups], ws.group_begins[groups] = slot, at == begin
            at += min(together, end - at, ws.c.shape[0] - (at - first))
            groups += 1
            ws.group[groups] = at - first
        if at == started and begin < end:
            break  # no room for a single sample of this row
        ws.slot[rows], ws.row[rows] = slot, k
        ws.fresh[rows], ws.done[rows] = started == begin, at == end
        rows += 1
        if at < end:
            break
        k += 1
        slot = (slot + 1) % slots
    ws.cursor[0], ws.cursor[1], ws.cursor[2] = k, at, slot
    return first, at - first, groups, rows
