"""Chapter 17: fixed training sets, stopped when their loss has fallen by a twentieth.

As in `fixed_sets_again`, on its tasks and on as many new ones. 1152 runs: some ten minutes on
one core.
"""

from __future__ import annotations

import itertools
from typing import Any

from experiments import fixed_sets_again
from experiments.fixed_sets_again import LENGTHS, SIZES

SEEDS = range(3200, 3248)  # new ones, which the rule judges
GRID = [
    {"seq_len": T, "n": n, "seed": seed}
    for T, n, seed in itertools.product(LENGTHS, SIZES, (*fixed_sets_again.SEEDS, *SEEDS))
]


def run_one(seq_len: int, n: int, seed: int) -> dict[str, Any]:
    """Return whether training shows the support, and after how many steps it stopped."""
    return fixed_sets_again.run_one(seq_len, n, seed, left=0.95)
