"""The host's side of the GPU: what lies where, and which kernel is launched when.

Everything between two recordings stays on the device. A step is eight launches in one stream and
waits for nothing: the kernels count the steps, see whether the target is met or the run diverges,
and do nothing from then on.

Tokens are drawn once a step and kept for the second pass, in pieces of the batch that fit
`Launch.token_bytes`: 2 bits each for N <= 3, 8 bits up to 256 tokens, 16 above.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scbtools.kernels import cuda as kernels
from scbtools.kernels import cuda_steps, stream
from scbtools.kernels.cuda import cuda
from scbtools.stages import DIVERGED, LIMIT, NO_TARGET, RAN, TARGETS, Stage
from scbtools.task import SCBTask

__all__ = ["CudaEngine", "Launch", "TokenDrawer"]

STATE_SIZE = 4
_ALL = 65535  # most blocks along y


@dataclasses.dataclass(frozen=True)
class Launch:
    """How work is cut into blocks. Threads are powers of two; tests use tiny ones.

    Results do not depend on these numbers, but for the rounding of V's gradient and of row sums.
    """

    land: int = 128  # threads of pass one, at most LAND_THREADS
    spread: int = 128  # threads of pass two
    rows: int = 256  # threads of what goes through rows of A, at most THREADS
    between: int = 64
    per_thread: int = 8  # most counters a thread takes of one sample in pass one
    token_bytes: int = 1 << 28
    shared_bytes: int = 38 << 10  # for what lands on each token; with the guide below 48 KiB
    blocks_per_processor: int = 8
    guide_bits: int = 12  # of a draw, by which a token's bucket is found; at most 12
    value_blocks: int = 1 << 16
    value_threads: int = 1 << 16  # for V's gradient, unless it has more entries
    part: int = 4096  # positions of a row that a block takes in the step of A
    queue: int = 256  # steps in line before the host looks whether the run has stopped


DEFAULT = Launch()


def counters_for(seq_len: int) -> int:
    """Return how many counters hold the bits of positions 0 .. seq_len - 1."""
    full, rest = divmod(seq_len, stream.STRIP)
    return full * 64 + (64 if rest >= stream.SEGMENT else (rest + 1) // 2)


def power_above(bound: float) -> float:
    """Return 2^(61 - e) for the smallest e with bound < 2^e, at least -900."""
    return float(np.ldexp(1.0, 61 - max(int(np.frexp(bound)[1]), -900)))


def processors() -> int:
    """Return how many multiprocessors the device has; the simulator stands for a small one."""
    return int(getattr(cuda.get_current_device(), "MULTIPROCESSOR_COUNT", 2))


def _filled(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array, with a zero column where it has none: the device knows no empty arrays."""
    if array.size:
        return np.ascontiguousarray(array)
    return np.zeros((*array.shape[:-1], max(array.shape[-1], 1)), array.dtype)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Silence numba's advice on grids of few blocks: some of ours have but one thing to do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size")
        yield


class _Tables:
    """A task's integer tables on the device."""

    def __init__(self, task: SCBTask, launch: Launch = DEFAULT) -> None:
        tables = task.tables
        limits = tables.token.astype(np.uint64)
        high = (limits >> np.uint64(16)).astype(np.uint16)
        self.few = task.vocab_size <= 3
        self.thresholds = cuda.to_device(np.array(tables.token))
        self.positions = cuda.to_device(np.array(tables.positions))
        self.attended = cuda.to_device(_filled(tables.attended))
        self.slots = tables.attended.shape[1]
        self.targets = cuda.to_device(np.array(tables.target))
        self.high = cuda.to_device(high)
        width = 16 - launch.guide_bits
        self.width = np.uint32(width)
        edges = np.searchsorted(high, np.arange(2**launch.guide_bits + 1) << width, side="left")
        self.guide = cuda.to_device(edges.astype(np.uint16))
        first = [int(x) for x in limits[:2]] if self.few else []
        t0, t1 = (first + 2 * [2**32])[:2]
        h0, h1 = (np.uint32(min(t >> 16, 0xFFFF)) for t in (t0, t1))
        self.two = h0, h1, np.uint64(t0), np.uint64(t1)


@dataclasses.dataclass(frozen=True)
class _Rule:
    """What of a stage the kernels need."""

    batch: int
    eta_a: float = 0.0
    eta_v: float = 0.0
    l1: float = 0.0
    preconditioned: bool = False
    frozen: bool = False
    kind: int = NO_TARGET
    target: float = 1.0


