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


@pytest.mark.parametrize("name", ["figure_3", "figure_4"])
@pytest.mark.parametrize("method", ["sgd", "proximal"])
def test_figures_3_and_4_are_figure_1_s_runs(task, name, method):
    recipe = getattr(scb.recipes, name)
    assert recipe(task, method) == scb.recipes.figure_1(task, method)
    other = {
        "batch_size": 128, "eta_1": 0.02, "eta_2": 0.001, "l1": 1e-4, "switch": 3, "steps": 9
    }  # fmt: skip
    first, second = recipe(task, method, **other)
    assert (first.steps, second.steps, second.batch_size) == (3, 6, 128)
    assert (first.eta_V, second.eta_A) == (0.02 / task.K_Q, 0.001 / task.K_P)
    assert second.l1 == (1e-4 if method == "proximal" else 0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        recipe(task, method, rate=1.0)


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


def test_figure_2_kinds_differ_in_the_attention_and_its_rate_alone(task):
    linear = scb.recipes.figure_2(task, "linear", eta=0.03, steps=7)
    softmax = scb.recipes.figure_2(task, "softmax", eta=0.03, steps=7)
    assert (linear.eta_A, linear.attention) == (0.03 / task.K_P, "linear")
    assert softmax.attention == "softmax"
    assert softmax.eta_A == 1000 * linear.eta_A
    same = {"name": "linear", "attention": "linear", "eta_A": linear.eta_A}
    assert dataclasses.replace(softmax, **same) == linear
    matched = scb.recipes.figure_2(task, "softmax", eta=0.03, steps=7, scale=1e6)
    assert matched.eta_A == 1e6 * linear.eta_A


def test_transfer_begins_with_one_step_of_the_attention_alone(task):
    first, learn, *_ = scb.recipes.transfer(task, 300, 0.05, 2e-3, cut=0.4)
    assert (first.steps, first.batch_size, first.eta_V, first.l1) == (1, 300, 0.0, 0.0)
    assert first.eta_A == 1 / task.K_P
    assert [(t.kind, t.level) for t in learn.before] == [("threshold", 0.4)]
    assert (learn.l1, learn.eta_A) == (2e-3, 0.05 / task.K_P)
    # What follows is the rest of the three stages.
    options = {"learn_batch_size": 77, "settle_steps": 5, "finish_steps": 9}
    ours = scb.recipes.transfer(task, 300, 0.05, 2e-3, reflect=True, **options)
    assert ours[1:] == scb.recipes.three_stage(task, 8, 0.05, 2e-3, **options)[1:]


def test_transfers_one_step_hands_the_signal_over(task):
    # The error of alpha_A / alpha_V has a standard deviation of some 0.01 at this batch.
    start = scb.transfer_start(task, task.related(0.8, seed=1).transition, theta=0.5)
    run = scb.train(task, scb.recipes.transfer(task, 16384)[0], start, seed=3)
    assert run.history["alpha_A"][-1] == pytest.approx(run.history["alpha_V"][0], rel=0.1)
    assert run.history["alpha_V"][-1] == run.history["alpha_V"][0]


@pytest.mark.parametrize("correlation", [0.5, -0.5])
def test_transfer_recovers_a_task_and_reflects_an_opposite(correlation):
    task = scb.SCBTask.random(3, 400, 2, seed=2, signal=1.5)
    start = scb.transfer_start(task, task.related(correlation, seed=2).transition, theta=0.5)
    stages = scb.recipes.transfer(
        task, 4096, 0.05, learn_batch_size=512, settle_steps=20, finish_steps=100, reflect=True
    )
    run = scb.train(task, stages, start, seed=2)
    end = scb.signals(task, run.params)
    assert scb.support_recovered(task, run.params.A).all()
    assert max(end.error_A, end.error_V) ** 2 <= 1e-2


def test_errors_come_before_anything_is_computed(task):
    with pytest.raises(ValueError, match="'proximal' or 'sgd'"):
        scb.recipes.figure_1(task, "adam")
    with pytest.raises(ValueError, match="'linear' or 'softmax'"):
        scb.recipes.figure_2(task, "cosine")
    with pytest.raises(ValueError, match="scale is for softmax"):
        scb.recipes.figure_2(task, "linear", scale=2)
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


def test_figure_6_methods_share_stage_1_and_differ_in_the_penalty(task):
    first, proximal = scb.recipes.figure_6(task)
    same, plain = scb.recipes.figure_6(task, "sgd")
    assert first == same
    assert (first.until, first.l1, first.eta_A) == ("max_signal", 0, 0.1 / task.K_P)
    assert (proximal.l1, plain.l1) == (3e-3, 0)
    assert [each.kind for each in proximal.before] == ["threshold"]
    assert plain.before == ()
    assert (plain.eta_V, plain.batch_size) == (proximal.eta_V, proximal.batch_size)
    with pytest.raises(ValueError, match="method"):
        scb.recipes.figure_6(task, "adam")
