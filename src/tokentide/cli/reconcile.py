"""`tokentide reconcile` and `tokentide rebuild`: the store held against the log, and put right from it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tokentide.cli.context import moment, settings_of
from tokentide.cli.layout import examples

if TYPE_CHECKING:  # it imports Kafka's client
    from tokentide.reconcile.planning import Wanted

__all__ = ["rebuild", "reconcile"]

_HOUR_MS = 3_600_000


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option("--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one."),
            click.option(
                "--rows",
                type=click.IntRange(1000),
                default=200_000,
                show_default=True,
                help="Rows of a partition in memory at once, 1 to 3 KB each; more rows cost another pass over the log.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        ]
    ):
        command = option(command)
    return command


@click.command(
    short_help="Hold the stored rows against the log.",
    epilog=examples(
        "tokentide reconcile",
        "tokentide reconcile --from 2026-04-20T00:00:00Z --to 2026-04-21T00:00:00Z --json",
    ),
)
@click.option("--from", "from_", metavar="TIME", help="Hours of event time from here on, RFC 3339.")
@click.option("--to", metavar="TIME", help="Hours of event time before this.")
@click.option("--from-offset", type=click.IntRange(0), default=0, help="As if each partition's log began here.")
@click.option("--to-offset", type=click.IntRange(0), help="As if each partition was stored up to here only.")
@_shared
@click.pass_obj
def reconcile(
    log_format: str | None, /, *, rows: int, as_json: bool, from_: str | None, to: str | None, **offsets: Any
) -> None:
    """Hold the stored rows against the log, and say what differs.

    The log is read again and folded anew, and each row compared with that, by its version; and it is counted plainly,
    which sums over the rows must agree with. Workers may go on meanwhile. What the log no longer tells is left out, and
    that is said. Needs Kafka and ClickHouse, and changes nothing.

    Exit codes: 0 no difference, 1 there are some, 3 Kafka or ClickHouse is not reachable, or the log is another one.
    """
    from tokentide.reconcile.run import run

    wanted = _wanted(from_, to, **offsets)
    sys.exit(run(settings_of(log_format), wanted, most_rows=rows, rebuild=False, as_json=as_json))


@click.command(
    short_help="Put the rows of some hours right, from the log.",
    epilog=examples("tokentide rebuild --from 2026-04-20T10:00:00Z --to 2026-04-20T12:00:00Z"),
)
@click.option("--from", "from_", metavar="TIME", required=True, help="Hours of event time from here on, RFC 3339.")
@click.option("--to", metavar="TIME", required=True, help="Hours of event time before this.")
@_shared
@click.pass_obj
def rebuild(
    log_format: str | None, /, *, rows: int, as_json: bool, from_: str, to: str, partitions: tuple[int, ...]
) -> None:
    """Put the stored rows of some hours right, from the log.

    What `reconcile` finds in these hours is inserted anew, and deleted where the log has nothing for it or where its
    version is one that no insert could replace; then it is compared again. Running it twice changes nothing more.
    Workers may go on meanwhile; only one that has read the damage back, because it was started after it or a late event
    came to it, stores it once more: then rebuild again, for hours of the hot window with the workers stopped.

    Exit codes: 0 these hours are right, 1 something differs still or the log does not tell all of them any more,
    3 Kafka or ClickHouse is not reachable, or the log is another one.
    """
    from tokentide.reconcile.run import run

    wanted = _wanted(from_, to, partitions=partitions)
    sys.exit(run(settings_of(log_format), wanted, most_rows=rows, rebuild=True, as_json=as_json))


def _wanted(
    from_: str | None,
    to: str | None,
    *,
    partitions: tuple[int, ...],
    from_offset: int = 0,
    to_offset: int | None = None,
) -> Wanted:
    from tokentide.reconcile.planning import Wanted
    from tokentide.reconcile.span import LAST_SECOND, Span

    begin = 0 if from_ is None else moment(from_, "--from") // _HOUR_MS * 3600
    end = LAST_SECOND if to is None else -(-moment(to, "--to") // _HOUR_MS) * 3600
    if begin >= end:
        raise click.BadParameter("must be later than --from", param_hint="--to")
    span = Span(begin, min(end, LAST_SECOND))
    return Wanted(span, frozenset(partitions), from_offset, to_offset, explicit=from_ is not None)
