"""Steps of softmax attention: keeps the logits, and asks another engine for gradients.

No kernel of its own draws tokens: the gradient in the logits w of a column is (diag(a) - a a') g,
with g the gradient in a = softmax(w). So whatever computes g, on either device, serves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scbtools.engines import Engine
from scbtools.kernels import steps, update
from scbtools.kernels.logits import logit_step, softmax_rows, through_rows
from scbtools.stages import DIVERGED, LIMIT, RAN, REACHED, TARGETS, Stage
from scbtools.task import SCBTask

__all__ = ["SoftmaxEngine"]

_SUM = 1e-6  # how far a column sum may be from 1 to be a softmax


class SoftmaxEngine:
    """An engine for softmax stages, around one for linear attention.

    Parameters
    ----------
    task : SCBTask
    attention, value : (N, T) and (N, N) arrays
        Changed in place; `inner` works on the same ones.
    inner : Engine
        Computes gradients, and whole steps where A is frozen.
    """

    def __init__(
        self,
        task: SCBTask,
        attention: NDArray[np.float64],
        value: NDArray[np.float64],
        inner: Engine,
    ) -> None:
        self.task, self.attention, self.value, self.inner = task, attention, value, inner

    def begin(self, stage: Stage) -> None:
        """Take the logits of the attention: log A, which is the logits up to a shift per column."""
        self.stage, task = stage, self.task
        if stage.freeze_A:
            self.inner.begin(stage)
            return
        check_softmax(stage.name, self.attention)
        self.truth = steps.Truth(
            task.transition, task.stationary, *task.sparse_attention, task.K_P, task.K_Q
        )
        self.logits = np.log(self.attention)
        self.inner.begin(stage)

    def advance(self, first: int, n: int) -> tuple[int, int]:
        """Take up to n steps, gradient by gradient."""
        if self.stage.freeze_A:
            return self.inner.advance(first, n)
        stage, truth = self.stage, self.truth
        for i in range(n):
            if not self._step(first + i):
                return i, DIVERGED
            kind, target = TARGETS[stage.until], float(stage.target)
            if steps.reached(self.attention, self.value, truth, kind, target):
                return i + 1, REACHED
        return n, RAN

    def _step(self, step: int) -> bool:
        """Take one step; return False, with nothing changed, where it leads beyond LIMIT."""
        stage, mu = self.stage, self.task.stationary
        found = self.inner.gradients(stage.batch_size, step)
        if found is None:
            return False
        grad_a, grad_v = found
        through_rows(self.attention, grad_a)
        logits, value = self.logits.copy(), self.value.copy()
        size = logit_step(logits, grad_a, mu, float(stage.eta_A), stage.preconditioned)
        if stage.preconditioned:
            update.precondition_value(grad_v, mu)
        update.descend(value, grad_v, float(stage.eta_V))
        if not (size <= LIMIT and np.abs(value).max() <= LIMIT):
            return False
        self.logits, self.value[:] = logits, value
        softmax_rows(logits, self.attention)
        return True

    def gradients(
        self, batch: int, step: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the raw gradients in A and V, not in the logits."""
        return self.inner.gradients(batch, step)


def check_softmax(stage: str, attention: NDArray[np.float64]) -> None:
    """Raise where rows of attention are no softmax: not positive, or not of sum 1."""
    k, t = np.unravel_index(attention.argmin(), attention.shape)
    if not attention[k, t] > 0:
        raise ValueError(
            f"stage {stage!r} has softmax attention, which is positive, but A is "
            f"{attention[k, t]:.3g} at row {t}, column {k}: start from a positive A, and put no "
            f"stage or transform before it that leaves zeros or negative entries"
        )
    sums = attention.sum(axis=1)
    if np.abs(sums - 1).max() > _SUM:
        raise ValueError(
            f"stage {stage!r} has softmax attention, whose columns sum to 1, but column "
            f"{np.abs(sums - 1).argmax()} of A sums to {sums[np.abs(sums - 1).argmax()]:.6g}"
        )
