"""Who starts the parts in order, brings back those that die, and stops them all?

    async with Supervisor(on_change=write_status_file) as supervisor:
        await supervisor.add(*kafka.parts, front.part)  # started together; returns when all are ready
        await create_topics()
        await supervisor.add(*workers, api)             # the next stage
        await stop_requested.wait()
    # here everything has ended: workers and API first, then Kafka and the store

It knows nothing of what the parts do. It must run in the event loop of the main thread, which starts the processes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from tokentide.embedded.processes import require_hope
from tokentide.embedded.restart import Life, RestartPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokentide.embedded.part import Part
    from tokentide.embedded.processes import Child

__all__ = ["PartStatus", "State", "Supervisor"]

_logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_STOP_SECONDS = 35.0
_LIVES_KEPT = 16

State = Literal["starting", "ready", "down", "stopped"]


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What can be told about a part: `pid` is None while it is down, `restarts` counts since it was added."""

    name: str
    state: State
    pid: int | None
    restarts: int
    log: Path | None


@dataclass(slots=True, eq=False)
class _Run:
    """A part and its present process."""

    part: Part
    state: State = "starting"
    child: Child | None = None
    started_at: float = 0.0
    restarts: int = 0
    lives: deque[Life] = field(default_factory=lambda: deque(maxlen=_LIVES_KEPT))
    watch: asyncio.Task[None] | None = None

    def status(self) -> PartStatus:
        child = self.child
        pid = child.pid if child and child.exit_code is None else None
        return PartStatus(self.part.name, self.state, pid, self.restarts, child.log if child else None)


class Supervisor:
    """Runs parts in stages: what is added together starts and stops together.

    Args:
        policy: When a part that died starts again.
        on_change: Called, in the event loop, after any part's state or process id changed.
    """

    def __init__(self, policy: RestartPolicy | None = None, on_change: Callable[[], None] = lambda: None) -> None:
        self._policy = policy or RestartPolicy()
        self._on_change = on_change
        self._stages: list[list[_Run]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def add(self, *parts: Part) -> None:
        """Starts parts together, waits until all are ready, and from then on restarts each when it dies.

        Raises:
            DependencyUnavailable: One of them ended or did not answer in time; `stop` ends the others.
        """
        stage = [_Run(part) for part in parts]
        self._stages.append(stage)
        for run in stage:
            self._start(run)
        await asyncio.gather(*(self._until_ready(run) for run in stage))
        for run in stage:
            run.watch = asyncio.create_task(self._keep_alive(run), name=f"watch {run.part.name}")

    async def stop(self, deadline_seconds: float = _STOP_SECONDS) -> None:
        """Ends the stages in reverse, each part within its own deadline and all of them within this one."""
        end = time.monotonic() + deadline_seconds
        watches = [run.watch for stage in self._stages for run in stage if run.watch is not None]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        for stage in reversed(self._stages):
            await asyncio.gather(*(self._end(run, end) for run in stage))

    def status(self) -> tuple[PartStatus, ...]:
        """Every part, in the order added."""
        return tuple(run.status() for stage in self._stages for run in stage)

    def _start(self, run: _Run) -> None:
        run.started_at = time.monotonic()
        run.child = run.part.start()
        self._enter(run, "starting")

    async def _until_ready(self, run: _Run) -> None:
        assert run.child is not None
        while not await asyncio.to_thread(run.part.is_ready):
            require_hope(run.child, time.monotonic() - run.started_at, run.part.ready_deadline_seconds)
            await asyncio.sleep(_POLL_SECONDS)
        self._enter(run, "ready")
        took_seconds = time.monotonic() - run.started_at
        _logger.info("%s is ready after %.1f s (pid %d)", run.part.name, took_seconds, run.child.pid)

    async def _keep_alive(self, run: _Run) -> None:
        while True:
            await _end_of(run.child, until=math.inf)
            self._note_death(run)
            await asyncio.sleep(max(0.0, self._policy.restart_at(run.lives) - time.monotonic()))
            await self._restart(run)

    def _note_death(self, run: _Run) -> None:
        life = Life(run.started_at, time.monotonic())
        run.lives.append(life)
        code = run.child.exit_code if run.child else None
        lived_seconds = life.died_at - life.started_at
        _logger.warning("%s ended with exit code %s after %.1f s", run.part.name, code, lived_seconds)
        self._enter(run, "down")

    async def _restart(self, run: _Run) -> None:
        run.restarts += 1
        _logger.warning("starting %s again (restart %d)", run.part.name, run.restarts)
        try:
            self._start(run)
            await self._until_ready(run)
        except Exception:  # whatever keeps a part from starting, the others go on and it is tried again later
            _logger.exception("%s could not be started", run.part.name)
            if run.child is not None:
                run.child.kill()

    async def _end(self, run: _Run, end: float) -> None:
        if run.child is not None:
            run.child.ask_to_stop()
            await _end_of(run.child, until=min(end, time.monotonic() + run.part.stop_deadline_seconds))
            if run.child.exit_code is None:
                _logger.warning("%s (pid %d) did not end in time: killed", run.part.name, run.child.pid)
                run.child.kill()
        self._enter(run, "stopped")

    def _enter(self, run: _Run, state: State) -> None:
        run.state = state
        try:
            self._on_change()
        except Exception:  # a listener's failure must not end the watch over the part
            _logger.exception("the listener to changes failed")


async def _end_of(child: Child | None, *, until: float) -> None:
    """Returns when the child has ended, or at the latest `until`, on the monotonic clock."""
    while child is not None and child.exit_code is None and time.monotonic() < until:  # noqa: ASYNC110  no event exists
        await asyncio.sleep(_POLL_SECONDS)
