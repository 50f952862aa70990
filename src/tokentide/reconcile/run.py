"""What `tokentide reconcile` and `tokentide rebuild` do, put together."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tokentide.clock import now_ms
from tokentide.dead.ledger import Ledger
from tokentide.dead.topics import reading
from tokentide.events import Limits
from tokentide.kafka import partition_counts
from tokentide.reconcile.days import day_differences, made_anew
from tokentide.reconcile.examine import Examination, Part, Verdict
from tokentide.reconcile.mending import mend
from tokentide.reconcile.planning import Wanted, plan
from tokentide.reconcile.report import PartReport, Report
from tokentide.reconcile.sieve import Refused
from tokentide.rollups import FoldSettings
from tokentide.rollups.days import DAY_SECONDS
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.days import DAILY
from tokentide.store.port import Store
from tokentide.store.rows import read_progress
from tokentide.worker.adapters import KafkaLog

__all__ = ["MOST_ROWS", "run"]

MOST_ROWS = 200_000
_ROUNDS = 3
_HOURLY = {table.name for table in DAILY}


def run(settings: Settings, wanted: Wanted, *, most_rows: int, rebuild: bool, as_json: bool) -> int:
    """Hold the store against the log, mend it when `rebuild`, and print the report; 1 when something differs still.

    Raises:
        DependencyUnavailable: Kafka does not answer.
        StoreUnavailable: ClickHouse does not.
        LogMismatch: the log is not the one that the store was made from.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    dsn = settings.clickhouse_dsn
    with (
        closing(open_store(dsn, settings.database, cluster=settings.cluster)) as store,
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("reading the log")
        work = _Work(settings, store, most_rows, rebuild, lambda more: bar.advance(task, more))
        report = asyncio.run(work.run(wanted, lambda whole: bar.update(task, total=whole)))
    if as_json:
        click.echo(json.dumps(report.as_object()))
    else:
        if report.differences:
            Console(width=None if sys.stdout.isatty() else 240).print(report.table())
        click.echo("\n".join(report.lines(rebuilt=rebuild)))
    return 1 if report.differences or (rebuild and report.incomplete) else 0


@dataclass(slots=True)
class _Work:
    settings: Settings
    store: Store
    most_rows: int
    rebuild: bool
    on_read: Callable[[int], None] = field(default=lambda _: None)

    async def run(self, wanted: Wanted, on_total: Callable[[int], None]) -> Report:
        settings = self.settings
        partitions = range((await partition_counts(settings))[settings.topic])
        progress = await asyncio.to_thread(read_progress, self.store, settings.topic)
        refused = await self._refused()
        log = KafkaLog(settings)
        try:
            fold = FoldSettings(
                settings.hot_window_seconds * 1000,
                settings.dedup_window_seconds * 1000,
                settings.dedup_max_ids,
                max_names=settings.max_names_per_hour,
            )
            limits = Limits(settings.max_record_bytes, settings.rollup_retention_days)
            examination = Examination(log, self.store, fold, limits, self.most_rows, self.on_read)
            report = await plan(
                settings,
                wanted,
                log=log,
                partitions=partitions,
                progress=progress,
                refused=refused,
                now_ms=now_ms(),
            )
            on_total(sum(max(0, one.part.position.offset - one.part.begin) for one in report.parts))
            for one in report.parts:
                await self._examine(examination, one)
            if self.rebuild:
                _warn(report, settings)
            return report
        finally:
            await log.close()

    async def _examine(self, examination: Examination, one: PartReport) -> None:
        if one.part.span.empty and one.part.events.empty:
            return
        mended: set[int] = set()
        for part, found in await examination.of(one.part):
            verdict = found
            for _ in range(_ROUNDS if self.rebuild else 0):
                if not verdict.differences:
                    break
                mended |= {each.bucket // DAY_SECONDS for each in verdict.differences if each.table in _HOURLY}
                verdict = await self._again(examination, part, verdict)
            one.verdict.add(verdict)
        await self._examine_days(one, mended)

    async def _examine_days(self, one: PartReport, mended: set[int]) -> None:
        """Compare the daily rows with their hours, after those; make the days of mended hours anew."""
        part = one.part
        look = partial(day_differences, self.store, part.partition, part.span, part.position.epoch)
        if mended:
            await asyncio.to_thread(made_anew, self.store, part.partition, mended)
        found = await asyncio.to_thread(look)
        for _ in range(_ROUNDS if self.rebuild else 0):
            if not found:
                break
            one.verdict.mended += len(found)
            days = {each.bucket // DAY_SECONDS for each in found}
            await asyncio.to_thread(made_anew, self.store, part.partition, days)
            found = await asyncio.to_thread(look)
        one.verdict.differences += found

    async def _again(self, examination: Examination, part: Part, before: Verdict) -> Verdict:
        """Mend, and look again."""
        mended = before.mended + await mend(examination, part, before.differences)
        after = Verdict()
        for _, found in await examination.of(part):
            after.add(found)
        after.mended = mended
        return after

    async def _refused(self) -> Mapping[int, Refused]:
        """Where the dead letters of the topic came from, by partition."""
        ledger = Ledger()
        async with reading(self.settings, lambda _read, _all: None) as topic:
            await topic.catch_up(ledger)
        found: dict[int, set[tuple[int, int | None, int]]] = {}
        for id_ in ledger.letters:
            if id_.topic == self.settings.topic:
                found.setdefault(id_.partition, set()).add((id_.offset, id_.index, id_.record_time_ms))
        return found


def _warn(report: Report, settings: Settings) -> None:
    """Say what a running worker may hold of the mended hours."""
    hot = settings.hot_window_seconds * 1000
    for one in report.parts:
        log_time_ms = one.part.position.log_time_ms
        if one.verdict.mended and log_time_ms is not None and one.part.span.end * 1000 > log_time_ms - hot:
            report.notes.append(
                "some of these hours are within the hot window, and workers hold them in memory: one that was started "
                "after the damage read it back. If a difference comes back, stop the workers, rebuild, and start them"
            )
            return
