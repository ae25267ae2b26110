"""The paper's schedules and figures as lists of stages: every parameter is data.

Rates follow section 3.1 of the paper: from one base rate eta, V moves with eta / K_Q and A with
eta / K_P.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from scbtools import _check
from scbtools.stages import Stage, Transform
from scbtools.task import SCBTask, check_task

__all__ = [
    "boost", "figure_1", "figure_2", "figure_3", "figure_4", "figure_5", "figure_6",
    "paper_literal", "three_stage", "transfer",
]  # fmt: skip

_CHOICES = {"method": ("proximal", "sgd"), "kind": ("linear", "softmax")}
_REFLECT, _THRESHOLD, _ROUND = Transform("reflect"), Transform("threshold"), Transform("round")


F = TypeVar("F", bound=Callable[..., Any])


def _recipe(function: F) -> F:
    """Return a recipe that gets its arguments checked, as plain Python, by what their names say."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options)
        task = check_task(bound.arguments["task"])
        if min(task.K_P, task.K_Q / task.norm_Q_squared) <= 1e-9:
            raise ValueError(
                f"task has K_P = {task.K_P:.3g} and K_Q = {task.K_Q:.3g}, and the paper's rates "
                f"are eta over them: P is mu 1', or Q is uniform, or nearly, so that there is "
                f"nothing to learn"
            )
        for name, value in bound.arguments.items():
            default = signature.parameters[name].default
            if name != "task" and not (value is None and default is None):
                bound.arguments[name] = _plain(name, value)
        return function(*bound.args, **bound.kwargs)

    return checked  # type: ignore[return-value]


def _plain(name: str, value: Any) -> Any:
    """Return an argument as plain Python, or raise."""
    if name in ("method", "kind"):
        return _check.one_of(name, value, _CHOICES[name])
    if name == "reflect":
        return _check.flag(name, value)
    if name == "switch" or name.endswith("steps"):
        return _check.integer(name, value, 0, 2**32 - 1)
    if name.endswith("batch_size"):
        return _check.integer(name, value, 1, 2**32 - 1)
    return _check.real(name, value, 0, 1e12)


def _stage(
    task: SCBTask, name: str, steps: int, batch_size: int, eta: float, **options: Any
) -> Stage:
    """Return a stage with the paper's rates for a base rate."""
    return Stage(name, steps, batch_size, eta_V=eta / task.K_Q, eta_A=eta / task.K_P, **options)


def _proximal(l1: float, target: float | None, *before: Transform) -> dict[str, Any]:
    """Return the options of proximal steps after a threshold, until the mean signal, if given."""
    stop = {} if target is None else {"until": "mean_signal", "target": target}
    return {"l1": l1, "before": before or (_THRESHOLD,), **stop}


def _by(method: str, l1: float, target: float | None, task: SCBTask, *sizes: Any) -> Stage:
    """Return what follows Stage 1 in figures 1 and 6, by one of two methods."""
    return _stage(task, method, *sizes, **(_proximal(l1, target) if method == "proximal" else {}))


@_recipe
def boost(
    task: SCBTask, steps: int, batch_size: int, eta: float, target: float | None = None
) -> Stage:
    """Return Stage 1: preconditioned projected steps without l1, from the uniform start.

    eta is the base rate. With a target it stops when max(|alpha_V|, |alpha_A|) reaches that.
    """
    stop = {} if target is None else {"until": "max_signal", "target": target}
    return _stage(task, "boost", steps, batch_size, eta, **stop)


