"""What `--help` says of every command: worth reading, whole, and with examples that work."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from tests.unit.test_documentation import problems_of_line
from tokentide.cli import cli
from tokentide.cli.layout import Sectioned


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to each command that does something itself."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def help_of(*path: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    done = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_examples_work(path):
    """Every command shows how it is typed, and what it shows exists."""
    examples = help_of(*path).partition("Examples:\n")[2].splitlines()
    lines = [re.sub(r"^\s+|^.*\| ", "", line) for line in examples]
    assert lines
    assert all(" ".join(["tokentide", *path]) in line.replace(" --log-format json", "") for line in lines)
    assert [problem for line in lines for problem in problems_of_line(line)] == []


@pytest.mark.parametrize("path", [(), *sorted({path[:-1] for path in commands(cli) if len(path) > 1})], ids=" ".join)
def test_lists_are_whole(path):
    """A list of commands says of each what it does, without cutting it short."""
    listed = [line for line in help_of(*path).splitlines() if line.startswith("  ")]
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_options_have_words(path):
    """No option is left to be guessed."""
    command = cli
    for name in path:
        command = command.commands[name]
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_commands_stand_under_headings():
    """By what one wants; each once, and what belongs nowhere last."""
    text = help_of()
    assert [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")][:2] == [
        "Options:",
        "Try it:",
    ]
    assert all(len(re.findall(rf"^  {name} ", text, re.MULTILINE)) == 1 for name in cli.commands)


def test_an_unplaced_command_is_listed():
    """A command that has no heading is not lost."""
    group = Sectioned("any", commands=[click.Command("odd", help="Do it."), click.Command("up", help="Bring it up.")])
    shown = CliRunner().invoke(group, ["--help"]).output
    assert re.search(r"Try it:\n  up +Bring it up\.\n\nMore:\n  odd +Do it\.", shown)
