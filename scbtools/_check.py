"""Checks of arguments: each says what was wrong and what to do, before anything is computed."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LARGEST", "integer", "matrix", "one_of", "real", "seed64"]

LARGEST = float(np.finfo(float).max)


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value` as an int in low .. high, or raise."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < low or (high is not None and number > high):
        upper = "" if high is None else f" and at most {high}"
        raise ValueError(f"{name} must be at least {low}{upper}, got {number}")
    return number


def real(
    name: str, value: Any, low: float, high: float = LARGEST, *, open_low: bool = False
) -> float:
    """Return `value` as a finite float in [low, high], or (low, high] if `open_low`, or raise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    below = number <= low if open_low else number < low
    if not np.isfinite(number) or below or number > high:
        bracket = "(" if open_low else "["
        raise ValueError(f"{name} must lie in {bracket}{low:g}, {high:g}], got {number:g}")
    return number


def one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise unless `value` is one of those allowed; two are named with an "or" between them."""
    if value not in allowed:
        words = " or ".join(map(repr, allowed)) if len(allowed) == 2 else f"one of {allowed}"
        raise ValueError(f"{name} must be {words}, got {value!r}")


def seed64(seed: Any) -> int:
    """Return `seed` as an int in 0 .. 2^64 - 1, or raise."""
    return integer("seed", seed, 0, 2**64 - 1)


def matrix(
    name: str, value: ArrayLike, shape: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """Return `value` as a finite 2-D float64 array of that shape, or raise."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    array = np.asarray(array, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a 2-D array with entries, got shape {array.shape}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name} has a NaN or infinite entry at row {row}, column {column}")
    return array
