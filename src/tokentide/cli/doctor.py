"""`tokentide doctor`: what is wrong with a deployment, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from tokentide import logs
from tokentide.cli.layout import examples

if TYPE_CHECKING:  # it imports Kafka's client
    from tokentide.doctor.command import Wanted

__all__ = ["doctor"]


@click.command(
    short_help="Look for what is wrong, and say what to do.",
    epilog=examples(
        "tokentide doctor",
        "tokentide doctor --data tokentide-data",
        "tokentide doctor --worker http://10.0.0.5:8421 --api http://10.0.0.7:8420 --json",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Look at what `tokentide up` runs on this folder, instead of where the settings say.",
)
@click.option("--worker", "workers", multiple=True, metavar="URL", help="A worker runs there; may be repeated.")
@click.option("--api", "apis", multiple=True, metavar="URL", help="An API process runs there; may be repeated.")
@click.option(
    "--outage-hours",
    type=click.IntRange(0),
    default=24,
    show_default=True,
    help="How long workers may be down; the topic must keep records longer.",
)
@click.option(
    "--timeout", type=click.FloatRange(1, 600), default=20, show_default=True, help="Seconds that a check may take."
)
@click.pass_obj
def doctor(
    log_format: str | None,
    /,
    *,
    as_json: bool,
    data: Path | None,
    workers: tuple[str, ...],
    apis: tuple[str, ...],
    outage_hours: int,
    timeout: float,
) -> None:
    """Look for what is wrong, and say what to do.

    Settings, topics, the consumer group and its progress, schema and tables, ClickHouse itself, clocks, access keys,
    and what the services say of themselves; docs/doctor.md lists every finding. It reads only. A check that cannot be
    carried out is told, and the others go on.

    Exit codes: 0 nothing, or only advice, 1 a problem, 2 the settings are wrong, 3 something cannot be reached.
    """
    from tokentide.doctor.command import Wanted, run

    logs.configure("ERROR", "json" if log_format == "json" else "text")
    wanted = Wanted(outage_hours * 3600, timeout, _addresses(workers), _addresses(apis))
    sys.exit(run(wanted if data is None else _of_up(data, wanted), as_json=as_json))


def _of_up(data: Path, wanted: Wanted) -> Wanted:
    """The same, at what runs on a folder of `up`."""
    from tokentide.up.status import read

    there = read(data)
    if there is None:
        raise click.ClickException(f"nothing runs on {data}")
    return replace(
        wanted,
        kafka=there.kafka,
        clickhouse=there.clickhouse,
        workers=wanted.workers or _addresses(there.metrics),
        apis=wanted.apis or _addresses([there.api]),
    )


def _addresses(urls: Iterable[str]) -> tuple[str, ...]:
    """Without what may stand behind the port."""
    found = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise click.BadParameter(f"{url!r} is no URL; it must read http(s)://HOST:PORT")
        found.append(f"{parts.scheme}://{parts.netloc}")
    return tuple(found)
