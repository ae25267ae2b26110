"""What the browser calls: the library's kernels, as functions of addresses.

Each function here puts arrays around addresses and calls a kernel; nothing is computed here. A
call gets numbers and what goes with them as one row of float64, which holds addresses exactly too,
so that whoever calls from JavaScript (`book/_static/live/scb.mjs`) writes one short list.
`tools/make_wasm.py` compiles them to WebAssembly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from scbtools import markov, population, updates
from scbtools.kernels import arrays, cpu, measure, tokens, value
from scbtools.kernels.arrays import Batch, Desk, Model, Rule, Turn
from scbtools.kernels.measure import Truth
from scbtools.kernels.tokens import TILE, Tables

__all__ = ["EXPORTS"]

F = TypeVar("F", bound=Callable[..., Any])

EXPORTS: dict[str, tuple[Any, Callable[..., Any]]] = {}
"""The functions by the names that they have in the browser, each after its signature."""

_int: Any = np.int64

_ADDRESS, _COUNT, _NUMBER = types.uint32, types.uint32, types.float64
_WORD = np.uint64(32)


def _export(result: Any, *arguments: Any) -> Callable[[F], F]:
    """Return a decorator that puts a function with this signature among the exports."""

    def keep(function: F) -> F:
        EXPORTS[function.__name__] = result(*arguments), function
        return function

    return keep


def _part(function: F) -> F:
    """Return a function for exports to call; unlike those of `_jit.inner` it may make arrays."""
    compiled = numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return compiled(function)  # type: ignore[no-any-return]


# --- arrays at addresses --------------------------------------------------------------------


def _array_of(kind: Any) -> Any:
    """Return a function from an address and a shape to an array of that kind."""

    def pointer(_context: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            wanted = context.get_value_type(signature.return_type)
            return builder.inttoptr(arguments[0], wanted)

        return types.CPointer(kind)(types.uint64), code

    known = intrinsic(pointer)

    def array(address: Any, shape: Any) -> Any:
        return carray(known(np.uint64(address)), shape)

    return _part(array)


_floats, _ints = _array_of(types.float64), _array_of(types.int64)
_words, _halves = _array_of(types.uint32), _array_of(types.uint16)
_group_size, _room_sizes = _part(arrays.group_size), _part(arrays.room_sizes)
_signal_step = _part(population._signal_step)


@_part
def _truth(task: Any) -> Any:
    """Return what parameters are measured against, of a task's row."""
    n, s = _int(task[0]), _int(task[2])
    return Truth(
        _floats(task[5], (n, n)), _floats(task[6], (n,)), _ints(task[7], (n, s)),
        _floats(task[8], (n, s)), _ints(task[9], (n,)), task[3], task[4],
    )  # fmt: skip


@_part
def _tables(task: Any) -> Any:
    """Return the integer tables of a task's row."""
    n, s = _int(task[0]), _int(task[2])
    return Tables(
        _words(task[10], (n - 1,)), _halves(task[11], (max(2, n - 1),)),
        _halves(task[12], (65536 if n > tokens.COMPARE_LIMIT else 1,)), _ints(task[7], (n, s)),
        _words(task[13], (n, s - 1)), _words(task[14], (n, n - 1)),
    )  # fmt: skip


