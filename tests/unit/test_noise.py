"""The noise's closed forms against every sequence that can occur, and against batches."""

from __future__ import annotations

import numpy as np
import pytest

import scbtools as scb
from scbtools import noise, population
from tests import reference_numpy as ref
from tests.examples import away, constrained, uneven_task

TINY = [(2, 2), (2, 4), (3, 2), (3, 3), (3, 4)]


def places(task: scb.SCBTask) -> list[scb.Params]:
    half = scb.transfer_start(task, task.transition, 0.5)
    return [constrained(task, 3), constrained(task, 4), scb.true_params(task), half]


def enumerated(task: scb.SCBTask, params: scb.Params) -> tuple[ref.Array, float, float, ref.Array]:
    """Variance of every entry of A, of <g_A, Q>_mu, |h_V|^2_mu, and E[r r' | k], by listing all."""
    mu, Q = task.stationary, task.attention
    mean_a = population.preconditioned_population_gradients(task, params)
    square, along, along_square, value = np.zeros(params.A.shape), 0.0, 0.0, 0.0
    covariance = np.zeros((task.vocab_size,) * 3)
    for chance, sequence, last, target in ref.outcomes(task.transition, mu, Q):
        for_a, for_v = ref.sample_gradients(*params, sequence, last, target)
        raw = np.zeros(params.A.shape)
        raw[:, last] = for_a
        g = scb.precondition(task, scb.Gradients(raw, for_v))
        square += chance * g.A**2
        dot = float((g.A * Q * mu).sum())
        along += chance * dot
        along_square += chance * dot**2
        value += chance * float(((g.V - mean_a.V) ** 2 * mu).sum())
        r = (params.V[:, sequence] * params.A[:, last]).sum(axis=1)
        r[target] -= 1
        covariance[last] += chance / mu[last] * np.outer(r, r)
    return square - mean_a.A**2, along_square - along**2, value, covariance


@pytest.mark.parametrize(("vocab_size", "seq_len"), TINY)
def test_every_sequence(vocab_size: int, seq_len: int) -> None:
    task = uneven_task(vocab_size, seq_len)
    for params in places(task):
        entries, along, value, covariance = enumerated(task, params)
        scale = max(1.0, float(np.abs(entries).max()))
        np.testing.assert_allclose(
            noise.attention_entries(task, params), entries, atol=1e-12 * scale
        )
        assert noise.signal_noise(task, params) == pytest.approx(along, rel=1e-11, abs=1e-13)
        assert noise.value_norm(task, params) == pytest.approx(value, rel=1e-11)
        found = noise.residual_covariance(task, params)
        np.testing.assert_allclose(found, covariance, atol=1e-12 * scale)
        norm = float((entries * task.stationary).sum())
        assert noise.attention_norm(task, params) == pytest.approx(norm, rel=1e-11)


def half_way(task: scb.SCBTask) -> scb.Params:
    start, truth = scb.uniform_start(task), scb.true_params(task)
    return scb.Params(*((one + two) / 2 for one, two in zip(start, truth, strict=True)))


def squares(task: scb.SCBTask, h: population.Noise) -> tuple[float, float, float]:
    """|h_A|^2_mu, |h_V|^2_mu and <h_A, Q>_mu^2."""
    mu = task.stationary
    dot = float((h.A * task.attention * mu).sum())
    return float((h.A**2 * mu).sum()), float((h.V**2 * mu).sum()), dot**2


def test_batches() -> None:
    """Means over batches within five standard errors: by chance less than once in 10^5 tries."""
    task = scb.SCBTask.random(4, 60, 3, seed=2)
    params = half_way(task)
    found = [squares(task, noise.realised(task, params, 32, seed=1, step=i)) for i in range(400)]
    each = noise.attention_norm, noise.value_norm, noise.signal_noise
    wanted = np.array([closed(task, params) / 32 for closed in each])
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - wanted) < 5 * error).all()
    assert (error < 0.15 * wanted).all()  # or the comparison would say little


def test_realised_is_the_batch_minus_its_expectation() -> None:
    task = scb.SCBTask.random(3, 30, 2, seed=2)
    params = half_way(task)
    h = noise.realised(task, params, 8, seed=5, step=7)
    raw = scb.minibatch_gradients(task, params, 8, seed=5, step=7)
    expected = scb.precondition(task, scb.population_gradients(task, params))
    batch = scb.precondition(task, raw)
    np.testing.assert_allclose(h.A, batch.A - expected.A, atol=1e-13)
    np.testing.assert_allclose(h.V, batch.V - expected.V, atol=1e-13)


@pytest.mark.parametrize("seq_len", [50, 5000])
def test_unattended_entries_differ_from_the_short_form_by_one_over_T(seq_len: int) -> None:
    task = scb.SCBTask.random(3, seq_len, 2, seed=1)
    params = half_way(task)
    entries, short = noise.attention_entries(task, params), noise.attention_noise(task, params)
    for k in range(3):
        rest = np.delete(entries[:, k], task.sparse_attention.positions[k])
        np.testing.assert_allclose(rest, short[k], rtol=5 / seq_len)
        assert np.ptp(rest) < 1e-12 * short[k]


def test_no_noise_in_the_attention_at_the_uniform_start() -> None:
    """V = mu 1' lets every token vote alike, so no sample says anything about positions."""
    task = scb.SCBTask.random(3, 30, 2, seed=0)
    start = scb.uniform_start(task)
    assert np.abs(noise.attention_entries(task, start)).max() < 1e-15
    assert noise.value_norm(task, start) > 0


def test_drawn_noise_has_the_right_size_and_keeps_the_constraints() -> None:
    """Means over draws within five standard errors."""
    task = scb.SCBTask.random(4, 60, 3, seed=2)
    params, rng = half_way(task), np.random.default_rng(0)
    draws = [noise.draw(task, params, 32, rng) for _ in range(400)]
    for h in draws[:10]:
        assert np.abs(h.A.sum(axis=0)).max() < 1e-12
        assert np.abs(h.V.sum(axis=0)).max() < 1e-12
        assert np.abs((h.V * task.stationary).sum(axis=1)).max() < 1e-12
    found = np.array([squares(task, h)[:2] for h in draws])
    # Projecting takes one of T directions from independent draws.
    wanted = noise.attention_norm(task, params) * (1 - 1 / 60), noise.value_norm(task, params)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - np.array(wanted) / 32) < 5 * error).all()


def test_off_the_constraints_it_refuses() -> None:
    task = scb.SCBTask.random(3, 10, 2, seed=0)
    for closed in (noise.attention_noise, noise.attention_entries, noise.value_norm):
        with pytest.raises(ValueError, match="which the noise's closed forms need"):
            closed(task, away(task, 1))
