"""The paper's schedules and figures as lists of stages: every parameter is data.

Rates follow section 3.1 of the paper: from one base rate eta, V moves with eta / K_Q and A with
eta / K_P.
"""

from __future__ import annotations

from typing import Any

from scbtools import _check
from scbtools.task import SCBTask
from scbtools.training import Stage, Transform

__all__ = ["boost", "figure_1", "figure_5", "paper_literal", "three_stage"]

_REFLECT, _THRESHOLD, _ROUND = Transform("reflect"), Transform("threshold"), Transform("round")


def _stage(
    task: SCBTask, name: str, steps: int, batch_size: int, eta: float, **options: Any
) -> Stage:
    """Return a stage with the paper's rates for a base rate."""
    if task.K_Q <= 0 or task.K_P <= 0:
        raise ValueError(
            "the paper's rates need K_P > 0 and K_Q > 0: this task's P is mu 1', or its Q is "
            "uniform, and there is nothing to learn in it"
        )
    eta = _check.real("eta", eta, 0, 1e6)
    return Stage(name, steps, batch_size, eta_V=eta / task.K_Q, eta_A=eta / task.K_P, **options)


def boost(
    task: SCBTask, steps: int, batch_size: int, eta: float, target: float | None = None
) -> Stage:
    """Return Stage 1: preconditioned projected steps without l1, from the uniform start.

    Parameters
    ----------
    steps, batch_size : int
    eta : float
        Base rate.
    target : float, optional
        Stop when max(|alpha_V|, |alpha_A|) reaches it.
    """
    stop = {} if target is None else {"until": "max_signal", "target": target}
    return _stage(task, "boost", steps, batch_size, eta, **stop)


def three_stage(
    task: SCBTask,
    batch_size: int = 1024,
    eta: float = 0.02,
    l1: float = 1e-4,
    *,
    boost_target: float = 0.35,
    boost_steps: int = 2000,
    learn_batch_size: int = 1024,
    learn_target: float = 0.97,
    learn_steps: int = 1000,
    settle_steps: int = 60,
    finish_steps: int = 300,
    finish_batch_size: int = 4096,
    reflect: bool = True,
) -> list[Stage]:
    """Return the algorithm of the paper in three stages, tuned to end with an exact support.

    1. Boost: l1 = 0, until max(|alpha|) reaches `boost_target`.
    2. Learn: threshold A at alpha_V / (2 Q) and project, then proximal steps until the mean
       signal reaches `learn_target`. Then settle: a few steps without l1 on large batches.
    3. Finish: round A at 1 / (2 Q), freeze it, train V alone at rate eta and then at eta / 10.

    Parameters
    ----------
    batch_size : int
        Of Stage 1, the one that must lift a 1/T signal out of noise. Mirror solutions become
        rare when it is well above eta T.
    eta : float
        Base rate.
    l1 : float
        lambda of Stage 2.
    boost_steps, learn_steps : int
        Most steps of a stage that does not meet its target.
    settle_steps, reflect
        Ours, not the paper's; 0 and False leave them out, as `paper_literal` does. `reflect` turns
        a mirror solution, recognised from A alone, the right way round before Stage 2.
    """
    before = (_REFLECT, _THRESHOLD) if reflect else (_THRESHOLD,)
    stop = {"until": "mean_signal", "target": learn_target}
    stages = [
        boost(task, boost_steps, batch_size, eta, boost_target),
        _stage(task, "learn", learn_steps, learn_batch_size, eta, l1=l1, before=before, **stop),
    ]
    if settle_steps:
        stages.append(_stage(task, "settle", settle_steps, finish_batch_size, eta / 2))
    frozen = {"freeze_A": True, "steps": finish_steps, "batch_size": finish_batch_size}
    return [
        *stages,
        _stage(task, "finish", eta=eta, before=(_ROUND,), **frozen),
        _stage(task, "polish", eta=eta / 10, **frozen),
    ]


def paper_literal(
    task: SCBTask, batch_size: int = 1024, eta: float = 0.02, l1: float = 1e-4
) -> list[Stage]:
    """Return `three_stage` without what is ours: no reflection of mirrors, no settling.

    Parameters are those of `three_stage`.
    """
    return three_stage(task, batch_size, eta, l1, settle_steps=0, reflect=False)


def figure_1(
    task: SCBTask,
    method: str = "proximal",
    *,
    batch_size: int = 64,
    eta_1: float = 0.01,
    eta_2: float = 0.005,
    l1: float = 1e-5,
    switch: int = 400,
    steps: int = 1000,
) -> list[Stage]:
    """Return the schedule of the paper's figure 1, for one of its two methods.

    Parameters
    ----------
    method : {"proximal", "sgd"}
        "proximal" thresholds A and turns l1 on at the switch; "sgd" goes on with l1 = 0. Both are
        preconditioned and projected: the paper does not say of its SGD, and without that the
        two would differ by more than the proximal step.
    batch_size, eta_1, eta_2, l1, switch, steps
        The paper's: B = 64, rate 0.01 to step 400 and 0.005 after it, lambda = 1e-5, 1000 steps.
    """
    if method not in ("proximal", "sgd"):
        raise ValueError(f"method must be 'proximal' or 'sgd', got {method!r}")
    steps = _check.integer("steps", steps, 1)
    switch = _check.integer("switch", switch, 0, steps)
    first = boost(task, switch, batch_size, eta_1)
    rest = steps - switch
    if method == "sgd":
        return [first, _stage(task, "sgd", rest, batch_size, eta_2)]
    second = _stage(task, "proximal", rest, batch_size, eta_2, l1=l1, before=(_THRESHOLD,))
    return [first, second]


def figure_5(
    task: SCBTask,
    *,
    batch_size: int = 256,
    eta: float = 0.01,
    l1: float = 5e-5,
    boost_target: float = 0.35,
    boost_steps: int = 5000,
    stop: float = 0.97,
    learn_steps: int = 5000,
    later_steps: int = 0,
) -> list[Stage]:
    """Return the schedule of the paper's figure 5: train, stop early, normalise.

    Parameters
    ----------
    batch_size : int
        Appendix I names 64, 128 and 256.
    eta : float
        Base rate. Appendix I takes the largest that does not diverge.
    l1 : float
        lambda, from the threshold on.
    boost_target, boost_steps
        A is thresholded when max(|alpha|) reaches the target, or after so many steps.
    stop, learn_steps
        Stop when the mean signal reaches `stop`, or after so many proximal steps.
    later_steps : int
        Of a stage after the stop that has no target, to see what the stop is good for; 0 for none.

    Notes
    -----
    The last stage only normalises: A rounded at 1 / (2 Q), V by least squares (appendix I). The
    paper states neither lambda nor when A is thresholded nor when it stops: those are ours.
    """
    until = {"until": "mean_signal", "target": stop}
    learn = _stage(
        task, "learn", learn_steps, batch_size, eta, l1=l1, before=(_THRESHOLD,), **until
    )
    later = [_stage(task, "later", later_steps, batch_size, eta, l1=l1)] if later_steps else []
    normalise = Stage("normalise", 0, before=(_ROUND, Transform("least_squares")))
    return [boost(task, boost_steps, batch_size, eta, boost_target), learn, *later, normalise]
