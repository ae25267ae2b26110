"""What a training run is made of, as data: stages, transforms, and the codes that engines return.

Shared by whatever takes steps, on any device, and by the loop that asks for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from scbtools import _check

__all__ = [
    "DIVERGED", "HISTORY_COLUMNS", "LIMIT", "MAX_SIGNAL", "MEAN_SIGNAL", "NO_TARGET", "RAN",
    "REACHED", "TARGETS", "Stage", "Transform", "check_stages",
]  # fmt: skip

RAN, REACHED, DIVERGED = 0, 1, 2
"""Why an engine stopped: it took the steps asked for, met the target, or would have diverged."""

NO_TARGET, MAX_SIGNAL, MEAN_SIGNAL = 0, 1, 2
TARGETS = {None: NO_TARGET, "max_signal": MAX_SIGNAL, "mean_signal": MEAN_SIGNAL}
"""What a stage's `until` is called in the kernels."""

LIMIT = 1e12
"""Largest column sum of |A|, and entry of |V|, that is not yet called divergence.

Far above anything fine: what may not exceed it is a bound on the next step, loose by factors of T
and N.
"""

HISTORY_COLUMNS = (
    "step", "stage", "samples", "loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V",
    "error_A",
)  # fmt: skip
"""What a run records, real or simulated; `scbtools.Run` says what each column holds."""


_RATES, _FLAGS = ("eta_V", "eta_A", "l1", "target"), ("preconditioned", "centred", "freeze_A")


def _keep(frozen: Any, **values: Any) -> None:
    """Set fields of a frozen object to checked values, which are plain Python."""
    for name, value in values.items():
        object.__setattr__(frozen, name, value)


@dataclasses.dataclass(frozen=True)
class Transform:
    """Something done to the parameters once, before a stage's first step.

    Parameters
    ----------
    kind : str
        "reflect": undo a mirror solution, seen from A alone; not in the paper.
        "threshold": keep entries of A >= level alpha_V / Q, project to sum 1 (E.1, E.2).
        "round": keep entries of A >= level / Q, divide by their sum (F.1).
        "least_squares": set V to the minimiser of the expected loss for this A (appendix I).
    level : float
        The constant c of "threshold" and "round".
    """

    kind: Literal["reflect", "threshold", "round", "least_squares"]
    level: float = 0.5

    def __post_init__(self) -> None:
        kinds = "reflect", "threshold", "round", "least_squares"
        _keep(
            self,
            kind=_check.one_of("kind", self.kind, kinds),
            level=_check.real("level", self.level, 0, open_low=True),
        )


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of training with one rule, as data.

    Parameters
    ----------
    name : str
    steps : int
        Most steps to take; 0 for a stage that is only its transforms.
    batch_size : int
        Samples per step, fresh each time.
    eta_V, eta_A : float
        Rates as applied. The paper's are eta / K_Q and eta / K_P.
    l1 : float
        lambda of the proximal step; 0 for none, as softmax attention needs.
    preconditioned : bool
        Whether gradients are preconditioned and projected (eq. 4). False is plain SGD.
    freeze_A : bool
        Train V alone, drawing only the positions where A is not zero.
    attention : {"linear", "softmax"}
        What is trained: the entries of A, or logits w with A = softmax(w) by columns (section
        5.2). Column k's logits take w <- w - eta_A (diag(a) - a a') g / mu_k, plain SGD without
        1 / mu_k. They start from log A, so A must be positive then, with column sums 1. exp may
        differ in the last bit between CPUs, so such a stage repeats exactly on one machine, on
        any number of threads, and to rounding, which training amplifies, on another.
    before : tuple of Transform
        Done once, in order, before the first step.
    until : {None, "max_signal", "mean_signal"}
        Stop when max(|alpha_V|, |alpha_A|), or |alpha_V + alpha_A| / 2, reaches `target`.
    target : float
    centred : bool
        Whether V's gradient keeps V mu = mu by losing the mean of its samples' weights instead of
        the paper's multiple of mu: `scbtools.precondition` with the same option. Not in the paper.
    """

    name: str
    steps: int
    batch_size: int = 64
    eta_V: float = 0.0
    eta_A: float = 0.0
    l1: float = 0.0
    preconditioned: bool = True
    freeze_A: bool = False
    attention: Literal["linear", "softmax"] = "linear"
    before: tuple[Transform, ...] = ()
    until: Literal["max_signal", "mean_signal"] | None = None
    target: float = 1.0
    centred: bool = False

    def __post_init__(self) -> None:
        before = self.before
        if not isinstance(before, tuple | list) or not all(
            isinstance(transform, Transform) for transform in before
        ):
            raise TypeError(
                f"before must be a tuple of Transform objects, got {_check.shown(before)}"
            )
        _keep(
            self,
            name=_check.text("name", self.name),
            steps=_check.integer("steps", self.steps, 0, 2**32 - 1),
            batch_size=_check.integer("batch_size", self.batch_size, 1, 2**32 - 1),
            **{name: _check.real(name, getattr(self, name), 0) for name in _RATES},
            **{name: _check.flag(name, getattr(self, name)) for name in _FLAGS},
            attention=_check.one_of("attention", self.attention, ("linear", "softmax")),
            before=tuple(before),
            until=_check.one_of("until", self.until, tuple(TARGETS)),
        )
        if self.centred and not self.preconditioned:
            raise ValueError(
                "centred says how preconditioned gradients are projected: with centred=True, "
                "preconditioned must be True"
            )
        if self.attention == "softmax" and self.l1:
            raise ValueError(
                f"softmax attention has no entries at zero for l1 to find: l1 must be 0, "
                f"got {self.l1:g}"
            )

    def met(self, alpha_V: float, alpha_A: float) -> bool:
        """Return whether signals meet the target, whichever their sign; False without a target."""
        v = _check.real("alpha_V", alpha_V, -_check.LARGEST)
        a = _check.real("alpha_A", alpha_A, -_check.LARGEST)
        if self.until == "max_signal":
            return max(abs(v), abs(a)) >= self.target
        return self.until == "mean_signal" and abs(v + a) / 2 >= self.target


def check_stages(stages: Stage | Sequence[Stage]) -> tuple[Stage, ...]:
    """Return a stage, or several, as a tuple, or raise."""
    if isinstance(stages, Stage):
        return (stages,)
    found = tuple(stages) if isinstance(stages, tuple | list) else (stages,)
    for stage in found:
        if not isinstance(stage, Stage):
            raise TypeError(f"stages must be Stage objects, got {_check.shown(stage)}")
    return found
