"""What the fold depends on besides the log, and what it counts besides the rows."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Counts", "FoldSettings"]


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """What the fold depends on besides the log; durations in milliseconds of log time.

    `max_names` is how many combinations of names, and how many groups of errors, an hour of a project gets rows for.
    """

    hot_window_ms: int = 7_200_000
    dedup_window_ms: int = 600_000
    dedup_max_ids: int = 2_000_000
    keep_events: bool = True
    max_names: int = 2_000


@dataclass(slots=True)
class Counts:
    """What happened since the counts were last taken.

    Attributes:
        records: records that were decided.
        bytes: of their values.
        missing: offsets that were jumped over.
        read: events in them, whatever became of each: refused, or one of the next three.
        events: folded into a bucket at least, or kept as rows where no rollup counts them.
        duplicates: left out because their id was known.
        skipped: left out because every bucket held them already.
        late: events below the floor.
        other_names: events that were counted under `__other__`, because their hour had its names already.
        other_codes: errors that were, because their hour had its groups already.
        full_hours: project and hour, in seconds since the epoch, of each of both.
    """

    records: int = 0
    bytes: int = 0
    missing: int = 0
    read: int = 0
    events: int = 0
    duplicates: int = 0
    skipped: int = 0
    late: int = 0
    other_names: int = 0
    other_codes: int = 0
    full_hours: set[tuple[str, int]] = field(default_factory=set)
