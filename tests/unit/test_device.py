"""Which devices are accepted, and what is said of those that are not there."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import scbtools as scb
from scbtools import engines


def calls() -> list[Any]:
    """Every public call with a device, by that device alone; parameters no engine would take."""
    task = scb.SCBTask.random(3, 10, 1)
    start = scb.uniform_start(task)
    return [
        lambda device: scb.train(task, "no stages", device=device),  # type: ignore[arg-type]
        lambda device: scb.minibatch_gradients(task, start, 0, device=device),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_without_the_package(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "numba_cuda" else found(name)
    )
    with pytest.raises(RuntimeError, match=r"not installed: run `pip install scbtools\[cuda\]`"):
        calls()[which]("cuda")


@pytest.mark.parametrize("which", [0, 1])
def test_without_a_gpu(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(engines, "_finds_gpu", lambda: False)
    with pytest.raises(RuntimeError, match=r"no NVIDIA GPU.* or use device='cpu'"):
        calls()[which]("cuda")


@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None or engines._finds_gpu(),
    reason="needs numba-cuda and no GPU",
)
def test_on_a_machine_without_a_gpu() -> None:
    with pytest.raises(RuntimeError, match="no NVIDIA GPU"):
        calls()[0]("cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:0", "", None])
def test_unknown_devices(device: Any) -> None:
    for call in calls():
        with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', got"):
            call(device)