class CudaEngine:
    """Steps on an NVIDIA GPU; see `engines.Engine`."""

    def __init__(
        self,
        task: SCBTask,
        attention: NDArray[np.float64],
        value: NDArray[np.float64],
        key: np.uint64,
        launch: Launch | None = None,
    ) -> None:
        self.task, self.attention, self.value, self.key = task, attention, value, key
        self.launch = launch or DEFAULT
        size, seq_len = attention.shape
        self.size, self.seq_len = size, seq_len
        self.counters = counters_for(seq_len)
        self.tables = _Tables(task, self.launch)
        self.parts = max(1, min(seq_len // self.launch.part, 64))
        self.blocks = processors() * self.launch.blocks_per_processor
        padded = -(-seq_len // stream.STRIP) * stream.STRIP
        self.mu = cuda.to_device(np.array(task.stationary))
        self.transition = cuda.to_device(np.array(task.transition))
        sparse = task.sparse_attention
        self.positions, self.weights, self.attended = (cuda.to_device(np.array(x)) for x in sparse)
        self.state = cuda.to_device(np.zeros(STATE_SIZE, np.int64))
        self.buffers = cuda.device_array((2, size, seq_len), np.float64)
        self.fixed = cuda.to_device(np.zeros((size, padded), np.int64))  # its end stays zero
        self.grad = cuda.device_array((size, seq_len), np.int64)
        self.value_d = cuda.device_array((size, size), np.float64)
        self.value_t = cuda.device_array((size, size), np.float64)
        self.grad_v = cuda.device_array((size, size), np.float64)
        self.row_sums = cuda.device_array((size, self.parts), np.float64)
        self.sums = cuda.device_array((4, size, self.parts), np.float64)
        self.counts = cuda.to_device(np.zeros(size, np.int64))
        self.begin_of = cuda.device_array(size, np.int64)
        self.batch = 0

    # --- stages -----------------------------------------------------------------------------

    def begin(self, stage: Stage) -> None:
        """Copy the host's parameters to the device and make room for the stage's batches."""
        rates = float(stage.eta_A), float(stage.eta_V), float(stage.l1)
        how = stage.preconditioned, stage.freeze_A
        until = TARGETS[stage.until], float(stage.target)
        self._set_rule(_Rule(stage.batch_size, *rates, *how, *until))

    def _set_rule(self, rule: _Rule) -> None:
        """Put everything in place for steps by `rule` from the host's parameters."""
        self.rule = rule
        self._make_room(rule.batch)
        self.which = 0
        self.buffers[0].copy_to_device(self.attention)
        self.value_d.copy_to_device(self.value)
        self.value_t.copy_to_device(np.ascontiguousarray(self.value.T))
        rows = np.abs(self.attention).sum(axis=1)
        top = np.abs(self.value).max()
        self.fine = bool((rows <= LIMIT).all() and top <= LIMIT)
        with np.errstate(over="ignore", invalid="ignore"):
            w = ((self.value**2).sum(axis=0).max() * rows.max() + top) * rule.batch
        scales = [power_above(row) if self.fine else 1.0 for row in rows]
        self.row_size = cuda.to_device(rows)
        self.a_scale = cuda.to_device(np.array(scales))
        self.w_scale = cuda.to_device(np.array([power_above(w) if self.fine else 1.0]))
        self.shift = cuda.to_device(np.zeros(self.size))
        self.totals = cuda.to_device(np.zeros(self.size, np.int64))
        if rule.frozen:
            counts = np.count_nonzero(self.attention, axis=1)
            self.support_begin = cuda.to_device(
                np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            )
            support = np.nonzero(self.attention)[1].astype(np.int64)
            self.support = cuda.to_device(support if support.size else np.zeros(1, np.int64))

    def _make_room(self, batch: int) -> None:
        """Allocate what depends on the batch, and decide how pass one and two are cut."""
        if batch == self.batch:
            return
        size, launch = self.size, self.launch
        self.batch = batch
        self.words = 1 if size <= 256 else 2
        few = self.tables.few
        width = self.counters * (1 if few else self.words)
        dtype: np.dtype[Any] = np.dtype(np.uint16 if few else np.uint64)
        room = launch.token_bytes // (width * dtype.itemsize)
        self.chunk = max(1, min(batch, room))
        self.codes = cuda.device_array((self.chunk, width), dtype)
        self.last = cuda.device_array(batch, np.int64)
        self.target = cuda.device_array(batch, np.int64)
        self.order = cuda.device_array(batch, np.int64)
        self.c_fixed = cuda.to_device(np.zeros((batch, size), np.int64))
        self.c = cuda.device_array((batch, size), np.float64)
        self.r = cuda.device_array((batch, size), np.float64)
        self.w_fixed = cuda.device_array((batch, size), np.int64)

    # --- steps ------------------------------------------------------------------------------

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps and copy the parameters back."""
        if not self.fine:
            return 0, DIVERGED
        taken, code = 0, RAN
        while taken < n and code == RAN:
            self._write_state(first + taken)
            with _no_warnings():
                for _ in range(min(n - taken, self.launch.queue)):
                    self._queue_step()
            _, more, code, self.which = (int(x) for x in self.state.copy_to_host())
            taken += more
        self.buffers[self.which].copy_to_host(self.attention)
        self.attention += self.shift.copy_to_host()[:, None]  # as `prepare` will, once
        self.value_d.copy_to_host(self.value)
        return taken, code

    def gradients(
        self, batch: int, step: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the gradients of one batch in new arrays."""
        self._set_rule(_Rule(batch))
        if not self.fine:
            return None
        with _no_warnings():
            self._write_state(step)
            self._queue_gradient()
            self._queue_sums()
        factor = 1.0 / self.w_scale.copy_to_host()[0] / batch
        return self.grad.copy_to_host() * factor, self.grad_v.copy_to_host()

    def _write_state(self, step: int) -> None:
        """Set the kernels' step of the stream, and let them run."""
        self.state.copy_to_device(np.array([step, 0, RAN, self.which], np.int64))

    def _queue_step(self) -> None:
        """Launch one step."""
        rule, launch = self.rule, self.launch
        if rule.frozen:
            self._queue_frozen_gradient()
        else:
            self._queue_gradient()
        self._queue_sums()
        if not rule.frozen:
            cuda_steps.propose[self.size * self.parts, launch.rows](
                self.state, rule.batch, self.parts, self.seq_len, rule.eta_a, rule.l1,
                rule.preconditioned, self.w_scale, self.mu, self.row_sums, self.grad, self.buffers,
                self.sums,
            )  # fmt: skip
        cuda_steps.decide[1, launch.rows](
            self.state, rule.batch, self.seq_len, rule.eta_a, rule.eta_v, rule.l1,
            rule.preconditioned, rule.frozen, rule.kind, rule.target, self.sums, self.grad_v,
            self.value_d, self.value_t, self.mu, self.buffers, self.shift, self.row_size,
            self.a_scale, self.w_scale, self.totals, self.positions, self.weights, self.attended,
            self.transition, self.task.K_P, self.task.K_Q,
        )  # fmt: skip

    def _queue_prepare(self, parts: int) -> None:
        """Launch what comes before the passes; with parts = 0, only the samples' ends."""
        tables, rows, batch = self.tables, self.launch.rows, self.rule.batch
        ends = -(-batch // rows)
        kernels.prepare[ends + self.size * parts, rows](
            self.state, self.key, batch, ends, max(parts, 1), tables.few, tables.thresholds,
            tables.positions, tables.attended, tables.slots, tables.targets, self.seq_len,
            self.last, self.target, self.counts, self.buffers, self.shift, self.a_scale, self.fixed,
            self.totals, self.grad,
        )  # fmt: skip
        kernels.order_samples[1, rows](
            self.state, batch, self.last, self.counts, self.begin_of, self.order
        )

    def _queue_between(self, start: int, stop: int, add_total: bool) -> None:
        """Launch what turns sums of pass one into factors of pass two."""
        kernels.between[stop - start, self.launch.between](
            self.state, start, self.order, self.last, self.target, add_total, self.totals,
            self.a_scale, self.w_scale, self.value_d, self.value_t, self.c_fixed, self.c, self.r,
            self.w_fixed,
        )  # fmt: skip

    def _queue_gradient(self) -> None:
        """Launch the gradient on one batch, into fixed point for A and into r, c for V."""
        self._queue_prepare(self.parts)
        for start in range(0, self.rule.batch, self.chunk):
            stop = min(start + self.chunk, self.rule.batch)
            self._queue_land(start, stop)
            self._queue_between(start, stop, self.tables.few)
            self._queue_spread(start, stop)

    def _queue_frozen_gradient(self) -> None:
        """Launch what V's gradient needs where A is not trained."""
        rule = self.rule
        self._queue_prepare(0)
        kernels.land_frozen[rule.batch, self.launch.between](
            self.state, self.key, self.support_begin, self.support, self.tables.thresholds,
            self.last, self.buffers, self.a_scale, self.c_fixed,
        )  # fmt: skip
        self._queue_between(0, rule.batch, False)

    def _queue_land(self, start: int, stop: int) -> None:
        """Launch pass one on a stretch of the ordered samples."""
        tables, launch, count = self.tables, self.launch, stop - start
        if tables.few:
            threads = launch.land
            tile = self._tile(threads, launch.per_thread, count)
            tiles = -(-self.counters // tile)
            group = max(1, min(kernels.GROUP, count * tiles // self.blocks))
            piece = self._piece(tiles, count, group)
            kernels.land_few[(tiles, -(-count // piece)), threads](
                self.state, self.key, start, stop, piece, group, self.counters, tile,
                *tables.two, self.order, self.last, self.fixed, self.codes, self.c_fixed,
            )  # fmt: skip
            return
        where, threads, room = self._landing()
        # Clearing and adding up N sums must not outweigh drawing the tile's tokens.
        tile = self._tile(threads, max(launch.per_thread, self.size), count)
        tiles = -(-self.counters // tile)
        piece = self._piece(tiles, count, 1)
        kernels.land_any[(tiles, -(-count // piece)), threads, 0, room](
            self.state, self.key, start, stop, piece, self.counters, tile, where, self.words,
            tables.guide, tables.width, tables.high, tables.thresholds, self.order, self.last,
            self.fixed, self.codes, self.c_fixed,
        )  # fmt: skip

    def _queue_spread(self, start: int, stop: int) -> None:
        """Launch pass two on a stretch of the ordered samples."""
        threads, count = self.launch.spread, stop - start
        tiles = -(-self.counters // threads)
        piece = self._piece(tiles, count, 1)
        grid = (tiles, -(-count // piece))
        if self.tables.few:
            kernels.spread_few[grid, threads](
                self.state, start, stop, piece, self.counters, self.seq_len, self.order, self.last,
                self.w_fixed, self.codes, self.grad,
            )  # fmt: skip
        else:
            kernels.spread_any[grid, threads](
                self.state, start, stop, piece, self.counters, self.words, self.seq_len, self.order,
                self.last, self.w_fixed, self.codes, self.grad,
            )  # fmt: skip

    def _queue_sums(self) -> None:
        """Launch the averages over the batch."""
        rule, rows = self.rule, self.launch.rows
        entries = self.size * self.size
        # As many threads for an entry as keep a GPU busy; a rule that no device has a say in.
        lanes = 1
        while 2 * lanes <= min(rows, rule.batch, self.launch.value_threads // entries):
            lanes *= 2
        blocks = min(-(-entries * lanes // rows), self.launch.value_blocks)
        extra = 0 if rule.frozen else self.size * self.parts
        cuda_steps.value_and_rows[blocks + extra, rows](
            self.state, rule.batch, blocks, lanes, self.parts, self.seq_len, self.r, self.c,
            self.w_scale, self.grad_v, self.grad, self.row_sums,
        )  # fmt: skip

    # --- how work is cut --------------------------------------------------------------------

    def _tile(self, threads: int, most: int, count: int) -> int:
        """Return how many counters a block takes: fewer where there are few samples."""
        each = self.counters * count // (threads * self.blocks)
        return threads * max(1, min(most, each))

    def _piece(self, tiles: int, count: int, group: int) -> int:
        """Return how many samples a block takes: a multiple of `group`, and enough blocks."""
        pieces = min(max(self.blocks // tiles, 1), _ALL)
        return -(-count // (pieces * group)) * group

    def _landing(self) -> tuple[int, int, int]:
        """Return where pass one adds up c, its threads, and the bytes of shared memory for it."""
        launch = self.launch
        threads = launch.land
        while threads >= min(32, launch.land):
            if 8 * self.size * threads <= launch.shared_bytes:
                return kernels.PRIVATE, threads, 8 * self.size * threads
            threads //= 2
        if 8 * self.size <= launch.shared_bytes:
            return kernels.SHARED, launch.land, 8 * self.size
        return kernels.GLOBAL, launch.land, 8


class TokenDrawer:
    """Draws tokens into a device array (B, T) and does nothing else, to be timed."""

    def __init__(self, task: SCBTask, key: np.uint64, launch: Launch = DEFAULT) -> None:
        self.tables, self.key, self.launch = _Tables(task, launch), key, launch

    def __call__(self, tokens: Any, step: int) -> None:
        """Fill `tokens`, uint8 or uint16, with those of a step."""
        tables, threads, counters = self.tables, self.launch.land, counters_for(tokens.shape[1])
        grid = (-(-counters // threads), tokens.shape[0])
        with _no_warnings():
            if tables.few:
                kernels.draw_few[grid, threads](
                    self.key, np.uint64(step), counters, *tables.two, tokens
                )
            else:
                kernels.draw_any[grid, threads](
                    self.key, np.uint64(step), counters, tables.guide, tables.width, tables.high,
                    tables.thresholds, tokens,
                )  # fmt: skip
