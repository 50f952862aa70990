"""What `tokentide dead list`, `show` and `replay` do, put together."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tokentide.clock import now_ms
from tokentide.dead import printed
from tokentide.dead.ledger import Ledger
from tokentide.dead.letter import Letter
from tokentide.dead.replay import DONE, Replay, Result
from tokentide.dead.selection import Selection
from tokentide.dead.topics import DeadTopic, posting, reading
from tokentide.errors import QueryError
from tokentide.events import Limits, decode
from tokentide.plural import counted
from tokentide.settings import Settings

__all__ = ["list_letters", "replay_letters", "show_letters"]

_SHOWN = 50
OnRead = Callable[[int, int], None]


def list_letters(settings: Settings, selection: Selection, *, limit: int | None, as_json: bool) -> int:
    """Print the letters that are meant; the newest last."""
    with _bar("reading dead letters") as on_read:
        ledger = asyncio.run(_ledger(settings, on_read))
    letters = selection.of(ledger.letters.values())
    if as_json:
        shown = letters if limit is None else letters[-limit:]
        click.echo(json.dumps([printed.as_object(letter, ledger) for letter in shown]))
        return 0
    shown = letters[-(limit or _SHOWN) :]
    if shown:
        Console(width=None if sys.stdout.isatty() else 240).print(printed.listed(shown, ledger))
    click.echo(printed.totals(letters, len(shown)))
    return 0


def show_letters(settings: Settings, selection: Selection, *, raw: bool, as_json: bool) -> int:
    """Print letters with their bytes; with `raw` exactly the bytes of one, and nothing else.

    Raises:
        QueryError: there is no such letter, or the bytes of several were asked for.
    """
    with _bar("reading dead letters") as on_read:
        ledger, letters, bodies = asyncio.run(_bodies(settings, selection, on_read))
    _require_all(selection, ledger)
    if raw and len(letters) != 1:
        raise QueryError(f"--raw writes the bytes of one letter, and {len(letters)} are meant")
    if raw:
        sys.stdout.buffer.write(bodies[0])
        sys.stdout.buffer.flush()
    elif as_json:
        pairs = zip(letters, bodies, strict=True)
        click.echo(json.dumps([printed.whole_object(letter, ledger, body) for letter, body in pairs]))
    else:
        texts = [printed.described(one, ledger, body) for one, body in zip(letters, bodies, strict=True)]
        click.echo("\n".join(texts))
    return 0


def replay_letters(settings: Settings, selection: Selection, *, again: bool, dry_run: bool, as_json: bool) -> int:
    """Send the letters that are meant once more, and say what became of each; 1 when one was not sent, then or now.

    Raises:
        QueryError: there is no such letter.
    """
    if dry_run:
        return _foretell(settings, selection, as_json=as_json)
    with _bar("reading dead letters") as on_read, _bar("replaying") as on_sent:
        ledger, results = asyncio.run(_replay(settings, selection, on_read, on_sent, again=again))
    if as_json:
        click.echo(json.dumps([printed.result_object(result, ledger, settings) for result in results]))
    else:
        for result in results:
            click.echo(printed.told(result, ledger, settings))
        click.echo(_summary(results))
    return 0 if all(result.outcome in DONE for result in results) else 1


def _foretell(settings: Settings, selection: Selection, *, as_json: bool) -> int:
    """Say what a worker would make of the letters now; nothing is sent."""
    with _bar("reading dead letters") as on_read:
        ledger, letters, bodies = asyncio.run(_bodies(settings, selection, on_read))
    _require_all(selection, ledger)
    limits, now = _limits(settings), now_ms()
    said = []
    for letter, body in zip(letters, bodies, strict=True):
        refusals = decode(body, now, limits).refusals
        verdict = f"refused: {refusals[0].reason}: {refusals[0].detail}" if refusals else "accepted"
        said.append({"id": str(letter.id), "would_be": verdict})
    if as_json:
        click.echo(json.dumps(said))
    else:
        for one in said:
            click.echo(f"{one['id']}  would be {printed.readable(one['would_be'].encode())}")
        click.echo(f"{counted(len(said), 'letter')} meant; nothing was sent")
    return 0


async def _ledger(settings: Settings, on_read: OnRead) -> Ledger:
    ledger = Ledger()
    async with reading(settings, on_read) as topic:
        await topic.catch_up(ledger)
    return ledger


async def _bodies(
    settings: Settings, selection: Selection, on_read: OnRead
) -> tuple[Ledger, list[Letter], list[bytes]]:
    ledger = Ledger()
    async with reading(settings, on_read) as topic:
        await topic.catch_up(ledger)
        letters = selection.of(ledger.letters.values())
        return ledger, letters, await _as_whole_as_can_be(topic, letters)


async def _as_whole_as_can_be(topic: DeadTopic, letters: Sequence[Letter]) -> list[bytes]:
    if not letters:
        return []
    found = await topic.stored(letters) | dict(await topic.bytes_of(letters))
    return [found.get(letter.id, b"") for letter in letters]


async def _replay(
    settings: Settings, selection: Selection, on_read: OnRead, on_sent: OnRead, *, again: bool
) -> tuple[Ledger, list[Result]]:
    ledger, done = Ledger(), 0
    async with posting(settings, on_read) as post:
        await post.catch_up(ledger)
        _require_all(selection, ledger)
        letters = selection.of(ledger.letters.values())

        def on_done(more: int) -> None:
            nonlocal done
            done += more
            on_sent(done, len(letters))

        window_ms = settings.dedup_window_seconds * 1000
        replay = Replay(
            post, ledger, settings.topic, now_ms(), _limits(settings), window_ms, again=again, on_done=on_done
        )
        return ledger, await replay.run(letters)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.max_record_bytes, settings.rollup_retention_days)


def _require_all(selection: Selection, ledger: Ledger) -> None:
    unknown = selection.unknown(ledger.letters.values())
    if unknown:
        raise QueryError(f"no dead letter is named {', '.join(unknown)}; see `tokentide dead list`")


def _summary(results: Sequence[Result]) -> str:
    if not results:
        return "no dead letter is meant: nothing was sent"
    done = sum(result.outcome in DONE for result in results)
    left = "" if done == len(results) else f", and {len(results) - done:,} not"
    return f"replayed {done:,} of {counted(len(results), 'letter')}{left}"


@contextmanager
def _bar(what: str) -> Iterator[OnRead]:
    """A progress bar on a terminal's stderr, once there is something to show."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, visible=False)
        yield lambda done, whole: progress.update(task, completed=done, total=whole, visible=True)
