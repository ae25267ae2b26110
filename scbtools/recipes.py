"""The paper's schedules and figures as lists of stages: every parameter is data."""

from __future__ import annotations

from scbtools.task import SCBTask
from scbtools.training import Stage, Transform

__all__ = ["boost", "figure_1", "three_stage"]


def rates(task: SCBTask, eta: float) -> dict[str, float]:
    """Return the paper's rates eta / K_Q for V and eta / K_P for A (section 3.1)."""
    return {"eta_V": eta / task.K_Q, "eta_A": eta / task.K_P}


def boost(
    task: SCBTask, steps: int, batch_size: int, eta: float, target: float | None = None
) -> Stage:
    """Return Stage 1 alone: preconditioned projected steps without l1."""
    until = None if target is None else "max_signal"
    return Stage(
        "boost", steps, batch_size, **rates(task, eta), until=until, target=target or 1.0  # type: ignore[arg-type]
    )


def three_stage(
    task: SCBTask,
    batch_size: int = 3072,
    eta: float = 0.02,
    l1: float = 1e-4,
    *,
    boost_target: float = 0.35,
    learn_target: float = 0.97,
    finish_steps: int = 60,
    reflect: bool = True,
) -> list[Stage]:
    return []
