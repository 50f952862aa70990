"""What goes into the fold, and what it counts besides."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tokentide.events import Decoded

__all__ = ["Counts", "FoldSettings", "Record"]


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """What the fold depends on besides the log; durations in milliseconds of log time."""

    hot_window_ms: int = 7_200_000
    dedup_window_ms: int = 600_000
    dedup_max_ids: int = 2_000_000
    keep_events: bool = True


class Record(msgspec.Struct, gc=False):
    """One record after decoding; never changed.

    Attributes:
        offset: its place in the partition's log.
        time_ms: its Kafka timestamp.
        value: its bytes; None for a tombstone.
        decoded: what the bytes hold.
    """

    offset: int
    time_ms: int
    value: bytes | None
    decoded: Decoded


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
