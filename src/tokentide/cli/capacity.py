"""`tokentide capacity`: what a load needs of workers, memory, ClickHouse and Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from tokentide.cli.context import settings_of
from tokentide.cli.layout import examples

__all__ = ["capacity"]

_COUNT = click.IntRange(1)


def _load_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option(
                "--events-per-second",
                type=click.FloatRange(0, min_open=True),
                required=True,
                help="Of all projects together, at the busiest hour.",
            ),
            click.option("--projects", type=_COUNT, required=True, help="How many projects send."),
            click.option("--models", type=_COUNT, required=True, help="Of each project."),
            click.option("--agents", type=_COUNT, default=1, show_default=True, help="Of each project."),
            click.option("--tasks", type=_COUNT, default=1, show_default=True, help="Task types of each agent."),
            click.option("--providers", type=_COUNT, default=1, show_default=True, help="Of each project."),
            click.option(
                "--failed-share",
                type=click.FloatRange(0, 1),
                default=0.03,
                show_default=True,
                help="Of the calls: errors, time-outs and rate limits, a third each.",
            ),
            click.option("--error-codes", type=_COUNT, default=3, show_default=True, help="That errors come with."),
            click.option(
                "--event-bytes", type=_COUNT, default=460, show_default=True, help="Of one event in the topic."
            ),
            click.option(
                "--largest-share",
                type=click.FloatRange(0, 1),
                default=0.0,
                help="Of all events, those of the largest project.  [default: an even share]",
            ),
            click.option("--partitions", type=_COUNT, default=12, show_default=True, help="Of the topic."),
            click.option(
                "--shards", type=_COUNT, default=1, show_default=True, help="Partitions that a project's events go to."
            ),
            click.option("--replication", type=_COUNT, default=3, show_default=True, help="Copies of the topic."),
            click.option(
                "--log-days", type=_COUNT, default=7, show_default=True, help="Days that the topic keeps events."
            ),
            click.option(
                "--margin",
                type=click.FloatRange(0, 1, min_open=True),
                default=0.5,
                show_default=True,
                help="Share of a core that a worker may use at the busiest hour.",
            ),
            click.option("--hot-window", type=_COUNT, help="Seconds.  [default: the setting]"),
            click.option("--duplicates-window", type=click.IntRange(0), help="Seconds.  [default: the setting]"),
            click.option(
                "--flush-interval",
                type=click.FloatRange(0, min_open=True),
                help="Seconds.  [default: the setting]",
            ),
        ]
    ):
        command = option(command)
    return command


@click.command(
    short_help="Say what a load needs of workers, memory, disk, Kafka.",
    epilog=examples(
        "tokentide capacity --events-per-second 2000 --projects 40 --models 8",
        "tokentide capacity --events-per-second 150000 --projects 40 --models 200 --largest-share 0.5 --json",
    ),
)
@_load_options
@click.option("--json", "as_json", is_flag=True, help="Print load, figures and warnings as JSON.")
@click.pass_obj
def capacity(
    log_format: str | None,
    /,
    hot_window: int | None,
    duplicates_window: int | None,
    flush_interval: float | None,
    as_json: bool,  # noqa: FBT001
    **load: Any,
) -> None:
    """Say what a load needs: workers, memory, rows, storage, inserts, and Kafka.

    The figures are measured costs times the load; each comes with what it assumes, and what is out of reach is said at
    the end. Windows, retention and caps are those of the settings. Nothing is asked and nothing is changed.
    """
    from tokentide.capacity import Load, planned
    from tokentide.capacity.report import lines

    settings = settings_of(log_format)
    plan = planned(
        Load(
            **load,
            hot_window_seconds=hot_window or settings.hot_window_seconds,
            dedup_window_seconds=settings.dedup_window_seconds if duplicates_window is None else duplicates_window,
            dedup_max_ids=settings.dedup_max_ids,
            flush_interval_seconds=flush_interval or settings.flush_interval_seconds,
            max_names=settings.max_names_per_hour,
            max_dirty=settings.max_dirty_buckets,
            rollup_days=settings.rollup_retention_days,
            events_days=settings.events_retention_days if settings.events_table else 0,
        )
    )
    if as_json:
        click.echo(json.dumps(plan.as_object(), indent=2))
        return
    click.echo("\n".join(lines(plan)))
