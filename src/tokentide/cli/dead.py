"""`tokentide dead`: dead letters, listed, shown and replayed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tokentide.cli.context import moment, settings_of
from tokentide.cli.layout import examples

if TYPE_CHECKING:  # it imports Kafka's client
    from tokentide.dead.selection import Selection

__all__ = ["dead"]


@click.group()
def dead() -> None:
    """Dead letters: list, show, replay.

    An event that breaks the contract is not counted, and not lost either: its bytes are kept in the dead-letter topic,
    with where it came from and why. A letter is named PARTITION:OFFSET:INDEX after its place in the topic of the
    events; PARTITION:OFFSET means all letters of that record.
    """


def _conditions(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option(
                "--reason", "reasons", metavar="REASON", multiple=True, help="Refused for this reason; may be repeated."
            ),
            click.option(
                "--project", "projects", metavar="NAME", multiple=True, help="That name this project; may be repeated."
            ),
            click.option("--from", "from_", metavar="TIME", help="Of records at or after, RFC 3339."),
            click.option("--to", metavar="TIME", help="Of records before, RFC 3339."),
            click.option("--json", "as_json", is_flag=True, help="As a JSON array."),
        ]
    ):
        command = option(command)
    return command


@dead.command(
    name="list",
    epilog=examples(
        "tokentide dead list",
        "tokentide dead list --reason bad_timestamp --project shop --from 2026-04-20T00:00:00Z",
        "tokentide dead list --json",
    ),
)
@_conditions
@click.option("--limit", type=click.IntRange(1), help="Only the newest N.  [default: 50, with --json all]")
@click.pass_obj
def list_(log_format: str | None, /, *, limit: int | None, as_json: bool, **conditions: Any) -> None:
    """List dead letters, by reason, project and time.

    The newest come last, and below them how many there are for each reason. A letter that stands in the topic
    twice, because a worker failed in the middle of a flush, is one letter here.
    """
    from tokentide.dead.run import list_letters

    sys.exit(list_letters(settings_of(log_format), _selection(**conditions), limit=limit, as_json=as_json))


@dead.command(epilog=examples("tokentide dead show 3:1204:0", "tokentide dead show 3:1204:0 --raw > event.json"))
@click.argument("ids", nargs=-1, required=True, metavar="LETTER…")
@_conditions
@click.option("--raw", is_flag=True, help="Write exactly the refused bytes of one letter, and nothing else.")
@click.pass_obj
def show(log_format: str | None, /, *, ids: tuple[str, ...], raw: bool, as_json: bool, **conditions: Any) -> None:
    r"""Show letters with the bytes that were refused.

    What is not printable UTF-8 is shown as an escape such as \xff. --json has the exact bytes as base64.
    """
    from tokentide.dead.run import show_letters

    sys.exit(show_letters(settings_of(log_format), _selection(ids, **conditions), raw=raw, as_json=as_json))


@dead.command(
    epilog=examples(
        "tokentide dead replay --reason bad_timestamp --dry-run",
        "tokentide dead replay --reason bad_timestamp",
        "tokentide dead replay 3:1204:0",
    )
)
@click.argument("ids", nargs=-1, metavar="[LETTER…]")
@_conditions
@click.option("--all", "everything", is_flag=True, help="Every letter, when nothing else says which.")
@click.option("--again", is_flag=True, help="Also what was replayed already, and what is a replay refused again.")
@click.option("--dry-run", is_flag=True, help="Say what a worker would make of them now, and send nothing.")
@click.pass_obj
def replay(
    log_format: str | None,
    /,
    *,
    ids: tuple[str, ...],
    everything: bool,
    again: bool,
    dry_run: bool,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Send letters once more, after a fix; exactly once.

    They go to the topic of the events again, after what refused them was mended. Each is sent exactly once, also
    when this command is killed and run again, and goes to the partition that it came from, where its duplicates are
    known. A second replay says that it was replayed already, and sends nothing. One that is refused again is a new
    letter, which says whose replay it is, and is only sent again with --again.

    A letter that settings accept now, and did not then, waits until its record is older than the duplicates window:
    a worker that starts would else take it for a repetition. A letter that was cut because it was too large is sent
    whole while the log still holds its record. Exit code 1 when a letter could not be sent.
    """
    from tokentide.dead.run import replay_letters

    given = [value for value in conditions.values() if value]
    if not (ids or given or everything):
        raise click.UsageError("Say which letters: name them, give a condition, or --all.")
    selection = _selection(ids, **conditions)
    sys.exit(replay_letters(settings_of(log_format), selection, again=again, dry_run=dry_run, as_json=as_json))


def _selection(
    ids: tuple[str, ...] = (),
    *,
    reasons: tuple[str, ...],
    projects: tuple[str, ...],
    from_: str | None,
    to: str | None,
) -> Selection:
    from tokentide.dead.selection import Selection
    from tokentide.events import Reason

    unknown = sorted(set(reasons) - set(Reason))
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(Reason)}", param_hint="--reason")
    return Selection(
        frozenset(ids),
        frozenset(reasons),
        frozenset(projects),
        None if from_ is None else moment(from_, "--from"),
        None if to is None else moment(to, "--to"),
    )