@_part
def _scratch(room: Any, n: int, t: int, batch: int, together: int) -> Any:
    """Return a batch's and a desk's arrays in a room, the rest for a model, and where it ends."""
    some, width, groups, samples = _room_sizes(n, t, batch, together)
    table = n**together
    words = room
    tally = words + 4 * 4 * (TILE // 8)
    codes = tally + 2 * 128
    last = codes + 2 * groups * width
    target = last + 8 * batch
    order = target + 8 * batch
    begin = order + 8 * batch
    c = begin + 8 * (n + 1)
    r = c + 8 * some * n
    cuts = r + 8 * some * n
    fixed = cuts + 8 * 3 * t
    sums = fixed + 8 * t
    joint = sums + 8 * t
    partial = joint + 8 * 2 * table
    w = partial + 8 * samples * n
    rest = w + 8 * n
    desk = Desk(
        _ints(fixed, (t,)), _ints(sums, (t,)), _words(words, (4, TILE // 8)),
        _halves(tally, (128,)), _halves(codes, (groups, width)), together,
        _ints(joint, (2, table)), _ints(partial, (samples, n)), _floats(w, (n,)),
    )  # fmt: skip
    drawn = Batch(
        _ints(last, (batch,)), _ints(target, (batch,)), _ints(order, (batch,)),
        _ints(begin, (n + 1,)), _floats(c, (some, n)), _floats(r, (some, n)), _ints(cuts, (3, t)),
    )  # fmt: skip
    return drawn, desk, rest, rest + 8 * (n * n + 2 * n + 1)


# --- what is exported -----------------------------------------------------------------------


@_export(_NUMBER, _COUNT, _COUNT, _COUNT)
def room(n: Any, t: Any, batch: Any) -> Any:
    """Return how many bytes a step's scratch takes."""
    n, t, batch = _int(n), _int(t), _int(batch)
    return float(_scratch(0, n, t, batch, _group_size(n, t))[3])


@_export(_NUMBER, _COUNT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
def run(count: Any, task: Any, rule: Any, model: Any, room: Any) -> Any:
    """Take up to `count` steps; return 4 times the number taken, plus why it ended.

    task: N, T, S, K_P, K_Q and the addresses of P, mu, positions, weights, counts, token, high,
    table, attended, target. rule: the seed's low and high half, the step, and a `Rule`.
    model: addresses of A (N, T), V, both gradients, `begin` and `kept`, and the latter's length.
    """
    given, how, at = _floats(task, (15,)), _floats(rule, (12,)), _floats(model, (7,))
    n, t, batch = _int(given[0]), _int(given[1]), _int(how[3])
    drawn, desk, rest, _ = _scratch(_int(room), n, t, batch, _group_size(n, t))
    train = how[4] != 0.0
    parts = Model(
        _floats(at[0], (n, t)), _floats(at[1], (n, n)), _floats(rest, (n, n)),
        _floats(at[2], (1 if train else n, 1 if train else t)), _floats(at[3], (n, n)),
        _floats(rest + 8 * n * n, (n,)), _floats(rest + 8 * n * (n + 1), (n + 1,)),
        _ints(at[4], (n + 1,)), _ints(at[5], (_int(at[6]),)),
    )  # fmt: skip
    law = Rule(
        batch, train, how[5] != 0.0, how[6] != 0.0, how[7] != 0.0, how[8], how[9], how[10],
        _int(how[11]), how[12],
    )  # fmt: skip
    key = np.uint64(how[0]) | np.uint64(how[1]) << _WORD
    turn = Turn(cpu.STEP, 0, 1, 0)
    taken, code = cpu.run(
        _int(count), turn, law, key, _int(how[2]), parts, _truth(given), _tables(given),
        drawn, desk,
    )  # fmt: skip
    return float(4 * taken + code)


@_export(types.void, _ADDRESS, _ADDRESS, _COUNT, _ADDRESS, _ADDRESS)
def sample(task: Any, rule: Any, batch: Any, room: Any, out: Any) -> None:
    """Draw a batch: tokens (B, T), last (B,) and target (B,), one behind the other as uint16.

    task, rule: as for `run`, of the latter the seed and the step. room: 4 (T + 128) + 5120 bytes.
    """
    given, how = _floats(task, (15,)), _floats(rule, (3,))
    t, b = _int(given[1]), _int(batch)
    width, words, start = -(-t // 128) * 128, _int(room), _int(out)
    tally = words + 16 * (TILE // 8)
    key = np.uint64(how[0]) | np.uint64(how[1]) << _WORD
    tokens.draw_batch(
        _tables(given), key, np.uint64(how[2]), _words(words, (4, TILE // 8)),
        _halves(tally, (128,)), _halves(tally + 256, (1, width)), _halves(start, (b, t)),
        _halves(start + 2 * b * t, (b,)), _halves(start + 2 * b * (t + 1), (b,)),
    )  # fmt: skip


@_export(types.void, _COUNT, _ADDRESS, _ADDRESS)
def stationary(n: Any, rows: Any, mu: Any) -> None:
    """Fill mu (N,); rows (N, N) are distributions and are used up."""
    n = _int(n)
    markov._gth(_floats(rows, (n, n)), _floats(mu, (n,)))


@_export(types.void, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
def distances(task: Any, attention: Any, values: Any, out: Any) -> None:
    """Fill out: alpha_V, alpha_A, and (3, N) squared distances of rows; 24 more are scratch."""
    given = _floats(task, (15,))
    n, t, start = _int(given[0]), _int(given[1]), _int(out)
    signals = _floats(start, (2,))
    signals[0], signals[1] = measure.distances(
        _floats(attention, (n, t)), _floats(values, (n, n)), _truth(given),
        _floats(start + 16 + 24 * n, (3, 8)), _floats(start + 16, (3, n)),
    )  # fmt: skip


@_export(types.void, _COUNT, _COUNT, _ADDRESS, _NUMBER)
def threshold(n: Any, t: Any, attention: Any, level: Any) -> None:
    """Keep entries >= level, then project to sum 1."""
    updates.threshold_rows(_floats(attention, (_int(n), _int(t))), level)


@_export(types.int32, _COUNT, _COUNT, _ADDRESS, _NUMBER)
def round_off(n: Any, t: Any, attention: Any, level: Any) -> Any:
    """Keep entries >= level, divide by their sum; or return the first row without one, else -1."""
    return updates.round_rows(_floats(attention, (_int(n), _int(t))), level)


@_export(types.void, _COUNT, _COUNT, _ADDRESS, _ADDRESS, _ADDRESS)
def reflect(n: Any, t: Any, attention: Any, values: Any, mu: Any) -> None:
    """Replace A by 2/T - A and V by 2 mu 1' - V."""
    n = _int(n)
    rows = _floats(attention, (n, _int(t)))
    updates.reflect_rows(rows, _floats(values, (n, n)), _floats(mu, (n,)))


@_export(types.void, _COUNT, _COUNT, _ADDRESS, _ADDRESS, _ADDRESS, _COUNT)
def precondition(n: Any, t: Any, attention: Any, values: Any, mu: Any, centred: Any) -> None:
    """Precondition gradients in place (eq. 4)."""
    n = _int(n)
    updates.precondition_rows(_floats(attention, (n, _int(t))), _floats(mu, (n,)))
    value.precondition_value(_floats(values, (n, n)), _floats(mu, (n,)), centred != 0)


@_export(types.void, _ADDRESS)
def signal_step(pair: Any) -> None:
    """Replace alpha_V and alpha_A, before eta, K_Q and T, by those after a step of eq. 8."""
    x = _floats(pair, (5,))
    x[0], x[1] = _signal_step(x[0], x[1], x[2], x[3], x[4])
