"""What real batches do at one place and along a run, for chapter 4 and its lab notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools import noise, population, updates
from scbtools.signals import centred, residuals


def squares(
    task: scb.SCBTask, params: scb.Params, batch_size: int, seed: int, batches: int
) -> NDArray[np.float64]:
    """Return |h_A|^2_mu and |h_V|^2_mu of some batches, (batches, 2)."""
    found = [noise.realised(task, params, batch_size, seed, i) for i in range(batches)]
    return np.array([[(each**2 * task.stationary).sum() for each in h] for h in found])


class NoisyStep(NamedTuple):
    """One step of plain training with mini-batches."""

    before: scb.Params
    after: scb.Params
    noise: population.Noise  # what its batch realised
    eta_V: float
    eta_A: float


def noisy_steps(
    task: scb.SCBTask, steps: int, batch_size: int, eta: float, seed: int
) -> Iterator[NoisyStep]:
    """Yield the steps of Stage 1 from the trivial start, each with the noise of its batch."""
    params, rates = scb.uniform_start(task), (eta / task.K_Q, eta / task.K_P)
    for step in range(steps):
        raw = scb.minibatch_gradients(task, params, batch_size, seed, step)
        gradients = scb.precondition(task, raw)
        mean = population.preconditioned_population_gradients(task, params)
        h = population.Noise(gradients.A - mean.A, gradients.V - mean.V)
        after = updates.gradient_step(params, gradients, *rates)
        yield NoisyStep(params, after, h, *rates)
        params = after


def terms(task: scb.SCBTask, step: NoisyStep) -> dict[str, float]:
    """Return what each term of Lemmas C.5 and C.6 adds in a step, and where the step began."""
    mu, K_P, K_Q, (h_A, h_V) = task.stationary, task.K_P, task.K_Q, step.noise
    now, delta, eta_V, eta_A = centred(task, step.before), residuals(task, step.before), *step[3:]
    v, a = now.alpha_V, now.alpha_A
    keep = 1 - eta_A * (K_P * v**2 + now.delta_V_squared)
    fresh = residuals(task, step.after).A - keep * delta.A
    return {
        "alpha_V": v,
        "alpha_A": a,
        "delta_A": now.delta_A_squared,
        "V signal": eta_V * (K_Q * (1 - a * v) * a + (1 - v) / task.seq_len),
        "V shrinkage": -eta_V * v * now.delta_A_squared,
        "V noise": -eta_V / K_P * float((h_V * task.transition * mu).sum()),
        "A signal": eta_A * K_P * (1 - v * a) * v,
        "A shrinkage": -eta_A * a * now.delta_V_squared,
        "A noise": -eta_A / K_Q * float((h_A * task.attention * mu).sum()),
        "Delta shrinkage": (keep**2 - 1) * now.delta_A_squared,
        "Delta noise": float((fresh**2 * mu).sum()),
    }
