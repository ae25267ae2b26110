"""Setting up heals whatever was left behind, and nothing in the environment leads make astray."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make")

# set_up.py with commands that only write down what they are: nothing is downloaded. A step may
# take long, and may end like a process that is killed.
DRIVER = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tools import set_up

set_up.ROOT = Path.cwd()
set_up.VENV = set_up.ROOT / ".venv"
set_up.PYTHON = set_up.VENV / "bin" / "python"
set_up.STATE = set_up.VENV / ".ready.json"

def run(what, *command):
    with open("log", "a") as log:
        step = "venv" if "venv" in command else command[-1].split("/")[-1]
        log.write(step + "\\n")
    if step == "venv":
        set_up.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        set_up.PYTHON.unlink(missing_ok=True)
        set_up.PYTHON.symlink_to(sys.executable)
    if step == os.environ.get("SLOW"):
        time.sleep(1.5)
    if step == os.environ.get("DIES"):
        os._exit(137)

set_up.run = run
set_up.main(sys.argv[1:])
"""
WHOLE = ["venv", "book.txt", "test.txt", "."]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of nothing but the files that set_up.py reads."""
    made = tmp_path / "a project"
    (made / "requirements").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "requirements/book.txt"):
        (made / name).touch()
    (made / "requirements" / "test.txt").touch()
    return made


def start(folder: Path, *extras: str, **environment: str) -> subprocess.Popen[str]:
    plain = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *extras],
        cwd=folder,
        env={**plain, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps(folder: Path, *extras: str, **environment: str) -> list[str]:
    """Set up and return what was done for it."""
    (folder / "log").write_text("")
    _, errors = start(folder, *extras, **environment).communicate()
    assert "Traceback" not in errors, errors
    return (folder / "log").read_text().split()


def test_what_is_up_to_date_is_left_alone(folder: Path) -> None:
    """Nothing is done twice; a further extra comes on top; changed pins are installed."""
    assert steps(folder, "book") == ["venv", "book.txt", "."]
    assert steps(folder, "book") == []
    assert steps(folder, "book", "test") == ["test.txt", "."]
    assert steps(folder, "book", "dev") == [".[dev]", "."]
    assert steps(folder, "book", "test") == []
    (folder / "requirements" / "test.txt").write_text("changed")
    assert steps(folder, "book") == ["book.txt", "."]
    assert steps(folder, "book", "test") == ["test.txt", "."]


@pytest.mark.parametrize("step", WHOLE)
def test_a_killed_set_up_heals(folder: Path, step: str) -> None:
    """Killed at any step of the first or of a later installation, the next run starts afresh."""
    steps(folder, "book", "test", DIES=step)
    assert steps(folder, "book", "test") == WHOLE
    if step != "venv":
        (folder / "constraints.txt").write_text("changed")
        steps(folder, "book", "test", DIES=step)
        assert steps(folder, "book", "test") == WHOLE
    assert steps(folder, "book", "test") == []


@pytest.mark.parametrize("ending", ["gone", "broken", "another version", "no state", "bad state"])
def test_an_environment_that_cannot_be_relied_on_is_made_anew(folder: Path, ending: str) -> None:
    """The Python that it was made with is gone or is another now; its record says nothing."""
    steps(folder, "book", "test")
    python, state = folder / ".venv" / "bin" / "python", folder / ".venv" / ".ready.json"
    if ending in ("gone", "broken"):
        python.unlink()
        python.symlink_to("nowhere" if ending == "gone" else shutil.which("false") or "nowhere")
    elif ending == "another version":
        state.write_text(json.dumps({**json.loads(state.read_text()), "python": "3.10"}))
    elif ending == "no state":
        state.unlink()
    else:
        state.write_text('{"venv": ')
    assert steps(folder, "book", "test") == WHOLE


@pytest.mark.parametrize("copied", [False, True])
def test_a_moved_or_copied_folder_is_set_up_anew(folder: Path, copied: bool) -> None:
    """An editable install and the scripts of .venv hold the old folder's path."""
    steps(folder, "book", "test")
    other = folder.with_name("elsewhere")
    if copied:
        shutil.copytree(folder, other, symlinks=True)
    else:
        folder.rename(other)
    assert steps(other, "book", "test") == WHOLE


