"""What do the pages show? Their blocks, and of consoles each command with what it is shown to print."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "Command", "blocks_of", "commands_of"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md"))
)

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences, without its indentation; `line` is that of its first line in the page."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a page shows it, and the lines that it is shown to print."""

    page: str
    line: int
    text: str
    shown: str = ""

    @property
    def place(self) -> str:
        """Where it stands, as editors take it."""
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for found in _FENCE.finditer(text):
        indent, language, inside = found.groups()
        lines = [line.removeprefix(indent) for line in inside.splitlines(keepends=True)]
        yield Block(page, text.count("\n", 0, found.start()) + 2, language, "".join(lines))


def commands_of(block: Block) -> Iterator[Command]:
    """The commands of a console, in order: from a prompt to where the shell would wait for no more.

    Raises:
        ValueError: the block does not begin with a prompt, or a command has no end.
    """
    lines = block.text.splitlines()
    if not lines or not lines[0].startswith(_PROMPT):
        raise ValueError(f"{block.page}:{block.line} shows a console that does not begin with a prompt, `$ `")
    at = 0
    while at < len(lines):
        text = _typed(block, at, lines[at:])
        shown = list(itertools.takewhile(_is_printed, lines[at + text.count("\n") + 1 :]))
        yield Command(block.page, block.line + at, text, "\n".join(shown))
        at += text.count("\n") + 1 + len(shown)


def _typed(block: Block, at: int, lines: list[str]) -> str:
    """The lines that a shell takes for one command."""
    given = [lines[0].removeprefix(_PROMPT), *lines[1:]]
    for length in range(1, len(given) + 1):
        text = "\n".join(given[:length])
        if _is_whole(text):
            return text
    raise ValueError(f"{block.page}:{block.line + at} shows a command without an end: {lines[0]}")


def _is_printed(line: str) -> bool:
    return not line.startswith(_PROMPT)


def _is_whole(command: str) -> bool:
    """Whether a shell would run it now; the shell itself says so."""
    read = subprocess.run(
        ["bash", "-n"], input=command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return read.returncode == 0 and not read.stderr and not command.endswith("\\")
