"""How does a worker of a simulation reach store, topic and dead letters: every call waits until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokentide.errors import StoreUnavailable

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.stage import Stage

__all__ = ["Call", "Wire"]

_WRITES = ("write", "send", "commit")


@dataclass(slots=True, eq=False)
class Call:
    """One call of a worker that is not answered yet.

    Attributes:
        process: who asks.
        name: what for, as in `tests.fakes.Line`.
        effect: does it and gives the answer.
        part: does a part of it.
        error: what a failure raises.
        answer: what the worker waits for.
    """

    process: Process
    name: str
    effect: Callable[[], Any]
    part: Callable[[], object]
    error: type[Exception]
    answer: asyncio.Future[Any]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.name.startswith(_WRITES)


class Wire:
    """The way from one worker to everything else."""

    def __init__(self, stage: Stage, process: Process) -> None:
        self._stage = stage
        self._process = process

    async def carry(
        self,
        call: str,
        effect: Callable[[], Any],
        part: Callable[[], object] = lambda: None,
        error: type[Exception] = StoreUnavailable,
    ) -> Any:
        """See `tests.fakes.Line`."""
        waiting = Call(self._process, call, effect, part, error, self._stage.loop.create_future())
        self._stage.ask(waiting)
        return await waiting.answer
