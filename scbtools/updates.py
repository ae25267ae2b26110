"""What is done to parameters between gradients, each function above its kernel.

The functions return new arrays; the training loop runs the kernels in place, on attention as
(N, T) rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scbtools import _check
from scbtools._jit import inner, jit
from scbtools.kernels.sums import lane_sum
from scbtools.kernels.value import precondition_value
from scbtools.population import Gradients, least_squares_value
from scbtools.signals import signals
from scbtools.task import SCBTask
from scbtools.transformer import Params, check_pair, check_params

__all__ = [
    "gradient_step", "looks_mirrored", "normalised", "precondition", "project", "reflect",
    "round_and_normalise", "soft_threshold", "threshold_and_project", "through_softmax",
]  # fmt: skip

Floats = NDArray[np.float64]


_FINE = 1e100  # of what is scaled and added up, so that no sum overflows


def _rows(A: ArrayLike, name: str = "A", shape: tuple[int, int] | None = None) -> Floats:
    """Return a fresh (N, T) copy of a (T, N) matrix."""
    return np.array(_check.matrix(name, A, shape, _FINE).T, order="C")


def precondition(task: SCBTask, gradients: Gradients, centred: bool = False) -> Gradients:
    """Return the preconditioned, projected gradients of eq. 4, A (T, N) and V (N, N).

    A's column k becomes (I - 11'/T) g / mu_k; V's gradient becomes
    (I - 11'/N) G diag(1/mu) (I - mu mu'/|mu|^2). Steps along them keep 1'A, 1'V and V mu.

    With `centred`, V's last factor is I - mu 1': its mean is the same where V mu = mu, its noise is
    smaller where mu is uneven, and mirror solutions are rarer for long sequences. Not in the paper.
    """
    A, V = check_params(task, gradients, "gradients")
    rows, value = np.array(A.T, order="C"), np.array(V, order="C")
    precondition_rows(rows, task.stationary)
    precondition_value(value, task.stationary, _check.flag("centred", centred))
    return Gradients(rows.T, value)


@jit
def precondition_rows(gradient: Floats, mu: Floats) -> None:
    """Replace each row g by (g - mean g) / mu_k (eq. 4)."""
    seq_len = gradient.shape[1]
    for k in range(gradient.shape[0]):
        row = gradient[k]
        mean, weight = lane_sum(row) / seq_len, mu[k]
        for t in range(seq_len):
            row[t] = (row[t] - mean) / weight


def gradient_step(
    params: Params, gradients: Gradients, eta_V: float, eta_A: float, l1: float = 0.0
) -> Params:
    """Return parameters after a gradient step, and for l1 > 0 a proximal one (eq. 6).

    Parameters
    ----------
    params, gradients
        A (T, N) and V (N, N) of each. Gradients are raw for plain SGD, from `precondition` for
        the paper's method.
    eta_V, eta_A : float
        Rates as applied: the paper's are eta / K_Q and eta / K_P.
    l1 : float
        lambda. Entries of A are soft-thresholded by lambda itself, not eta lambda, and columns
        are then shifted to sum 1. With 0, neither is done.
    """
    A, V = check_pair(params)
    grad = check_pair(gradients, "gradients", A.shape)
    eta_V, eta_A = _check.real("eta_V", eta_V, 0, _FINE), _check.real("eta_A", eta_A, 0, _FINE)
    rows = _rows(A)
    proximal_rows(rows, _rows(grad.A), eta_A, _check.real("l1", l1, 0, _FINE))
    return Params(rows.T, V - eta_V * grad.V)


@jit
def proximal_rows(attention: Floats, gradient: Floats, eta: float, l1: float) -> None:
    """Take a gradient step, soft-threshold by l1 itself, and project to sum 1 (eq. 6).

    With l1 = 0 there is nothing to threshold, and the projected gradient keeps the sum.
    """
    for k in range(attention.shape[0]):
        row, grad = attention[k], gradient[k]
        if l1 == 0.0:
            for t in range(row.size):
                row[t] -= eta * grad[t]
        else:
            for t in range(row.size):
                moved = row[t] - eta * grad[t]
                row[t] = max(moved - l1, 0.0) + min(moved + l1, 0.0)
            _project(row)


def soft_threshold(A: ArrayLike, l1: float) -> NDArray[np.float64]:
    """Return sign(a) max(|a| - l1, 0): the minimiser of 1/2 (x - a)^2 + l1 |x|, entry by entry.

    The paper writes the proximal step with two cases; this is the full one, which also handles
    entries below -l1, as they do occur.
    """
    a, l1 = _check.array("A", A), _check.real("l1", l1, 0)
    return np.asarray(np.maximum(a - l1, 0.0) + np.minimum(a + l1, 0.0))


def project(A: ArrayLike) -> NDArray[np.float64]:
    """Return A with every column shifted to sum 1, the projection on that plane."""
    return threshold_and_project(A, -_check.LARGEST)  # no entry is below that


@inner
def _project(row: Floats) -> None:
    """Shift a row so that it sums to 1."""
    shift = (1.0 - lane_sum(row)) / row.size
    for t in range(row.size):
        row[t] += shift


def threshold_and_project(A: ArrayLike, level: float) -> NDArray[np.float64]:
    """Return A with entries below `level` set to 0 and columns shifted to sum 1 (E.1, E.2).

    What the kept entries lack of 1 is spread over all T positions, as the paper does.
    """
    rows = _rows(A)
    threshold_rows(rows, _check.real("level", level, -_check.LARGEST))
    return rows.T


@jit
def threshold_rows(attention: Floats, level: float) -> None:
    """Keep entries >= level, then project to sum 1."""
    for k in range(attention.shape[0]):
        row = attention[k]
        for t in range(row.size):
            if row[t] < level:
                row[t] = 0.0
        _project(row)


def round_and_normalise(A: ArrayLike, level: float) -> NDArray[np.float64]:
    """Return A (T, N) with entries below `level` set to 0, columns divided by their sum (F.1).

    The level is the paper's c / Q, greater than 0. Raises ValueError if in some column nothing
    reaches it.
    """
    rows, level = _rows(A), _check.real("level", level, 0, open_low=True)
    if (empty := round_rows(rows, level)) >= 0:
        raise ValueError(
            f"nothing in column {empty} of A reaches the level {level:g}: train longer or round "
            f"at a lower level"
        )
    return rows.T


@jit
def round_rows(attention: Floats, level: float) -> int:
    """Keep entries >= level, divide by their sum, and return -1.

    Or return the first row in which nothing reaches the level, and change nothing.
    """
    for k in range(attention.shape[0]):
        top = attention[k, 0]
        for t in range(attention.shape[1]):
            top = max(top, attention[k, t])
        if top < level:
            return k
    for k in range(attention.shape[0]):
        row = attention[k]
        for t in range(row.size):
            if row[t] < level:
                row[t] = 0.0
        total = lane_sum(row)
        for t in range(row.size):
            row[t] /= total
    return -1


def normalised(task: SCBTask, params: Params) -> Params:
    """Return what Stage 3 would make of these parameters: A rounded, V by least squares.

    A is rounded at alpha_A / (2 Q), half of what an attended entry should be by now, where the
    paper has c / Q: so that a run that is not at the end yet can be judged too. V is then the
    minimiser of the expected loss for that A (appendix I). Raises ValueError if alpha_A is not
    positive, or nothing in a column reaches the level.
    """
    alpha = signals(task, params).alpha_A
    if alpha <= 0:
        raise ValueError(
            f"alpha_A is {alpha:.3g}: without a positive signal there is nothing to round; a "
            f"mirror solution can be reflected first"
        )
    rounded = round_and_normalise(params.A, alpha / (2 * task.sparsity))
    return Params(rounded, least_squares_value(task, rounded))


def through_softmax(A: ArrayLike, gradient_A: ArrayLike) -> NDArray[np.float64]:
    """Return (diag(a) - a a') g for every column: the gradient in the logits of a = softmax(w).

    A (T, N) has columns of sum 1. The gradient in A (T, N) is of a batch or expected, raw or over
    mu_k. What `precondition` subtracts from a column, a constant, makes no difference here.
    """
    rows = _rows(A)
    grad = _rows(gradient_A, "gradient_A", rows.T.shape)
    through_rows(rows, grad)
    return grad.T


@jit
def through_rows(attention: Floats, gradient: Floats) -> None:
    """Replace each row g by (diag(a) - a a') g."""
    for k in range(attention.shape[0]):
        row, grad = attention[k], gradient[k]
        for t in range(row.size):
            grad[t] *= row[t]
        mean = lane_sum(grad)
        for t in range(row.size):
            grad[t] -= mean * row[t]


def looks_mirrored(A: ArrayLike) -> bool:
    """Return whether A's outliers lie below 1/T: the mirror solution, seen from A alone.

    Compares, summed over columns, how far the largest entry stands above 1/T with how far the
    smallest stands below.
    """
    A = _check.matrix("A", A, None, _FINE)
    uniform = 1 / len(A)
    return bool((uniform - A.min(axis=0)).sum() > (A.max(axis=0) - uniform).sum())


def reflect(task: SCBTask, params: Params) -> Params:
    """Return 2/T - A and 2 mu 1' - V, which turns the sign of both signals.

    Not in the paper: our way to undo a mirror solution. With D = V - mu 1' and E = A - 1/T,
    predictions are mu + D X (1/T + E): the product D X E does not see the sign, and D X 1 / T is
    mere sampling noise about D mu = 0.
    """
    params = check_params(task, params)
    rows, value = _rows(params.A), np.array(params.V)
    reflect_rows(rows, value, task.stationary)
    return Params(rows.T, value)


@jit
def reflect_rows(attention: Floats, value: Floats, mu: Floats) -> None:
    """Replace A by 2/T - A and V by 2 mu 1' - V."""
    for k in range(mu.size):
        a, v = attention[k], value[k]
        for t in range(a.size):
            a[t] = 2.0 / a.size - a[t]
        for m in range(v.size):
            v[m] = 2.0 * mu[k] - v[m]