def test_another_python_that_is_asked_for_is_used(folder: Path) -> None:
    """PYTHON= with another version makes .venv anew; without it, any python3 may look after it."""
    steps(folder, "book", "test")
    state = folder / ".venv" / ".ready.json"
    pretended = {**json.loads(state.read_text()), "python": "3.10"}
    script = folder / ".venv" / "bin" / "python"
    script.unlink()
    script.write_text("#!/bin/sh\necho 3.10\n")
    script.chmod(0o755)
    state.write_text(json.dumps(pretended))
    assert steps(folder, "book", "test") == []
    assert steps(folder, "book", "test", PYTHON="python3") == WHOLE


def test_two_at_once_wait_for_each_other(folder: Path) -> None:
    """The second finds all in place; neither clears what the other installs."""
    (folder / "log").write_text("")
    first = start(folder, "book", "test", SLOW="book.txt")
    while "book.txt" not in (folder / "log").read_text():
        assert first.poll() is None
        time.sleep(0.02)
    second = start(folder, "book", "test")
    output, errors = second.communicate()
    first.communicate()
    assert (first.returncode, second.returncode, errors) == (0, 0, "")
    assert output == "Another process sets up .venv: waiting for it.\n"
    assert (folder / "log").read_text().split() == WHOLE


def test_pip_is_told_where_to_look_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's index and proxy count; what would turn pip elsewhere, or Python, does not."""
    from tools import set_up

    for name in ("PIP_TARGET", "PIP_USER", "PIP_REQUIRE_HASHES", "PIP_DRY_RUN", "PYTHONHOME"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid")
    seen: list[dict[str, str]] = []

    def called(*command: object, env: dict[str, str], **options: object) -> object:
        seen.append(env)
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", called)
    set_up.run("Trying", "pip")
    names = {name for name in seen[0] if name.startswith(("PIP_", "PYTHON"))}
    assert "PIP_INDEX_URL" in names
    assert names <= {f"PIP_{name}" for name in set_up.PIP_SETTINGS}


def test_an_old_python_is_told_that_it_is_old(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names what was asked for, its version, and what to do."""
    from tools import set_up

    for name, path in {"ROOT": ".", "VENV": ".venv", "STATE": ".venv/.ready.json"}.items():
        monkeypatch.setattr(set_up, name, folder / path)
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PYTHON", "python3.9")
    with pytest.raises(SystemExit, match=r"and python3\.9 is 3\.9: try make PYTHON="):
        set_up.main(["book"])


def test_an_old_python_can_read_the_script() -> None:
    """Python 3.8 gets as far as the message."""
    source = (ROOT / "tools" / "set_up.py").read_text("utf8")
    ast.parse(source, feature_version=(3, 8))
    assert "from __future__ import annotations" in source


# --- make


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """Return a folder with the Makefile and Pythons that write down what they are called with."""
    if MAKE is None:
        pytest.skip("make is not installed")
    made = tmp_path / "ä project"
    stub = f"""#!{sys.executable} -I
import json, os, sys
with open(os.path.join({str(made)!r}, "log"), "a") as log:
    log.write(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]) + chr(10))
"""
    for path in (".venv/bin/python", "my python/python 3"):
        (made / path).parent.mkdir(parents=True)
        (made / path).write_text(stub)
        (made / path).chmod(0o755)
    (made / "book").mkdir()
    shutil.copy(ROOT / "Makefile", made)
    return made


Calls = list[tuple[list[str], str, dict[str, str]]]


def make(folder: Path, *arguments: str, **environment: str) -> Calls:
    """Run make and return the arguments, folder and environment of each Python that it called."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(
        [str(MAKE), f"PYTHON={folder / 'my python' / 'python 3'}", *arguments],
        cwd=folder,
        env={**clean, **environment},
        check=True,
        capture_output=True,
    )
    found = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return [(arguments, where, environment) for arguments, where, environment in found]


