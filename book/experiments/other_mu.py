"""Chapter 17: a transferred P_hat that does not map the pupil's mu to itself.

P_hat = m 1' + kappa (P - mu 1'): the pupil's own P, moved to m = (1 - moved) mu + moved e_j with j
the rarest token, and kappa as large as nonnegative entries allow. So P_hat mu = m. As it is, or
recentred. N = 3, Q = 2, T = 200. One step of A on a ladder of batches, and whole runs.

1056 runs: about two minutes on one core.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from experiments.bigrams import recentred
from experiments.stage_1 import ETA, SPARSITY, VOCAB_SIZE
from experiments.transfer_step import snr

SEQ_LEN = 200
SEEDS = range(1700, 1748)  # the first half of them for whole runs
MOVED = (0.0, 0.25, 0.5, 0.75)
STARTS = ("as it is", "recentred")
BATCHES = [round(32 * 2 ** (rung / 2)) for rung in range(11)]  # of the one step
GRID: list[dict[str, Any]] = [
    {"kind": kind, "theta": theta, "moved": moved, "start": start, "seed": seed}
    for kind, theta in (("step", 0.5), ("step", 1.0), ("run", 0.5))
    for moved in MOVED
    for start in (*STARTS, "centred projection")
    for seed in (SEEDS[:24] if kind == "run" else SEEDS)
    if kind == "run" or start in STARTS
]


def teacher(task: scb.SCBTask, moved: float) -> NDArray[np.float64]:
    """Return P_hat, which maps the task's mu to another law."""
    mu = task.stationary
    law = (1 - moved) * mu + moved * (np.arange(len(mu)) == mu.argmin())
    shift = task.transition - mu[:, None]
    kept = min(1.0, float((law[:, None] / np.maximum(-shift, 1e-300)).min()))
    return np.asarray(np.maximum(law[:, None] + kept * shift, 0.0))


def apart(task: scb.SCBTask, P_hat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return delta = P_hat mu - mu."""
    return np.asarray((P_hat * task.stationary).sum(axis=1) - task.stationary)


def noisier(task: scb.SCBTask, P_hat: NDArray[np.float64], theta: float) -> tuple[float, float]:
    """Return the factor of an entry's noise variance, as it is over recentred, and its bound."""
    mu, delta = task.stationary, apart(task, P_hat)
    shift = recentred(P_hat, mu) - mu[:, None]
    covered, spread = shift * mu @ shift.T, np.diag(mu) - np.outer(mu, mu)
    more = theta**2 * float(delta @ covered @ delta) / float(np.trace(spread @ covered))
    return 1 + more, 1 + theta**2 * float((delta**2 / mu).sum())


def height(task: scb.SCBTask, P_hat: NDArray[np.float64], theta: float, start: str) -> Any:
    """Return, per last token, an attended entry over its noise at B = 1, by hand, (N,)."""
    z = snr(task, recentred(P_hat, task.stationary))
    return z / np.sqrt(noisier(task, P_hat, theta)[0]) if start == "as it is" else z


def staying(task: scb.SCBTask, P_hat: NDArray[np.float64], theta: float, centred: bool) -> float:
    """Return |V - P|^2 where V ends, if A = Q: what the projection cannot see."""
    mu, delta = task.stationary, apart(task, P_hat)
    uneven = float((mu**3).sum() / (mu @ mu) ** 2 - 1)
    return theta**2 * float(delta @ delta) * (1 + (0 if centred else task.sparsity**2 * uneven))


def run_one(kind: str, theta: float, moved: float, start: str, seed: int) -> dict[str, Any]:
    """Return which batches show the support, or where a whole run ends."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    mu, P_hat = task.stationary, teacher(task, moved)
    begun = scb.transfer_start(task, P_hat, theta)
    if start == "recentred":
        begun = begun._replace(V=recentred(begun.V, mu))
    if kind == "step":
        return step(task, begun, seed)
    stages = scb.recipes.transfer(
        task, 2048, ETA, 1e-4, learn_batch_size=512, learn_target=0.9, learn_steps=250,
        settle_steps=20, finish_steps=150, finish_batch_size=1024,
    )  # fmt: skip
    if start == "centred projection":
        stages = [dataclasses.replace(each, centred=True) for each in stages]
    A, V = scb.train(task, stages, begun, seed=seed, record_every=1000).params

    def square(difference: Any) -> float:
        return float(f"{(difference**2 * mu).sum():.6g}")

    return {
        "support": int(scb.support_recovered(task, A).all()),
        "apart": square(((V * mu).sum(axis=1) - mu)[:, None]),
        "error": square(V - task.transition),
        "mended": square(recentred(V, mu) - task.transition),  # recentred at the end
    }


def step(task: scb.SCBTask, begun: scb.Params, seed: int) -> dict[str, Any]:
    """Return, per batch, whether one step shows the support, its height and its noise."""
    shown, noise = [], []
    for fresh, batch in enumerate(BATCHES):
        raw = scb.minibatch_gradients(task, begun, batch, seed=seed, step=fresh)
        A = begun.A - scb.precondition(task, raw).A / task.K_P
        shown.append(int(scb.support_recovered(task, A).all()))
        grass = np.where(task.attention > 0, np.nan, A)
        noise.append(float(f"{np.nanstd(grass, axis=0).mean():.6g}"))
    return {"batch": BATCHES, "shown": shown, "noise": noise}
