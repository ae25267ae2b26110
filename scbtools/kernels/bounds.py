"""How large things can get: fixed-point scales that cannot overflow, and divergence foreseen.

`sizes` are the rows' sums of |A| over positions, N of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scbtools._jit import inner
from scbtools.kernels.arrays import Model, Rule
from scbtools.kernels.stream import STRIP
from scbtools.kernels.sums import exponent_above, lane_sum_abs
from scbtools.stages import LIMIT

__all__ = ["measure_rows", "row_scale", "stays", "w_bound"]

Floats = NDArray[np.float64]


@inner
def measure_rows(attention: Floats, out: Floats) -> None:
    """Fill out (N,) with the rows' sums of absolute values, as `finish_row` keeps them."""
    for k in range(attention.shape[0]):
        total = 0.0
        for start in range(0, attention.shape[1], STRIP):
            total += lane_sum_abs(attention[k, start : start + STRIP])
        out[k] = total


@inner
def w_bound(sizes: Floats, value: Floats) -> float:
    """Return a bound on |w|, or NaN where the parameters have diverged.

    |c| is at most the largest column sum L of |A|, and |w| at most max_m |V_m|^2 L + max |V| by
    Cauchy-Schwarz over the columns V_m.
    """
    longest = 0.0
    for total in sizes:
        if not total <= LIMIT:
            return np.nan
        longest = max(longest, total)
    top, square = 0.0, 0.0
    for m in range(value.shape[1]):
        column = 0.0
        for n in range(value.shape[0]):
            v = abs(value[n, m])
            if not v <= LIMIT:
                return np.nan
            top = max(top, v)
            column += v * v
        square = max(square, column)
    return square * longest + top


@inner
def row_scale(bound: float) -> float:
    """Return the power of two that takes sums of at most `bound` to less than 2^61.

    Operands below 2^-900 lose accuracy, so that the scale does not overflow.
    """
    return float(2.0 ** (61 - max(exponent_above(bound), -900)))


@inner
def stays(model: Model, mu: Floats, rule: Rule, w: float) -> bool:
    """Return whether parameters with |w| <= w are fine, and no batch could take them beyond LIMIT.

    That is known before the batch is drawn: |w| bounds an entry of A's gradient, and
    |r_n c_m| <= (max |V| L + 1) L one of V's, with L the largest column sum of |A|. Thresholding
    does not raise a column's sum s, projecting makes it 2 s + 1 at most. Preconditioning divides
    by mu and takes away means; 1 <= max mu / |mu|^2, so that this holds if V's are centred, too.
    NaN does not stay.
    """
    if not rule.train or not w >= 0.0:
        return w >= 0.0
    sizes, value = model.sizes, model.value
    longest, least, most, square, top = 0.0, mu[0], mu[0], 0.0, 0.0
    for k in range(mu.size):
        longest, least, most = max(longest, sizes[k]), min(least, mu[k]), max(most, mu[k])
        square += mu[k] * mu[k]
        for m in range(mu.size):
            top = max(top, abs(value[k, m]))
    for_v = (top * longest + 1.0) * longest
    if rule.preconditioned:
        for_v *= 2.0 * (1.0 / least + mu.size * most / square)
    fine = top + rule.eta_V * for_v <= LIMIT
    for k in range(mu.size):
        spread = model.attention.shape[1] * w * (2.0 / mu[k] if rule.preconditioned else 1.0)
        fine = fine and 2.0 * (sizes[k] + rule.eta_A * spread) + 1.0 <= LIMIT
    return bool(fine)
