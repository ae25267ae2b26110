"""The gradient of V alone, with attention frozen on a few positions: only those are drawn.

That the token stream can be read at any place makes this exact: the result has the same bits as
`cpu.sweep`, which draws all T positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scbtools._jit import jit
from scbtools.kernels.cpu import draw_ends, row_scale, transpose, w_bound
from scbtools.kernels.passes import add_value, residual
from scbtools.kernels.sums import clear, to_fixed
from scbtools.kernels.tables import Tables
from scbtools.kernels.tokens import token_at
from scbtools.kernels.workspace import Workspace

__all__ = ["support_of", "value_gradient"]


@jit
def support_of(attention: Any) -> Any:
    """Return begin (N + 1,) and positions: row k's nonzero entries are begin[k] .. begin[k + 1]."""
    begin = np.zeros(attention.shape[0] + 1, np.int64)
    for k in range(attention.shape[0]):
        count = 0
        for t in range(attention.shape[1]):
            count += 1 if attention[k, t] != 0.0 else 0
        begin[k + 1] = begin[k] + count
    positions = np.empty(begin[-1], np.int64)
    at = 0
    for k in range(attention.shape[0]):
        for t in range(attention.shape[1]):
            if attention[k, t] != 0.0:
                positions[at] = t
                at += 1
    return begin, positions


@jit
def value_gradient(
    ws: Workspace, tables: Tables, attention: Any, begin: Any, positions: Any, value: Any, key: Any,
    step: Any, batch: int, out_v: Any,
) -> bool:  # fmt: skip
    """Compute the raw mini-batch gradient of V; see `cpu.sweep` for the parameters."""
    if not w_bound(ws.l1, value) >= 0.0:
        return False
    for k in range(ws.l1.size):
        ws.scale[k] = row_scale(ws.l1[k])
    thresholds = tables.token
    draw_ends(ws, tables, key, step, batch, attention.shape[1])
    transpose(value, ws.v_rows)
    for n in range(out_v.shape[0]):
        clear(out_v[n])
    chunk = ws.c.shape[0]
    for start in range(0, batch, chunk):
        count = min(chunk, batch - start)
        for s in range(count):
            i = ws.order[start + s]
            k = ws.last[i]
            c, scale = ws.partial[0, s], ws.scale[k]
            clear(c)
            for j in range(begin[k], begin[k + 1]):
                t = positions[j]
                c[token_at(thresholds, key, step, i, t)] += to_fixed(attention[k, t], scale)
            for n in range(c.size):
                ws.c[s, n] = c[n] / scale
            residual(value, ws.v_rows, ws.c[s], ws.target[i], ws.r[s], ws.w[s])
        add_value(0, 1, ws, count, out_v)
    for n in range(out_v.shape[0]):
        for m in range(out_v.shape[0]):
            out_v[n, m] /= batch
    return True
