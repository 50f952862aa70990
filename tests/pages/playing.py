"""How a page is played: its commands in order, as a reader types them, each held against what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.pages.blocks import ROOT, Block, Command, blocks_of, commands_of
from tests.pages.likeness import likened
from tests.pages.running import Running, Words
from tests.pages.shell import Printed, Shell
from tests.pages.unplayed import reason_not_to_play

__all__ = ["LANGUAGES_PLAYED", "played"]

LANGUAGES_PLAYED = {"console", "python", "sql"}

_ASK_SQL = 'curl --data-binary @- "$TOKENTIDE_CLICKHOUSE/?database=tokentide"'
_LINKED = (".venv", "deploy", "docker-compose.yml")
_SENDS = re.compile(
    r"/v1/(?:ingest|traces|otel)|/api/public/|--data[^\n]*/api/events|tokentide (?:ingest|dead replay)|^python"
)


def played(page: str, running: Running, folder: Path, environment: dict[str, str]) -> list[str]:
    """What of the page is not so, by place; empty when all of it is."""
    words = running.words(page)
    work, scratch = folder / "work", folder / "scratch"
    for made in (work, scratch):
        made.mkdir()
    (work / "tokentide-data").symlink_to(running.status["data"])
    for name in _LINKED:
        (work / name).symlink_to(ROOT / name)
    shell = Shell(ROOT if page == "CONTRIBUTING.md" else work, scratch, environment)
    try:
        blocks = list(blocks_of(page, (ROOT / page).read_text(encoding="utf-8")))
        return [problem for block in blocks for problem in _problems(block, running, words, shell)]
    finally:
        shell.end()


def _problems(block: Block, running: Running, words: Words, shell: Shell) -> Iterator[str]:
    for command in _to_play(block):
        if re.fullmatch(r"(\.venv/bin/)?tokentide up", command.text):
            printed = Printed(0, running.told, "")
        elif reason_not_to_play(command.text):
            continue
        else:
            printed = _printed(command, running, words, shell)
        if problem := _problem(command, printed, words):
            yield problem


def _to_play(block: Block) -> Iterator[Command]:
    if block.language == "console":
        yield from commands_of(block)
    elif block.language == "python":
        yield Command(block.page, block.line, f"python - <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK")
    elif block.language == "sql" and not reason_not_to_play(block.text):
        yield Command(block.page, block.line, f"{_ASK_SQL} <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK")


def _printed(command: Command, running: Running, words: Words, shell: Shell) -> Printed:
    """What it prints; what it sends is in the answers before the next command asks."""
    printed = shell.run(words.to_real(command.text))
    if _SENDS.search(command.text):
        running.wait_until_stored()
    return printed


def _problem(command: Command, printed: Printed, words: Words) -> str:
    """What is wrong with what was printed; empty when nothing is. A command may fail only where its page shows it."""
    texts = [words.to_shown(text) for text in (printed.text, printed.text + printed.complaint)]
    if not command.shown:
        names = {} if printed.code == 0 else None
    else:
        names = next((found for text in texts if (found := likened(command.shown, text)) is not None), None)
    if names is not None:
        words.learn(names)
        return ""
    return (
        f"{command.place}: $ {command.text}\nshown:\n{command.shown}\nprinted, exit code {printed.code}:\n{texts[-1]}"
    )
