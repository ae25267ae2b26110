"""The host's side of the GPU: what lies where, and which kernel is launched when.

Everything between two recordings stays on the device. A step is nine or ten launches in one
stream and waits for nothing: the kernels count the steps, see whether the target is met or the run
diverges, and do nothing from then on.

Tokens are drawn once a step and kept for the second pass, in pieces of the batch that fit
`Launch.token_bytes`: 8 bits each up to 256 tokens, 16 above.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scbtools.cuda import kernels, steps
from scbtools.cuda.kernels import Floats, cuda
from scbtools.kernels import stream
from scbtools.stages import LIMIT, RAN, TARGETS, Stage
from scbtools.task import SCBTask

__all__ = ["CudaEngine", "Launch", "TokenDrawer"]

_ALL = 65535  # most blocks along y


@dataclasses.dataclass(frozen=True)
class Launch:
    """How work is cut into blocks. Threads are powers of two; tests use tiny ones.

    Results do not depend on these numbers, but for the rounding of V's gradient and of row sums.
    """

    land: int = 128  # threads of pass one
    spread: int = 128  # threads of pass two
    rows: int = 256  # threads of what goes through rows of A, at most THREADS
    between: int = 64
    per_thread: int = 8  # counters a thread takes of one sample in pass one: as many, or N
    token_bytes: int = 1 << 28
    shared_bytes: int = 38 << 10  # for what lands on each token; with the guide below 48 KiB
    blocks_per_processor: int = 8
    guide_bits: int = 12  # of a draw, by which a token's bucket is found; at most 12
    value_threads: int = 1 << 18  # most threads for V's gradient
    part: int = 4096  # positions of a row that a block takes in the step of A
    queue: int = 256  # steps in line before the host looks whether the run has stopped


DEFAULT = Launch()


def counters_for(seq_len: int) -> int:
    """Return how many counters hold the bits of positions 0 .. seq_len - 1."""
    full, rest = divmod(seq_len, stream.STRIP)
    return full * 64 + (64 if rest >= stream.SEGMENT else (rest + 1) // 2)


def processors() -> int:
    """Return how many multiprocessors the device has; the simulator stands for a small one."""
    return int(getattr(cuda.get_current_device(), "MULTIPROCESSOR_COUNT", 2))


def _upload(array: NDArray[Any]) -> Any:
    """Return the array on the device, in C order."""
    return cuda.to_device(np.array(array, order="C"))


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Silence numba's advice on grids of few blocks: some of ours have but one thing to do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size")
        yield


class _Tables:
    """A task's integer tables on the device."""

    def __init__(self, task: SCBTask, launch: Launch) -> None:
        tables, width = task.tables, 16 - launch.guide_bits
        high = (tables.token >> np.uint32(16)).astype(np.uint16)
        edges = np.searchsorted(high, np.arange(2**launch.guide_bits + 1) << width, side="left")
        self.thresholds = _upload(tables.token)
        self.find = (
            _upload(edges.astype(np.uint16)), np.uint32(width), _upload(high), self.thresholds
        )  # fmt: skip
        positions, attended = tables.positions, tables.attended
        if not attended.size:  # the device knows no empty arrays; of two slots, either will do
            positions, attended = positions.repeat(2, axis=1), positions.astype(np.uint32)
        others = (_upload(x) for x in (positions, attended, tables.target))
        self.ends = self.thresholds, *others


