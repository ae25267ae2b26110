"""Grids of runs: one call for every cell, in parallel, kept on disk, resumed where it stopped."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from scbtools.engines import get_num_threads, set_num_threads

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells", "code_version", "sweep"]

Cell = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parent
# What draws and drives cannot change a result, so editing it leaves stored cells valid.
_IDLE = {"sweep.py", "plotting.py"}


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
        For a bad grid, before anything is run; for a result that is no row, when it comes.
    Exception
        Whatever `run_one` raises, with a note that names the cell. Finished cells stay stored.

    Notes
    -----
    On a cluster the workers must be able to import `run_one` and the same scbtools; they need no
    common disk, because this process alone writes the store.
    """
    _needs_extra()
    todo = cells(grid)
    if not todo:
        raise ValueError("the grid has no cells")
    results: dict[int, Cell] = {}
    shelf = None
    if store is not None:
        shelf = _Store(Path(store), version if version is not None else code_version(run_one))
        results = {i: kept for i, cell in enumerate(todo) if (kept := shelf.load(cell)) is not None}
    missing = [(i, cell) for i, cell in enumerate(todo) if i not in results]
    with tqdm(total=len(todo), initial=len(results), disable=not progress, unit="cell") as bar:
        for i, result in _run(run_one, missing, n_jobs):
            results[i] = _tidy(result, todo[i])
            if shelf is not None:
                shelf.save(todo[i], results[i])
            bar.update()
    return _table(todo, [results[i] for i in range(len(todo))])


def cells(grid: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]) -> list[Cell]:
    """Return the cells of a grid, as of `sweep`, in order, each a dict of plain scalars.

    Raises TypeError if a value is no scalar, ValueError if two cells are the same.
    """
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(
                    f"grid[{name!r}] must be a sequence of values, got {values!r}: "
                    f"write [{values!r}] for a single one"
                )
        every = itertools.product(*grid.values())
        grid = [dict(zip(grid, values, strict=True)) for values in every]
    plain = [{str(name): _scalar(name, x) for name, x in dict(cell).items()} for cell in grid]
    seen = set()
    for cell in plain:
        if (text := _canonical(cell)) in seen:
            raise ValueError(f"the grid has the cell {cell} twice")
        seen.add(text)
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
    except (OSError, TypeError) as error:
        raise ValueError(
            f"the source of {run_one!r} cannot be found, so a change in it would go unseen: "
            f"define it with def in a file or a notebook, or pass version="
        ) from error
    digest.update(f"{run_one.__qualname__}\0{text}".encode())
    return digest.hexdigest()


class _Store:
    """A folder of finished cells."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder, version
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, cell: Cell) -> Path:
        """Return the file of a cell."""
        key = hashlib.sha256(f"{self.version}\0{_canonical(cell)}".encode()).hexdigest()
        return self.folder / f"{key[:32]}.json"

    def load(self, cell: Cell) -> Cell | None:
        """Return a stored result, None where there is none that can be trusted."""
        try:
            entry = json.loads(self.path(cell).read_text("utf8"))
            body, digest = entry["body"], entry["sha256"]
            wanted = {**body, "cell": cell, "version": self.version}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return dict(body["result"]) if digest == _digest(body) == _digest(wanted) else None

    def save(self, cell: Cell, result: Cell) -> None:
        """Write a result to a new file, then rename it: a file is there whole or not at all."""
        body = {"cell": cell, "version": self.version, "result": result}
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
        try:
            with os.fdopen(handle, "w", encoding="utf8") as stream:
                json.dump({"sha256": _digest(body), "body": body}, stream)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.path(cell))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _run(
    run_one: Callable[..., Any], todo: list[tuple[int, Cell]], n_jobs: int | None
) -> Iterator[tuple[int, Any]]:
    """Yield (index, result) as cells finish."""
    import joblib
    from joblib.parallel import get_active_backend

    if not todo:
        return
    if n_jobs is None and get_active_backend()[1] is None:
        n_jobs = -1
    # One cell a task: cells differ in length, and a result is stored when it comes.
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    yield from parallel(joblib.delayed(_one)(run_one, i, cell) for i, cell in todo)


def _one(run_one: Callable[..., Any], index: int, cell: Cell) -> tuple[int, Any]:
    """Run one cell with one thread, as many processes run at once."""
    before = get_num_threads()
    set_num_threads(1)
    try:
        return index, run_one(**cell)
    except Exception as error:
        error.add_note(f"in the cell {cell}")
        raise
    finally:
        set_num_threads(before)


def _scalar(name: Any, value: Any) -> Any:
    """Return a value as plain Python, or raise."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{name}: {value!r} is no number, string, boolean or None")


def _tidy(result: Any, cell: Cell) -> Cell:
    """Return a result of plain scalars and lists of one length, or raise."""
    if not isinstance(result, Mapping) or not result:
        raise TypeError(f"run_one must return a mapping of names to results, got {result!r}")
    if clash := sorted(set(result) & set(cell)):
        raise ValueError(f"results may not be called like parameters: {', '.join(clash)}")
    plain: Cell = {}
    for name, value in result.items():
        if isinstance(value, np.ndarray | list | tuple) and np.ndim(value) == 1:
            plain[str(name)] = [_scalar(name, each) for each in value]
        else:
            is_scalar = isinstance(value, np.ndarray) and value.ndim == 0
            plain[str(name)] = _scalar(name, value[()] if is_scalar else value)
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
