"""Tries calls that nobody has tried yet, until one is at fault: `make fuzz`.

The calls are made in a process of its own, so that one that ends the process is found as well.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

os.environ["SCBTOOLS_QUIET"] = "1"


def main() -> int:
    """Return 1 where a fault was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--SECONDS", type=float, default=float("inf"), help="stop after them")
    parser.add_argument("--EXAMPLES", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--SEED", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--ONLY", default="", help="calls whose names contain this")
    options = parser.parse_args()
    if "SCB_FUZZ_LAST" in os.environ:
        return try_calls(options)
    with tempfile.TemporaryDirectory() as folder:
        last = Path(folder) / "last"
        command = [sys.executable, "-m", "tests.fuzz", *sys.argv[1:], f"--SEED={options.SEED}"]
        code = subprocess.run(command, env={**os.environ, "SCB_FUZZ_LAST": str(last)}).returncode
        if code not in (0, 1):
            print(f"The process ended with {code}, in:\n\n{last.read_text()}\n")
    return int(code != 0)


def try_calls(options: argparse.Namespace) -> int:
    """Go through all calls, again and again, and stop after a round that found something."""
    from tests.fuzz.calls import CALLS
    from tests.fuzz.engine import Fault, counts, examine

    print(f"seed {options.SEED}", flush=True)
    began, found, seed = time.monotonic(), 0, options.SEED
    try:
        while not found:
            for call in (each for each in CALLS if options.ONLY in each.name):
                left = options.EXAMPLES - counts["tried"]
                if left <= 0 or time.monotonic() - began > options.SECONDS:
                    return int(found > 0)
                try:
                    examine(call, int(min(60, left)), seed)
                except Fault as fault:
                    print(fault, flush=True)
                    found += 1
                except Exception:  # of the suite itself, or of calls that do not repeat
                    traceback.print_exc()
                    found += 1
            seed += 1
    except KeyboardInterrupt:
        pass
    finally:
        print(", ".join(f"{count} {name}" for name, count in counts.items()), flush=True)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
