"""Compile every GPU kernel for the argument types in use, without a GPU, and report as JSON.

One line for each kernel and compute capability, with what ptxas says of the machine code: bytes of
stack and spills, registers; and whether the PTX holds arithmetic in single precision.
"""

from __future__ import annotations

import json
import re
import sys

from cuda.bindings import nvjitlink
from numba import types as t

from scbtools.cuda import kernels as gradient
from scbtools.cuda import steps
from scbtools.cuda.kernels import cuda

J, F, U32, U64, FLAG = t.int64, t.float64, t.uint32, t.uint64, t.boolean


def arrays(dtype: t.Type, *dimensions: int) -> tuple[t.Array, ...]:
    """Types of C-ordered arrays."""
    return tuple(t.Array(dtype, n, "C") for n in dimensions)


J1, J2 = arrays(J, 1, 2)
F1, F2, F3 = arrays(F, 1, 2, 3)
W1, W2, W3 = arrays(U32, 1, 2, 3)
H1, H2, C3 = arrays(t.uint16, 1, 2, 3)
(B2,) = arrays(t.uint8, 2)

TABLE = (H1, U32, H1, W1)  # guide, width, high, thresholds

KERNELS = {
    "prepare": (
        gradient.prepare, (J1, U64, J, W1, J2, W2, W2, J1, J1, J1, F2, F1, J2, J2)
    ),
    "order_samples": (gradient.order_samples, (J1, J1, J1, J1, J1)),
    "land of bytes": (gradient.land, (J1, U64, J, J, J, U32, *TABLE, J1, J1, J2, C3, J2)),
    "land of words": (gradient.land, (J1, U64, J, J, J, U32, *TABLE, J1, J1, J2, W3, J2)),
    "land_frozen": (gradient.land_frozen, (J1, U64, J1, J1, W1, J1, F2, F1, J2)),
    "between": (gradient.between, (J1, J, J1, J1, J1, F1, F1, F2, F2, J2, F2, F2, J2)),
    "spread of bytes": (gradient.spread, (J1, J, J, U32, J1, J1, J2, C3, J2)),
    "spread of words": (gradient.spread, (J1, J, J, U32, J1, J1, J2, W3, J2)),
    "draw of bytes": (gradient.draw, (U64, U64, *TABLE, B2)),
    "draw of words": (gradient.draw, (U64, U64, *TABLE, H2)),
    "survey": (steps.survey, (J1, J, F, F, F1, F, F1, F2, F1, F1)),
    "value_and_rows": (steps.value_and_rows, (J1, J, J, F2, F2, F1, J2, F2, F2)),
    "move_attention": (
        steps.move_attention, (J1, J, F, F, FLAG, F1, F1, F2, J2, F2, F3)
    ),
    "project": (steps.project, (J1, F2, F3)),
    "move_value": (
        steps.move_value,
        (J1, F, FLAG, FLAG, J, F, F, F, F1, J2, F2, F2, F3, F2, F2, F2, F2, F1),
    ),
}  # fmt: skip


def assemble(ptx: bytes, arch: str) -> str:
    """Return what ptxas says of a PTX text; it needs no driver."""
    options = [f"-arch={arch}", "-verbose"]
    link = nvjitlink.create(len(options), options)
    nvjitlink.add_data(link, nvjitlink.InputType.PTX, ptx, len(ptx), "kernel")
    nvjitlink.complete(link)
    log = bytearray(nvjitlink.get_info_log_size(link))
    nvjitlink.get_info_log(link, log)
    nvjitlink.destroy(link)
    return log.decode()


def main(versions: list[str]) -> None:
    """Compile for each compute capability, such as 9.0."""
    for version in versions:
        major, minor = map(int, version.split("."))
        for name, (kernel, signature) in KERNELS.items():
            ptx, result = cuda.compile_ptx(kernel.py_func, t.void(*signature), cc=(major, minor))
            log = assemble(ptx.encode(), f"sm_{major}{minor}")
            stack, stores, loads = re.search(
                r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log
            ).groups()
            report = {
                "kernel": name,
                "version": version,
                "target": re.search(r"\.target (\w+)", ptx)[1],
                "returns": str(result),
                "single": bool(re.search(r"\.f32\b", ptx)),
                "calls": bool(re.search(r"\bcall\b", ptx)),
                "stack": int(stack),
                "spilled": int(stores) + int(loads),
                "registers": int(re.search(r"Used (\d+) registers", log)[1]),
            }
            print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
