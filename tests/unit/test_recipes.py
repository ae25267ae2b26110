import dataclasses

import numpy as np
import pytest

import scbtools as scb
from scbtools import updates


@pytest.fixture(scope="module")
def task():
    return scb.SCBTask.random(3, 1000, 2, seed=0)


def test_rates_follow_the_paper(task):
    stage = scb.recipes.boost(task, steps=10, batch_size=8, eta=0.03)
    assert stage.eta_V == 0.03 / task.K_Q
    assert stage.eta_A == 0.03 / task.K_P
    assert (stage.steps, stage.batch_size, stage.l1, stage.until) == (10, 8, 0.0, None)


def test_figure_1_holds_the_papers_numbers(task):
    first, second = scb.recipes.figure_1(task, "proximal")
    assert (first.steps, second.steps) == (400, 600)
    assert first.batch_size == second.batch_size == 64
    assert (first.l1, second.l1) == (0.0, 1e-5)
    assert first.eta_A == 0.01 / task.K_P
    assert second.eta_A == 0.005 / task.K_P
    assert [t.kind for t in second.before] == ["threshold"]


def test_figure_1_methods_differ_in_the_proximal_step_alone(task):
    first, plain = scb.recipes.figure_1(task, "sgd")
    same, proximal = scb.recipes.figure_1(task, "proximal")
    assert first == same
    assert dataclasses.replace(proximal, l1=0.0, before=(), name="sgd") == plain


def test_figure_5_stops_goes_on_without_a_target_and_normalises(task):
    boost, learn, later, normalise = scb.recipes.figure_5(task, eta=0.02, l1=3e-5, later_steps=7)
    assert (boost.until, boost.l1) == ("max_signal", 0.0)
    assert (learn.until, learn.target, learn.l1) == ("mean_signal", 0.97, 3e-5)
    assert [t.kind for t in learn.before] == ["threshold"]
    assert later == dataclasses.replace(
        learn, name="later", steps=7, before=(), until=None, target=later.target
    )
    assert boost.eta_A == learn.eta_A == 0.02 / task.K_P
    assert [t.kind for t in normalise.before] == ["round", "least_squares"]
    assert normalise.steps == 0
    assert len(scb.recipes.figure_5(task)) == 3


def test_paper_literal_leaves_out_what_is_ours(task):
    kinds = [t.kind for stage in scb.recipes.paper_literal(task) for t in stage.before]
    assert kinds == ["threshold", "round"]
    assert "settle" not in [stage.name for stage in scb.recipes.paper_literal(task)]
    ours = scb.recipes.three_stage(task)
    assert [t.kind for stage in ours for t in stage.before] == ["reflect", "threshold", "round"]


def test_errors_come_before_anything_is_computed(task):
    with pytest.raises(ValueError, match="'proximal' or 'sgd'"):
        scb.recipes.figure_1(task, "adam")
    with pytest.raises(ValueError, match="switch must be"):
        scb.recipes.figure_1(task, switch=20, steps=10)
    uniform = scb.SCBTask(task.transition, np.full((4, 3), 0.25))
    with pytest.raises(ValueError, match="nothing to learn"):
        scb.recipes.three_stage(uniform)
    with pytest.raises(ValueError, match="eta must lie"):
        scb.recipes.boost(task, 1, 1, float("nan"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_three_stages_recover_a_task(seed):
    task = scb.SCBTask.random(3, 1000, 2, seed=seed)
    run = scb.train(task, scb.recipes.three_stage(task, batch_size=512), seed=seed)
    end = scb.signals(task, run.params)
    assert run.status == "finished"
    assert all(run.reached)
    assert scb.support_recovered(task, run.params.A).all()
    assert end.error_A**2 <= 1e-4
    assert end.error_V**2 <= 1e-4


def test_reflection_mends_a_mirrored_run(task):
    truth = scb.true_params(task)
    mirror = updates.reflect(task, truth)
    stages = scb.recipes.three_stage(task, batch_size=64, boost_steps=1, learn_steps=1)[:2]
    assert scb.train(task, stages, params=mirror).history["alpha_A"][-1] > 0.5
    without = [dataclasses.replace(stages[0]), dataclasses.replace(stages[1], before=())]
    assert scb.train(task, without, params=mirror).history["alpha_A"][-1] < -0.5


def test_normalised_finds_the_truth_behind_a_half_grown_signal(task):
    start, truth = scb.uniform_start(task), scb.true_params(task)
    half = scb.Params(0.6 * start.A + 0.4 * truth.A, 0.5 * start.V + 0.5 * truth.V)
    end = scb.signals(task, updates.normalised(task, half))
    np.testing.assert_allclose([end.error_A, end.error_V], 0, atol=1e-12)


def test_normalised_refuses_a_mirror(task):
    with pytest.raises(ValueError, match="mirror"):
        updates.normalised(task, updates.reflect(task, scb.true_params(task)))
