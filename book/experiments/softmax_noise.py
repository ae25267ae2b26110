"""How far noise moves an entry of attention near a solution, by its weight.

V = P, and attention that is right up to 5 % of its weight, which lies on the other positions in
portions of very different size. Some seconds on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import scbtools as scb
from scbtools.updates import through_softmax

VOCAB_SIZE, SEQ_LEN, SPARSITY, BATCH = 3, 400, 2, 64
GRID = {"seed": range(20)}


def movements(seed: int, batches: int = 20) -> dict[str, NDArray[np.float64]]:
    """Return the weights of unattended entries, and how far softmax and linear attention move."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    off = task.attention == 0
    rest = off * 10 ** np.random.default_rng(seed).uniform(-4, 0, off.shape)
    A = 0.95 * task.attention + 0.05 * rest / rest.sum(axis=0)
    here, squares = scb.Params(A, np.array(task.transition)), np.zeros((2, off.sum()))
    for step in range(batches):
        g = scb.precondition(task, scb.minibatch_gradients(task, here, BATCH, seed, step)).A
        through = through_softmax(A, through_softmax(A, g))
        squares += np.array([through[off], g[off]]) ** 2 / batches
    softmax, linear = np.sqrt(squares)
    return {"weight": A[off], "softmax": softmax, "linear": linear}


def run_one(seed: int) -> dict[str, Any]:
    """Return the slopes of what softmax and linear attention move in the weight, in logarithms."""
    found = movements(seed)
    at = np.log(found["weight"])
    slopes = {
        kind: stats.linregress(at, np.log(found[kind])).slope for kind in ("softmax", "linear")
    }
    return {kind: float(f"{slope:.5g}") for kind, slope in slopes.items()}
