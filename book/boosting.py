"""What Stage 1 needs, by hand and measured: the formulas of chapter 5 over its stored runs."""

from __future__ import annotations

import functools
from typing import Any

import experiments
import intervals
import numpy as np
from experiments.stage_1 import ETA, SEEDS, SPARSITY, VOCAB_SIZE
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

__all__ = [
    "bigrams", "error_ratio", "exponent", "ladder", "least", "least_batches", "least_ratios",
    "lengths_of", "runs", "wrong_sign",
]  # fmt: skip

Floats = NDArray[np.float64]
ENOUGH = 0.9  # share of successes that makes a batch large enough


@functools.cache
def bigrams(kind: str) -> Floats:
    """Return nu_0^2, nu^2 and K_P of the tasks of a kind, (3, seeds); they do not depend on T."""
    rows = experiments.load("noise_levels")
    rows = rows[rows.kind == kind]
    return np.array([rows["floor"], rows["s2"], rows["K_P"]])


def error_ratio(kind: str, T: float) -> Floats:
    """Return B / (eta T) at which the error equals the signal, for each task."""
    _, nu2, K_P = bigrams(kind)
    return np.asarray(VOCAB_SIZE * nu2 / (2 * K_P**2 * (1 / SPARSITY - 1 / T)))


def wrong_sign(kind: str, T: float, ratio: ArrayLike, keep_floor: bool = True) -> Floats:
    """Return the probability of the wrong sign at each B / (eta T), averaged over the tasks."""
    floor, nu2, K_P = bigrams(kind)[..., None]
    z = K_P * np.sqrt(2 * np.atleast_1d(ratio) / (nu2 + keep_floor * T * floor))
    return np.asarray(norm.cdf(-z).mean(axis=0))


def least_ratios(kind: str, T: float, share: float = ENOUGH) -> tuple[float, float]:
    """Return B / (eta T) for the error and for the sign at which a share of the runs succeeds."""
    trial = np.geomspace(0.01, 1e5, 400)
    sign = np.exp(np.interp(share - 1, -wrong_sign(kind, T, trial), np.log(trial)))
    return float(np.quantile(error_ratio(kind, T), share)), float(sign)


@functools.cache
def runs() -> Any:
    """Return the stored runs, each with B / (eta T) and whether sign and error are right."""
    table = experiments.load("stage_1")
    table["r"] = table.batch_size / (table.eta * table.seq_len)  # after rounding B
    table["right"] = table.half_V > 0
    table["small"] = table.half_delta_A <= 0.5 * np.sqrt(1 / SPARSITY - 1 / table.seq_len)
    table["success"] = table.right & table.small
    return table


@functools.cache
def ladder(
    column: str, kind: str = "random", method: str = "paper", eta: float = ETA, T: int = 400
) -> tuple[Floats, NDArray[Any]]:
    """Return the ratios of a ladder, and a column of its runs, (seeds, ratios)."""
    table = runs()
    rows = table[
        (table.kind == kind) & (table.method == method) & (table.eta == eta) & (table.seq_len == T)
    ]
    rows = rows.drop_duplicates(["seed", "batch_size"])  # rungs that round to the same batch
    wide = rows.pivot(index="seed", columns="r", values=column)
    return wide.columns.to_numpy(), wide.to_numpy()


def lengths_of(kind: str, method: str = "paper", longest: int = 1600) -> NDArray[Any]:
    """Return the lengths T that were run; beyond the longest, ladders stop too early to fit."""
    table = runs()
    chosen = table[(table.kind == kind) & (table.method == method) & (table.eta == ETA)]
    lengths = np.sort(chosen.seq_len.unique())
    return np.asarray(lengths[lengths <= longest])


def least(
    column: str, seeds: Any, kind: str = "random", T: int = 400, eta: float = ETA,
    share: float = ENOUGH,
) -> float:  # fmt: skip
    """Return the least B / (eta T) at which a share of these seeds' runs succeeds."""
    r, found = ladder(column, kind, eta=eta, T=T)
    return intervals.crossing(r, found[seeds], share)


def least_batches(
    column: str, kind: str = "random", share: float = ENOUGH
) -> tuple[NDArray[Any], list[Floats]]:
    """Return T and the least batch with its interval over seeds, for every T."""
    lengths, found = lengths_of(kind), []
    for T in lengths:
        value = intervals.bootstrap(
            functools.partial(_one_least, column, kind, int(T), share), len(SEEDS)
        )
        found.append(np.array(value) * ETA * T)
    return lengths, found


def _one_least(column: str, kind: str, T: int, share: float, seeds: Any) -> float:
    return least(column, seeds, kind, T, share=share)


def exponent(
    column: str, kind: str = "random", start: int = 0, samples: bool = False, share: float = ENOUGH
) -> intervals.Interval:
    """Return the exponent in T of the least batch, or of its samples."""
    lengths = lengths_of(kind)
    lengths = lengths[lengths >= start]
    steps = np.array([np.median(ladder("half_steps", kind, T=T)[1][:, -1]) for T in lengths])
    scale = lengths * (steps if samples else 1)

    def slope(seeds: NDArray[np.int64]) -> float:
        ratios = [least(column, seeds, kind, T, share=share) for T in lengths]
        y = np.log(ratios) + np.log(scale)
        # No batch of the ladder was enough: steeper than anything seen.
        return float(np.polyfit(np.log(lengths), y, 1)[0]) if np.isfinite(y).all() else np.inf

    return intervals.bootstrap(slope, len(SEEDS))
