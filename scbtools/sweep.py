"""Grids of runs: one call for every cell, in parallel, kept on disk, resumed where it stopped."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import importlib.util
import inspect
import itertools
import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from tqdm.auto import tqdm

from scbtools._check import flag, integer, shown, text
from scbtools.engines import get_num_threads, set_num_threads

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells", "code_version", "sweep"]

Cell = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parent
# What draws and drives cannot change a result, so editing it leaves stored cells valid.
_IDLE = {"sweep.py", "plotting.py"}
_DIED = """A worker died. If memory ran out, take fewer of them with n_jobs=.
Cells in the store are kept, and the same call goes on from there."""


def sweep(
    run_one: Callable[..., Mapping[str, Any]],
    grid: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]], *,
    store: str | os.PathLike[str] | None = None, n_jobs: int | None = None,
    progress: bool = False, version: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return a tidy table with the results of `run_one` at every cell of a grid.

    Parameters
    ----------
    run_one : function
        Called with a cell's parameters by name. It returns a mapping of names to scalars, which
        is one row; or to arrays and lists of one length (scalars among them are repeated), which
        are that many rows. It should depend on its parameters alone, `seed` among them.
    grid : mapping of names to sequences, or iterable of mappings
        Either every combination of the values, or the cells themselves. Values are numbers,
        strings, booleans or None.
    store : path, optional
        A folder with one file per finished cell, named after a hash of the cell's parameters and
        of the code. Made if it is not there. A sweep that was killed goes on where it stopped; a
        file that is damaged, or of another version of the code, is not used.
    n_jobs : int, optional
        Processes; -1 is one per core. By default what `joblib.parallel_config` says, and -1
        where it says nothing. Each worker uses one thread. Under
        ``joblib.parallel_config(backend="dask")`` the workers are those of the dask.distributed
        client. 1 runs in this process.
    progress : bool
        Show a bar with the time left.
    version : str, optional
        Stands for the code in the names of the files. By default a hash of what scbtools computes
        with and of the file that defines `run_one` (in a notebook: of its source).

    Returns
    -------
    pandas.DataFrame
        Columns: the parameters, then the results. Rows in the order of the grid.

    Raises
    ------
    ImportError
        Without joblib and pandas, which come with the extra "sweep".
    ValueError, TypeError
        For bad arguments, before anything is run; for a result that is no row, when it comes.
    OSError
        If the store cannot be written: before anything is run, or later where the disk fills.
    Exception
        Whatever `run_one` raises, with a note that names the cell. Cells handed out by then, up to
        two for each worker, are finished and stored first.
    KeyboardInterrupt
        At once. A cell that was interrupted is not stored, even if `run_one` returned.

    Notes
    -----
    On a cluster the workers must be able to import `run_one` and the same scbtools; they need no
    common disk, because this process alone writes the store. When it is killed, its workers on
    this machine end within seconds (on Windows, minutes). At most one ``.tmp`` file stays, which
    is never read.
    """
    _needs_extra()
    if not callable(run_one):
        raise TypeError(f"run_one must be a function, got {shown(run_one)}")
    if n_jobs is not None and (n_jobs := integer("n_jobs", n_jobs, -(2**16), 2**16)) == 0:
        raise ValueError("n_jobs must not be 0: 1 runs in this process, -1 is one per core")
    if not isinstance(store, str | os.PathLike | None):
        raise TypeError(f"store must be a path, got {shown(store)}")
    if version is not None:
        version = text("version", version)
    silent, todo = not flag("progress", progress), cells(grid)
    if not todo:
        raise ValueError("the grid has no cells")
    results: dict[int, Cell] = {}
    shelf = None
    if store is not None:
        shelf = _Store(Path(store), code_version(run_one) if version is None else version)
        results = {i: kept for i, cell in enumerate(todo) if (kept := shelf.load(cell)) is not None}
    missing = [(i, cell) for i, cell in enumerate(todo) if i not in results]
    if shelf is not None and missing:
        shelf.write(probe := shelf.folder / ".probe", " " * 4096)
        probe.unlink(missing_ok=True)
    failures: list[Exception] = []
    outcomes = _run(run_one, missing, n_jobs, failures)
    with tqdm(total=len(todo), initial=len(results), disable=silent, unit="cell") as bar:
        try:
            for i, outcome in outcomes:
                try:
                    if isinstance(outcome, Exception):
                        raise outcome
                    if shelf is not None:
                        shelf.save(todo[i], outcome)
                except Exception as error:
                    error.__notes__ = [f"in the cell {todo[i]}", *getattr(error, "__notes__", [])]
                    failures.append(error)
                    bar.set_postfix_str("a cell failed, others are being finished")
                else:
                    results[i] = outcome
                    bar.update()
        except BaseException as error:
            if isinstance(error, BrokenExecutor):
                error.add_note(_DIED)
            outcomes.throw(error)  # joblib ends the workers and raises it again
    if failures:
        raise failures[0]
    return _table(todo, [results[i] for i in range(len(todo))])


