"""How pages are read, and what holds of all that they show, run or not."""

from __future__ import annotations

import ast
import configparser
import json
import tomllib
from collections.abc import Callable, Mapping

import pytest
import yaml

from tests.pages.blocks import PAGES, ROOT, Block, Command, blocks_of, commands_of
from tests.pages.playing import LANGUAGES_PLAYED
from tests.pages.unplayed import UNPLAYED, reason_not_to_play

PAGE = """Text.

```console
$ cat > a.txt <<END
$ is no prompt here
END
$ cat a.txt \\
    b.txt
one
two
$ for n in 1 2; do
    echo "$n
"; done
```

- in a list

  ```json
  {"a": 1}
  ```

```
a picture
```
"""


def _ini(text: str) -> None:
    configparser.ConfigParser(interpolation=None).read_string(text)


PARSERS: Mapping[str, Callable[[str], object]] = {
    "ini": _ini,
    "json": json.loads,
    "ndjson": lambda text: [json.loads(line) for line in text.splitlines()],
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}
"""How a block of each language is read that is more than text."""
PLAIN = {"", "text"}
"""Pictures, and lines to look for."""


def all_blocks() -> list[Block]:
    """The blocks of all pages."""
    return [block for page in PAGES for block in blocks_of(page, (ROOT / page).read_text(encoding="utf-8"))]


def all_commands() -> list[Command]:
    """The commands of all consoles."""
    return [command for block in all_blocks() if block.language == "console" for command in commands_of(block)]


def test_blocks_of_a_page():
    """Each with its language, its place, and without the indentation of a list."""
    found = list(blocks_of("a.md", PAGE))
    assert [(block.language, block.line) for block in found] == [("console", 4), ("json", 19), ("", 23)]
    assert found[1].text == '{"a": 1}\n'


def test_commands_of_a_console():
    """A command goes on for as long as a shell would wait for more; what follows is what it prints."""
    block = next(blocks_of("a.md", PAGE))
    heredoc, continued, loop = commands_of(Block(block.page, block.line, block.language, block.text))
    assert heredoc == Command("a.md", 4, "cat > a.txt <<END\n$ is no prompt here\nEND")
    assert continued == Command("a.md", 7, "cat a.txt \\\n    b.txt", "one\ntwo")
    assert loop.text.endswith("done")
    assert loop.place == "a.md:11"


@pytest.mark.parametrize("text", ["", "no prompt\n", "$ echo 'no end\nmore\n", "$ cat <<END\n"])
def test_a_console_without_a_command(text):
    """What would silently not be run is an error."""
    with pytest.raises(ValueError, match=r"a\.md:9 shows"):
        list(commands_of(Block("a.md", 9, "console", text)))


def test_every_block_is_run_or_read():
    """The languages are a closed set, so that no block of commands hides behind another name."""
    known = LANGUAGES_PLAYED | PARSERS.keys() | PLAIN
    assert [f"{b.page}:{b.line} {b.language}" for b in all_blocks() if b.language not in known] == []
    plain = [(block, line) for block in all_blocks() if block.language in PLAIN for line in block.text.splitlines()]
    assert [f"{b.page}:{b.line}: {line}" for b, line in plain if line.startswith(("$ ", "curl ", "tokentide "))] == []


def test_blocks_can_be_read():
    """Each block of JSON, YAML and the like is what its name says."""
    read = [block for block in all_blocks() if block.language in PARSERS]
    assert read
    for block in read:
        try:
            PARSERS[block.language](block.text)
        except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as error:
            pytest.fail(f"{block.page}:{block.line}: {error}")


def test_what_is_not_run_is_shown():
    """Each entry of the list is there for a command that some page shows, and gives a reason."""
    texts = [command.text for command in all_commands()] + [b.text for b in all_blocks() if b.language == "sql"]
    assert [beginning for beginning in UNPLAYED if not any(text.startswith(beginning) for text in texts)] == []
    assert all(UNPLAYED.values())


def test_most_is_run():
    """What is not run is the exception."""
    commands = all_commands()
    left_out = [command for command in commands if reason_not_to_play(command.text)]
    assert len(left_out) < len(commands) / 3
