"""Bring .venv up to date: ``python tools/set_up.py book test``.

The names are extras of pyproject.toml. Where ``requirements/`` has a list for one, every file from
the package index is checked against the hashes in it. What was left half-done by a kill, a move of
the folder or a change of the system's Python is made anew. What is up to date costs a twentieth of
a second.

Standard library only, and nothing that Python 3.8 cannot read: an old Python is to be told that
it is old.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# There from the end of one installation to the start of the next: without it, nothing in .venv
# can be relied on.
STATE = VENV / ".ready.json"
# What a user may say to pip is how to reach an index. Other settings, such as PIP_TARGET or
# PIP_USER, would have it install somewhere else or something else.
PIP_SETTINGS = [
    *("INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "TRUSTED_HOST", "CONFIG_FILE"),
    *("CERT", "CLIENT_CERT", "PROXY", "KEYRING_PROVIDER", "RETRIES", "TIMEOUT", "DEFAULT_TIMEOUT"),
    *("CACHE_DIR", "NO_CACHE_DIR"),
]
AGAIN = "The next run makes it anew."


def own_version() -> str:
    """Return the version of the Python that runs this, such as 3.12."""
    return ".".join(map(str, sys.version_info[:2]))


def version_in_venv() -> str:
    """Return the version of the Python in .venv, nothing where it does not run."""
    ask = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    command = [str(PYTHON), "-I", "-c", ask]
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def inputs() -> str:
    """Return a hash of the files that say what is to be installed."""
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    files += sorted((ROOT / "requirements").glob("*.txt"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def trusted_state() -> dict[str, Any]:
    """Return what is known of .venv, nothing where it must be made anew."""
    try:
        state: dict[str, Any] = json.loads(STATE.read_text("utf8"))
        in_place = state["venv"] == str(VENV.resolve())  # its scripts hold paths
        runs = state["python"] == version_in_venv()
        as_asked = not os.environ.get("PYTHON") or state["python"] == own_version()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return state if in_place and runs and as_asked else {}


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process sets up .venv."""
    try:
        VENV.mkdir(exist_ok=True)
    except FileExistsError:
        sys.exit(f"{VENV} is no folder, and one is to be made there: remove it.")
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(str(VENV), os.O_RDONLY)
    # A pip that outlives this process, when it is killed, holds the lock until it is through.
    os.set_inheritable(handle, True)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another process sets up .venv: waiting for it.", flush=True)
        fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


def run(what: str, *command: str) -> None:
    """Run a command in the project's folder; leave when it fails."""
    print(what, flush=True)
    kept = {f"PIP_{name}" for name in PIP_SETTINGS}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(("PIP_", "PYTHON"))
    }
    code = subprocess.run(command, cwd=ROOT, env=environment, close_fds=False).returncode
    if code:
        sys.exit(f"That failed, see above; .venv is not complete. {AGAIN}")


def main(extras: list[str]) -> None:
    """Install what the extras need, and the project itself, unless all of it is there."""
    with alone():
        state, wanted_inputs = trusted_state(), inputs()
        there = state["extras"] if state.get("inputs") == wanted_inputs else []
        missing = [extra for extra in extras if extra not in there]
        if not missing:
            return
        if not state and not (3, 11) <= sys.version_info[:2] <= (3, 13):
            name = os.environ.get("PYTHON") or sys.executable
            sys.exit(
                f"scbtools needs Python 3.11 to 3.13, and {name} is {own_version()}: "
                "try make PYTHON=python3.12"
            )
        STATE.unlink(missing_ok=True)
        if not state:
            making = f"Making .venv with Python {own_version()}"
            run(making, sys.executable, "-m", "venv", "--clear", str(VENV))
        # pip would write bytecode for all that it installs, 190 MB with the book's packages alone.
        # Python writes what is used by itself.
        pip = [str(PYTHON), "-I", "-m", "pip", "install", "--quiet", "--no-user", "--no-compile"]
        pip += ["--disable-pip-version-check"]
        for extra in missing:
            listed = ROOT / "requirements" / f"{extra}.txt"
            if listed.is_file():
                wanted = ["--require-hashes", "--no-deps", "-r", str(listed)]
            else:
                wanted = ["-c", "constraints.txt", "-e", f".[{extra}]"]
            run(f"Installing into .venv what '{extra}' needs", *pip, *wanted)
        itself = ["--no-deps", "--no-build-isolation", "-e", "."]
        run("Installing scbtools itself", *pip, *itself)
        state = {"venv": str(VENV.resolve()), "python": version_in_venv(), "inputs": wanted_inputs}
        part = STATE.with_suffix(".part")
        part.write_text(json.dumps({**state, "extras": [*there, *missing]}), "utf8")
        part.replace(STATE)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(f"Interrupted: .venv is not complete. {AGAIN}")
