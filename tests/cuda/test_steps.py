"""Training on the GPU against training on the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import scbtools as scb
from scbtools.cuda import engine as cuda_engine
from tests import reference_numpy as ref
from tests.cuda.running import LAUNCH, SIMULATED
from tests.examples import constrained, gap, uneven_task

COUNT = 3 if SIMULATED else 60  # steps of a stage


def stage(**options: Any) -> scb.Stage:
    defaults = {"name": "one", "steps": COUNT, "batch_size": 7, "eta_V": 0.05, "eta_A": 0.04}
    return scb.Stage(**{**defaults, **options})


def small(vocab_size: int = 3, seq_len: int = 21) -> scb.SCBTask:
    task = uneven_task(vocab_size, seq_len, seed=4)
    return scb.SCBTask(0.7 * task.transition + 0.3 / vocab_size, task.attention)


def both(task: scb.SCBTask, stages: Any, **options: Any) -> tuple[scb.Run, scb.Run]:
    """The same run on the GPU and on the CPU, after comparing all that they record."""
    gpu = scb.train(task, stages, device="cuda", **options)
    cpu = scb.train(task, stages, device="cpu", **options)
    assert gpu.status == cpu.status
    assert gpu.reached == cpu.reached
    for name in ("step", "stage", "samples"):
        np.testing.assert_array_equal(gpu.history[name], cpu.history[name])
    for name in ("loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A"):
        np.testing.assert_allclose(gpu.history[name], cpu.history[name], rtol=1e-9, atol=1e-11)
    assert gap(gpu.params.A, cpu.params.A) < 1e-10
    assert gap(gpu.params.V, cpu.params.V) < 1e-10
    return gpu, cpu


# --- the steps ------------------------------------------------------------------------------------

KINDS: dict[str, list[scb.Stage]] = {
    "sgd": [stage(preconditioned=False)],
    "preconditioned": [stage()],
    "centred": [stage(centred=True)],
    "proximal": [stage(l1=1e-2)],
    "proximal, raw gradient": [stage(l1=1e-2, preconditioned=False)],
    "frozen": [stage(freeze_A=True)],
    "all": [
        stage(steps=1),
        stage(steps=2, l1=1e-2, batch_size=4),
        stage(steps=2, freeze_A=True, centred=True),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocab_size", [2, 3, 5])
def test_training(kind: str, vocab_size: int) -> None:
    task = small(vocab_size)
    start = constrained(task, 5, scale=0.1)
    run, _ = both(task, KINDS[kind], params=start, seed=3, record_every=2)
    assert run.status == "finished"
    if kind == "frozen":
        np.testing.assert_array_equal(run.params.A, start.A)
    else:
        assert gap(run.params.A, start.A) > 1e-3
    assert gap(run.params.V, start.V) > 1e-3


def test_one_proximal_step_by_matrices() -> None:
    task = small()
    A, V = constrained(task, 5, scale=0.1)
    s = stage(steps=1, l1=0.02)
    run = scb.train(task, s, scb.Params(A, V), seed=6, device="cuda")
    raw = ref.gradients(A, V, task.sample(7, 6, 0))
    for_a, for_v = ref.precondition(*raw, task.stationary)
    wanted = ref.project(ref.soft_threshold(A - s.eta_A * for_a, s.l1))
    assert (ref.soft_threshold(A - s.eta_A * for_a, s.l1) == 0).any()
    assert gap(run.params.A, wanted) < 1e-12
    assert gap(run.params.V, V - s.eta_V * for_v) < 1e-12


def test_frozen_stages_draw_only_the_support() -> None:
    """Attention with zeros: what is not attended is not drawn, and the result is the CPU's."""
    task = small(4, 200)
    A = np.array(task.attention)
    A[::50] += 0.1
    run, _ = both(task, stage(freeze_A=True), params=scb.Params(A, task.transition * 0.5))
    np.testing.assert_array_equal(run.params.A, A)


@pytest.mark.parametrize("preconditioned", [True, False])
def test_softmax_stages(preconditioned: bool) -> None:
    """Logits on the host, gradients from the GPU, with a linear stage on the GPU after it."""
    task = small()
    weights = np.random.default_rng(1).uniform(0.2, 1.0, size=(21, 3))
    start = scb.Params(weights / weights.sum(axis=0), constrained(task, 5, scale=0.1).V)
    soft = stage(attention="softmax", eta_A=2.0, preconditioned=preconditioned)
    run, _ = both(task, [soft, stage(steps=1)], params=start, seed=3, record_every=2)
    assert run.status == "finished"
    assert gap(run.params.A, start.A) > 1e-2


def test_attention_of_zeros_stays_where_it_is() -> None:
    task = small()
    start = scb.Params(np.zeros((21, 3)), scb.uniform_start(task).V)
    run = scb.train(task, stage(steps=2, freeze_A=True), start, device="cuda")
    assert run.status == "finished"
    same(run.params, start)  # nothing lands on any token, so V has no gradient either


def test_recipes_run() -> None:
    """All three stages with their transforms, cut short."""
    task = scb.SCBTask.random(3, 24, 2, seed=2)
    stages = [
        dataclasses.replace(s, steps=min(s.steps, 2), batch_size=min(s.batch_size, 8))
        for s in scb.recipes.three_stage(task)
    ]
    assert {kind.kind for s in stages for kind in s.before} >= {"reflect", "round"}
    true = scb.true_params(task)
    start = scb.uniform_start(task)
    near = scb.Params((start.A + true.A) / 2, (start.V + true.V) / 2)
    run, _ = both(task, stages, params=near)
    assert len(run.history["step"]) > len(stages)


