"""What one flush writes: the changed rows of one partition as of one offset, and that offset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tokentide.rollups.buckets import Bucket

__all__ = ["EventRows", "Position", "RowState", "Snapshot", "hash_of", "month_of"]

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition has been folded.

    Attributes:
        offset: the next offset to read.
        log_time_ms: running maximum of the record timestamps below it; before the first record that of the topic's
            life before, or None.
        record_time_ms: timestamp of the record before it.
        record_hash: hash of that record's value, by which a recreated topic is told.
        epoch: which life of the topic the offset belongs to.
    """

    offset: int = 0
    log_time_ms: int | None = None
    record_time_ms: int = 0
    record_hash: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class RowState:
    """One row of a rollup table, without its partition: key, measures, version."""

    key: tuple[str | int, ...]
    values: tuple[Any, ...]
    version: int


@dataclass(frozen=True, slots=True)
class EventRows:
    """Rows of the events table that share a month, as JSON lines."""

    month: int
    lines: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows that changed, and the position they are the state of."""

    partition: int
    position: Position
    rows: list[tuple[Bucket, RowState]]
    events: list[EventRows]

    @property
    def event_count(self) -> int:
        """Rows of the events table."""
        return sum(part.count for part in self.events)

    def acknowledge(self) -> None:
        """The store holds every row: the buckets may be forgotten once they are cold."""
        for bucket, row in self.rows:
            bucket.stored_version = max(bucket.stored_version, row.version)


def hash_of(value: bytes | None) -> int:
    """64 bits that tell one record's value from another's."""
    return int.from_bytes(hashlib.blake2b(value or b"", digest_size=8).digest(), "big")


def month_of(time_ms: int) -> int:
    """The month of a moment as the store partitions by it: 202604."""
    return _month_of_day(time_ms // _DAY_MS)


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> int:
    moment = datetime.fromtimestamp(day * 86_400, UTC)
    return moment.year * 100 + moment.month
