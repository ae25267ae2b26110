"""Population dynamics against the two-number recursion, and noisy steps against C.5 and C.6."""

from __future__ import annotations

import numpy as np
import pytest

import scbtools as scb
from scbtools import population
from scbtools.signals import centred, residuals
from tests import reference_numpy as ref
from tests.examples import constrained

TASKS = [(2, 10, 0), (3, 50, 1), (10, 20, 3), (30, 200, 4)]


def descend(params: scb.Params, grad: scb.Gradients, eta_V: float, eta_A: float) -> scb.Params:
    return scb.Params(params.A - eta_A * grad.A, params.V - eta_V * grad.V)


def expected(task: scb.SCBTask, params: scb.Params) -> scb.Gradients:
    """Eq. 4 of the expected raw gradients, by matrices."""
    raw = scb.population_gradients(task, params)
    return scb.Gradients(*ref.precondition(*raw, task.stationary))


@pytest.mark.parametrize("start", [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.5)])
@pytest.mark.parametrize(("vocab_size", "seq_len", "seed"), TASKS)
def test_population_training_follows_equation_8(
    vocab_size: int, seq_len: int, seed: int, start: tuple[float, float]
) -> None:
    """Hundreds of steps of the matrices: signals as the recursion says, never off the lines."""
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed, signal=0.5)
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    params = scb.Params(
        start[1] * true.A + (1 - start[1]) * uniform.A,
        start[0] * true.V + (1 - start[0]) * uniform.V,
    )
    eta, steps = 0.05, 400
    path = population.signal_path(task, eta, steps, start)
    assert path.shape == (steps + 1, 2)
    assert tuple(path[0]) == start
    for step in range(steps + 1):
        found = scb.signals(task, params)
        assert abs(found.alpha_V - path[step, 0]) < 1e-12
        assert abs(found.alpha_A - path[step, 1]) < 1e-12
        assert max(found.delta_V, found.delta_A) < 1e-12
        params = descend(params, expected(task, params), eta / task.K_Q, eta / task.K_P)
    assert np.abs(path[-1] - path[0]).max() > 0.1


def test_one_step_of_equation_8_by_hand() -> None:
    v, a = population.signal_step(0.5, 0.25, eta=0.1, K_Q=0.4, seq_len=10)
    assert v == pytest.approx(0.5 + 0.1 * 0.875 * 0.25 + 0.1 / 0.4 * 0.5 / 10, abs=1e-15)
    assert a == pytest.approx(0.25 + 0.1 * 0.875 * 0.5, abs=1e-15)


@pytest.mark.parametrize(("vocab_size", "seq_len", "seed"), TASKS)
def test_noisy_steps_are_lemmas_c5_and_c6(vocab_size: int, seq_len: int, seed: int) -> None:
    """With the noise that was drawn, both lemmas are identities: 30 steps on mini-batches."""
    task = scb.SCBTask.random(vocab_size, seq_len, 2, seed, signal=0.5)
    params = constrained(task, seed, scale=0.1)
    eta_V, eta_A = 0.01 / task.K_Q, 0.015 / task.K_P
    for step in range(30):
        raw = scb.minibatch_gradients(task, params, 16, seed=seed, step=step)
        taken = scb.Gradients(*ref.precondition(*raw, task.stationary))
        mean = expected(task, params)
        noise = population.Noise(taken.A - mean.A, taken.V - mean.V)
        before, delta = centred(task, params), residuals(task, params)
        params = descend(params, taken, eta_V, eta_A)
        after = ref.signals(task.transition, task.stationary, task.attention, *params)
        alphas = population.noisy_signal_step(task, before, noise, eta_V, eta_A)
        np.testing.assert_allclose(alphas, (after.alpha_V, after.alpha_A), rtol=0, atol=1e-11)
        errors = population.noisy_error_step(task, before, delta, noise, eta_V, eta_A)
        np.testing.assert_allclose(errors.A, after.delta_A, rtol=0, atol=1e-11)
        np.testing.assert_allclose(errors.V, after.delta_V, rtol=0, atol=1e-11)


def test_without_noise_lemma_c5_on_the_lines_is_equation_8() -> None:
    task = scb.SCBTask.random(4, 30, 2, seed=6)
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    here = scb.Params(0.2 * true.A + 0.8 * uniform.A, 0.6 * true.V + 0.4 * uniform.V)
    still = population.Noise(np.zeros_like(here.A), np.zeros_like(here.V))
    found = population.noisy_signal_step(
        task, centred(task, here), still, 0.1 / task.K_Q, 0.1 / task.K_P
    )
    wanted = population.signal_step(0.6, 0.2, 0.1, task.K_Q, task.seq_len)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-14)


def test_bad_arguments() -> None:
    task = scb.SCBTask.random(3, 5, 2)
    with pytest.raises(ValueError, match="steps must be at least 0"):
        population.signal_path(task, 0.1, -1)
    with pytest.raises(ValueError, match="eta must lie in"):
        population.signal_path(task, float("nan"), 3)
