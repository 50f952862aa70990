"""How far the demonstration is, as two progress bars: what was sent, and what of it is stored."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from clickhouse_connect.driver.exceptions import Error as ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tokentide.demo.proof import Stored

__all__ = ["Bars"]

_LOOK_SECONDS = 1.0


class Bars:
    """The bars, while their block lasts; what is stored is looked up now and then.

    Args:
        console: where they are.
        stored: the store.
        events: how many valid events will be sent.
    """

    def __init__(self, console: Console, stored: Stored, events: int) -> None:
        columns = (TextColumn("{task.description:<6}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console)
        self._sending = self._progress.add_task("sent", total=events)
        self._storing = self._progress.add_task("stored", total=events)
        self._stored = stored
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._progress.start()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if error is None:
            await self._look()
        self._progress.stop()

    def sent(self, events: int) -> None:
        """So many valid events were sent until now."""
        self._progress.update(self._sending, completed=events)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, highlight=False)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(ClickHouseError):  # the bar waits; only the proof needs an answer
                await self._look()

    async def _look(self) -> None:
        self._progress.update(self._storing, completed=await asyncio.to_thread(self._stored.count))
