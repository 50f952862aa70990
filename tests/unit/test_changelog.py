"""Is the changelog in the form that it names, and does it know the version?"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = ROOT.joinpath("CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
RELEASE = re.compile(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d")


def sections():
    """The text below each heading of a release, in order."""
    heads = re.split(r"^## (.*)$", TEXT, flags=re.MULTILINE)
    return list(zip(heads[1::2], heads[2::2], strict=True))


def test_unreleased_comes_first_and_releases_follow_the_newest_first():
    """Each release with its day."""
    names = [name for name, _ in sections()]
    assert names[0] == "[Unreleased]"
    assert [name for name in names[1:] if not RELEASE.fullmatch(name)] == []
    versions = [tuple(map(int, RELEASE.fullmatch(name)[1].split("."))) for name in names[1:]]
    assert versions == sorted(set(versions), reverse=True)


def test_changes_stand_under_their_kinds():
    """Only the six kinds, each once in a release, in their order, and none empty."""
    for name, text in sections():
        kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds], name
        bodies = re.split(r"^### .*$", text, flags=re.MULTILINE)[1:]
        assert [body for body in bodies if not body.strip().startswith("- ")] == [], name


def test_the_version_is_the_newest_release_or_what_becomes_one():
    """The version of pyproject.toml has a section, or is what is not released yet."""
    version = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    released = [found[1] for name, _ in sections() if (found := RELEASE.fullmatch(name))]
    assert version in released[:1] or version not in released


def test_the_version_is_written_once():
    """The program reads it from what was installed."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in ROOT.joinpath("src").rglob("*.py"))
    assert re.findall(r"__version__ = (.*)", source) == ['version("tokentide")']
