"""The demonstration on a running `up`: send a week, kill a worker on the way, wait, prove, show.

What is sent is counted here, and compared with the store and with what the API says. The outcome is True only when all
agree: in every project, hour and model.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import aiohttp
from rich.console import Console

from tokentide.clock import now_ms
from tokentide.demo.answers import Answers, Api, Window, disagreements
from tokentide.demo.bars import Bars
from tokentide.demo.faults import Faults, Line, with_faults
from tokentide.demo.proof import Stored, Verdict, judge
from tokentide.demo.sending import Sent, send
from tokentide.demo.tables import answers_as_tables
from tokentide.demo.tally import Tally
from tokentide.demo.traffic import generate, rfc3339
from tokentide.errors import DependencyUnavailable, SettingsError
from tokentide.ingest.sending import Sender
from tokentide.settings import Settings
from tokentide.up.run import Upped

__all__ = ["PROJECTS", "run_demo"]

PROJECTS = ("demo", "demo-search", "demo-support")
"""Whose calls are made up; the first is the one that `up` makes anyway."""

_FAULTS = Faults(repeated=0.01, late=0.01, bad=0.005, distance=2000)
_WEEK_MS = 7 * 86_400_000
_SHOWN_MS = 2 * 86_400_000  # less than half of the week, so that trends have something to compare with
_PATIENCE_SECONDS = 300.0
_LOOK_SECONDS = 0.5
_SHOWN_DIFFERENCES = 10


async def run_demo(up: Upped, settings: Settings, *, events: int, seed: int, console: Console) -> bool:
    """Show that nothing is lost and nothing counted twice; whether that is so.

    Args:
        up: the running parts, with `PROJECTS`.
        settings: what they run with.
        events: how many valid events to send.
        seed: which traffic.
        console: where it is shown.

    Raises:
        DependencyUnavailable: a part does not answer, or not everything was stored in time.
        SettingsError: the store holds events of these projects already.
    """
    end_ms, began = now_ms(), time.monotonic()
    stored = await asyncio.to_thread(Stored, up.ready.clickhouse, settings.database, PROJECTS)
    with closing(stored):
        if await asyncio.to_thread(stored.count):
            raise SettingsError([f"the store holds events of {', '.join(PROJECTS)}: the demo wants an empty store"])
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as http:
            api = Api(up.ready.api, up.ready.read_key, http)
            async with Bars(console, stored, events) as bars:
                lines = with_faults(generate(seed, events, end_ms, PROJECTS), _FAULTS, seed, end_ms)
                sent = await _send(up, settings, bars, lines, events // 2)
                await _wait_until_stored(api)
            seconds = time.monotonic() - began
            answers = await _answers(api, Window(rfc3339(end_ms - _WEEK_MS), rfc3339(end_ms)))
            verdict = await asyncio.to_thread(_verdict, sent.tally, stored, answers)
            shown = await api.answers(PROJECTS[0], Window(rfc3339(end_ms - _SHOWN_MS), rfc3339(end_ms)))
    _tell(console, sent, verdict, seconds)
    console.print(f"\nWhat the API says about the last two days of project {PROJECTS[0]}:", highlight=False)
    console.print(answers_as_tables(PROJECTS[0], shown), highlight=False)
    return verdict.holds


async def _send(up: Upped, settings: Settings, bars: Bars, lines: Iterator[Line], kill_at: int) -> Sent:
    alive = True

    def on_sent(sent: Sent) -> None:
        nonlocal alive
        bars.sent(sent.tally.events)
        if alive and sent.tally.events >= kill_at:
            alive = False
            _kill_a_worker(up, bars)

    async with Sender(settings.model_copy(update={"kafka": up.ready.kafka})) as sender:
        return await send(sender, lines, on_sent)


def _kill_a_worker(up: Upped, bars: Bars) -> None:
    workers = up.now().pids["workers"]
    pid = workers[0] if isinstance(workers, list) else None
    if pid is None:
        bars.say("the worker is down already: nothing to kill")
        return
    os.kill(pid, signal.SIGKILL)
    bars.say(f"kill -9 {pid}: a worker, in the middle of its work")


async def _wait_until_stored(api: Api) -> None:
    sent_through, deadline = rfc3339(now_ms()), time.monotonic() + _PATIENCE_SECONDS
    while await api.data_through(PROJECTS[0]) < sent_through:
        if time.monotonic() > deadline:
            raise DependencyUnavailable(
                f"not everything was stored within {_PATIENCE_SECONDS:.0f} s: see the worker's log"
            )
        await asyncio.sleep(_LOOK_SECONDS)


async def _answers(api: Api, window: Window) -> dict[str, Answers]:
    return {project: await api.answers(project, window) for project in PROJECTS}


def _verdict(tally: Tally, stored: Stored, answers: dict[str, Answers]) -> Verdict:
    verdict = judge(tally, stored.calls(), stored.events())
    said = [
        complaint
        for project, of_project in answers.items()
        for complaint in disagreements(project, tally.of_project(project), of_project)
    ]
    return replace(verdict, differences=(*verdict.differences, *said))


def _tell(console: Console, sent: Sent, verdict: Verdict, seconds: float) -> None:
    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, highlight=False, soft_wrap=True)

    cells = len(sent.tally.cells)
    say(verdict.line(), style="bold green" if verdict.holds else "bold red")
    say(f"{sent.tally.events / seconds:,.0f} events/s from the first one sent to the last one stored, {seconds:.1f} s")
    say(f"left out, as they must be: {sent.repeats:,} repeats, {sent.bad:,} events that break the contract")
    if verdict.holds:
        say(f"store, API and an independent count agree in all {cells:,} combinations of project, hour and model")
    for difference in verdict.differences[:_SHOWN_DIFFERENCES]:
        say(f"  differs: {difference}")
    if len(verdict.differences) > _SHOWN_DIFFERENCES:
        say(f"  and {len(verdict.differences) - _SHOWN_DIFFERENCES:,} more")
