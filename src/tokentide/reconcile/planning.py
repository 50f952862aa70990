"""What of each partition can be judged? What the log tells wholly, what the store keeps for certain, what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tokentide.errors import LogMismatch
from tokentide.reconcile.examine import Part
from tokentide.reconcile.report import PartReport, Report
from tokentide.reconcile.sieve import Refused
from tokentide.reconcile.span import Span, covered_from_ms, kept_from_ms
from tokentide.rollups import Position
from tokentide.settings import Settings
from tokentide.store.rows import Progress
from tokentide.worker.ports import Bounds, Log

__all__ = ["Wanted", "plan"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        span: hours of event time.
        partitions: those alone; empty for all.
        from_offset: the log is taken to begin there, in each partition.
        to_offset: and the store to have been read up to there.
        explicit: a beginning was asked for, so that it matters when the log does not reach it.
    """

    span: Span
    partitions: frozenset[int] = frozenset()
    from_offset: int = 0
    to_offset: int | None = None
    explicit: bool = False


async def plan(
    settings: Settings,
    wanted: Wanted,
    *,
    log: Log,
    partitions: Iterable[int],
    progress: Mapping[int, Progress],
    refused: Mapping[int, Refused],
    now_ms: int,
) -> Report:
    """The parts to examine, and what is left out of each.

    Raises:
        LogMismatch: the log is not the one that the store was made from.
    """
    report = Report()
    chosen = [number for number in partitions if not wanted.partitions or number in wanted.partitions]
    bounds = await log.bounds(chosen)
    for number in chosen:
        entry = progress.get(number)
        position = _position(settings, number, entry.position if entry else None, bounds[number])
        begin = max(bounds[number].begin, wanted.from_offset)
        first_ms = await _first_record_ms(log, number, begin, bounds[number].end)
        part = Part(number, settings.topic, position, begin, wanted.span, wanted.span, refused.get(number, frozenset()))
        report.parts.append(_cut(settings, wanted, part, first_ms, now_ms))
    report.incomplete = wanted.explicit and any(one.part.span.begin > wanted.span.begin for one in report.parts)
    return report


def _position(settings: Settings, partition: int, stored: Position | None, bounds: Bounds) -> Position:
    place = f"{settings.topic}[{partition}]"
    if stored is None or stored.epoch < settings.topic_epoch:
        return Position(epoch=settings.topic_epoch)
    if stored.epoch > settings.topic_epoch:
        raise LogMismatch(f"{place}: the store is at topic epoch {stored.epoch}: set TOKENTIDE_TOPIC_EPOCH to it")
    if stored.offset > bounds.end:
        raise LogMismatch(
            f"{place}: the log ends at offset {bounds.end}, the store holds it up to {stored.offset}: the topic was "
            "deleted and made again, or the store is another one's; docs/guarantee.md says what to do"
        )
    return stored


async def _first_record_ms(log: Log, partition: int, begin: int, end: int) -> int | None:
    times = [
        record.timestamp async for records in log.read(partition, begin, min(begin + 1, end)) for record in records
    ]
    return times[0] if times else None


def _cut(settings: Settings, wanted: Wanted, part: Part, first_ms: int | None, now_ms: int) -> PartReport:
    """The part with what can be judged of it, and in words what cannot."""
    span, left_out = part.span, []
    rollups_from = kept_from_ms(now_ms, settings.rollup_retention_days)
    events_from = kept_from_ms(now_ms, settings.events_retention_days)
    if (part.begin > 0 or part.position.epoch > 0) and first_ms is not None:
        covered = span.since(covered_from_ms(first_ms, settings.dedup_window_seconds * 1000))
        if covered.begin > span.begin:
            why = "the log begins" if part.begin > 0 else "this life of the topic begins"
            left_out.append(f"hours before {_hour(covered.begin)} are left out, because {why} at offset {part.begin}")
        span = covered
    if part.position.offset == 0:
        left_out.append("nothing of it is stored yet")
    position = part.position
    if wanted.to_offset is not None and wanted.to_offset < position.offset:
        left_out.append(f"rows that changed since offset {wanted.to_offset} are compared up to their own version")
        position = Position(wanted.to_offset, position.log_time_ms, 0, 0, position.epoch)
    events = span.since(events_from) if settings.events_table else Span(0, 0)
    made = Part(part.partition, part.topic, position, part.begin, span.since(rollups_from), events, part.refused)
    return PartReport(made, left_out)


def _hour(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")
