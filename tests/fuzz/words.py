"""The words of generated calls: `from tests.fuzz.words import *` before one that is pasted."""
# ruff: noqa: F401

import copy
import pickle
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools import engines, markov, noise, population, recipes, screening, transformer, updates
from scbtools.noise import Noise
from scbtools.population import Gradients
from scbtools.signals import centred, inner, residuals
from scbtools.stages import Stage, Transform
from scbtools.sweep import cells
from scbtools.task import Batch, SCBTask
from scbtools.transformer import Params, transfer_start, true_params, uniform_start
from tests.examples import away, constrained, uneven_task

Array = NDArray[Any]

# --- matrices -------------------------------------------------------------------------------------


def normal(rows: int, columns: int, seed: int = 0) -> Array:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=(rows, columns))


def columns(rows: int, columns: int, seed: int = 0) -> Array:
    """Columns that are distributions, uniform on the simplex."""
    return np.random.default_rng(seed).dirichlet(np.ones(rows), columns).T


def tokens(size: int, *shape: int, seed: int = 0) -> Array:
    """Integers from 0 to size - 1."""
    return np.random.default_rng(seed).integers(size, size=shape)


def cycle(n: int) -> Array:
    """Token k is followed by k + 1: periodic."""
    return np.roll(np.eye(n), 1, axis=0)


def leaking(n: int, eps: float) -> Array:
    """Every token follows itself, but for a little: nearly reducible."""
    return (1 - eps) * np.eye(n) + eps * cycle(n)


def rare(n: int, eps: float) -> Array:
    """Token 0 follows nearly always: token k has probability eps^k."""
    found = eps * cycle(n)
    found[0] += 1 - eps
    return found


def absorbing(n: int) -> Array:
    """From the last token on, nothing but itself."""
    found = np.full((n, n), 1 / n)
    found[:, -1] = np.arange(n) == n - 1
    return found


def faint(rows: int, columns: int, eps: float) -> Array:
    """Uniform columns, but for a little: K_P or K_Q is nearly 0."""
    found = np.full((rows, columns), 1 / rows)
    found[0, 1:] += eps
    found[-1, 1:] -= eps
    found[0, 0] -= eps
    found[-1, 0] += eps
    return found


# --- the same numbers in other clothes ------------------------------------------------------------


class Subclass(np.ndarray):
    """An array that is not exactly one."""


def frozen(array: Any) -> Array:
    """A read-only copy."""
    found = np.array(array)
    found.setflags(write=False)
    return found


def with_entry(array: Any, value: Any) -> Array:
    """A copy whose last entry is another."""
    found = np.array(array)
    found.flat[-1] = value
    return found


# --- odd objects and small helpers ----------------------------------------------------------------


class Unprintable:
    """Has no words for itself."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


_folders = tempfile.TemporaryDirectory(prefix="scb-fuzz-")


def folder() -> str:
    """A new empty folder."""
    return tempfile.mkdtemp(dir=_folders.name)


def square(**cell: Any) -> Mapping[str, Any]:
    """A cheap run: one row for each number up to x."""
    x = cell.get("x", 1)
    return {"y": x * x, "z": [x, 0.5]}


def facts(task: SCBTask) -> dict[str, Any]:
    """All properties of a task."""
    names = "attention", "vocab_size", "sparsity", "K_P", "K_Q", "norm_Q_squared", "stationary"
    return {name: getattr(task, name) for name in (*names, "transition", "seq_len")} | {
        "bayes_loss": task.bayes_loss(), "repr": repr(task)
    }  # fmt: skip
