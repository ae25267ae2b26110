"""Checks of arguments: each says what was wrong and what to do, before anything is computed.

Each returns the argument as plain Python or NumPy, so that what is checked is what is used. Tasks,
parameters, stages and batches are checked by `check_task`, `check_params`, `check_stages` and
`check_batch`, which stand beside what they check.
"""

from __future__ import annotations

import operator
import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LARGEST", "array", "flag", "integer", "matrix", "one_of", "positions", "real", "seed64",
    "shown", "text", "tokens",
]  # fmt: skip

LARGEST = float(np.finfo(float).max)


def shown(value: Any) -> str:
    """Return a short text for any object."""
    try:
        text = " ".join(reprlib.repr(value).split())
        return text if len(text) <= 100 else f"{text[:60]} ... {text[-30:]}"
    except Exception:  # whatever a foreign __repr__ raises, or an int of too many digits
        return f"an object of type {type(value).__name__}"


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value` as an int in low .. high, or raise."""
    try:
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError
        number = int(operator.index(value))
    except Exception:
        raise TypeError(f"{name} must be an integer, got {shown(value)}") from None
    if number < low or (high is not None and number > high):
        upper = "" if high is None else f" and at most {high}"
        raise ValueError(f"{name} must be at least {low}{upper}, got {shown(number)}")
    return number


def real(
    name: str, value: Any, low: float, high: float = LARGEST, *, open_low: bool = False
) -> float:
    """Return `value` as a finite float in [low, high], or (low, high] if `open_low`, or raise."""
    try:
        # What float() takes and should not: text, masked entries, arrays, complex numbers.
        kind = np.asarray(value).dtype.kind
        if np.ndim(value) or isinstance(value, np.ma.MaskedArray) or kind not in "biufO":
            raise TypeError
        number = float(value)
    except OverflowError:
        number = np.inf
    except Exception:
        raise TypeError(f"{name} must be a number, got {shown(value)}") from None
    below = number <= low if open_low else number < low
    if not np.isfinite(number) or below or number > high:
        bracket = "(" if open_low else "["
        raise ValueError(f"{name} must lie in {bracket}{low:g}, {high:g}], got {shown(value)}")
    return number


def one_of(name: str, value: Any, allowed: tuple[str | None, ...]) -> Any:
    """Return `value` if it is one of those allowed, or raise."""
    if value is None or isinstance(value, str):
        if value in allowed:
            return value if value is None else str(value)
        error: type[Exception] = ValueError
    else:
        error = TypeError
    words = " or ".join(map(repr, allowed)) if len(allowed) == 2 else f"one of {allowed}"
    raise error(f"{name} must be {words}, got {shown(value)}")


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Return `value` as a str, or raise."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {shown(value)}")
    return str(value)


def seed64(seed: Any) -> int:
    """Return `seed` as an int in 0 .. 2^64 - 1, or raise."""
    return integer("seed", seed, 0, 2**64 - 1)


def _has_mask(value: Any) -> bool:
    """Return whether a value is a masked array, or a list that one is in."""
    if isinstance(value, list | tuple):
        return any(map(_has_mask, value))
    return isinstance(value, np.ma.MaskedArray)


def _plain(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as a plain array of any dtype, or raise."""
    if _has_mask(value):
        raise TypeError(f"{name} is masked, and masks would be lost: fill it, or leave entries out")
    try:
        return np.asarray(value)
    except Exception:
        raise ValueError(
            f"{name} must be an array of numbers, with rows of one length, got {shown(value)}"
        ) from None


def _numbers(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of real numbers, or raise."""
    found = _plain(name, value)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {found.dtype}")
    return found


def array(name: str, value: Any, limit: float = LARGEST) -> NDArray[np.float64]:
    """Return `value` as a float64 array with entries of at most `limit`, or raise."""
    found = _numbers(name, value)
    if not found.size:
        raise ValueError(f"{name} must have entries, got shape {found.shape}")
    with np.errstate(over="ignore"):  # of long doubles
        found = np.asarray(found, dtype=np.float64)
    if not (fine := np.abs(found) <= limit).all():
        at = np.argwhere(~fine)[0]
        where = f" at row {at[0]}, column {at[1]}" if len(at) == 2 else ""
        if np.isfinite(found[tuple(at)]):
            raise ValueError(f"{name} has an entry beyond {limit:g}{where}: it has diverged")
        raise ValueError(f"{name} has a NaN or infinite entry{where}")
    return found


def matrix(
    name: str, value: Any, shape: tuple[int, int] | None = None, limit: float = LARGEST
) -> NDArray[np.float64]:
    """Return `value` as a 2-D float64 array of that shape, entries of at most `limit`, or raise."""
    found = _numbers(name, value)
    if found.ndim != 2 or found.size == 0:
        raise ValueError(f"{name} must be a 2-D array with entries, got shape {found.shape}")
    if shape is not None and found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {found.shape}")
    return array(name, found, limit)


def positions(value: Any, rows: int, seq_len: int, width: str) -> NDArray[np.int64]:
    """Return `value` as positions 0 .. seq_len - 1, int64 of that many rows, or raise."""
    shape, found = matrix("positions", value).shape, np.asarray(value)
    if found.dtype.kind not in "iu":
        raise TypeError(f"positions must be integers, got dtype {found.dtype}")
    if len(found) != rows:
        raise ValueError(f"positions must have shape ({rows}, {width}), got {shape}")
    if found.min() < 0 or found.max() >= seq_len:
        raise ValueError(f"positions must lie in 0 .. {seq_len - 1}")
    return found.astype(np.int64)


def tokens(name: str, value: Any, size: int, owner: str) -> NDArray[Any]:
    """Return `value` as an array of tokens 0 .. size - 1 of their owner, or raise.

    Its dtype is the one that such tokens are drawn with, which kernels are compiled for.
    """
    found = _plain(name, value)
    whole = found.dtype.kind in "iu"
    if not whole or (found.size and not 0 <= found.min() <= found.max() < size):
        raise ValueError(f"{name} must hold integers in 0 .. {size - 1}, the tokens of {owner}")
    return np.require(found, np.uint8 if size <= 256 else np.uint16, ["C", "W"])
