"""How are the questions of one answer put to the store? In parallel, and after asking how far the data reaches."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import operator
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tokentide.api.times import DAY_MS, HOUR_MS, LAST_MS
from tokentide.clock import now_ms
from tokentide.errors import StoreError
from tokentide.metrics import ApiMetrics
from tokentide.store.port import Answer, Query, Store
from tokentide.store.queries.days import NO_DAYS, SealedDays, sealed_days
from tokentide.store.queries.progress import data_through
from tokentide.store.queries.totals import Question
from tokentide.store.queries.window import NO_EVENTS, Origin

__all__ = ["Engine", "Found", "Rows"]

Rows = Sequence[tuple[Any, ...]]

_log = logging.getLogger(__name__)

_PARALLEL = 8
_REACHED_SECONDS = 0.5  # as often as that, and not for every answer, the progress is read


@dataclass(frozen=True, slots=True)
class Found:
    """What the store answered.

    Attributes:
        rows: of each question, in the order of the questions.
        through_ms: the log time up to which the rows hold every partition, at least; 0 when nothing was ever stored.
        widened: whether a window was widened to whole buckets.
        origin: which tables were asked; None when no question was about a window.
    """

    rows: list[Rows]
    through_ms: int
    widened: bool
    origin: Origin | None = None


class Engine:
    """Puts questions to the store.

    Args:
        store: where the rows are.
        metrics: of this process.
        topic: whose progress tells how far the rows reach.
        events_days: how long events are kept; 0 when they are not.
        rollup_days: how long rollups are kept.
    """

    def __init__(self, store: Store, metrics: ApiMetrics, topic: str, events_days: int, rollup_days: int = 400) -> None:
        self._store = store
        self._seconds = metrics.histogram("query_seconds")
        self._read_rows = metrics.counter("query_read_rows")
        self._read_bytes = metrics.counter("query_read_bytes")
        self._cancelled = metrics.counter("queries_cancelled")
        self._through = data_through(topic)
        self._events_days = events_days
        self._rollup_days = rollup_days
        self._reached, self._sealed = (0, -math.inf), (NO_DAYS, -math.inf)
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="ask")
        self._stopper = ThreadPoolExecutor(1, thread_name_prefix="cancel")

    def events_from_ms(self, now_ms: int) -> int:
        """Since when the events table holds every event; an hour of grace, in which the store may drop the oldest."""
        return now_ms - self._events_days * DAY_MS + HOUR_MS if self._events_days else NO_EVENTS

    async def ask(self, *questions: Query) -> Found:
        """Ask all questions at once.

        How far the data reaches was asked before, if only just: rows that come in between make the answer newer than
        it says, never older. Which days are sealed was asked after that, and one set of them holds for all questions.
        When the asking is cancelled, the store is told to stop.

        Raises:
            StoreOverLimit: one of them took more time or memory than a question may.
            StoreUnavailable: one of them could not be answered now.
        """
        through_ms, reached_at = await self._reached_now()
        takes_days = any(isinstance(question, Question) and question.by_days is not None for question in questions)
        sealed = await self._sealed_since(reached_at) if takes_days else NO_DAYS
        rows = await asyncio.gather(*(self._run(_by_days(question, sealed)) for question in questions))
        of_windows = [question for question in questions if isinstance(question, Question)]
        origins = [question.origin for question in of_windows]
        origin = functools.reduce(operator.or_, origins) if origins else None
        return Found(list(rows), through_ms, any(question.widened for question in of_windows), origin)

    def close(self) -> None:
        """Let running questions end, and take no more."""
        self._pool.shutdown(cancel_futures=True)
        self._stopper.shutdown()

    async def _reached_now(self) -> tuple[int, float]:
        """How far the data reaches, and when that was asked."""
        asked_at = time.monotonic()
        if asked_at - self._reached[1] > _REACHED_SECONDS:
            through = await self._run(self._through)
            self._reached = min(through[0][0], LAST_MS) if through else 0, asked_at
        return self._reached

    async def _sealed_since(self, reached_at: float) -> SealedDays:
        """The days that are sealed, as asked after that progress; one that is newer would not do with older seals."""
        if self._sealed[1] != reached_at:
            # A day at the edge of retention may lose hours at any time, and its daily row all of them at once.
            first_day = now_ms() // DAY_MS - self._rollup_days + 2
            self._sealed = SealedDays.of(await self._run(sealed_days(max(0, first_day)))), reached_at
        return self._sealed[0]

    async def _run(self, query: Query) -> Rows:
        marked = replace(query, asking=uuid.uuid4().hex)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, marked)
        except asyncio.CancelledError:
            self._cancelled.inc()
            self._stopper.submit(self._stop, marked.asking)
            raise

    def _timed(self, query: Query) -> Rows:
        with self._seconds.labels(query.name).time():
            rows = self._store.ask(query)
        if isinstance(rows, Answer):
            self._read_rows.labels(query.name).inc(rows.read_rows)
            self._read_bytes.labels(query.name).inc(rows.read_bytes)
        return rows

    def _stop(self, asking: str) -> None:
        try:
            self._store.cancel(asking)
        except StoreError as error:
            _log.warning("a question that nobody waits for goes on to its limits: %s", error)


def _by_days(question: Query, sealed: SealedDays) -> Query:
    """The question, put to the daily tables where they hold what it asks."""
    if isinstance(question, Question) and question.by_days is not None and sealed.partitions:
        return question.by_days(sealed)
    return question