# --- recording and repeating ----------------------------------------------------------------------


def same(one: scb.Params, two: scb.Params) -> None:
    np.testing.assert_array_equal(one.A, two.A)
    np.testing.assert_array_equal(one.V, two.V)


def test_recording_and_the_queue_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    task = small()
    stages = [stage(steps=3), stage(steps=2, l1=1e-2)]
    runs = [scb.train(task, stages, device="cuda", record_every=n) for n in (1, 1000)]
    monkeypatch.setattr(cuda_engine, "DEFAULT", dataclasses.replace(LAUNCH, queue=1))
    runs.append(scb.train(task, stages, device="cuda", record_every=1000))
    assert len(runs[0].history["step"]) == 6
    for run in runs[1:]:
        same(run.params, runs[0].params)
        at = run.history["step"].astype(int)
        for name, column in run.history.items():
            np.testing.assert_array_equal(column, runs[0].history[name][at])


def test_seeds_matter_and_repeat() -> None:
    task = small()
    one, two, other = (
        scb.train(task, stage(steps=3), seed=seed, device="cuda") for seed in (1, 1, 2)
    )
    same(one.params, two.params)
    assert gap(one.params.A, other.params.A) > 1e-4


# --- when it stops --------------------------------------------------------------------------------


@pytest.mark.parametrize("until", ["max_signal", "mean_signal"])
@pytest.mark.parametrize("sign", [1, -1])
def test_stops_at_the_cpu_s_step(until: Any, sign: int) -> None:
    """Whichever way the signals point; in the middle of a queue; and the next stage runs."""
    task = scb.SCBTask.random(3, 16, 1, seed=1)
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    start = scb.Params(
        uniform.A + sign * 0.2 * (true.A - uniform.A), uniform.V + sign * 0.2 * (true.V - uniform.V)
    )
    rates = {"eta_V": 0.15 / task.K_Q, "eta_A": 0.15 / task.K_P, "batch_size": 24}
    s = stage(steps=400, until=until, target=0.3, **rates)
    run, _ = both(task, [s, stage(steps=2)], params=start, record_every=1000)
    assert run.reached == (True, True)
    assert LAUNCH.queue < run.history["step"][-2] < 40 or not SIMULATED


def test_target_that_is_not_met() -> None:
    run, _ = both(small(), [stage(steps=3, until="max_signal", target=50.0), stage(steps=1)])
    assert run.reached == (False, True)


@pytest.mark.parametrize(
    "options",
    [
        {"eta_V": 1e3, "eta_A": 1e3},
        {"eta_V": 0.0, "eta_A": 1e300},
        {"eta_V": 1e300, "eta_A": 0.0},
        {"eta_V": 1e300, "freeze_A": True},
        {"eta_V": 1e3, "eta_A": 1e3, "l1": 1e-3},
        {"eta_V": 1e3, "eta_A": 1e3, "preconditioned": False},
    ],
    ids=str,
)
def test_divergence(options: dict[str, Any]) -> None:
    """At the CPU's step, with the CPU's last parameters."""
    task = small()
    start = constrained(task, 5, scale=0.1)
    stages = [stage(steps=500, **options), stage(steps=5)]
    gpu = scb.train(task, stages, start, device="cuda", record_every=1000)
    cpu = scb.train(task, stages, start, record_every=1000)
    assert gpu.status == cpu.status == "diverged"
    assert gpu.history["step"].tolist() == cpu.history["step"].tolist()
    assert gpu.history["step"][-1] < 20
    assert gap(gpu.params.A, cpu.params.A) < 1e-6
    assert gap(gpu.params.V, cpu.params.V) < 1e-6
    assert all(np.isfinite(array).all() for array in gpu.params)
    scb.minibatch_gradients(task, gpu.params, 4)  # the last parameters that are fine


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("eta_A", {}),
        ("eta_A", {"preconditioned": False}),
        ("eta_A", {"l1": 1e-2}),
        ("eta_A", {"l1": 1e-2, "preconditioned": False}),
        ("eta_V", {}),
        ("eta_V", {"preconditioned": False}),
        ("eta_V", {"freeze_A": True}),
    ],
    ids=str,
)
def test_rates_that_are_asked_for_too_much(name: str, options: dict[str, Any]) -> None:
    """Whether a step may be taken is asked before it is drawn, from the CPU's bounds."""
    task = small(3, 5)
    A, V = constrained(task, 5, scale=0.1)
    start = scb.Params(A, -5 * V)
    taken = []
    for rate in 10.0 ** np.arange(1, 13, 1.2):
        s = stage(
            **{"steps": 3, "batch_size": 2, "eta_V": 0.0, "eta_A": 0.0, **options, name: rate}
        )
        gpu, cpu = (
            scb.train(task, s, start, device=device, record_every=3) for device in ("cuda", "cpu")
        )
        assert gpu.status == cpu.status
        assert gpu.history["step"].tolist() == cpu.history["step"].tolist()
        taken.append(gpu.history["step"][-1])
    assert taken == sorted(taken, reverse=True)
    assert {0, 1, 3} <= set(taken)


def test_parameters_that_have_diverged_already() -> None:
    task = small()
    start = scb.uniform_start(task)
    run = scb.train(task, stage(), scb.Params(1e13 * start.A, start.V), device="cuda")
    assert run.status == "diverged"
    assert run.history["step"].tolist() == [0]
