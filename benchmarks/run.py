"""Race a training step of scbtools against peers in other libraries, in interleaved rounds.

    python -m benchmarks.run [--quick] [--vocab-size 3 10 64] [--seq-len 1000 10000 100000]
                             [--batch-size 64 256] [--threads 1 2] [--peers ...] [--seconds 8]

Every contestant lives in a process of its own, started with its number of threads and pinned to
as many cores. They take turns, round by round, only one at work at a time, so that all of them
meet the same noise: what counts is the ratio of times within a round. Before a race each peer
proves that it computes the same gradient on the same tokens. Compiling is timed apart.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime
import importlib
import multiprocessing
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, util
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import PEERS

ROOT = Path(__file__).resolve().parents[1]
OURS = ("scbtools", "draw_only")
NEEDS = {"torch": "torch", "jax": "jax", "numpy": "numpy"}
ETA = 1e-3
TURN = 0.02  # seconds that a turn takes at least, or one step
MEMORY = 4e9  # bytes that a contestant may need
COLUMNS = (
    "vocab_size", "seq_len", "batch_size", "threads", "contestant", "ms", "ms_q1", "ms_q3",
    "ratio", "ratio_q1", "ratio_q3", "rounds", "warm_up_s", "note", "cpu", "cores", "python",
    "versions", "date",
)  # fmt: skip
Cell = tuple[int, int, int, int]  # N, T, B, threads


# --- in a contestant's process ------------------------------------------------------------------


class Library:
    """Training steps of scbtools as `scb.train` takes them between two recordings."""

    def __init__(self, task: Any, batch_size: int, eta_v: float, eta_a: float) -> None:
        import numpy as np

        import scbtools as scb
        from scbtools.engines import make_engine

        start = scb.uniform_start(task)
        attention, value = np.array(start.A.T, order="C"), np.array(start.V)
        self.engine, self.done = make_engine("cpu", task, attention, value, np.uint64(0)), 0
        self.engine.begin(scb.Stage("race", 1, batch_size, eta_V=eta_v, eta_A=eta_a))

    def steps(self, count: int) -> None:
        """Take steps, all in one compiled call."""
        self.engine.advance(self.done, count)
        self.done += count


class Draw:
    """The library's sampler alone, storing its tokens: the floor under a step that stores them."""

    def __init__(self, task: Any, batch_size: int, eta_v: float, eta_a: float) -> None:
        import numpy as np

        from scbtools.kernels.tokens import new_scratch

        self.task, self.batch_size, self.step = task, batch_size, 0
        self.threads = int(os.environ["NUMBA_NUM_THREADS"])
        # As large as fits in memory beside the others; drawn over and over.
        rows = max(1, min(batch_size, 2**28 // task.seq_len) // self.threads)
        self.buffers = [
            (
                np.empty((rows, task.seq_len), np.uint8),
                np.empty(rows, np.uint8),
                new_scratch(task.seq_len),
            )
            for _ in range(self.threads)
        ]
        self.pool = ThreadPoolExecutor(self.threads)

    def share(self, worker: int, step: int) -> None:
        """Draw one worker's samples of a step."""
        import numpy as np

        from scbtools.kernels.tokens import draw_batch

        tokens, ends, scratch = self.buffers[worker]
        key = np.uint64(worker)
        left = len(range(worker, self.batch_size, self.threads))
        while left > 0:
            rows = tokens[: min(left, len(tokens))]
            some = ends[: len(rows)]
            draw_batch(self.task.tables, key, np.uint64(step), *scratch, rows, some, some)
            left -= len(rows)

    def steps(self, count: int) -> None:
        """Draw the tokens of so many steps."""
        for _ in range(count):
            if self.threads == 1:
                self.share(0, self.step)
            else:
                list(self.pool.map(self.share, range(self.threads), [self.step] * self.threads))
            self.step += 1


def prepare(name: str, n: int, t: int, b: int) -> tuple[Any, float, int, float]:
    """Return a contestant, its seconds to warm up, steps per turn, and its gradient's error."""
    import scbtools as scb

    task = scb.SCBTask.random(n, t, 2, seed=0)
    rates = ETA / task.K_Q, ETA / task.K_P
    error = 0.0
    start = time.perf_counter()
    if name in OURS:
        contestant: Any = (Library if name == "scbtools" else Draw)(task, b, *rates)
    else:
        from benchmarks.protocol import gradient_error

        module = importlib.import_module(f"benchmarks.{name}")
        error = gradient_error(module.Peer(task, b, *rates), task, b)
        start = time.perf_counter()
        contestant = module.Peer(task, b, *rates)
    contestant.steps(1)
    warm_up = time.perf_counter() - start
    count = 1
    # Once for a peer, since JAX compiles anew for each count; again for the library, whose first
    # guess holds the start-up of a call.
    for _ in range(2 if name in OURS else 1):
        count = max(1, min(round(TURN / (timed(contestant, count) / count)), 2**16))
    contestant.steps(count)
    return contestant, warm_up, count, error


def timed(contestant: Any, count: int) -> float:
    """Return the seconds that so many steps take."""
    start = time.perf_counter()
    contestant.steps(count)
    return time.perf_counter() - start


def scaling() -> list[tuple[int, float]]:
    """Return (T, seconds a step) of the library over three decades, N = 3 and B = 64."""
    import scbtools as scb

    found = []
    for seq_len in (1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000):
        steps = max(2, 4_000_000 // (64 * seq_len))
        library = Library(scb.SCBTask.random(3, seq_len, 2, seed=0), 64, 1e-6, 1e-6)
        library.steps(steps)
        times = [timed(library, steps) / steps for _ in range(7)]
        found.append((seq_len, statistics.median(times)))
    return found


def overhead() -> float:
    """Return the seconds of a `minibatch_gradients` call with next to nothing to do."""
    import scbtools as scb

    task = scb.SCBTask.random(3, 10, 2, seed=0)
    params = scb.uniform_start(task)
    times = []
    for step in range(3000):
        start = time.perf_counter()
        scb.minibatch_gradients(task, params, 1, step=step)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def child(pipe: Connection, name: str, threads: int) -> None:
    """Serve one contestant: answer requests until the pipe closes."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])
    if name.startswith("torch"):
        import torch

        torch.set_num_threads(threads)
    contestant: Any = None
    count = 1
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            request, *rest = pipe.recv()
            try:
                answer: Any
                if request == "prepare":
                    contestant = None
                    contestant, warm_up, count, error = prepare(name, *rest)
                    answer = warm_up, error
                elif request == "turn":
                    answer = timed(contestant, count) / count
                else:
                    answer = {"scaling": scaling, "overhead": overhead}[request]()
                pipe.send(("fine", answer))
            except Exception as problem:  # tell it, and go on with the next cell
                pipe.send(("failed", f"{type(problem).__name__}: {problem}".splitlines()[0]))


# --- in the process that conducts ---------------------------------------------------------------


class Failed(Exception):
    """A contestant raised, or its process is gone."""


class Remote:
    """A contestant's process, seen from outside."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        wanted = {
            **dict.fromkeys(
                ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
                str(threads),
            ),
            "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
            "JAX_PLATFORMS": "cpu",
        }
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        before = {key: os.environ.get(key) for key in wanted}
        os.environ.update(wanted)  # a spawned process inherits it before it imports anything
        try:
            self.process = context.Process(target=child, args=(theirs, name, threads), daemon=True)
            self.process.start()
        finally:
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})
        theirs.close()

    def ask(self, *request: Any) -> Any:
        """Return the answer to a request, or raise Failed."""
        try:
            self.pipe.send(request)
            status, answer = self.pipe.recv()
        except (EOFError, OSError) as problem:
            raise Failed("its process ended, perhaps for want of memory") from problem
        if status != "fine":
            raise Failed(answer)
        return answer

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.terminate()


