"""Training: a list of stages run one after another, and the record of the run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from scbtools import _check
from scbtools._interrupts import Held
from scbtools.engines import Engine, SoftmaxEngine, check_device, make_engine
from scbtools.population import expected_loss, least_squares_value
from scbtools.signals import signals_of
from scbtools.stages import DIVERGED, HISTORY_COLUMNS, RAN, REACHED, Stage, Transform, check_stages
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_params, uniform_start
from scbtools.updates import looks_mirrored, reflect_rows, round_rows, threshold_rows

__all__ = ["Run", "train"]


class Run(NamedTuple):
    """What came of a training run."""

    params: Params
    """Final parameters, or the last fine ones of a run that diverged or was interrupted."""
    history: dict[str, NDArray[Any]]
    """One array per column: step (gradient steps so far), stage (index), samples (drawn so far),
    loss (expected, exact), alpha_V, alpha_A, delta_V, delta_A, error_V, error_A. A row for the
    start, then for the beginning and end of each stage and every `record_every` steps between."""
    status: Literal["finished", "diverged", "nothing to round", "interrupted"]
    stages: tuple[Stage, ...]
    reached: tuple[bool, ...]
    """Per stage that ended, whether it met its target (True where it had none)."""


def train(
    task: SCBTask, stages: Stage | Sequence[Stage], params: Params | None = None, seed: int = 0,
    device: str = "cpu", progress: bool = False, record_every: int = 10,
) -> Run:  # fmt: skip
    """Return the run of `stages`, one after another, on fresh mini-batches.

    Parameters
    ----------
    stages : Stage or list of them
        As from `scbtools.recipes`.
    params : Params, optional
        Where to start; `uniform_start(task)` if not given. Not changed.
    seed : int
        Of the token stream, 0 .. 2^64 - 1. Steps are counted through all stages.
    device : {"cpu", "cuda"}
        "cuda" needs an NVIDIA GPU and `pip install scbtools[cuda]`. It draws the same tokens; what
        it computes differs from the CPU by rounding, about 1e-13 of the largest entry a step.
    progress : bool
        Show a bar with stage, step and signals.
    record_every : int
        Steps between rows of the history.

    Returns
    -------
    Run
        A run that diverges stops at once, with status "diverged" and its last fine parameters.
        Interrupted from the keyboard, it stops within half a second, or the step that it is at,
        and returns what it has, with status "interrupted". The history's last row is always that
        of the parameters returned.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        For bad arguments, before anything is computed. ValueError at the beginning of a softmax
        stage whose A is not positive or has column sums other than 1.
    """
    with Held() as held:
        check_device(device)
        start = uniform_start(task) if params is None else check_params(task, params)
        stages, seed = check_stages(stages), _check.seed64(seed)
        record_every = _check.integer("record_every", record_every, 1)
        silent = not _check.flag("progress", progress)
        _check_order(stages, bool(np.abs(start.A.sum(axis=0) - 1).max() <= 1e-6))
        total = sum(stage.steps for stage in stages)
        reached: list[bool] = []
        with tqdm(total=total, disable=silent, unit="step") as bar:
            trainer = _Trainer(task, start, seed, device, record_every, held, bar)
            status = trainer.run(stages, reached)
        history = {name: np.array(column) for name, column in trainer.history.items()}
        params = Params(trainer.attention.copy().T, trainer.value.copy())
        try:
            held.let()
        except KeyboardInterrupt:
            status = "interrupted"
        return Run(params, history, status, stages, tuple(reached))


def _check_order(stages: tuple[Stage, ...], sums_are_one: bool) -> None:
    """Raise where V would be solved for an A whose columns no longer sum to 1."""
    for stage in stages:
        for transform in stage.before:
            if transform.kind in ("threshold", "round"):
                sums_are_one = True
            elif transform.kind == "least_squares" and not sums_are_one:
                raise ValueError(
                    f"stage {stage.name!r} solves for V while columns of A need not sum to 1, as "
                    f"plain SGD leaves them: put a 'threshold' or 'round' before 'least_squares'"
                )
        if stage.steps and not stage.freeze_A:
            kept = stage.preconditioned or stage.attention == "softmax"
            sums_are_one = stage.l1 > 0 or (sums_are_one and kept)


_PATIENCE = 0.2  # seconds between two looks at whether Ctrl-C was pressed


class _Trainer:
    """State of a run: parameters, stream position, history."""

    def __init__(
        self, task: SCBTask, start: Params, seed: int, device: str, record_every: int,
        held: Held, bar: Any,
    ) -> None:  # fmt: skip
        self.task = task
        self.attention = np.array(start.A.T, order="C")  # rows are columns of A
        self.value = np.array(start.V, order="C")
        parts = task, self.attention, self.value
        linear = make_engine(device, *parts, np.uint64(seed))
        self.engines: dict[str, Engine] = {"linear": linear}
        self.engines["softmax"] = SoftmaxEngine(*parts, linear)
        self.record_every, self.held, self.bar = record_every, held, bar
        self.step = self.samples = 0
        self.history: dict[str, list[float]] = {name: [] for name in HISTORY_COLUMNS}

    def record(self, stage: int) -> None:
        """Append a row to the history."""
        params = Params(self.attention.T, self.value)
        loss, found = expected_loss(self.task, params), signals_of(self.task, params)
        row = self.step, stage, self.samples, loss, *found
        for column, entry in zip(self.history.values(), row, strict=True):
            column.append(entry)

    def run(self, stages: tuple[Stage, ...], reached: list[bool]) -> Any:
        """Run the stages; return the status and fill in which of them met their target."""
        self.record(0)
        try:
            for index, stage in enumerate(stages):
                status, met = self.run_stage(index, stage)
                if status != "finished":
                    return status
                reached.append(met)
        except KeyboardInterrupt:
            return "interrupted"
        return "finished"

    def run_stage(self, index: int, stage: Stage) -> tuple[str, bool]:
        """Run one stage; return the status and whether its target was met.

        Ctrl-C is let in only where the last row describes the parameters: after a record, and
        while kernels are compiled, which takes long.
        """
        for i, transform in enumerate(stage.before):
            if not self.transform(transform):
                if i:
                    self.record(index)
                return "nothing to round", False
        if stage.before:
            self.record(index)
        engine = self.engines[stage.attention]
        with self.held.opened():
            engine.begin(stage)
        done, code, pace = 0, RAN, 1
        while done < stage.steps and code == RAN:
            left = min(self.record_every - done % self.record_every, stage.steps - done)
            began = time.perf_counter()
            taken, code = engine.advance(self.step, min(pace, left))
            pace = int(taken * _PATIENCE / max(time.perf_counter() - began, 1e-9)) + 1
            done, self.step = done + taken, self.step + taken
            self.samples += taken * stage.batch_size
            self.bar.update(taken)
            full = done % self.record_every == 0 or done == stage.steps
            if full or code != RAN or self.held.waiting:
                self.note(index, stage.name)
            self.held.let()
        self.bar.update(stage.steps - done)
        met = stage.until is None or code == REACHED
        return ("diverged" if code == DIVERGED else "finished"), met

    def note(self, index: int, name: str) -> None:
        """Record where the run stands, unless that has been done, and show it."""
        if self.history["step"][-1] < self.step:
            self.record(index)
            v, a = self.history["alpha_V"][-1], self.history["alpha_A"][-1]
            self.bar.set_postfix_str(f"{name}, alpha_V {v:.3f}, alpha_A {a:.3f}", refresh=False)

    def transform(self, transform: Transform) -> bool:
        """Apply a transform in place; return False where there was nothing to round."""
        task, sparsity = self.task, self.task.sparsity
        if transform.kind == "reflect":
            if looks_mirrored(self.attention.T):
                reflect_rows(self.attention, self.value, task.stationary)
        elif transform.kind == "threshold":
            alpha = signals_of(task, Params(self.attention.T, self.value)).alpha_V
            threshold_rows(self.attention, transform.level * alpha / sparsity)
        elif transform.kind == "round":
            return bool(round_rows(self.attention, transform.level / sparsity) < 0)
        else:
            self.value[:] = least_squares_value(task, self.attention.T)
        return True