@_recipe
def three_stage(
    task: SCBTask, batch_size: int = 1024, eta: float = 0.02, l1: float = 1e-4, *,
    boost_target: float = 0.35, boost_steps: int = 2000,
    learn_batch_size: int = 1024, learn_target: float = 0.97, learn_steps: int = 1000,
    settle_steps: int = 60, finish_steps: int = 300, finish_batch_size: int = 4096,
    reflect: bool = True,
) -> list[Stage]:  # fmt: skip
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
    eta, l1 : float
        Base rate, and lambda of Stage 2.
    boost_steps, learn_steps : int
        Most steps of a stage that does not meet its target.
    settle_steps, reflect
        Ours, not the paper's; `paper_literal` leaves them out by 0 and False. `reflect` turns a
        mirror solution, recognised from A alone, the right way round before Stage 2.
    """
    learn = _proximal(l1, learn_target, *((_REFLECT, _THRESHOLD) if reflect else ()))
    stages = [
        boost(task, boost_steps, batch_size, eta, boost_target),
        _stage(task, "learn", learn_steps, learn_batch_size, eta, **learn),
    ]
    if settle_steps:
        stages.append(_stage(task, "settle", settle_steps, finish_batch_size, eta / 2))
    frozen = {"freeze_A": True, "steps": finish_steps, "batch_size": finish_batch_size}
    stages.append(_stage(task, "finish", eta=eta, before=(_ROUND,), **frozen))
    return [*stages, _stage(task, "polish", eta=eta / 10, **frozen)]


@_recipe
def paper_literal(
    task: SCBTask, batch_size: int = 1024, eta: float = 0.02, l1: float = 1e-4
) -> list[Stage]:
    """Return `three_stage`, by its parameters, without what is ours: no reflection, no settling."""
    return three_stage(task, batch_size, eta, l1, settle_steps=0, reflect=False)


@_recipe
def transfer(
    task: SCBTask, batch_size: int = 4096, eta: float = 0.02, l1: float = 1e-4, *,
    eta_attend: float = 1.0, cut: float = 0.5,
    learn_batch_size: int = 1024, learn_target: float = 0.97, learn_steps: int = 1000,
    settle_steps: int = 60, finish_steps: int = 300, finish_batch_size: int = 4096,
    reflect: bool = False,
) -> list[Stage]:  # fmt: skip
    """Return what follows a transferred start: Stage 1 is a single step of A (Theorem 4.1).

    It is taken by A alone and hands V's signal over: expected alpha_A = alpha_V (H.2). The rest is
    as in `three_stage`, with the cut of H.2. Train from `transfer_start(task, P_hat, theta)`, or
    from uniform A and any V with 1'V = 1' and V mu = mu. Parameters not named are `three_stage`'s.

    Parameters
    ----------
    batch_size, eta
        Of the one step, which must show where Q attends; base rate of everything after it.
    l1 : float
        lambda of Stage 2. An attended entry gains about eta alpha_V / Q in a first step and loses
        l1, so a start with less signal calls for a smaller one.
    eta_attend : float
        Base rate of the one step, which moves A with eta_attend / K_P. With 1, the signals agree.
    cut : float
        Entries of A below cut alpha_V / Q are dropped after that step. H.2 drops what is below a
        multiple of theta / (N K_P), its lower bound of alpha_V; this uses alpha_V as it is.
    reflect : bool
        Whether a V that is negatively correlated with P, recognised from A alone after the step, is
        turned round together with A. Ours, not the paper's. Where the batch is too small for the
        step to show the attended positions, it turns good starts round as well.
    """
    attend = dataclasses.replace(_stage(task, "attend", 1, batch_size, eta_attend), eta_V=0.0)
    threshold = Transform("threshold", cut)
    _, learn, *rest = three_stage(
        task, eta=eta, l1=l1, learn_batch_size=learn_batch_size, learn_target=learn_target,
        learn_steps=learn_steps, settle_steps=settle_steps, finish_steps=finish_steps,
        finish_batch_size=finish_batch_size,
    )  # fmt: skip
    before = (_REFLECT, threshold) if reflect else (threshold,)
    return [attend, dataclasses.replace(learn, before=before), *rest]


@_recipe
def figure_1(
    task: SCBTask, method: str = "proximal", *, batch_size: int = 64,
    eta_1: float = 0.01, eta_2: float = 0.005, l1: float = 1e-5,
    switch: int = 400, steps: int = 1000,
) -> list[Stage]:  # fmt: skip
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
    if switch > steps:
        raise ValueError(f"switch must be at most steps, {steps}, got {switch}")
    second = _by(method, l1, None, task, steps - switch, batch_size, eta_2)
    return [boost(task, switch, batch_size, eta_1), second]


@_recipe
def figure_2(
    task: SCBTask, kind: str = "softmax", *,
    batch_size: int = 256, eta: float = 0.02, steps: int = 1000, scale: float | None = None,
) -> Stage:  # fmt: skip
    """Return the training behind the paper's figure 2, with one of two kinds of attention.

    The paper gives T = 50, N = 10, Q = 2 and nothing else, so every number here is our choice.

    Parameters
    ----------
    kind : {"linear", "softmax"}
        Both preconditioned, without l1, from the uniform start.
    batch_size, eta, steps
        eta is the base rate.
    scale : float, optional
        What the rate of A is multiplied with for softmax attention; T if not given. T^2 would
        make the first steps those of linear attention, but softmax then settles on one position
        where it should attend to several.
    """
    stage = _stage(task, kind, steps, batch_size, eta)
    if kind == "linear":
        if scale is not None:
            raise ValueError("scale is for softmax attention: set eta for linear attention")
        return stage
    factor = task.seq_len if scale is None else scale
    return dataclasses.replace(stage, attention="softmax", eta_A=factor * stage.eta_A)


def figure_3(task: SCBTask, method: str = "proximal", **options: Any) -> list[Stage]:
    """Return the schedule of the paper's figure 3: that of `figure_1`, by its parameters.

    Figure 3 shows other columns of the same runs: alpha_V, alpha_A, delta_V and delta_A.
    """
    return figure_1(task, method, **options)


def figure_4(task: SCBTask, method: str = "proximal", **options: Any) -> list[Stage]:
    """Return the schedule of the paper's figure 4: that of `figure_1`, by its parameters.

    Figure 4 shows `scbtools.similarity` with the truth of the same runs, as they end and after
    `scbtools.updates.normalised`.
    """
    return figure_1(task, method, **options)


@_recipe
def figure_5(
    task: SCBTask, *, batch_size: int = 256, eta: float = 0.01, l1: float = 5e-5,
    boost_target: float = 0.35, boost_steps: int = 5000, stop: float = 0.97,
    learn_steps: int = 5000, later_steps: int = 0,
) -> list[Stage]:  # fmt: skip
    """Return the schedule of the paper's figure 5: train, stop early, normalise.

    The last stage only normalises: A rounded at 1 / (2 Q), V by least squares (appendix I). The
    paper states neither lambda nor when A is thresholded nor when it stops: those are ours.

    Parameters
    ----------
    batch_size, eta
        Appendix I names 64, 128 and 256, and takes the largest base rate that does not diverge.
    l1 : float
        lambda, from the threshold on.
    boost_target, boost_steps
        A is thresholded when max(|alpha|) reaches the target, or after so many steps.
    stop, learn_steps
        Stop when the mean signal reaches `stop`, or after so many proximal steps.
    later_steps : int
        Of a stage after the stop that has no target, to see what the stop is good for; 0 for none.
    """
    learn = _stage(task, "learn", learn_steps, batch_size, eta, **_proximal(l1, stop))
    later = [_stage(task, "later", later_steps, batch_size, eta, l1=l1)] if later_steps else []
    normalise = Stage("normalise", 0, before=(_ROUND, Transform("least_squares")))
    return [boost(task, boost_steps, batch_size, eta, boost_target), learn, *later, normalise]


@_recipe
def figure_6(
    task: SCBTask, method: str = "proximal", *,
    batch_size: int = 2000, learn_batch_size: int = 4000, eta: float = 0.1, l1: float = 3e-3,
    boost_target: float = 0.15, boost_steps: int = 400,
    learn_target: float = 0.92, learn_steps: int = 60,
) -> list[Stage]:  # fmt: skip
    """Return our schedule for figure 6, T = 100 000 and N = 100 or 500, for one of two methods.

    The paper states neither rates nor batches for this figure. Ours are the smallest batches that
    do it where P is peaked, K_P near 1/2: Stage 1 must not lose the sign, so that B / eta stands
    well above T times a constant; Stage 2 must keep l1 above the noise of one entry, about
    eta / sqrt(K_P B), and below the growth of an attended one, eta alpha / Q.

    Parameters
    ----------
    method : {"proximal", "sgd"}
        "proximal" thresholds A after Stage 1, turns l1 on, and stops at `learn_target`; "sgd" goes
        on with l1 = 0 for `learn_steps`.
    batch_size, learn_batch_size, eta, l1
        Samples a step in Stage 1 and after it, base rate, and lambda.
    boost_target, boost_steps, learn_target, learn_steps
        Where the stages stop, and after how many steps at the latest.
    """
    second = _by(method, l1, learn_target, task, learn_steps, learn_batch_size, eta)
    return [boost(task, boost_steps, batch_size, eta, boost_target), second]
