"""What `tokentide ingest` does, put together.

Exit codes: 0 when events were accepted, some refused lines notwithstanding (the report names them); 1 when lines were
refused and not one was accepted. Kafka away is DependencyUnavailable, which says how much is acknowledged by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from tokentide.clock import now_ms
from tokentide.events import Limits
from tokentide.ingest.lines import Line, LineSplitter, judge
from tokentide.ingest.reading import chunks, size_of
from tokentide.ingest.records import batches
from tokentide.ingest.report import Report
from tokentide.ingest.sending import Sender
from tokentide.settings import Settings
from tokentide.shards import parse_shards

__all__ = ["ingest", "run"]


def run(settings: Settings, files: tuple[str, ...], *, as_json: bool) -> int:
    """Send the files, show how far that is, print the report, and return the exit code.

    Raises:
        DependencyUnavailable: Kafka does not answer or does not acknowledge.
        SettingsError: PROJECT_SHARDS cannot be read.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("sending", total=size_of(files))
        report = asyncio.run(ingest(settings, files, lambda read: progress.advance(task, read)))
    click.echo(report.as_json() if as_json else report.as_text())
    return report.exit_code


async def ingest(settings: Settings, files: tuple[str, ...], on_read: Callable[[int], None]) -> Report:
    """Send the files; `on_read` is told how many bytes were read, each time that some were."""
    report = Report()
    async with Sender(settings) as sender:
        intake = _Intake(settings, sender, report)
        for file in files:
            splitter = LineSplitter(settings.max_record_bytes)
            async for chunk in chunks(file):
                await intake.take(file, splitter.feed(chunk))
                on_read(len(chunk))
            await intake.take(file, splitter.end())
        await sender.finish()
        report.events, report.records, report.bytes = sender.events, sender.records, sender.bytes
    return report


class _Intake:
    """Where lines go: into the topic or into the report. Nothing is kept back, so a slow pipe's events go at once."""

    def __init__(self, settings: Settings, sender: Sender, report: Report) -> None:
        self._limits = Limits(settings.max_record_bytes, settings.rollup_retention_days)
        self._shards = parse_shards(settings.project_shards)
        self._sender = sender
        self._report = report

    async def take(self, file: str, lines: list[Line]) -> None:
        accepted, refused = judge(lines, now_ms(), self._limits, self._shards)
        self._report.add_refused("stdin" if file == "-" else file, refused)
        for batch in batches(accepted, self._limits.max_record_bytes):
            await self._sender.send(batch)
