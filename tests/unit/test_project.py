"""The files around the library agree with each other."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import build_book

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf8")


def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in text("constraints.txt").splitlines():
        pin = Requirement(line)
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def wanted() -> list[Requirement]:
    groups = [PROJECT["project"]["dependencies"], *EXTRAS.values()]
    lines = [*PROJECT["build-system"]["requires"], *(line for group in groups for line in group)]
    return [need for need in map(Requirement, lines) if need.name != "scbtools"]


def test_constraints_pin_exact_versions_and_name_no_address() -> None:
    for line in text("constraints.txt").splitlines():
        assert re.fullmatch(r"[a-z0-9._-]+==[^ ;=]+( ; .+)?", line), line


@pytest.mark.parametrize("need", wanted(), ids=str)
def test_every_dependency_is_pinned_within_its_bounds(need: Requirement) -> None:
    for pin in pins()[canonicalize_name(need.name)]:
        (version,) = pin.specifier
        assert need.specifier.contains(version.version, prereleases=True)


@pytest.mark.parametrize("extra", ["book", "test"])
def test_what_make_installs_is_held_by_hashes(extra: str) -> None:
    """Each list names the versions of constraints.txt, every one with hashes, and all its needs."""
    entries = re.sub(r" \\\n\s+", " ", text(f"requirements/{extra}.txt")).splitlines()
    listed: dict[str, list[Requirement]] = {}
    for entry in entries:
        line, *hashes = entry.split(" --hash=")
        assert hashes, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), line
        pin = Requirement(line)
        listed.setdefault(canonicalize_name(pin.name), []).append(pin)
    for name, found in listed.items():
        assert {str(pin.specifier) for pin in found} == {str(p.specifier) for p in pins()[name]}
    needs = PROJECT["project"]["dependencies"] + EXTRAS[extra] + PROJECT["build-system"]["requires"]
    for need in map(Requirement, needs):
        assert need.name == "scbtools" or canonicalize_name(need.name) in listed
        for inner in need.extras if need.name == "scbtools" else ():
            names = {canonicalize_name(Requirement(line).name) for line in EXTRAS[inner]}
            assert names - {"scbtools"} <= set(listed)


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved to other code; the comment says which version the commit is."""
    found = [
        line
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text("utf8").splitlines()
        if "uses:" in line
    ]
    assert len(found) >= 8
    for line in found:
        assert re.fullmatch(r"\s*-? ?uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_library_reads_no_pickle_and_asks_no_network() -> None:
    """SECURITY.md promises it: nothing is imported or called that would."""
    network = {"ftplib", "http", "requests", "socket", "ssl", "urllib"}
    loaders = {"cloudpickle", "dill", "marshal", "shelve"}
    calls = "eval exec np.load os.popen os.system joblib.load pd.read_pickle pickle.Unpickler"
    calls += " pickle.load pickle.loads"
    for path in (ROOT / "scbtools").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            bad: set[str] = set()
            if isinstance(node, ast.Import):
                bad = {each.name.split(".")[0] for each in node.names} & (network | loaders)
            elif isinstance(node, ast.ImportFrom) and node.module:
                bad = {node.module.split(".")[0]} & (network | loaders)
                bad |= {f"{node.module}.{each.name}" for each in node.names} & {*calls.split()}
            elif isinstance(node, ast.Call):
                bad = {ast.unparse(node.func)} & {*calls.split()}
            assert not bad, f"{path.name}: {bad}"


def test_security_page_names_what_it_speaks_of() -> None:
    """Lists and versions in SECURITY.md are those of the project."""
    page = text("SECURITY.md")
    assert "mathjax@3.2.2" in page
    assert "sphinx-mathjax-offline==0.0.2" in text("constraints.txt")
    for name in ("requirements/", "constraints.txt", "SECURITY.md"):
        assert (ROOT / name).exists()


def test_jupyter_book_stays_at_version_1() -> None:
    assert Requirement(
        next(line for line in EXTRAS["book"] if "jupyter-book" in line)
    ).specifier == (SpecifierSet("==1.0.4.post1"))


def test_book_build_refuses_jupyter_book_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "2.1.0")
    assert build_book.main() == 1


def test_binder_installs_through_the_pins() -> None:
    environment = yaml.safe_load(text("environment.yml"))
    python, pip = environment["dependencies"]
    assert python.startswith("python=")
    release = python.removeprefix("python=").removesuffix(".*")
    assert Version(f"{release}.0") in SpecifierSet(PROJECT["project"]["requires-python"])
    assert re.fullmatch(r"pip=\d+(\.\d+)+", pip)

    installs = [line for line in text("postBuild").splitlines() if "pip install" in line]
    listed, itself = installs
    assert "--no-deps --require-hashes -r requirements/book.txt" in listed
    assert "--no-deps --no-build-isolation -e ." in itself


def test_binder_sessions_see_the_kernels_that_its_build_warmed() -> None:
    def exported(name: str) -> list[str]:
        return [line for line in text(name).splitlines() if line.startswith("export ")]

    assert exported("start") == exported("postBuild")
    assert "export NUMBA_CPU_NAME=generic" in exported("start")
    assert text("start").rstrip().endswith('exec "$@"')


@pytest.mark.parametrize("name", ["postBuild", "start", ".ci/run"])
def test_scripts_have_unix_line_ends(name: str) -> None:
    assert b"\r" not in (ROOT / name).read_bytes()


def test_extras_of_makefile_and_readme_exist() -> None:
    for name in ("Makefile", "README.md", ".github/workflows/ci.yml"):
        for extras in re.findall(r"\.\[([\w,]+)\]", text(name)):
            assert set(extras.split(",")) <= set(EXTRAS)


def test_versions_agree() -> None:
    version = PROJECT["project"]["version"]
    assert str(yaml.safe_load(text("CITATION.cff"))["version"]) == version


def test_pages_of_the_contents_exist() -> None:
    for page in build_book.pages():
        assert (ROOT / f"{page}.md").is_file(), page


def test_contents_of_nested_parts_are_all_found(tmp_path: Path) -> None:
    first = "- chapters: [{file: b, sections: [{file: c}]}]"
    toc = f"root: a\nparts:\n{first}\n- chapters: [{{file: d}}]\n"
    (tmp_path / "_toc.yml").write_text(toc)
    assert build_book.pages(tmp_path) == ["a", "b", "c", "d"]


def test_no_machine_paths_are_stored() -> None:
    # Spelt so that this file does not match itself.
    bad = re.compile("/(?:root|home/[a-z]+|work|tmp)/[a-z]")
    names = [
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
        "_config.yml",
        "_toc.yml",
        "README.md",
    ]
    for path in [*map(ROOT.joinpath, names), *(ROOT / "book").glob("*.md")]:
        assert not bad.search(path.read_text("utf8")), path
