"""What the captions of the paper's figures 1, 3, 4 and 5 say, clause by clause, on our runs.

The rules are in `claims.yml`; chapter 10 shows what this measures and its lab notes decide by it.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import experiments
import numpy as np
from experiments import paper_figures as setting
from experiments import vocabularies
from intervals import Interval, median
from intervals import share as _share
from ledger import bound as _bound
from numpy.typing import NDArray
from scipy.stats import norm

import scbtools as scb
from scbtools import population

Floats = NDArray[np.float64]
bound = functools.cache(_bound)
share = functools.cache(_share)  # exact intervals take a while, and there are few

K_Q = 1 / setting.SPARSITY - 1 / setting.SEQ_LEN
RATES = (setting.PRINTED, setting.MATCHED)
LEVELS = np.geomspace(0.01, 1, 31)  # c of the paper's cut at c / Q


class Clause(NamedTuple):
    """What a clause measures, and whether it holds by its rule."""

    measured: Interval
    holds: bool

    def __str__(self) -> str:
        return f"{self.measured:{self._digits()}}"

    def short(self) -> str:
        """Return the value without its interval, and a mark."""
        value = self.measured.value
        digits = ".2g" if value < 0.1 else ".0f" if value >= 100 else self._digits()
        return f"{value:{digits}} {'✓' if self.holds else '✗'}"

    def _digits(self) -> str:
        """Return a format in which a value next to one is not taken for it."""
        return ".4g" if 0.99 < self.measured.value < 1.0 and self.measured.low > 0.99 else ".3g"


Clauses = dict[str, Clause]


class Runs:
    """The runs of `paper_figures`, by method, rate and batch size."""

    def __init__(self) -> None:
        table = experiments.load("paper_figures")
        table = table.sort_values(["method", "rate", "batch_size", "seed", "step"])
        self.table = table
        self._of = dict(list(table.groupby(["method", "rate", "batch_size"])))
        self._last = {key: rows.groupby("seed").last() for key, rows in self._of.items()}
        self.tasks = {
            seed: scb.SCBTask.random(
                setting.VOCAB_SIZE, setting.SEQ_LEN, setting.SPARSITY, seed=seed
            )
            for seed in setting.SEEDS
        }

    def of(self, method: str, rate: float, batch: int = setting.BATCH) -> Any:
        """Return the rows of one setting."""
        return self._of[method, rate, batch]

    def at_switch(self, rate: float, batch: int = setting.BATCH, method: str = "sgd") -> Any:
        """Return alpha_A of every seed at the switch, before the cut; all methods share it."""
        return self.of(method, rate, batch).groupby("seed").at_switch.first()

    def upright(self, rate: float, batch: int = setting.BATCH, method: str = "sgd") -> list[int]:
        """Return the seeds whose signal is positive at the switch."""
        alpha = self.at_switch(rate, batch, method)
        return [int(seed) for seed in alpha.index[alpha > 0]]

    def curves(self, method: str, rate: float, column: str, seeds: list[int]) -> Floats:
        """Return a column along the runs of these seeds, (seeds, steps)."""
        table = self.of(method, rate).pivot(index="seed", columns="step", values=column)
        return np.asarray(table.loc[seeds], float)

    def ends(self, method: str, rate: float, seeds: list[int], batch: int = setting.BATCH) -> Any:
        """Return the last row of these seeds."""
        return self._last[method, rate, batch].loc[seeds]

    def steps(self) -> Floats:
        """Return the steps of the curves."""
        return np.unique(np.asarray(self.of("sgd", setting.PRINTED).step, float))

    def similarity(self, method: str, rate: float, seeds: list[int]) -> Floats:
        """Return the similarity of A with the truth along runs, by its formula."""
        signal = self.curves(method, rate, "alpha_A", seeds) * np.sqrt(K_Q)
        noise = self.curves(method, rate, "delta_A", seeds)
        return np.asarray(signal / np.maximum(np.hypot(signal, noise), 1e-300))

    def rounded(self, method: str, rate: float, seeds: list[int]) -> Floats:
        """Return the distance of A after cutting at the gap; as it is, where nothing was kept."""
        end = self.ends(method, rate, seeds)
        return np.asarray(end.gap_A.fillna(end.error_A), float)


def noiseless(rate: float) -> Floats:
    """Return both signals by the recursion of chapter 3, (steps + 1, 2)."""
    task = scb.SCBTask.random(setting.VOCAB_SIZE, setting.SEQ_LEN, setting.SPARSITY, seed=0)
    first = population.signal_path(task, setting.ETA_1 * rate, setting.SWITCH)
    last = setting.STEPS - setting.SWITCH
    start = (float(first[-1, 0]), float(first[-1, 1]))
    then = population.signal_path(task, setting.ETA_2 * rate, last, start)
    return np.concatenate([first, then[1:]])


def readings(tasks: list[scb.SCBTask]) -> dict[str, float]:
    """Return alpha_A at the switch without noise, by how the rates are read; medians over tasks."""
    eta, steps = setting.ETA_1, setting.SWITCH
    return {
        "printed": float(noiseless(1.0)[steps, 1]),
        "plain": float(np.median([plain(task, eta, steps) for task in tasks])),
        "double": float(noiseless(2.0)[steps, 1]),
        "twice": float(np.median([twice(task, eta, steps) for task in tasks])),
        "matched": float(noiseless(setting.MATCHED)[steps, 1]),
    }


def plain(task: scb.SCBTask, eta: float, steps: int) -> float:
    """Return alpha_A without noise where both layers move with eta itself."""
    v = a = 0.0
    for _ in range(steps):
        grow, drift = 1 - v * a, (1 - v) / task.seq_len
        v, a = v + eta * (task.K_Q * grow * a + drift), a + eta * task.K_P * grow * v
    return a


def twice(task: scb.SCBTask, eta: float, steps: int) -> float:
    """Return alpha_A without noise where A's gradient is divided by mu_k twice.

    The expected gradient of column k is K_V (a - 1/T) - K_VP (q - 1/T), so that each column has a
    signal of its own.
    """
    mu, a = task.stationary, np.zeros(task.vocab_size)
    v: Any = 0.0
    for _ in range(steps):
        drift = (1 - v) / (task.K_Q * task.seq_len)
        v, a = v + eta * (mu @ a - v * (mu @ a**2) + drift), a + eta / mu * v * (1 - v * a)
    return float(mu @ a)


def wrong_sign(task: scb.SCBTask, rate: float, batch: int = setting.BATCH) -> float:
    """Return the probability of the wrong sign, by the law of chapter 5."""
    mu, P = task.stationary, task.transition
    cov = np.diag(mu) - np.outer(mu, mu)
    c = P @ (mu * mu) / (mu @ mu) - mu
    spread = np.trace(cov @ P @ cov @ P.T) + task.seq_len * c @ cov @ c
    ratio = batch / (setting.ETA_1 * rate * task.seq_len)
    return float(norm.cdf(-task.K_P * np.sqrt(2 * ratio / spread)))


def _below(values: Floats, level: float) -> Clause:
    found = median(values)
    return Clause(found, found.high < level)


def _above(values: Floats, level: float) -> Clause:
    found = median(values)
    return Clause(found, found.low > level)


def figure_1(runs: Runs, rate: float) -> Clauses:
    """Return the clauses of R1 at one setting."""
    seeds = runs.upright(rate)
    ends = {m: runs.ends(m, rate, seeds) for m in ("sgd", "slow", "proximal")}
    found = {
        f"faster {layer}": _below(
            (ends["proximal"][f"error_{layer}"] / ends["sgd"][f"error_{layer}"]).to_numpy(),
            bound("R1", "faster"),
        )
        for layer in "VA"
    }
    found["effect"] = Clause(
        found["faster A"].measured, found["faster A"].measured.high < bound("R1", "effect")
    )
    found["recovers"] = _below(runs.rounded("proximal", rate, seeds), bound("R1", "recovers"))
    found["too slow"] = _above((ends["slow"].error_A / ends["proximal"].error_A).to_numpy(), 1.0)
    return found


def figure_3(runs: Runs, rate: float) -> Clauses:
    """Return the clauses of R2 at one setting."""
    seeds, steps = runs.upright(rate), list(runs.steps())
    K_P = np.array([runs.tasks[seed].K_P for seed in seeds])
    now = {
        m: {c: runs.curves(m, rate, c, seeds) for c in ("alpha_V", "alpha_A", "delta_V", "delta_A")}
        for m in ("sgd", "proximal")
    }
    sgd, prox = now["sgd"], now["proximal"]
    at = {step: steps.index(step) for step in (450.0, 600.0, 800.0, 1000.0)}
    smaller = np.minimum(sgd["alpha_V"], sgd["alpha_A"])[:, -1]
    mean = (prox["alpha_V"] + prox["alpha_A"]) / 2
    growth = [mean[:, at[b]] / mean[:, at[a]] for a, b in ((600.0, 800.0), (800.0, 1000.0))]
    small = [each["delta_V"][:, -1] / (np.abs(each["alpha_V"][:, -1]) * np.sqrt(K_P))
             for each in (sgd, prox)]  # fmt: skip
    ratio = prox["delta_A"][:, -1] / sgd["delta_A"][:, -1]
    ends = runs.ends("proximal", rate, seeds)
    right = share(int((ends.gap == setting.VOCAB_SIZE).sum()), len(seeds))
    return {
        "grows": _above(sgd["delta_A"][:, -1] / sgd["delta_A"][:, at[800.0]], 1.0),
        "dominates": _above(
            sgd["delta_A"][:, -1] / (sgd["alpha_A"][:, -1] * np.sqrt(K_Q)), bound("R2", "dominates")
        ),
        "saturates": _below(smaller / noiseless(rate)[-1].min(), bound("R2", "saturates")),
        "smaller": _below(ratio, bound("R2", "smaller")),
        "effect": _below(ratio, bound("R2", "effect")),
        "grows in the end": _above(
            prox["delta_A"][:, -1] / prox["delta_A"][:, at[450.0]], bound("R2", "regrows")
        ),
        "slows": _below((growth[1] - 1) / (growth[0] - 1), 1.0),
        "small": _below(np.maximum(*small), bound("R2", "small")),
        "right": Clause(right, right.low > bound("R2", "right")),
    }


def figure_4(runs: Runs, rate: float) -> Clauses:
    """Return the clauses of R3 at one setting."""
    seeds = runs.upright(rate)
    raw = {m: runs.similarity(m, rate, seeds)[:, -1] for m in ("sgd", "proximal")}
    after = np.asarray(runs.ends("proximal", rate, seeds).gap_similarity.fillna(0), float)
    improves = _above(after, max(bound("R3", "after"), median(raw["proximal"]).high))
    left = {m: runs.rounded(m, rate, seeds) for m in raw}
    return {
        "improves": improves,
        "outperforms raw": _above(raw["proximal"] / raw["sgd"], 1.0),
        "outperforms rounded": _above(left["sgd"] / left["proximal"], bound("R3", "clearly")),
    }


def recovered(ends: Any, cut: str | float = "gap") -> NDArray[np.bool_]:
    """Return which runs recover, by a cut at the gap, or at c / Q for a number c.

    The distance does not depend on the level once the support is right.
    """
    if cut == "gap":
        found = ends.gap == setting.VOCAB_SIZE
    else:
        level = float(cut) / setting.SPARSITY
        found = (ends.others < level) & (level <= ends.attended)
    small = ends.gap_A < bound("R9", "recovers")
    return np.asarray(found & (small if cut == "gap" else (ends.gap < setting.VOCAB_SIZE) | small))


def shares(
    runs: Runs, method: str, rate: float, cut: str | float = "gap", batch: int = setting.BATCH,
    seeds: list[int] | None = None,
) -> Interval:  # fmt: skip
    """Return the share of runs that recover, by default of those that are upright."""
    seeds = runs.upright(rate, batch) if seeds is None else seeds
    found = recovered(runs.ends(method, rate, seeds, batch), cut)
    return share(int(found.sum()), len(seeds))


def windows(runs: Runs, rate: float) -> list[float]:
    """Return every c at which the proximal method works and SGD fails, by the rule of R9."""
    return [float(c) for c in LEVELS if fails_alone(runs, rate, float(c))]


def fails_alone(runs: Runs, rate: float, cut: str | float) -> bool:
    """Return whether SGD fails with a cut with which the proximal method works."""
    sgd, proximal = (shares(runs, method, rate, cut) for method in ("sgd", "proximal"))
    return sgd.high < bound("R9", "fails") and proximal.low > bound("R9", "works")


class Vocabulary(NamedTuple):
    """Runs of one vocabulary and batch size, of two methods, with the right sign."""

    grid: Floats
    """Steps after the stop."""
    curves: dict[str, dict[str, Floats]]
    """By method and column, (seeds, steps)."""
    at_stop: dict[str, Any]
    """By method, a table with one row a seed."""
    last: dict[str, dict[str, Floats]]
    """By method and column, last over least."""
    mirrored: int


COLUMNS = ("error_V", "error_A", "excess")


def vocabulary(table: Any, size: int, batch: int = vocabularies.BATCHES[0]) -> Vocabulary:
    """Return the runs of one vocabulary, those upright at the stop of the proximal run."""
    mine = table[(table.vocab_size == size) & (table.batch_size == batch)]
    grid = np.arange(-600.0, vocabularies.LATER + 1, 50)
    sign = mine[(mine.method == "proximal") & (mine.part == "train")].groupby("seed").alpha_A.last()
    seeds = sign.index[sign > 0]
    curves: dict[str, Any] = {}
    last: dict[str, Any] = {}
    stops: dict[str, Any] = {}
    for method, rows in mine.groupby("method"):
        by_seed = dict(list(rows.groupby("seed")))
        stops[method] = rows[rows.part == "train"].groupby("seed").last().loc[seeds]
        curves[method], last[method] = {}, {}
        for column in COLUMNS:
            found = []
            for seed in seeds:
                since = by_seed[seed].step - stops[method].step[seed]
                found.append(np.interp(grid, since, by_seed[seed][column]))
            curves[method][column] = np.array(found)
            last[method][column] = np.array(
                [by_seed[s][column].iloc[-1] / by_seed[s][column].min() for s in seeds]
            )
    return Vocabulary(grid, curves, stops, last, int((sign <= 0).sum()))


def figure_5(each: Vocabulary) -> Clauses:
    """Return the clauses of R4 for one vocabulary."""
    prox, sgd = each.at_stop["proximal"], each.at_stop["sgd"]
    end = each.curves["proximal"]["excess"][:, -1]
    star = np.maximum(prox.gap_A.fillna(prox.error_A), prox.gap_V.fillna(prox.error_V))
    rises = bound("R4", "rises")
    return {
        "recovers": _below(np.asarray(star, float), bound("R4", "recovers")),
        "grows again": _above(each.last["proximal"]["error_A"], bound("R4", "later")),
        "converges": _below(end / prox.excess.to_numpy(), bound("R4", "converges")),
        "struggles": _above(
            (sgd.excess / prox.gap_excess.fillna(prox.excess)).to_numpy(), bound("R4", "struggles")
        ),
        "like with like": _above((sgd.excess / prox.excess).to_numpy(), bound("R4", "struggles")),
        "rises": _above(each.last["proximal"]["excess"], rises),
    }
