"""Training against loops in NumPy, and what a run records."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scbtools as scb
from scbtools import population, updates
from scbtools.kernels import steps
from tests import reference_numpy as ref
from tests.examples import constrained, gap, uneven_task

COLUMNS = [
    "step", "stage", "samples", "loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V",
    "error_A",
]  # fmt: skip


def small() -> scb.SCBTask:
    return scb.SCBTask.random(3, 40, 2, seed=1)


def stage(**options: Any) -> scb.Stage:
    defaults = {"name": "one", "steps": 25, "batch_size": 16, "eta_V": 0.05, "eta_A": 0.04}
    return scb.Stage(**{**defaults, **options})


def assert_same(one: scb.Params, two: scb.Params) -> None:
    np.testing.assert_array_equal(one.A, two.A)
    np.testing.assert_array_equal(one.V, two.V)


def naive(task: scb.SCBTask, stages: list[scb.Stage], start: scb.Params, seed: int) -> scb.Params:
    """One-hot gradients and matrix formulas, step by step on the same tokens."""
    A, V = start
    step = 0
    for s in stages:
        for _ in range(s.steps):
            batch = task.sample(s.batch_size, seed, step)
            grad_a, grad_v = ref.gradients(A, V, batch)
            if s.preconditioned:
                grad_a, grad_v = ref.precondition(grad_a, grad_v, task.stationary)
            V = V - s.eta_V * grad_v
            if not s.freeze_A:
                A = A - s.eta_A * grad_a
                if s.l1:
                    A = ref.project(ref.soft_threshold(A, s.l1))
            step += 1
    return scb.Params(A, V)


# --- the steps ------------------------------------------------------------------------------------

KINDS: dict[str, list[scb.Stage]] = {
    "sgd": [stage(preconditioned=False, steps=60)],
    "preconditioned": [stage(steps=60)],
    "proximal": [stage(steps=60, l1=1e-3)],
    "proximal, raw gradient": [stage(steps=60, l1=1e-3, preconditioned=False)],
    "frozen": [stage(steps=60, freeze_A=True)],
    "all": [stage(), stage(l1=1e-3, batch_size=30), stage(freeze_A=True, batch_size=5)],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocab_size", [3, 6])
def test_training_is_the_naive_loop(kind: str, vocab_size: int) -> None:
    task = uneven_task(vocab_size, 50, seed=4)
    task = scb.SCBTask(0.7 * task.transition + 0.3 / vocab_size, task.attention)
    start = constrained(task, 5, scale=0.1)
    run = scb.train(task, KINDS[kind], params=start, seed=3)
    wanted = naive(task, KINDS[kind], start, seed=3)
    assert run.status == "finished"
    assert gap(run.params.A, wanted.A) < 1e-10
    assert gap(run.params.V, wanted.V) < 1e-10
    moved = gap(run.params.A, start.A)
    assert moved == 0 if kind == "frozen" else moved > 1e-3


def test_training_starts_from_the_uniform_start() -> None:
    task = small()
    wanted = scb.train(task, stage(), params=scb.uniform_start(task))
    assert_same(scb.train(task, [stage()]).params, wanted.params)
    assert wanted.history["alpha_V"][0] == pytest.approx(0, abs=1e-15)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    vocab_size=st.integers(2, 6),
    seq_len=st.integers(2, 60),
    seed=st.integers(0, 10**6),
    l1=st.sampled_from([0.0, 1e-4]),
)
def test_constraints_hold_all_through_training(
    vocab_size: int, seq_len: int, seed: int, l1: float
) -> None:
    """1'A = 1', 1'V = 1', V mu = mu to 1e-12 (claim M4)."""
    task = scb.SCBTask.random(vocab_size, seq_len, 1, seed, signal=0.5)
    eta = 0.01
    s = stage(steps=100, eta_V=eta / task.K_Q, eta_A=eta / task.K_P, l1=l1)
    A, V = scb.train(task, s, seed=seed).params
    assert np.abs(A - 1 / seq_len).max() > 1e-6
    assert np.abs(A.sum(axis=0) - 1).max() < 1e-12
    assert np.abs(V.sum(axis=0) - 1).max() < 1e-12
    assert np.abs(V @ task.stationary - task.stationary).max() < 1e-12


def test_it_learns() -> None:
    """A large batch on a short task: both signals reach 1 and the loss the irreducible one."""
    task = scb.SCBTask.random(3, 20, 2, seed=2)
    s = stage(steps=1500, batch_size=512, eta_V=0.02 / task.K_Q, eta_A=0.02 / task.K_P)
    run = scb.train(task, s, seed=1, record_every=100)
    assert run.history["alpha_V"][-1] == pytest.approx(1, abs=0.1)
    assert run.history["alpha_A"][-1] == pytest.approx(1, abs=0.1)
    assert 0 < run.history["loss"][-1] - task.bayes_loss() < 0.005
    assert scb.support_recovered(task, run.params.A).all()


# --- transforms -----------------------------------------------------------------------------------


def only(*kinds: tuple[str, float]) -> scb.Stage:
    before = tuple(scb.Transform(kind, level) for kind, level in kinds)  # type: ignore[arg-type]
    return stage(steps=0, before=before)


def test_transforms() -> None:
    task = uneven_task(4, 30)
    true, flat = scb.true_params(task), 1 / 30
    base = constrained(task, 2, scale=0.02)
    start = scb.Params(base.A + 0.5 * (true.A - flat), base.V + 0.5 * (true.V - base.V))
    alpha = scb.signals(task, start).alpha_V
    cut = 0.4 * alpha / task.sparsity
    run = scb.train(task, only(("threshold", 0.4)), start)
    wanted = ref.project(start.A * (cut <= start.A))
    np.testing.assert_allclose(run.params.A, wanted, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(run.params.V, start.V)

    run = scb.train(task, only(("round", 0.45)), start)
    kept = start.A * (start.A * task.sparsity >= 0.45)
    np.testing.assert_allclose(run.params.A, kept / kept.sum(axis=0), rtol=1e-14)

    run = scb.train(task, only(("round", 0.45), ("least_squares", 1)), start)
    solved = population.least_squares_value(task, run.params.A)
    np.testing.assert_allclose(run.params.V, solved, rtol=1e-13)

    mirrored = updates.reflect(task, start)
    run = scb.train(task, only(("reflect", 1)), mirrored)
    np.testing.assert_allclose(run.params.A, start.A, rtol=0, atol=1e-15)
    np.testing.assert_allclose(run.params.V, start.V, rtol=0, atol=1e-15)
    assert_same(scb.train(task, only(("reflect", 1)), start).params, start)


def test_nothing_to_round() -> None:
    task = small()
    run = scb.train(task, [stage(steps=3), only(("round", 0.9)), stage()])
    assert run.status == "nothing to round"
    assert run.reached == (True,)
    assert run.history["step"][-1] == 3
    assert_same(run.params, scb.train(task, stage(steps=3)).params)


# --- the record -----------------------------------------------------------------------------------


def test_history() -> None:
    task = small()
    stages = [stage(steps=25), stage(steps=0), only(("reflect", 1)), stage(steps=7, batch_size=5)]
    run = scb.train(task, stages, record_every=10)
    assert list(run.history) == COLUMNS
    assert run.history["step"].tolist() == [0, 10, 20, 25, 25, 32]
    assert run.history["stage"].tolist() == [0, 0, 0, 0, 2, 3]
    assert run.history["samples"].tolist() == [0, 160, 320, 400, 400, 435]
    assert all(np.isfinite(column).all() for column in run.history.values())
    assert run.history["loss"][-1] == scb.population_loss(task, run.params)
    assert [run.history[name][-1] for name in COLUMNS[4:]] == list(scb.signals(task, run.params))
    assert run.stages == tuple(stages)
    assert run.reached == (True,) * 4
    assert run.status == "finished"


def test_recording_changes_nothing() -> None:
    task = small()
    stages = [stage(steps=30), stage(steps=23, l1=1e-3)]
    runs = {every: scb.train(task, stages, record_every=every) for every in (1, 7, 1000)}
    assert len(runs[1].history["step"]) == 54
    assert runs[1000].history["step"].tolist() == [0, 30, 53]
    for every in (7, 1000):
        assert_same(runs[every].params, runs[1].params)
        for name in COLUMNS:
            at = runs[every].history["step"].astype(int)
            np.testing.assert_array_equal(runs[every].history[name], runs[1].history[name][at])


def test_a_stage_in_two_pieces_is_the_same_stage() -> None:
    task = small()
    whole = scb.train(task, stage(steps=40), seed=6)
    parts = scb.train(task, [stage(steps=13), stage(steps=27)], seed=6)
    assert_same(parts.params, whole.params)
    assert parts.history["samples"][-1] == whole.history["samples"][-1]


def test_seeds_matter_and_repeat() -> None:
    task = small()
    one, same, other = (scb.train(task, stage(), seed=seed) for seed in (1, 1, 2))
    assert_same(one.params, same.params)
    assert gap(one.params.A, other.params.A) > 1e-3


@pytest.mark.parametrize("order", ["C", "F"])
def test_parameters_are_not_changed_in_place(order: Any) -> None:
    task = small()
    kept = constrained(task, 1, scale=0.1)
    start = scb.Params(kept.A.copy(order), kept.V.copy(order))
    run = scb.train(task, [stage(), only(("reflect", 1))], params=start)
    assert_same(start, kept)
    assert not np.shares_memory(run.params.A, start.A)
    unmoved = scb.train(task, stage(steps=0), params=start)
    assert_same(unmoved.params, start)
    unmoved.params.A[:] = 0
    assert_same(start, kept)


# --- when it stops --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "measure"),
    [
        ("max_signal", lambda h: max(abs(h["alpha_V"]), abs(h["alpha_A"]))),
        ("mean_signal", lambda h: abs(h["alpha_V"] + h["alpha_A"]) / 2),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_stops_at_the_first_step_that_meets_its_target(until: Any, measure: Any, sign: int) -> None:
    """Whichever way the signals point."""
    task = small()
    uniform, true = scb.uniform_start(task), scb.true_params(task)
    start = scb.Params(
        uniform.A + sign * 0.1 * (true.A - uniform.A), uniform.V + sign * 0.1 * (true.V - uniform.V)
    )
    rates = {"eta_V": 0.01 / task.K_Q, "eta_A": 0.01 / task.K_P, "batch_size": 256}
    target = 0.3
    s = stage(steps=2000, until=until, target=target, **rates)
    run = scb.train(task, [s, stage(steps=2)], params=start, record_every=1)
    assert run.reached == (True, True)
    rows = [
        dict(zip(run.history, row, strict=True)) for row in zip(*run.history.values(), strict=True)
    ]
    sizes = [measure(row) for row in rows if row["stage"] == 0]
    assert sizes[-1] >= target
    assert max(sizes[:-1]) < target
    assert np.sign(rows[-1]["alpha_V"]) == sign
    assert rows[-1]["step"] == len(sizes) - 1 + 2
    assert rows[-1]["samples"] == 256 * (len(sizes) - 1) + 2 * 16
    sparse = scb.train(task, s, params=start, record_every=1000)
    assert sparse.history["step"].tolist() == [0, len(sizes) - 1]
    assert sparse.history["samples"].tolist() == [0, 256 * (len(sizes) - 1)]


def test_target_that_is_not_met() -> None:
    task = small()
    run = scb.train(task, [stage(steps=3, until="max_signal", target=50.0), stage(steps=2)])
    assert run.reached == (False, True)
    assert run.status == "finished"
    assert run.history["step"][-1] == 5


@pytest.mark.parametrize("record_every", [1, 3, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {"eta_V": 1e6, "eta_A": 1e6},
        {"eta_V": 50.0, "eta_A": 50.0},
        {"eta_V": 1e300, "eta_A": 1e300},
        {"eta_V": 0.0, "eta_A": 1e300},
        {"eta_V": 1e300, "eta_A": 0.0},
        {"eta_V": 1e300, "freeze_A": True},
        {"eta_V": 1e3, "eta_A": 1e3, "l1": 1e-3},
        {"eta_V": 1e3, "eta_A": 1e3, "preconditioned": False},
    ],
    ids=str,
)
def test_divergence_stops_at_once(options: dict[str, Any], record_every: int) -> None:
    task = small()
    run = scb.train(
        task, [stage(steps=20_000, **options), stage(steps=5)], record_every=record_every
    )
    assert run.status == "diverged"
    assert run.reached == ()
    assert run.history["step"][-1] < 1000
    assert run.history["stage"].max() == 0
    assert all(np.isfinite(column).all() for column in run.history.values())
    assert all(np.isfinite(array).all() for array in run.params)
    assert np.isfinite(scb.population_loss(task, run.params))
    scb.minibatch_gradients(task, run.params, 4)  # the last parameters that are fine


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_divergence_at_the_final_step(count: int) -> None:
    """However few the steps: finished and fine, or diverged; never bad parameters in silence."""
    task = small()
    run = scb.train(task, stage(steps=count, eta_V=1e5, eta_A=1e5))
    scb.minibatch_gradients(task, run.params, 4)
    assert run.status == ("finished" if run.history["step"][-1] == count else "diverged")


def test_interrupted_run_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    task = small()
    calls, advance = [], steps.run

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return advance(*arguments)

    wanted = scb.train(task, stage(steps=15), record_every=5)
    monkeypatch.setattr(steps, "run", interrupted)
    run = scb.train(task, [stage(steps=10), stage(steps=100)], record_every=5)
    assert run.status == "interrupted"
    assert run.reached == (True,)
    assert run.history["step"].tolist() == [0, 5, 10, 15]
    assert_same(run.params, wanted.params)


# --- what is said ---------------------------------------------------------------------------------


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    task = small()
    scb.train(task, [stage(steps=20), stage(name="two", steps=10)])
    silent = capsys.readouterr()
    assert silent.out == silent.err == ""
    run = scb.train(task, [stage(steps=20), stage(name="two", steps=10)], progress=True)
    shown = capsys.readouterr().err
    assert "30/30" in shown
    alpha_v, alpha_a = run.history["alpha_V"][-1], run.history["alpha_A"][-1]
    assert f"two, alpha_V {alpha_v:.3f}, alpha_A {alpha_a:.3f}" in shown


def test_progress_bar_ends_full_when_a_stage_ends_early(capsys: pytest.CaptureFixture[str]) -> None:
    task = small()
    early = stage(steps=500, until="max_signal", target=0.0)
    scb.train(task, [early, stage(steps=10)], progress=True)
    assert "510/510" in capsys.readouterr().err


# --- what is refused ------------------------------------------------------------------------------

BAD_STAGES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"steps": -1}, ValueError, "steps must be at least 0"),
    ({"steps": 2.5}, TypeError, "steps must be an integer"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"eta_V": -0.1}, ValueError, "eta_V must lie in"),
    ({"eta_A": float("nan")}, ValueError, "eta_A must lie in"),
    ({"eta_A": "fast"}, TypeError, "eta_A must be a number"),
    ({"l1": -1e-5}, ValueError, "l1 must lie in"),
    ({"l1": float("inf")}, ValueError, "l1 must lie in"),
    ({"target": -1.0}, ValueError, "target must lie in"),
    ({"until": "loss"}, ValueError, "until must be one of"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_STAGES)
def test_bad_stage(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stage(**options)


def test_bad_transform() -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        scb.Transform("polish")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level must lie in"):
        scb.Transform("round", 0.0)


def test_stages_are_data() -> None:
    s = stage()
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.steps = 3  # type: ignore[misc]
    assert s == stage()
    assert dataclasses.replace(s, steps=3).steps == 3
    with pytest.raises(ValueError, match="batch_size"):
        dataclasses.replace(s, batch_size=0)


def test_bad_train() -> None:
    task = small()
    with pytest.raises(TypeError, match="stages must be Stage objects, got 'boost'"):
        scb.train(task, ["boost"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="seed must be at least 0"):
        scb.train(task, stage(), seed=-1)
    with pytest.raises(ValueError, match="record_every must be at least 1"):
        scb.train(task, stage(), record_every=0)
    with pytest.raises(ValueError, match=r"params\.A must have shape \(40, 3\)"):
        scb.train(task, stage(), params=scb.Params(np.zeros((3, 40)), np.eye(3)))
    broken = scb.uniform_start(task)
    broken.V[0, 0] = np.inf
    with pytest.raises(ValueError, match=r"params\.V has a NaN or infinite entry at row 0"):
        scb.train(task, stage(), params=broken)


def test_solving_for_v_needs_columns_that_sum_to_one() -> None:
    task = small()
    solve = stage(steps=0, before=(scb.Transform("least_squares"),))
    mend = stage(steps=0, before=(scb.Transform("round"), scb.Transform("least_squares")))
    plain = stage(preconditioned=False, steps=1)
    with pytest.raises(ValueError, match="columns of A need not sum to 1"):
        scb.train(task, [plain, solve])
    start = scb.true_params(task)
    assert scb.train(task, [plain, mend], start).status == "finished"
    assert scb.train(task, [stage(steps=1), solve], start).status == "finished"


def test_before_holds_transforms() -> None:
    with pytest.raises(TypeError, match="before must be a tuple of Transform"):
        stage(before=("round",))