def test_a_python_with_a_space_in_its_path_sets_up(stubs: Path) -> None:
    """PYTHON goes to the shell in quotes; after that, .venv's Python does the work."""
    (first, *_), (second, *_) = make(stubs, "book")
    assert first == [str(stubs / "my python" / "python 3"), "tools/set_up.py", "book"]
    assert second == [".venv/bin/python", "tools/build_book.py"]


@pytest.mark.parametrize(
    "only", ["x; touch evil", "x'; touch evil; '", '"$(touch evil)', "$(shell touch evil)", "`x`"]
)
@pytest.mark.parametrize("target", ["data", "reference"])
def test_only_is_a_name_and_never_a_command(stubs: Path, target: str, only: str) -> None:
    """Whatever ONLY says reaches the program as one argument."""
    (_, _, _), (arguments, _, _) = make(stubs, target, f"ONLY={only}")
    assert arguments[-1] == only
    assert not list(stubs.rglob("evil"))


def test_without_only_there_is_no_argument(stubs: Path) -> None:
    """An empty name is no name."""
    (_, _, _), (arguments, where, _) = make(stubs, "data", CDPATH="/")
    assert arguments[1:] == ["-m", "experiments"]
    assert where == str(stubs / "book")


def test_variables_of_the_environment_do_no_harm(stubs: Path) -> None:
    """Names that the Makefile uses, with -e too, and settings of Python, numba and matplotlib."""
    names = ("VENV", "PY", "BOOK", "TEST", "INSTALL", "GPU", "SET_UP", "COMPILE")
    settings = {
        **dict.fromkeys(names, "touch evil"),
        **{"PYTHONHOME": "/nonsense", "PYTHONPATH": "/nonsense", "PYTHONWARNINGS": "error"},
        **{"PYTHONOPTIMIZE": "2", "NUMBA_DISABLE_JIT": "1", "NUMBA_NUM_THREADS": "0"},
        **{"MPLBACKEND": "nonsense", "CDPATH": "/", "MAKEFLAGS": "e", "LANG": "C", "HOME": ""},
    }
    calls = make(stubs, "book", "lint", "data", **settings)
    called = [arguments[1:] for arguments, _, _ in calls]
    assert ["tools/build_book.py"] in called
    assert ["-m", "mypy"] in called
    gone = {name for name in settings if name.startswith(("PYTHON", "NUMBA", "MPL", "CDPATH"))}
    for _, _, seen in calls:
        assert not gone & set(seen)
    assert not list(stubs.rglob("evil"))
    assert "4" in {
        seen.get("NUMBA_NUM_THREADS") for _, _, seen in make(stubs, "book", NUMBA_NUM_THREADS="4")
    }


def test_distclean_removes_nothing_but_the_projects_own(stubs: Path, tmp_path: Path) -> None:
    """Neither a variable nor a link leads rm elsewhere."""
    precious = tmp_path / "precious"
    precious.mkdir()
    shutil.rmtree(stubs / ".venv")
    (stubs / ".venv").symlink_to(precious)
    (precious / "file").touch()
    for more in ([], ["-e"]):
        done = subprocess.run(
            [str(MAKE), *more, "distclean", f"VENV={precious}", f"PY={precious}"],
            cwd=stubs,
            env={**os.environ, "VENV": str(precious)},
            check=True,
            capture_output=True,
            text=True,
        )
        removed = [line for line in done.stdout.splitlines() if line.startswith("rm")]
        assert removed[-1] == "rm -rf .venv"
        assert str(precious) not in done.stdout
    assert (precious / "file").is_file()
    assert not (stubs / ".venv").is_symlink()
    assert (stubs / "book").is_dir()
