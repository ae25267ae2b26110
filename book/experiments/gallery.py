"""Runs that go well and runs with one fault, and a list of questions that names the fault.

N = 3, T = 200, Q = 2. What goes well is Stage 1, the cut, proximal steps. Each fault spoils it
in one way, at several strengths. Mirrors arise by themselves, from a first stretch of single
sequences; about a quarter of the runs with one are mirrors.

432 runs of up to 2 * 10^7 tokens: a minute of one core.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools.stages import Stage

VOCAB_SIZE, SEQ_LEN, SPARSITY = 3, 200, 2  # N, T, Q
BATCH, ETA, L1 = 256, 0.03, 2e-4  # B, base rate, lambda: of a run that goes well
BOOST, LEARN, TOSS = 240, 160, 40  # steps of Stages 1 and 2, and of a careless beginning
TAIL, EVERY = 5, 20  # rows of the record that the list reads, and steps between rows
SEEDS = range(400, 424)  # of the verdict: a task and a token stream each
STRENGTHS = {  # the gallery's own first
    "well": (1.0,),
    "A too noisy": (4.0, 2.0, 8.0, 16.0),  # sequences a batch
    "V too noisy": (12.0, 3.0, 6.0, 24.0),  # rate of V over its own, with 4 sequences a batch
    "mirror": (1.0,),  # sequences a batch, in its first steps
    "λ too large": (100.0, 10.0, 30.0, 300.0),  # times L1
}
GRID = [
    {"kind": kind, "strength": strength, "seed": seed}
    for kind, strengths in STRENGTHS.items()
    for strength in strengths
    for seed in (range(400, 520) if kind == "mirror" else SEEDS)
]
Curves = Mapping[str, NDArray[np.float64]]


def good(task: scb.SCBTask, l1: float = L1) -> list[Stage]:
    """Return Stage 1 for a fixed number of steps, the cut, then proximal steps."""
    boost = scb.recipes.boost(task, BOOST, BATCH, ETA)
    cut = scb.Transform("threshold")
    return [boost, dataclasses.replace(boost, name="learn", steps=LEARN, l1=l1, before=(cut,))]


def noisy_attention(task: scb.SCBTask, batch_size: float) -> list[Stage]:
    """Return Stage 1 all the way, with few sequences."""
    return [scb.recipes.boost(task, BOOST + LEARN, int(batch_size), ETA)]


def noisy_value(task: scb.SCBTask, faster: float) -> list[Stage]:
    """Return a good Stage 1, after which V alone moves: too fast for its batch."""
    boost = good(task)[0]
    hasty = dataclasses.replace(
        boost, name="hasty", steps=LEARN, batch_size=4, eta_A=0.0, eta_V=faster * boost.eta_V
    )
    return [boost, hasty]


def tossed(task: scb.SCBTask, batch_size: float) -> list[Stage]:
    """Return the good schedule with a careless beginning, which tosses a coin for the sign."""
    toss = scb.recipes.boost(task, TOSS, int(batch_size), ETA)
    boost, learn = good(task)
    return [toss, dataclasses.replace(boost, steps=BOOST - TOSS), learn]


SCHEDULES: dict[str, Callable[[scb.SCBTask, float], list[Stage]]] = {
    "well": lambda task, _: good(task),
    "A too noisy": noisy_attention,
    "V too noisy": noisy_value,
    "mirror": tossed,
    "λ too large": lambda task, times: good(task, times * L1),
}


def curves_of(kind: str, seed: int, strength: float | None = None) -> dict[str, Any]:
    """Return the curves of one run, errors in units of the distance from start to truth."""
    task = scb.SCBTask.random(VOCAB_SIZE, SEQ_LEN, SPARSITY, seed=seed)
    stages = SCHEDULES[kind](task, STRENGTHS[kind][0] if strength is None else strength)
    history = scb.train(task, stages, seed=seed, record_every=EVERY).history
    last = np.append(np.diff(history["step"]) > 0, True)  # after the cut, where a step has both
    keep = last & ((history["step"] % EVERY == 0) | (np.arange(last.size) == last.size - 1))
    curves = {name: history[name][keep] for name in ("step", "alpha_V", "alpha_A")}
    curves["delta_V"] = history["delta_V"][keep] / np.sqrt(task.K_P)
    curves["delta_A"] = history["delta_A"][keep] / np.sqrt(task.K_Q)
    curves["excess"] = history["loss"][keep] - task.bayes_loss()
    return curves


def turned(curves: Curves) -> bool:
    """Return whether a run has the wrong sign when Stage 1 ends, just before the cut."""
    before = curves["step"] < BOOST
    return bool(curves["alpha_V"][before][-1] + curves["alpha_A"][before][-1] < 0)


def diagnose(curves: Curves) -> str:
    """Name what went wrong, from the means of the last rows."""
    ends = {name: curves[name][-TAIL:].mean() for name in curves}
    v, a = ends["alpha_V"], ends["alpha_A"]
    error_V, error_A = ends["delta_V"], ends["delta_A"]
    if error_A > 1:
        return "A too noisy"
    if v + a < 0:
        return "mirror"
    if error_V > 0.15:
        return "V too noisy"
    if a < v / 2:
        return "λ too large"
    return "well"


def run_one(kind: str, strength: float, seed: int) -> dict[str, Any]:
    """Return what the list calls a run, whether it is a mirror, and the ends of its curves."""
    curves = curves_of(kind, seed, strength)
    ends = {name: curves[name][-TAIL:].mean() for name in curves if name != "step"}
    found: dict[str, Any] = {"called": diagnose(curves), "turned": int(turned(curves))}
    return found | {name: float(f"{value:.5g}") for name, value in ends.items()}
