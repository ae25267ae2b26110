"""Training simulated with Gaussian noise: against its parts, and against real batches."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

import scbtools as scb
from scbtools import noise, population, updates
from scbtools.recipes import boost, figure_6
from scbtools.stages import HISTORY_COLUMNS

HUGE = 2**32 - 1  # a batch whose noise is below any tolerance here


@pytest.fixture(scope="module")
def task():
    return scb.SCBTask.random(6, 300, 2, seed=4, signal=2)


def on_lines(task, alpha_V, alpha_A):
    start = scb.uniform_start(task)
    return scb.Params(
        alpha_A * task.attention + (1 - alpha_A) * start.A,
        alpha_V * task.transition + (1 - alpha_V) * start.V,
    )


def test_moments_are_those_of_the_full_matrices(task):
    """What a step of the simulation uses, against one (N, N) matrix per last token."""
    params, mu = on_lines(task, 0.4, 0.6), task.stationary
    norm, match = (params.A**2).sum(axis=0), (params.A * task.attention).sum(axis=0)
    found = noise.moments(task, params.V)
    per_k = noise.residual_covariance(task, params)
    np.testing.assert_allclose(
        found.residual(float((norm * mu).sum()), float((match * mu).sum())),
        (per_k * mu[:, None, None]).sum(axis=0),
        atol=1e-15,
    )
    trivial = np.outer(mu, mu)
    np.testing.assert_allclose(found.C, (params.V * mu) @ params.V.T - trivial, atol=1e-15)
    np.testing.assert_allclose(found.F, (params.V * mu) @ task.transition.T - trivial, atol=1e-15)
    entries = (per_k * found.C).sum(axis=(1, 2))
    np.testing.assert_allclose(found.entry(norm, match), entries, rtol=1e-12)
    np.testing.assert_allclose(noise.attention_noise(task, params), entries / mu, rtol=1e-12)


def test_a_step_makes_no_matrix_per_last_token():
    size = 64
    task = scb.SCBTask.random(size, 1000, 2, seed=0, signal=2)
    tracemalloc.start()
    try:
        noise.simulate(task, boost(task, 2, 100, 0.05))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * size**3 / 2


def test_without_noise_it_is_the_recursion_of_two_numbers(task):
    history = noise.simulate(task, boost(task, 60, HUGE, 0.05), record_every=1)
    path = population.signal_path(task, 0.05, 60)
    found = np.column_stack([history["alpha_V"], history["alpha_A"]])
    np.testing.assert_allclose(found, path, atol=2e-4)
    assert history["samples"][-1] == 60 * HUGE


@pytest.mark.parametrize("sampled", [None, 16])
def test_without_noise_a_proximal_step_is_that_of_the_full_matrices(task, sampled):
    learn = figure_6(task, learn_batch_size=HUGE, learn_steps=3, learn_target=9.0, l1=2e-3)[1]
    history = noise.simulate(task, learn, start=(0.3, 0.25), sampled=sampled, record_every=3)
    params = on_lines(task, 0.3, 0.25)
    level = 0.5 * 0.3 / task.sparsity
    params = scb.Params(updates.threshold_and_project(params.A, level), params.V)
    for _ in range(3):
        gradients = scb.precondition(task, scb.population_gradients(task, params))
        params = updates.gradient_step(params, gradients, learn.eta_V, learn.eta_A, learn.l1)
    expected = scb.signals(task, params)
    for name, value in expected._asdict().items():
        assert history[name][-1] == pytest.approx(value, abs=2e-4)
    assert history["loss"][-1] == pytest.approx(scb.population_loss(task, params), abs=1e-4)


def test_a_sample_of_positions_stands_for_all(task):
    stage = boost(task, 40, 200, 0.05)
    ends = {}
    for sampled in (None, 16):
        runs = [
            noise.simulate(task, stage, seed, sampled=sampled, record_every=40)
            for seed in range(60)
        ]
        ends[sampled] = {
            name: np.array([run[name][-1] for run in runs])
            for name in ("alpha_V", "alpha_A", "delta_V", "delta_A")
        }
    for name, values in ends[None].items():
        others = ends[16][name]
        error = np.sqrt((values.var() + others.var()) / 60)
        # Five standard errors: a false alarm in about a million runs of this test.
        assert abs(values.mean() - others.mean()) < 5 * error, name


def test_it_agrees_with_real_batches(task):
    stage = boost(task, 40, 200, 0.05)
    seeds = range(60)
    runs = {
        "real": [scb.train(task, stage, seed=s, record_every=40).history for s in seeds],
        "simulated": [noise.simulate(task, stage, s, record_every=40) for s in seeds],
    }
    for name in ("alpha_V", "alpha_A", "delta_V", "delta_A"):
        real, simulated = (np.array([run[name][-1] for run in each]) for each in runs.values())
        error = np.sqrt((real.var() + simulated.var()) / 60)
        assert abs(real.mean() - simulated.mean()) < 5 * error, name
        # Variances of 60 values each: their ratio leaves (0.4, 2.5) once in a few thousand runs.
        assert 0.4 < real.var() / simulated.var() < 2.5, name


def test_both_projections_have_the_noise_of_real_batches():
    """Where one token is frequent the first step's noise differs threefold between the two."""
    mu = np.array([0.6, 0.2, 0.2])
    task = scb.SCBTask(0.5 * np.eye(3) + 0.5 * mu[:, None], scb.SCBTask.random(3, 50, 2).attention)
    found = {}
    for centred in (False, True):
        stage = dataclasses.replace(boost(task, 1, 20, 0.05), centred=centred)
        real = [scb.train(task, stage, seed=s).history["alpha_V"][-1] for s in range(400)]
        simulated = [noise.simulate(task, stage, s)["alpha_V"][-1] for s in range(400)]
        # The logarithm of the ratio has a standard error of 0.1: one false alarm in 10^6.
        assert 0.6 < np.var(real) / np.var(simulated) < 1.65, centred
        found[centred] = np.var(real)
    assert found[False] > 2 * found[True]


