"""What the fold depends on besides the log, and what it counts besides the rows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counts", "FoldSettings"]


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """What the fold depends on besides the log; durations in milliseconds of log time."""

    hot_window_ms: int = 7_200_000
    dedup_window_ms: int = 600_000
    dedup_max_ids: int = 2_000_000
    keep_events: bool = True


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
    """

    records: int = 0
    bytes: int = 0
    missing: int = 0
    read: int = 0
    events: int = 0
    duplicates: int = 0
    skipped: int = 0
    late: int = 0