class CudaEngine:
    """Steps on an NVIDIA GPU; see `engines.Engine`."""

    def __init__(
        self, task: SCBTask, attention: Floats, value: Floats, key: np.uint64,
        launch: Launch | None = None,
    ) -> None:  # fmt: skip
        self.task, self.attention, self.value, self.key = task, attention, value, key
        self.launch = launch or DEFAULT
        size, seq_len = attention.shape
        self.size, self.seq_len = size, seq_len
        self.tables = _Tables(task, self.launch)
        self.counters = counters_for(seq_len)
        self.parts = max(1, min(seq_len // self.launch.part, 64))
        self.blocks = processors() * self.launch.blocks_per_processor
        mu, sparse = task.stationary, task.sparse_attention
        self.mu = _upload(mu)
        weights = sparse.weights * mu[:, None], task.transition * mu  # see `move_value`
        self.truth = tuple(_upload(x) for x in (sparse.positions, *weights))
        padded = -(-seq_len // stream.STRIP) * stream.STRIP
        self.state = _upload(np.zeros(3, np.int64))
        self.fixed = _upload(np.zeros((size, padded), np.int64))  # its end stays zero
        self.attention_d = cuda.device_array((size, seq_len), np.float64)
        self.grad = cuda.device_array((size, seq_len), np.int64)
        self.value_d, self.value_t, self.grad_v = (
            cuda.device_array((size, size), np.float64) for _ in range(3)
        )
        self.row_sums = cuda.device_array((size, self.parts), np.float64)
        self.a_scale = cuda.device_array(size, np.float64)
        self.w_scale = cuda.device_array(1, np.float64)
        self.counts = _upload(np.zeros(size, np.int64))
        self.begin_of = cuda.device_array(size, np.int64)
        self.batch = 0

    # --- stages -----------------------------------------------------------------------------

    def begin(self, stage: Stage) -> None:
        """Copy the host's parameters to the device and make room for the stage's batches."""
        self.stage = stage
        self._make_room(stage.batch_size)
        self.attention_d.copy_to_device(self.attention)
        self.value_d.copy_to_device(self.value)
        self.value_t.copy_to_device(np.ascontiguousarray(self.value.T))
        rows = np.abs(self.attention).sum(axis=1)
        sums = np.zeros((2, self.size, self.parts))
        sums[1, :, 0] = rows  # for good, where A is frozen
        self.sums, self.row_size = _upload(sums), _upload(rows)
        mu, plain = self.task.stationary, not stage.preconditioned
        self.spread_a = _upload(self.seq_len * (np.ones(self.size) if plain else 2.0 / mu))
        stretch = 2.0 * (1.0 / mu.min() + self.size * mu.max() / (mu**2).sum())
        self.spread_v = 1.0 if plain else float(stretch)
        if stage.freeze_A:
            counts = np.count_nonzero(self.attention, axis=1)
            begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            positions = np.append(np.nonzero(self.attention)[1], 0)  # there may be none
            self.support = _upload(begin), _upload(positions.astype(np.int64))

    def _make_room(self, batch: int) -> None:
        """Allocate what depends on the batch, and decide how much of it goes through at once."""
        if batch == self.batch:
            return
        self.batch, shape = batch, (batch, self.size)
        self.bits = np.uint32(8 if self.size <= 256 else 16)
        dtype: np.dtype[Any] = np.dtype(np.uint16 if self.size <= 256 else np.uint32)
        room = self.launch.token_bytes // (4 * self.counters * dtype.itemsize)
        self.chunk = max(1, min(batch, room))
        self.codes = cuda.device_array((self.chunk, 4, self.counters), dtype)
        self.last, self.target, self.order = (cuda.device_array(batch, np.int64) for _ in range(3))
        self.c_fixed = _upload(np.zeros(shape, np.int64))
        self.c, self.r = (cuda.device_array(shape, np.float64) for _ in range(2))
        self.w_fixed = cuda.device_array(shape, np.int64)

    # --- steps ------------------------------------------------------------------------------

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps and copy the parameters back."""
        taken, code = 0, RAN
        while taken < n and code == RAN:
            self._write_state(first + taken)
            with _no_warnings():
                for _ in range(min(n - taken, self.launch.queue)):
                    self._queue_step()
            _, more, code = (int(x) for x in self.state.copy_to_host())
            taken += more
        self.attention_d.copy_to_host(self.attention)
        self.value_d.copy_to_host(self.value)
        return taken, code

    def gradients(self, batch: int, step: int) -> tuple[Floats, Floats] | None:
        """Return the gradients of one batch in new arrays."""
        self.begin(Stage("gradient", 1, batch))
        if max(self.row_size.copy_to_host().max(), np.abs(self.value).max()) > LIMIT:
            return None
        with _no_warnings():
            self._write_state(step)
            self._queue_survey(0.0, 0.0)
            self._write_state(step)  # whatever it says of steps
            self._queue_gradient()
            self._queue_sums()
        factor = 1.0 / self.w_scale.copy_to_host()[0] / batch
        return self.grad.copy_to_host() * factor, self.grad_v.copy_to_host()

    def _write_state(self, step: int) -> None:
        """Set the kernels' step of the stream, and let them run."""
        self.state.copy_to_device(np.array([step, 0, RAN], np.int64))

    def _queue_step(self) -> None:
        """Launch one step."""
        stage, rows = self.stage, self.launch.rows
        eta_a, eta_v, l1 = float(stage.eta_A), float(stage.eta_V), float(stage.l1)
        self._queue_survey(0.0 if stage.freeze_A else eta_a, eta_v)
        self._queue_gradient()
        self._queue_sums()
        if not stage.freeze_A:
            steps.move_attention[(self.parts, self.size), rows](
                self.state, self.batch, eta_a, l1, stage.preconditioned, self.w_scale, self.mu,
                self.row_sums, self.grad, self.attention_d, self.sums,
            )  # fmt: skip
            if l1 > 0.0:
                steps.project[(self.parts, self.size), rows](
                    self.state, self.attention_d, self.sums
                )
        steps.move_value[1, rows](
            self.state, eta_v, stage.preconditioned, stage.centred, TARGETS[stage.until],
            float(stage.target), self.task.K_Q, self.task.K_P, self.mu, *self.truth, self.sums,
            self.grad_v, self.attention_d, self.value_d, self.value_t, self.row_size,
        )  # fmt: skip

    def _queue_survey(self, eta_a: float, eta_v: float) -> None:
        """Launch what finds scales, and asks whether a step by these rates may be taken."""
        steps.survey[1, self.launch.rows](
            self.state, self.batch, eta_a, eta_v, self.spread_a, self.spread_v, self.row_size,
            self.value_d, self.a_scale, self.w_scale,
        )  # fmt: skip

    def _queue_gradient(self) -> None:
        """Launch the gradient on one batch, into fixed point for A and into r, c for V."""
        rows, batch, frozen = self.launch.rows, self.batch, self.stage.freeze_A
        ends = -(-batch // rows)
        kernels.prepare[ends + (0 if frozen else self.size * self.parts), rows](
            self.state, self.key, ends, *self.tables.ends, self.last, self.target, self.counts,
            self.attention_d, self.a_scale, self.fixed, self.grad,
        )  # fmt: skip
        kernels.order_samples[1, rows](
            self.state, self.last, self.counts, self.begin_of, self.order
        )
        if frozen:
            kernels.land_frozen[batch, self.launch.between](
                self.state, self.key, *self.support, self.tables.thresholds, self.last,
                self.attention_d, self.a_scale, self.c_fixed,
            )  # fmt: skip
            self._queue_between(0, batch)
            return
        for start in range(0, batch, self.chunk):
            count = min(self.chunk, batch - start)
            self._queue_land(start, count)
            self._queue_between(start, count)
            tiles = -(-self.counters // self.launch.spread)
            kernels.spread[(tiles, self._pieces(tiles, count)), self.launch.spread](
                self.state, start, count, self.bits, self.order, self.last, self.w_fixed,
                self.codes, self.grad,
            )  # fmt: skip

    def _queue_land(self, start: int, count: int) -> None:
        """Launch pass one on a stretch of the ordered samples."""
        where, threads, room = self._landing()
        # A thread takes fewer counters where there are few samples, and else so many that clearing
        # and adding up N sums does not outweigh drawing.
        each = self.counters * count // (threads * self.blocks)
        tile = threads * max(1, min(max(self.launch.per_thread, self.size), each))
        tiles = -(-self.counters // tile)
        kernels.land[(tiles, self._pieces(tiles, count)), threads, 0, room](
            self.state, self.key, start, count, where, self.bits, *self.tables.find, self.order,
            self.last, self.fixed, self.codes, self.c_fixed,
        )  # fmt: skip

    def _queue_between(self, start: int, count: int) -> None:
        """Launch what turns sums of pass one into factors of pass two."""
        kernels.between[count, self.launch.between](
            self.state, start, self.order, self.last, self.target, self.a_scale, self.w_scale,
            self.value_d, self.value_t, self.c_fixed, self.c, self.r, self.w_fixed,
        )  # fmt: skip

    def _queue_sums(self) -> None:
        """Launch the averages over the batch."""
        rows, entries = self.launch.rows, self.size * self.size
        # As many threads for an entry as keep a GPU busy; a rule that no device has a say in.
        lanes = 1
        while 2 * lanes <= min(rows, self.batch, self.launch.value_threads // entries):
            lanes *= 2
        blocks = min(-(-entries * lanes // rows), self.launch.value_threads // rows)
        extra = 0 if self.stage.freeze_A else self.size * self.parts
        steps.value_and_rows[blocks + extra, rows](
            self.state, blocks, lanes, self.r, self.c, self.w_scale, self.grad, self.grad_v,
            self.row_sums,
        )  # fmt: skip

    # --- how work is cut --------------------------------------------------------------------

    def _pieces(self, tiles: int, count: int) -> int:
        """Return into how many pieces samples are cut to have enough blocks."""
        return min(max(self.blocks // tiles, 1), count, _ALL)

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

    def __init__(self, task: SCBTask, key: np.uint64, launch: Launch | None = None) -> None:
        self.launch = launch or DEFAULT
        self.find, self.key = _Tables(task, self.launch).find, key

    def __call__(self, tokens: Any, step: int) -> None:
        """Fill `tokens`, uint8 or uint16, with those of a step."""
        threads = self.launch.land
        grid = -(-counters_for(tokens.shape[1]) // threads), tokens.shape[0]
        with _no_warnings():
            kernels.draw[grid, threads](self.key, np.uint64(step), *self.find, tokens)
