"""What chapter 10 measures of a run is what its words say."""

import captions
import numpy as np
import pandas as pd
import pytest
from experiments.paper_figures import at_gap

import scbtools as scb
from scbtools import updates


def test_a_cut_at_the_largest_gap_keeps_what_lies_above_it():
    A = np.array([[0.24, 0.0], [0.03, 0.5], [0.21, -0.1], [0.04, 0.1]])
    right = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], bool)
    rounded, columns = at_gap(A, right)
    np.testing.assert_allclose(rounded.sum(axis=0), 1)
    np.testing.assert_array_equal(np.flatnonzero(rounded[:, 0]), [0, 2])
    assert columns == 1  # the second column loses its entry at 0.1


def test_a_level_recovers_exactly_between_noise_and_attended_entries():
    ends = pd.DataFrame({"attended": [0.1], "others": [0.02], "gap": [3], "gap_A": [0.01]})
    found = {c: bool(captions.recovered(ends, c)[0]) for c in (0.04, 0.041, 0.2, 0.21)}
    assert found == {0.04: False, 0.041: True, 0.2: True, 0.21: False}
    assert captions.recovered(ends)[0]


def test_dividing_by_mu_twice_is_the_population_step_with_that_gradient():
    task = scb.SCBTask.random(3, 40, 2, seed=3)
    params, eta = scb.uniform_start(task), 0.05
    for _ in range(30):
        grads = scb.precondition(task, scb.population_gradients(task, params))
        twice = scb.population.Gradients(grads.A / task.stationary, grads.V)
        params = updates.gradient_step(params, twice, eta / task.K_Q, eta / task.K_P)
    expected = scb.signals(task, params).alpha_A
    assert captions.twice(task, eta, 30) == pytest.approx(expected, rel=1e-9)


def test_the_rate_itself_is_the_population_step_without_the_norms():
    task = scb.SCBTask.random(3, 40, 2, seed=3)
    params, eta = scb.uniform_start(task), 0.3
    for _ in range(30):
        grads = scb.precondition(task, scb.population_gradients(task, params))
        params = updates.gradient_step(params, grads, eta, eta)
    expected = scb.signals(task, params).alpha_A
    assert captions.plain(task, eta, 30) == pytest.approx(expected, rel=1e-9)
