"""Benchmark peers do the library's work: same gradients, same step, tokens from the same law.

A peer whose package is not installed is skipped; NumPy's always runs.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scbtools as scb
from benchmarks import PEERS, protocol, run

ETA_V, ETA_A = 1e-3, 2e-3
# Three p-values for each of ten pairs of peer and size: one false alarm in some 30 000 runs.
FALSE_ALARM = 1e-6


@pytest.fixture(params=PEERS)
def build(request: pytest.FixtureRequest) -> Any:
    name = request.param
    package = name.split("_")[0]
    if package != "numpy":
        pytest.importorskip(package)
    if name == "torch_compiled":
        request.applymarker(pytest.mark.slow)
        pytest.importorskip("torch._inductor")
        from torch._inductor import cpp_builder

        try:
            cpp_builder.get_cpp_compiler()
        except Exception as problem:
            pytest.skip(f"no C++ compiler: {problem}")
    return importlib.import_module(f"benchmarks.{name}").Peer


# Odd lengths, since four tokens come from a random word; above and below where tables begin.
@pytest.mark.parametrize(("n", "t", "b"), [(3, 203, 24), (7, 1001, 32)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::UserWarning:torch.*")
def test_peer_does_the_same_work(build: Any, n: int, t: int, b: int) -> None:
    task = scb.SCBTask.random(n, t, 1, seed=n)
    peer = build(task, b, ETA_V, ETA_A)
    assert protocol.gradient_error(peer, task, b) < 1e-9
    peer.steps(2)  # away from the symmetric start
    before = peer.params()
    assert np.abs(before.A - 1 / t).max() > 0
    assert protocol.gradient_error(peer, task, b) < 1e-9
    assert protocol.step_error(peer, task, b, ETA_V, ETA_A) < 1e-9
    for name, value in protocol.sampler_pvalues(peer, task, 400).items():
        assert value > FALSE_ALARM, name


# What steps() takes, on its own draws, follows the expected step: V's noise averages out.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::UserWarning:torch.*")
def test_peer_learns(build: Any) -> None:
    task = scb.SCBTask.random(3, 20, 1, seed=0)
    peer = build(task, 256, 0.05 / task.K_Q, 0.05 / task.K_P)
    peer.steps(200)
    ours = scb.train(
        task, scb.Stage("same", 200, 256, eta_V=0.05 / task.K_Q, eta_A=0.05 / task.K_P), seed=1
    )
    theirs, mine = scb.signals(task, peer.params()), scb.signals(task, ours.params)
    assert abs(theirs.alpha_V - mine.alpha_V) < 0.15
    assert abs(theirs.alpha_A - mine.alpha_A) < 0.15
    assert mine.alpha_A > 0.5


def test_a_stale_peer_is_found() -> None:
    task = scb.SCBTask.random(3, 203, 1, seed=3)
    build = importlib.import_module("benchmarks.numpy_peer").Peer
    stale = build(task, 24, ETA_V, ETA_A)
    stale.value[0, 1] += 1e-6
    honest = stale.params()
    stale.params = lambda: scb.Params(honest.A, scb.uniform_start(task).V)
    assert protocol.gradient_error(stale, task, 24) > 1e-9

    skewed = build(task, 24, ETA_V, ETA_A)
    skewed.edges = skewed.edges + np.uint16(650)
    assert protocol.sampler_pvalues(skewed, task, 400)["tokens"] < FALSE_ALARM


def test_cells_are_kept_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "bench.csv"
    row = {"vocab_size": 3, "seq_len": 10, "batch_size": 4, "threads": 1, "contestant": "x"}
    run.append([row, {**row, "contestant": "y"}], file)
    run.append([{**row, "threads": 2}], file)
    assert run.finished(file) == {(3, 10, 4, 1): 2, (3, 10, 4, 2): 1}
    assert file.read_text().count("contestant") == 1
