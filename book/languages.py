"""What the chapter on real languages makes of its stored sweeps."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import experiments
import numpy as np
import pandas as pd
from experiments import bigrams, languages_learn, languages_transfer
from experiments.transfer_step import recovery, snr
from intervals import Interval, bootstrap, share
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

Floats = NDArray[Any]

NAMES = bigrams.LANGUAGES
SEEDS = len(languages_transfer.SEEDS)


class Tree(NamedTuple):
    """A tree by average linkage."""

    links: Floats  # as scipy has them
    order: list[int]  # leaves, from one side to the other
    cophenetic: Floats  # heights at which two leaves meet, (n, n)


# --- conditions ----------------------------------------------------------------------------------


@functools.cache
def conditions() -> pd.DataFrame:
    """Return, by language, how its bigrams stand against the theory's conditions."""
    rows = []
    for name in NAMES:
        task = bigrams.language(name)
        mu, n = task.stationary, task.vocab_size
        modulus = np.sort(np.abs(np.linalg.eigvals(task.transition)))
        rows.append({
            "language": name, "K_P": task.K_P, "ratio": task.K_P / (mu**2).sum(),
            "C": max(n * mu.max(), 1 / (n * mu.min())), "least": mu.min(),
            "rarest": bigrams.LETTERS[int(mu.argmin())], "second": modulus[-2],
            "rank": bigrams.rank(task),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("language")


# --- learning ------------------------------------------------------------------------------------


def endings(whole: float) -> pd.DataFrame:
    """Return, by language and setting, the reserve, and the shares that finish and that end well.

    A run ends well if it finishes and the columns that it finds have `whole` of mu, at least.
    """
    table = experiments.load("languages_learn")
    table["finished"] = table["status"] == "finished"
    table["well"] = table["finished"] & (table["found"] >= whole)
    rows = []
    for (language, eta, smoothed), runs in table.groupby(["language", "eta", "smoothed"]):
        task = languages_learn.task_of(language, smoothed, 0)
        rows.append({
            "language": language, "eta": eta, "smoothed": smoothed, "runs": len(runs),
            "reserve": languages_learn.reserve(task, eta), "ratio": task.K_P
            / (task.stationary**2).sum(), "finished": int(runs["finished"].sum()),
            "well": int(runs["well"].sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def pooled(rows: pd.DataFrame) -> Interval:
    """Return the share of runs that finish in these settings, together."""
    return share(rows["finished"].sum(), rows["runs"].sum())


# --- transfer ------------------------------------------------------------------------------------


@functools.cache
def shares() -> Floats:
    """Return the share of columns found, (tasks, targets, teachers)."""
    table = experiments.load("languages_transfer").set_index(["seed", "target", "teacher"])["found"]
    index = pd.MultiIndex.from_product([languages_transfer.SEEDS, NAMES, NAMES])
    return np.asarray(table.loc[index], float).reshape(SEEDS, len(NAMES), len(NAMES))


@functools.cache
def correlations() -> Floats:
    """Return the correlation of teacher and target, under the target's mu, (targets, teachers)."""
    tasks = [bigrams.language(name) for name in NAMES]
    return np.array([[bigrams.correlation(t, other.transition) for other in tasks] for t in tasks])


@functools.cache
def _ratios() -> Floats:
    """Return the signal-to-noise ratio at B = 1, (targets, teachers, columns)."""
    found = []
    for target in map(bigrams.language, NAMES):
        mu = target.stationary
        teachers = (bigrams.recentred(bigrams.language(name).transition, mu) for name in NAMES)
        found.append([snr(target, P_hat) for P_hat in teachers])
    return np.array(found)


def promised(z: ArrayLike, mu: ArrayLike) -> Floats:
    """Return the share of columns that these ratios at B = 1, (..., columns), promise."""
    batch = languages_transfer.BATCH
    shown = recovery(np.asarray(z) * np.sqrt(batch), languages_transfer.SEQ_LEN, 2)
    return np.asarray((shown * np.asarray(mu)).sum(axis=-1))


@functools.cache
def predicted() -> Floats:
    """Return the share that signal and noise promise, (targets, teachers)."""
    each = zip(_ratios(), NAMES, strict=True)
    return np.array([promised(z, bigrams.language(name).stationary) for z, name in each])


def law(target: str, rho: ArrayLike) -> Floats:
    """Return the share promised at correlations, with the noise of the average other teacher."""
    i = NAMES.index(target)
    others = np.arange(len(NAMES)) != i
    per_rho = (_ratios()[i] / correlations()[i][:, None])[others].mean(axis=0)
    z = np.asarray(rho, float)[:, None] * per_rho
    return promised(z, bigrams.language(target).stationary)


def rank_agreement(drawn: NDArray[np.int64]) -> float:
    """Return Spearman's correlation of rho and share over other teachers, averaged over targets."""
    others = ~np.eye(len(NAMES), dtype=bool)
    found = shares()[drawn].mean(axis=0)
    ranks = [
        stats.rankdata(matrix[others].reshape(len(NAMES), -1), axis=1)
        for matrix in (correlations(), found)
    ]
    one, other = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    norms = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return float(((one * other).sum(axis=1) / norms).mean())


def law_distance(drawn: NDArray[np.int64]) -> float:
    """Return the mean distance of measured from promised shares."""
    return float(np.abs(shares()[drawn].mean(axis=0) - predicted()).mean())


def over_tasks(function: Any) -> Interval:
    """Return a function of the tasks' indices with its interval over tasks."""
    return bootstrap(function, SEEDS)


# --- families ------------------------------------------------------------------------------------


def known() -> Floats:
    """Return the known distances: 1 in a family, 2 between Indo-European ones, 3 otherwise."""
    found = np.full((len(NAMES), len(NAMES)), 3.0)
    for i, one in enumerate(NAMES):
        for j, other in enumerate(NAMES):
            families = {bigrams.FAMILY[one], bigrams.FAMILY[other]}
            if families <= bigrams.INDO_EUROPEAN:
                found[i, j] = 2.0
            if len(families) == 1:
                found[i, j] = 1.0
    np.fill_diagonal(found, 0.0)
    return found


def apart(likeness: ArrayLike) -> Floats:
    """Return distances, one minus the mean of both directions."""
    matrix = np.asarray(likeness, float)
    found = np.asarray(1 - (matrix + matrix.T) / 2)
    np.fill_diagonal(found, 0.0)
    return found


def heights(distances: ArrayLike) -> Floats:
    """Return the heights at which leaves meet in the tree of distances, (n, n)."""
    flat = squareform(np.asarray(distances), checks=False)
    return np.asarray(squareform(hierarchy.cophenet(hierarchy.average(flat))))


def tree(distances: ArrayLike) -> Tree:
    """Return the tree that average linkage makes of distances, (n, n)."""
    flat = squareform(np.asarray(distances), checks=False)
    links = hierarchy.optimal_leaf_ordering(hierarchy.average(flat), flat)
    return Tree(links, hierarchy.leaves_list(links).tolist(), heights(distances))


def agreement(one: ArrayLike, other: ArrayLike) -> float:
    """Return the correlation of two distance matrices, over pairs."""
    above = np.triu_indices(len(np.asarray(one)), 1)
    return float(np.corrcoef(np.asarray(one)[above], np.asarray(other)[above])[0, 1])


def chance(one: ArrayLike, other: ArrayLike, permutations: int = 9999) -> float:
    """Return the share of orders of the names, the true one too, that agree as well (Mantel)."""
    rng = np.random.default_rng(0)
    matrix, observed = np.asarray(one), agreement(one, other)
    above = np.triu_indices(len(matrix), 1)
    second = np.asarray(other)[above]
    second = (second - second.mean()) / (second.std() * second.size)
    reached = 1
    for _ in range(permutations):
        order = rng.permutation(len(matrix))
        first = matrix[np.ix_(order, order)][above]
        reached += first @ second / first.std() >= observed - 1e-12
    return reached / (permutations + 1)


def nearest(likeness: ArrayLike) -> tuple[int, list[str]]:
    """Return how many languages have their likest in their own family, and who has not.

    Turkish, alone in its family, is left out.
    """
    matrix = 1 - apart(likeness)
    np.fill_diagonal(matrix, -np.inf)
    alone = [i for i, name in enumerate(NAMES) if len(bigrams.FAMILIES[bigrams.FAMILY[name]]) == 1]
    likest = matrix.argmax(axis=1)
    wrong = [
        f"{bigrams.NAMES[name]} ({bigrams.NAMES[NAMES[likest[i]]]})"
        for i, name in enumerate(NAMES)
        if i not in alone and bigrams.FAMILY[name] != bigrams.FAMILY[NAMES[likest[i]]]
    ]
    return len(NAMES) - len(alone) - len(wrong), wrong


def frequencies_apart() -> Floats:
    """Return half the sum of differences between letter frequencies: a tree without bigrams."""
    mu = np.array([bigrams.language(name).stationary for name in NAMES])
    return np.asarray(np.abs(mu[:, None] - mu).sum(axis=2) / 2)
