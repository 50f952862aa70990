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
    """What happened since the counts were last taken."""

    records: int = 0
    bytes: int = 0
    events: int = 0
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0
    late: int = 0