def memory(name: str, n: int, t: int, b: int) -> int:
    """Return about how many bytes a contestant needs for a step."""
    if name in OURS:
        return 0
    peer = importlib.import_module(f"benchmarks.{name}").Peer
    return int(peer.memory(n, t, b))


def race(remotes: dict[str, Remote], cell: Cell, seconds: float) -> list[dict[str, Any]]:
    """Return the rows of one cell, the library's first."""
    n, t, b, threads = cell
    rows: dict[str, dict[str, Any]] = {}
    times: dict[str, list[float]] = {}
    for name in remotes:
        rows[name] = {"note": ""}
        need = memory(name, n, t, b)
        if need > MEMORY:
            rows[name]["note"] = f"needs {need / 1e9:.0f} GB"
            continue
        try:
            warm_up, error = remotes[name].ask("prepare", n, t, b)
        except Failed as problem:
            rows[name]["note"] = str(problem)
            if not remotes[name].process.is_alive():
                remotes[name] = Remote(name, threads)
            continue
        rows[name]["warm_up_s"] = f"{warm_up:.2f}"
        if error > 1e-9:
            rows[name]["note"] = f"its gradient differs by {error:.1e}"
        else:
            times[name] = []
    end = time.perf_counter() + seconds
    order = list(times)
    while time.perf_counter() < end or len(times["scbtools"]) < 3:
        for name in order:
            times[name].append(remotes[name].ask("turn"))
        order = order[1:] + order[:1]
    for name, mine in times.items():
        ratios = [x / y for x, y in zip(mine, times["scbtools"], strict=True)]
        rows[name]["rounds"] = len(mine)
        for label, values, scale in (("ms", mine, 1e3), ("ratio", ratios, 1)):
            low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
            rows[name] |= {
                label: f"{middle * scale:.4g}",
                f"{label}_q1": f"{low * scale:.4g}",
                f"{label}_q3": f"{high * scale:.4g}",
            }
    place = {"vocab_size": n, "seq_len": t, "batch_size": b, "threads": threads}
    return [{**place, "contestant": name, **row} for name, row in rows.items()]


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows of a cell."""
    for row in rows:
        start = (
            f"{row['vocab_size']:4d} {row['seq_len']:8d} {row['batch_size']:6d} "
            f"{row['threads']:8d}  {row['contestant']:15s}"
        )
        if "ms" in row:
            ms = f"{row['ms']} [{row['ms_q1']}, {row['ms_q3']}]"
            ratio = f"{row['ratio']} [{row['ratio_q1']}, {row['ratio_q3']}]"
            print(f"{start} {ms:>28s} {ratio:>24s} {row['warm_up_s']:>9s}")
        else:
            print(f"{start} {row['note']:>28s}")
    sys.stdout.flush()


def machine() -> dict[str, str]:
    """Return what the times depend on: versions, processor, date."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    versions = []
    for package in ("numpy", "numba", "torch", "jax"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions.append(f"{package} {metadata.version(package)}")
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "versions": ", ".join(versions),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def append(rows: list[dict[str, Any]], file: Path) -> None:
    """Add rows to a file, with a header where it is new."""
    fresh = not file.exists()
    with file.open("a", newline="", encoding="utf8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def finished(file: Path) -> dict[Cell, int]:
    """Return the cells that a file holds, each with its number of rows."""
    cells: dict[Cell, int] = {}
    if file.exists():
        with file.open(newline="", encoding="utf8") as stream:
            for row in csv.DictReader(stream):
                cell = tuple(int(row[name]) for name in COLUMNS[:4])
                cells[cell] = cells.get(cell, 0) + 1  # type: ignore[index, arg-type]
    return cells


def closing(threads: int) -> None:
    """Print how the library's time grows with B T, and what a call costs."""
    remote = Remote("scbtools", threads)
    points = remote.ask("scaling")
    call = remote.ask("overhead")
    remote.close()
    import numpy as np

    sizes, times = np.log(np.array(points)).T
    slope = np.polyfit(sizes, times, 1)[0]
    print(f"\nscbtools, N = 3, B = 64, {threads} thread: time grows as (B T)^{slope:.3f} from")
    print("T = 10^3 to 10^6; ns a token:", end="")
    print("".join(f"  {seconds / 64 / size * 1e9:.2f}" for size, seconds in points))
    print(f"A call of minibatch_gradients with N = 3, T = 10, B = 1: {call * 1e6:.0f} us.")


def main() -> None:
    """Run the races that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vocab-size", type=int, nargs="+", default=[3, 10, 64])
    parser.add_argument("--seq-len", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--seconds", type=float, default=8.0, help="of racing per cell")
    parser.add_argument("--quick", action="store_true", help="T = 5000, B = 64, one thread; 3 s")
    parser.add_argument("--out", type=Path, default=ROOT / "book" / "data" / "bench.csv")
    parser.add_argument("--resume", action="store_true", help="keep the cells of a run cut short")
    options = parser.parse_args()
    if options.quick:
        options.seq_len, options.batch_size, options.threads = [5000], [64], [1]
        options.seconds = 3.0
    peers = []
    for name in options.peers:
        package = NEEDS[name.split("_")[0]]
        if util.find_spec(package) is None:
            print(f"{name} does not race: {package} is not installed")
        else:
            peers.append(name)

    # Cells are added to a file beside the result, which then takes the result's place whole.
    partial = options.out.with_suffix(".partial.csv")
    if not options.resume:
        partial.unlink(missing_ok=True)
    done, about = finished(partial), machine()
    print("float64, sampling included; medians [quartiles] over interleaved rounds\n")
    print(
        f"   N        T      B  threads  contestant      {'ms a step':>28s} "
        f"{'time / scbtools':>24s} {'warm-up s':>9s}"
    )
    for threads in options.threads:
        cells = [
            (n, t, b, threads)
            for n in options.vocab_size
            for t in options.seq_len
            for b in options.batch_size
        ]
        cells = [cell for cell in cells if cell not in done]
        if not cells:
            continue
        remotes = {name: Remote(name, threads) for name in (*OURS, *peers)}
        for cell in cells:
            rows = race(remotes, cell, options.seconds)
            show(rows)
            append([{**row, **about} for row in rows], partial)
        for remote in remotes.values():
            remote.close()
    partial.replace(options.out)
    closing(1)


if __name__ == "__main__":
    main()
