"""When training stops, and what it says on the way."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

import scbtools as scb
from scbtools import training
from scbtools._jit import opened
from scbtools.kernels import bounds, cpu
from scbtools.kernels.arrays import Model, Rule
from tests.examples import assert_same, on_threads, share_out_everything, small_task, stage


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
    task = small_task()
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
    task = small_task()
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
    task = small_task()
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
    task = small_task()
    run = scb.train(task, stage(steps=count, eta_V=1e5, eta_A=1e5))
    scb.minibatch_gradients(task, run.params, 4)
    assert run.status == ("finished" if run.history["step"][-1] == count else "diverged")


@pytest.mark.parametrize("shared", [False, True])
def test_interrupted_run_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch, shared: bool) -> None:
    """Ctrl-C in the middle of a step, on one thread or on two: the step is finished first."""
    task = small_task()
    calls, run_kernel = [], cpu.run

    def interrupted(*arguments: Any) -> Any:
        found = run_kernel(*arguments)
        calls.append(1)
        if len(calls) == 40:
            signal.raise_signal(signal.SIGINT)
        return found

    if shared:
        share_out_everything(monkeypatch)
    stages = [stage(steps=3), stage(steps=100)]
    with on_threads(2), monkeypatch.context() as patch:
        patch.setattr(cpu, "run", interrupted)
        patch.setattr(training, "_PATIENCE", 0.0)  # step by step
        run = scb.train(task, stages, record_every=50)
    assert run.status == "interrupted"
    assert run.reached == (True,)
    taken = int(run.history["step"][-1])
    assert run.history["step"].tolist() == [0, 3, taken]
    assert run.history["samples"][-1] == 16 * taken
    assert_same(run.params, scb.train(task, stage(steps=taken)).params)
    last = [run.history[name][-1] for name in scb.Signals._fields]
    assert last == list(scb.signals(task, run.params))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_no_signal_arrives_training_is_the_same() -> None:
    """In another thread, and where the program ignores Ctrl-C."""
    task, found = small_task(), []
    thread = threading.Thread(target=lambda: found.append(scb.train(task, stage())))
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found.append(scb.train(task, stage()))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    for run in found:
        assert_same(run.params, scb.train(task, stage()).params)


def test_nothing_to_round_after_a_transform() -> None:
    """The last row describes the parameters returned there too."""
    task, far = small_task(), scb.Transform("round", 1e6)
    run = scb.train(task, stage(before=(scb.Transform("threshold"), far)), scb.true_params(task))
    assert run.status == "nothing to round"
    last = [run.history[name][-1] for name in scb.Signals._fields]
    assert last == list(scb.signals(task, run.params))


def test_no_stages() -> None:
    """A row for the start, and the start returned."""
    run = scb.train(small_task(), [])
    assert run.status == "finished"
    assert run.history["step"].tolist() == [0]
    assert_same(run.params, scb.uniform_start(small_task()))


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    task = small_task()
    scb.train(task, [stage(steps=20), stage(name="two", steps=10)])
    silent = capsys.readouterr()
    assert silent.out == silent.err == ""
    run = scb.train(task, [stage(steps=20), stage(name="two", steps=10)], progress=True)
    shown = capsys.readouterr().err
    assert "30/30" in shown
    alpha_v, alpha_a = run.history["alpha_V"][-1], run.history["alpha_A"][-1]
    assert f"two, alpha_V {alpha_v:.3f}, alpha_A {alpha_a:.3f}" in shown


def test_progress_bar_ends_full_when_a_stage_ends_early(capsys: pytest.CaptureFixture[str]) -> None:
    task = small_task()
    early = stage(steps=500, until="max_signal", target=0.0)
    scb.train(task, [early, stage(steps=10)], progress=True)
    assert "510/510" in capsys.readouterr().err


def test_the_largest_problems_are_not_taken_for_divergence() -> None:
    """At N = 1000 and T = 10^6, with a sure transition and the smallest K_P that 2.1 allows."""
    size, seq_len = 1000, 10**6
    mu = np.full(size, 1 / size)
    value = np.repeat(mu[:, None], size, axis=1)
    value[:, 0] = np.eye(size)[0]
    eta = 0.02 * size  # eta / K_P with K_P = ||mu||^2
    w_bound, stays = opened(bounds.w_bound), opened(bounds.stays)
    for row_sum, fine in ((2.0, True), (1e12, False), (np.nan, False)):
        sizes, none = np.full(size, row_sum), np.empty(0)
        w = w_bound(sizes, value)
        assert np.isnan(w) == np.isnan(row_sum)
        # Of the attention only the shape is asked for.
        attention, square = np.broadcast_to(0.0, (size, seq_len)), np.empty((0, 0))
        counts = np.empty(0, np.int64)
        model = Model(attention, value, square, square, square, sizes, none, counts, counts)
        rule = Rule(64, train=True, preconditioned=True, eta_A=eta, eta_V=0.04)
        assert stays(model, mu, rule, w) == fine
