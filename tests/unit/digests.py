"""Print hashes of what the library computes, for each number of threads asked for.

Run as a program by `test_answer.py`, because the CPU that numba compiles for is settled when it is
imported.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import numpy as np

import scbtools as scb
from scbtools import engines, population, recipes
from scbtools.signals import centred

# Tokens compared, and looked up; rows within a share, and cut by its borders.
GRADIENTS = [(2, 3000, 40), (3, 600, 2500), (3, 5000, 65), (10, 127, 33), (40, 2500, 20)]


def digest(*arrays: Any) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]


def away(task: scb.SCBTask) -> scb.Params:
    rng = np.random.default_rng(1)
    return scb.Params(
        task.attention + rng.random(task.attention.shape) / task.seq_len - 0.3 / task.seq_len,
        task.transition + rng.random(task.transition.shape) - 0.4,
    )


def results() -> dict[str, str]:
    found = {}
    for vocab_size, seq_len, size in GRADIENTS:
        task = scb.SCBTask.random(vocab_size, seq_len, 2, seed=1, signal=0.9)
        name = f"N={vocab_size} T={seq_len} B={size}"
        found[f"task {name}"] = digest(task.transition, task.stationary, task.attention)
        found[f"tokens {name}"] = digest(*task.sample(10, seed=2))
        params = away(task)
        found[f"gradient {name}"] = digest(*scb.minibatch_gradients(task, params, size, seed=3))
        found[f"scalars {name}"] = digest(*centred(task, params))
        expected = population.population_gradients(task, params)
        found[f"expected {name}"] = digest(*expected, population.population_loss(task, params))
    found["related"] = digest(scb.SCBTask.random(6, 9, 2).related(0.4).transition)
    task = scb.SCBTask.random(3, 1100, 2, seed=4)
    start = scb.transfer_start(task, task.transition, 0.5)  # far enough to reach the last stage
    sizes = {"batch_size": 70, "learn_batch_size": 300, "finish_batch_size": 200}
    counts = {"boost_steps": 5, "learn_steps": 60, "settle_steps": 5, "finish_steps": 20}
    stages = recipes.three_stage(task, eta=0.05, **sizes, **counts)
    run = scb.train(task, stages, start, seed=5)
    found["training"] = digest(*run.params)
    found["history"] = digest(*run.history.values())
    found["status"] = run.status
    return found


def main() -> None:
    engines._WORTH = engines._VALUES = 1  # so that batches this small are shared out
    for threads in map(int, sys.argv[1:]):
        engines.set_num_threads(threads)
        print(json.dumps(results()))


if __name__ == "__main__":
    main()
