"""Tries calls that nobody has tried yet, until one is at fault: `make fuzz`.

Read from the environment: FOR, seconds; SEED, of the first round; ONLY, a part of calls' names.

The calls are made in a process of its own, so that one that ends the process is found as well.
"""

from __future__ import annotations

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
    os.environ["SEED"] = os.environ.get("SEED") or str(secrets.randbelow(10**9))
    if "SCB_FUZZ_LAST" in os.environ:
        return try_calls()
    with tempfile.TemporaryDirectory() as folder:
        last = Path(folder) / "last"
        command = [sys.executable, "-m", "tests.fuzz"]
        code = subprocess.run(command, env={**os.environ, "SCB_FUZZ_LAST": str(last)}).returncode
        if code not in (0, 1):
            print(f"The process ended with {code}, in:\n\n{last.read_text()}\n")
    return int(code != 0)


def try_calls() -> int:
    """Go through all calls, again and again, and stop after a round that found something."""
    from tests.fuzz.calls import CALLS
    from tests.fuzz.engine import Fault, counts, examine

    only, longest = os.environ.get("ONLY", ""), float(os.environ.get("FOR") or "inf")
    began, found, seed = time.monotonic(), 0, int(os.environ["SEED"])
    print(f"SEED={seed}", flush=True)
    try:
        while not found:
            for call in (each for each in CALLS if only in each.name):
                if time.monotonic() - began > longest:
                    return int(found > 0)
                try:
                    examine(call, 60, seed)
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
