"""What the command `tokentide doctor` does: settings read, everything examined, the report printed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tokentide.doctor.judging.settings import judge_wrong
from tokentide.doctor.printed import printed
from tokentide.doctor.report import Check, Report
from tokentide.doctor.run import Asked, examine
from tokentide.errors import SettingsError
from tokentide.settings import Settings, load, unknown_names
from tokentide.variables import sources_of

__all__ = ["Wanted", "diagnose", "run"]

_ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was told.

    Attributes:
        outage_seconds: how long workers may be down without a loss.
        timeout_seconds: how long a check may take.
        workers: addresses of workers that should run.
        apis: addresses of API processes that should run.
        kafka: where Kafka is, instead of where the settings say.
        clickhouse: the same of ClickHouse.
    """

    outage_seconds: int
    timeout_seconds: float
    workers: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    kafka: str | None = None
    clickhouse: str | None = field(default=None, repr=False)


def run(wanted: Wanted, *, as_json: bool) -> int:
    """Examine the deployment of the settings, print the report, and give the exit code."""
    report = diagnose(wanted)
    if as_json:
        click.echo(json.dumps(report.as_object()))
    else:
        Console(width=None if sys.stdout.isatty() else 240, highlight=False).print(printed(report))
    return report.exit_code


def diagnose(wanted: Wanted, environment: Mapping[str, str] | None = None, env_file: Path | None = _ENV_FILE) -> Report:
    """The report on the deployment that the environment and the file tell; wrong settings are findings, too."""
    sources = sources_of(environment, env_file)
    try:
        settings = load(environment, env_file)
    except SettingsError as error:
        report = Report(notes=["nothing else can be looked at with these settings"])
        report.add(Check("settings", "found", 0.0), judge_wrong(error.problems, sources))
        return report
    unknown = tuple(unknown_names(environment, env_file))
    asked = Asked(sources, unknown, wanted.outage_seconds, wanted.timeout_seconds, wanted.workers, wanted.apis)
    return _with_progress(_elsewhere(settings, wanted), asked)


def _elsewhere(settings: Settings, wanted: Wanted) -> Settings:
    return settings.model_copy(
        update={
            "kafka": wanted.kafka or settings.kafka,
            "clickhouse": SecretStr(wanted.clickhouse) if wanted.clickhouse else settings.clickhouse,
        }
    )


def _with_progress(settings: Settings, asked: Asked) -> Report:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("examining", total=None)
        return asyncio.run(
            examine(settings, asked, lambda ended, whole: bar.update(task, completed=ended, total=whole))
        )
