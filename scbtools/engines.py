"""Where the steps of a training run are computed: one small object per device.

`training.py` owns the loop, the record and the parameters on the host; an engine takes steps.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scbtools.kernels import cpu, steps
from scbtools.stages import TARGETS, Stage
from scbtools.task import SCBTask

__all__ = ["CpuEngine", "Engine", "check_device", "make_engine"]


class Engine(Protocol):
    """Takes steps with parameters that the host keeps: attention (N, T) and value (N, N)."""

    def begin(self, stage: Stage) -> None:
        """Get ready for a stage; the host may have changed the parameters since the last step."""

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps of the stage from step `first` of the stream; return (taken, code).

        The code is RAN, REACHED or DIVERGED of `stages`. The host's arrays then hold the
        parameters after the last step taken.
        """

    def gradients(
        self, batch: int, step: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the raw gradients, as rows (N, T) and (N, N); None where parameters diverged."""


def check_device(device: str) -> str:
    """Return `device` if this installation can compute on it, or raise."""
    if device == "cuda":
        if importlib.util.find_spec("numba_cuda") is None:
            raise RuntimeError(
                "device='cuda' needs the package numba-cuda, which is not installed: run "
                "`pip install scbtools[cuda]`, or use device='cpu'"
            )
        if not _finds_gpu():
            raise RuntimeError(
                "device='cuda' finds no NVIDIA GPU, or no driver for it: see whether `nvidia-smi` "
                "lists one, or use device='cpu'"
            )
    elif device != "cpu":
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}")
    return device


def _finds_gpu() -> bool:
    """Return whether there is a GPU with a driver; the simulator counts as one."""
    from scbtools.cuda.kernels import cuda

    return bool(cuda.is_available())


def make_engine(
    device: str,
    task: SCBTask,
    attention: NDArray[np.float64],
    value: NDArray[np.float64],
    key: np.uint64,
) -> Engine:
    """Return the engine of a checked device for parameters that it changes in place."""
    if device == "cuda":
        from scbtools.cuda.engine import CudaEngine

        return CudaEngine(task, attention, value, key)
    return CpuEngine(task, attention, value, key)


class CpuEngine:
    """Steps on the CPU, on as many threads as numba is set to use."""

    def __init__(
        self,
        task: SCBTask,
        attention: NDArray[np.float64],
        value: NDArray[np.float64],
        key: np.uint64,
    ) -> None:
        self.task, self.attention, self.value, self.key = task, attention, value, key
        self.grad_v = np.empty_like(value)
        self.room = (0, 0)  # samples and workers that scratch is for

    def begin(self, stage: Stage) -> None:
        """Make room for the stage's batches."""
        self.stage, task = stage, self.task
        self.truth = steps.Truth(
            task.transition, task.stationary, *task.sparse_attention, task.K_P, task.K_Q
        )
        self.tokens = stage.batch_size * task.seq_len
        with cpu.threads_for(self.tokens) as workers:
            self._make_room(stage.batch_size, workers)

    def _make_room(self, batch: int, workers: int) -> None:
        """Have scratch for batches of this size."""
        if self.room != (batch, workers):
            self.room = (batch, workers)
            self.scratch = cpu.workspace(self.task.vocab_size, self.task.seq_len, batch, workers)

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps in one compiled call."""
        stage = self.stage
        with cpu.threads_for(self.tokens):
            taken, code = steps.run(
                n, self.scratch, self.task.tables, self.truth, self.attention, self.value,
                self.grad_v, self.key, first, stage.batch_size, float(stage.eta_A),
                float(stage.eta_V), float(stage.l1), stage.preconditioned, stage.freeze_A,
                TARGETS[stage.until], float(stage.target),
            )  # fmt: skip
        return taken, code

    def gradients(
        self, batch: int, step: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the gradients of one batch in new arrays."""
        task, grad_a = self.task, np.empty_like(self.attention)
        with cpu.threads_for(batch * task.seq_len) as workers:
            self._make_room(batch, workers)
            fine = cpu.gradient(
                self.scratch, task.tables, self.attention, self.value, task.stationary, self.key,
                np.uint64(step), batch, grad_a, self.grad_v,
            )  # fmt: skip
        return (grad_a, self.grad_v) if fine else None