def cells(grid: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]) -> list[Cell]:
    """Return the cells of a grid, as of `sweep`, in order, each a dict of plain scalars.

    Raises TypeError if a value is no scalar, ValueError if two cells are the same.
    """
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            # An iterator has no length, and would be empty when the call is repeated.
            is_list = hasattr(values, "__len__") and getattr(values, "ndim", 1) == 1
            if not is_list or isinstance(values, str | bytes | Mapping):
                raise TypeError(
                    f"grid[{name!r}] must be a sequence of values, got {shown(values)}: "
                    f"write [{shown(values)}] for a single one, list(...) around an iterator"
                )
        every = itertools.product(*grid.values())
        grid = [dict(zip(grid, values, strict=True)) for values in every]
    if not isinstance(grid, Iterable) or not getattr(grid, "ndim", 1):
        raise TypeError(f"grid must be a mapping or a list of mappings, got {shown(grid)}")
    plain = [{k: _scalar(k, x) for k, x in _named("each cell must be", cell)} for cell in grid]
    seen = set()
    for cell in plain:
        if (key := _canonical(cell)) in seen:
            raise ValueError(f"the grid has the cell {cell} twice")
        seen.add(key)
    return plain


def code_version(run_one: Callable[..., Any]) -> str:
    """Return a hash of the code that a result of `run_one` depends on.

    That is every file of scbtools but those that only draw or drive, and the file that defines
    `run_one`. Other modules that it imports are not seen. Raises ValueError if the source of
    `run_one` cannot be found.
    """
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE)
        if name.parts[0] not in _IDLE:
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        file = Path(inspect.getsourcefile(run_one) or "")
        # A notebook's "file" is a cell; its lines are all there is.
        whole = file.is_file() and not file.name.startswith("ipy")
        text = file.read_text("utf8") if whole else inspect.getsource(run_one)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"the source of {run_one!r} cannot be found, so a change in it would go unseen: "
            f"define it with def in a file or a notebook, or pass version="
        ) from error
    digest.update(f"{run_one.__qualname__}\0{text}".encode())
    return digest.hexdigest()


