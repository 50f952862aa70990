"""The commands that run things: up, demo, worker, api, migrate, ingest, settings."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tokentide.cli.context import settings_of
from tokentide.cli.layout import examples
from tokentide.settings import describe, load

__all__ = ["api", "demo", "ingest", "migrate", "settings", "up", "worker"]

_PORT = click.IntRange(0, 65535)


def _up_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option("--kafka", metavar="HOST:PORT", help="Use this Kafka instead of the embedded one."),
            click.option(
                "--clickhouse", metavar="DSN", help="Use this ClickHouse server instead of the embedded engine."
            ),
            click.option(
                "--workers", type=click.IntRange(1, 16), default=1, show_default=True, help="How many workers."
            ),
            click.option(
                "--project", "projects", metavar="NAME", multiple=True, help="Make this project too; may be repeated."
            ),
        ]
    ):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "tokentide up",
        "tokentide up --data /var/lib/tokentide --workers 2 --kafka-port 9092",
        "tokentide up --kafka localhost:9092 --clickhouse http://localhost:8123",
        "tokentide up --json --ephemeral",
    )
)
@_up_options
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tokentide-data"),
    show_default=True,
    help="Folder that keeps the data.",
)
@click.option("--ephemeral", is_flag=True, help="Keep the data in a folder that goes away.")
@click.option("--api-port", type=_PORT, default=8420, show_default=True, help="0 takes any free port, as below.")
@click.option(
    "--metrics-port", type=_PORT, default=8421, show_default=True, help="Of the first worker; others take the next."
)
@click.option("--kafka-port", type=_PORT, default=0, help="Of the embedded Kafka.  [default: any free one]")
@click.option("--clickhouse-port", type=_PORT, default=0, help="Of the embedded ClickHouse.  [default: any free one]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when everything answers, and nothing else.")
@click.option("--status", is_flag=True, help="Print that line of the one that runs on --data, and end.")
@click.pass_obj
def up(log_format: str | None, /, data: Path, ephemeral: bool, as_json: bool, status: bool, **options: Any) -> None:  # noqa: FBT001
    """Run everything on this machine: Kafka, ClickHouse, workers, API.

    When all of it answers, it prints where everything is, two keys, and what to export in another terminal. A part that
    dies is started again. SIGINT (Ctrl-C) and SIGTERM stop all of them in order. The embedded Kafka is the real Apache
    Kafka; the embedded ClickHouse is its engine behind a small server that is for development.
    """
    from tokentide.up.run import UpOptions, run_up
    from tokentide.up.status import read

    if status:
        found = read(data)
        if found is None:
            raise click.ClickException(f"nothing runs on {data}")
        click.echo(found.line())
        return
    made = UpOptions(data=None if ephemeral else data, **options)
    sys.exit(asyncio.run(run_up(settings_of(log_format), made, as_json=as_json)))


@click.command(
    short_help="Everything for a minute, with traffic, a crash, and proof.",
    epilog=examples("tokentide demo", "tokentide demo --events 20000 --keep"),
)
@_up_options
@click.option(
    "--events", type=click.IntRange(1000), default=200_000, show_default=True, help="How many events to send."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other traffic.")
@click.option("--keep", is_flag=True, help="Stay up afterwards, and print where everything is.")
@click.pass_obj
def demo(log_format: str | None, /, events: int, seed: int, keep: bool, **options: Any) -> None:  # noqa: FBT001
    """See it work: a week of traffic, a killed worker, and the proof that nothing was lost or counted twice.

    Everything runs on a folder that goes away, and ends by itself. Exit code 0 when all figures agree, 1 when not.
    """
    from tokentide.demo.command import run
    from tokentide.up.run import UpOptions

    made = UpOptions(data=None, api_port=0, metrics_port=0, **options)
    sys.exit(asyncio.run(run(settings_of(log_format or "text"), made, events=events, seed=seed, keep=keep)))


@click.command(
    short_help="Fold the topic's events into the store.",
    epilog=examples(
        "tokentide worker",
        "TOKENTIDE_KAFKA=kafka:9092 TOKENTIDE_CLICKHOUSE=http://user:password@ch:8123 tokentide worker",
        "tokentide --log-format json worker",
    ),
)
@click.pass_obj
def worker(log_format: str | None, /) -> None:
    """Fold the topic's events into the store, until SIGTERM. Configured by settings only.

    Any number of them share the partitions of the topic. Run `tokentide migrate` first. /metrics, /healthz and /readyz
    are at TOKENTIDE_METRICS_HOST and _PORT.

    Exit codes: 0 it was asked to end, 1 it stalled, or most of what it read was refused, 2 wrong settings, 3 Kafka or
    ClickHouse is not reachable at the start, or the log is not the one that is stored.
    """
    from tokentide.worker.run import run_worker

    sys.exit(run_worker(settings_of(log_format)))


@click.command(
    short_help="Serve the API, for those who ask and those who send.",
    epilog=examples("tokentide api", "TOKENTIDE_API_HOST=0.0.0.0 TOKENTIDE_API_PORT=80 tokentide api"),
)
@click.pass_obj
def api(log_format: str | None, /) -> None:
    """Serve the API, for those who ask and those who send, until SIGTERM. Configured by settings only.

    It describes itself at /docs and /openapi.json; /metrics, /healthz and /readyz need no key. It starts and waits
    where ClickHouse or Kafka do not answer yet.
    """
    from tokentide.serving.run import run_api

    run_api(settings_of(log_format))


@click.command(
    short_help="Bring schema and topics up to date; safe to run again.",
    epilog=examples("tokentide migrate", "tokentide migrate --partitions 48 --replication 3"),
)
@click.option(
    "--partitions", type=click.IntRange(1, 1000), default=12, show_default=True, help="Of a topic that is made."
)
@click.option(
    "--replication", type=click.IntRange(1, 10), default=1, show_default=True, help="Of a topic that is made."
)
@click.pass_obj
def migrate(log_format: str | None, /, partitions: int, replication: int) -> None:
    """Bring the schema up to date and make the topics that are missing. Safe to run again.

    Run it before the worker and the API, when first installed and after each upgrade; neither of them does it. Topics
    that are there already stay as they are.
    """
    from tokentide.kafka import ensure_topics
    from tokentide.store.migrate import migrate as apply

    current = settings_of(log_format)
    for applied in apply(current):
        click.echo(f"applied {applied.name}")
    for topic in asyncio.run(ensure_topics(current, partitions=partitions, replication=replication)):
        click.echo(f"made topic {topic}")
    click.echo("schema and topics are up to date")


@click.command(
    short_help="Send NDJSON files into the topic.",
    epilog=examples("tokentide ingest calls.ndjson", "zcat *.ndjson.gz | tokentide ingest --json -"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def ingest(log_format: str | None, /, files: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """Send NDJSON FILES (or - for standard input) into the topic, and say what was refused.

    One event a line, as docs/events.md describes it. A line that breaks the contract is not sent; the others are. When
    the command ends, Kafka has acknowledged everything that it says was sent. Sending a file twice within ten minutes
    counts it once.

    Exit codes: 0 something was sent, or there was nothing to send, 1 all lines were refused, 3 Kafka is not reachable.
    """
    from tokentide.ingest import run

    sys.exit(run(settings_of(log_format), files, as_json=as_json))


@click.command(
    short_help="Show every setting, its value, and where it comes from.",
    epilog=examples("tokentide settings", "TOKENTIDE_FLUSH_INTERVAL_SECONDS=1 tokentide settings --json"),
)
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
def settings(as_json: bool) -> None:  # noqa: FBT001
    """Show every setting, its value, and where it comes from: default, environment or .env. Secrets are hidden."""
    described = [asdict(setting) for setting in describe(load())]
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "value", "from", "meaning", box=None, pad_edge=False)
    for setting in described:
        table.add_row(*setting.values())
    Console().print(table)