def test_one_seed_gives_one_run(task):
    stage = boost(task, 20, 50, 0.05)
    first, again, other = (noise.simulate(task, stage, seed)["alpha_A"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first[-1] != other[-1]


def test_what_cannot_be_simulated_is_refused(task):
    for stage in (
        scb.Stage("raw", 5, preconditioned=False),
        scb.Stage("frozen", 5, freeze_A=True),
        scb.Stage("round", 5, before=(scb.Transform("round"),)),
        scb.Stage("softmax", 5, attention="softmax"),
    ):
        with pytest.raises(ValueError, match="cannot be simulated"):
            noise.simulate(task, stage)
    everywhere = scb.SCBTask.random(3, 4, 4, seed=0)
    with pytest.raises(ValueError, match="every position"):
        noise.simulate(everywhere, scb.Stage("s", 1))


def test_a_run_that_blows_up_stops(task):
    history = noise.simulate(task, boost(task, 400, 10, 50.0))
    assert history["step"][-1] < 400


def test_the_history_has_the_columns_of_a_run(task):
    stage = boost(task, 3, 50, 0.05)
    simulated = noise.simulate(task, stage)
    real = scb.train(task, stage).history
    assert tuple(simulated) == tuple(real) == HISTORY_COLUMNS
    for name in ("step", "stage", "samples"):
        np.testing.assert_array_equal(simulated[name], real[name])
        assert simulated[name].dtype == real[name].dtype


@pytest.mark.parametrize(
    ("until", "alpha_V", "alpha_A", "met"),
    [
        (None, 9.0, 9.0, False),
        ("max_signal", 0.5, -0.1, True),
        ("max_signal", 0.1, -0.5, True),
        ("max_signal", 0.4, 0.4, False),
        ("mean_signal", 0.6, 0.4, True),
        ("mean_signal", -0.6, -0.4, True),
        ("mean_signal", 0.9, -0.9, False),
    ],
)
def test_a_target_is_met_whichever_the_sign(until, alpha_V, alpha_A, met):
    stage = scb.Stage("s", 1, until=until, target=0.5)
    assert stage.met(alpha_V, alpha_A) is met


def test_it_stops_at_the_first_step_that_meets_the_target(task):
    stage = boost(task, 400, 500, 0.05, target=0.3)
    every = noise.simulate(task, stage, record_every=1)
    sizes = np.maximum(abs(every["alpha_V"]), abs(every["alpha_A"]))
    assert sizes[-1] >= 0.3 > sizes[:-1].max()
    assert noise.simulate(task, stage, record_every=1000)["step"][-1] == every["step"][-1] < 400


def test_padding_of_tokens_that_attend_to_fewer_positions_counts_for_nothing(task):
    positions = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    weights = [[1, 0], [0.5, 0.5], [0.25, 0.75], [1, 0], [0.5, 0.5], [0.5, 0.5]]
    uneven = scb.SCBTask.from_sparse(task.transition, positions, weights, 60)
    history = noise.simulate(uneven, boost(uneven, 30, HUGE, 0.05), start=(0.3, 0.2))
    path = population.signal_path(uneven, 0.05, 30, start=(0.3, 0.2))
    np.testing.assert_allclose(
        [history["alpha_V"][-1], history["alpha_A"][-1]], path[-1], atol=2e-4
    )
    ends = on_lines(uneven, *path[-1])
    assert history["loss"][-1] == pytest.approx(scb.population_loss(uneven, ends), abs=1e-4)