class _Store:
    """A folder of finished cells."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder.absolute(), version  # a cell may change directory

    def path(self, cell: Cell) -> Path:
        """Return the file of a cell."""
        key = hashlib.sha256(f"{self.version}\0{_canonical(cell)}".encode()).hexdigest()
        return self.folder / f"{key[:32]}.json"

    def load(self, cell: Cell) -> Cell | None:
        """Return a stored result, None where there is none that can be trusted."""
        path = self.path(cell)
        try:
            if not path.is_file():  # a pipe would keep us waiting
                return None
            entry = json.loads(path.read_text("utf8"))
            body, digest = entry["body"], entry["sha256"]
            wanted = {**body, "cell": cell, "version": self.version}
            same = digest == _digest(body) == _digest(wanted)
            return _tidy(body["result"], cell) if same else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def save(self, cell: Cell, result: Cell) -> None:
        """Write a result."""
        body = {"cell": cell, "version": self.version, "result": result}
        self.write(self.path(cell), json.dumps({"sha256": _digest(body), "body": body}))

    def write(self, path: Path, text: str) -> None:
        """Write a new file, then rename it: a file is there whole or not at all."""
        fresh = self.folder / f".{uuid4().hex}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if path.is_dir():  # which no file can replace
                path.rename(f"{path}.{uuid4().hex}.damaged")
            try:
                with fresh.open("x", encoding="utf8") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fsync(stream.fileno())
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise OSError(
                f"the store {self.folder} cannot be written ({getattr(error, 'strerror', error)}): "
                f"store must be a folder where you may write, on a disk with room"
            ) from error


def _run(
    run_one: Callable[..., Any], todo: list[tuple[int, Cell]], n_jobs: int | None, stop: list[Any]
) -> Generator[tuple[int, Any]]:
    """Yield (index, result or error) as cells finish; hand out no more when `stop` has entries."""
    import joblib
    from joblib.parallel import get_active_backend

    if not todo:
        return
    backend, usual = get_active_backend()
    n_jobs, name = n_jobs or usual or -1, None
    if not backend.supports_return_generator:  # multiprocessing and sequential give all at the end
        n_jobs, name = backend.effective_n_jobs(n_jobs), "loky"
    given = itertools.takewhile(lambda _: not stop, todo)
    # One cell a task: cells differ in length, and a result is stored when it comes. None waits at
    # a worker, where it would still be run after a failure.
    parallel = joblib.Parallel(
        n_jobs, name, "generator_unordered", batch_size=1, pre_dispatch="n_jobs"
    )
    home = os.getpid()
    yield from parallel(joblib.delayed(_one)(run_one, i, cell, home) for i, cell in given)


def _one(run_one: Callable[..., Any], index: int, cell: Cell, home: int) -> tuple[int, Any]:
    """Run one cell with one thread, as many processes run at once; return its error, if any."""
    _end_with(home)
    threads, interrupts = get_num_threads(), []
    on_interrupt: Any = signal.getsignal(signal.SIGINT)
    outcome: Any

    def note(number: int, frame: Any) -> None:
        interrupts.append(number)
        on_interrupt(number, frame)

    # A run_one may catch KeyboardInterrupt and return, and so does scbtools.train.
    watched = callable(on_interrupt) and threading.current_thread() is threading.main_thread()
    try:
        if watched:
            signal.signal(signal.SIGINT, note)
        set_num_threads(1)
        outcome = _tidy(run_one(**cell), cell)
    except Exception as error:
        outcome = error if os.getpid() == home else _portable(error)
    finally:
        set_num_threads(threads)
        if watched:
            signal.signal(signal.SIGINT, on_interrupt)
    if interrupts:
        raise KeyboardInterrupt
    return index, outcome


def _portable(error: Exception) -> Exception:
    """Return an error that another process can read, with its traceback in a note."""
    note = f"in a worker: {traceback.format_exc()}"
    try:
        copy.deepcopy(error)  # needs what pickling needs
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(note)
    return error


@functools.cache
def _end_with(home: int) -> None:
    """Let a worker of loky, joblib's own pool, end when the process `home` was killed.

    It would wait on for minutes. Compiled code of others that keeps the GIL is let finish.
    """

    def watch(parent: int = os.getppid()) -> None:
        with contextlib.suppress(ProcessLookupError):
            while os.getppid() == parent:
                os.kill(home, 0)  # asks whether it is there
                time.sleep(1)
        os._exit(1)

    if type(multiprocessing.current_process()).__name__ == "LokyProcess" and os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


def _named(what: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Return the items of a mapping whose names are strings, or raise."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} a mapping of names to values, got {shown(value)}")
    for name in value:
        if not isinstance(name, str):
            raise TypeError(f"{what} a mapping whose names are strings, got the name {shown(name)}")
    return value.items()


def _scalar(name: str, value: Any) -> Any:
    """Return a value as plain Python, or raise."""
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):  # JSON has one NaN, without sign and payload
        return float.__float__(value) if value == value else np.nan
    if isinstance(value, int):
        if value.bit_length() > 2000:  # which Python may refuse to write or read
            raise ValueError(f"{name} has more than 600 digits")
        return int.__int__(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{name}: {shown(value)} is no number, string, boolean or None")


def _tidy(result: Any, cell: Cell) -> Cell:
    """Return a result of plain scalars and lists of one length, or raise."""
    plain: Cell = {}
    for name, value in _named("run_one must return", result):
        is_array = isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)
        if is_array and value.ndim == 0:
            value = value[()]
        if isinstance(value, list | tuple) or (is_array and np.ndim(value) == 1):
            plain[name] = [_scalar(name, each) for each in value]
        else:
            plain[name] = _scalar(name, value)
    if not plain:
        raise TypeError("run_one must return a mapping with at least one result")
    if clash := sorted(set(plain) & set(cell)):
        raise ValueError(f"results may not be called like parameters: {', '.join(clash)}")
    lengths = {name: len(value) for name, value in plain.items() if isinstance(value, list)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lists of one result must be of one length, got {lengths}")
    return plain


def _table(todo: list[Cell], results: list[Cell]) -> pd.DataFrame:
    """Return cells and results as rows."""
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [] for row in (*todo, *results) for name in row}
    for cell, result in zip(todo, results, strict=True):
        length = next((len(value) for value in result.values() if isinstance(value, list)), 1)
        row = {**cell, **result}
        for name, column in columns.items():
            value = row.get(name)
            column.extend(value if isinstance(value, list) else [value] * length)
    return pd.DataFrame(columns)


def _canonical(value: Any) -> str:
    """Return JSON that is the same for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(body: Any) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


@functools.cache
def _needs_extra() -> None:
    """Raise where joblib or pandas is missing."""
    missing = [name for name in ("joblib", "pandas") if importlib.util.find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise ImportError(f"sweeps need {names}: install scbtools with its extra 'sweep'")
