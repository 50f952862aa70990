"""What the delivery logic asks of the world: a store, a log, a place for dead letters. Simulations stand in for them.

All errors of the store are StoreUnavailable (ask again) or StoreRejected (stop); a log that cannot be reached raises
DependencyUnavailable.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tokentide.events import RawRecord, Refusal
from tokentide.rollups import Place, RowState, Table
from tokentide.rollups.days import DayMark
from tokentide.store.rows import Batch, Progress

__all__ = ["Bounds", "DeadLetter", "DeadLetters", "Log", "Rows", "Slice"]


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive records of one partition, fetched under one assignment.

    Attributes:
        generation: the assignment it was fetched under.
        partition: number of the partition.
        records: in the order of their offsets; never empty.
    """

    generation: int
    partition: int
    records: Sequence[RawRecord]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused event and where it came from."""

    partition: int
    offset: int
    record_time_ms: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition's log holds, and what its group committed.

    Attributes:
        begin: the first offset that is still there.
        end: the next offset to be written.
        committed: the group's committed next offset; None when it never committed.
    """

    begin: int
    end: int
    committed: int | None


class Rows(Protocol):
    """The store, without blocking."""

    async def write(self, batch: Batch) -> None:
        """Insert one batch; when it returns, the rows are on disk. An error promises nothing about them."""

    async def write_progress(self, entries: Sequence[Progress]) -> None:
        """Record how far partitions are stored."""

    async def read_progress(self) -> Mapping[int, Progress]:
        """How far each partition is stored."""

    async def read_rows(self, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
        """Every row of the partition at or above the floor."""

    async def read_places(self, table: Table, partition: int, places: Iterable[Place]) -> list[RowState]:
        """Every row of the partition in these places."""

    async def read_marks(self, partitions: Iterable[int]) -> list[DayMark]:
        """The mark that counts, of every day of the partitions that has one."""

    async def write_marks(self, marks: Sequence[DayMark]) -> None:
        """Write marks of days; when it returns, every reader sees them."""

    async def first_day(self) -> int | None:
        """The first day, since the epoch, of which there is any hourly row."""

    async def build_day(self, day: int, partitions: Iterable[int]) -> None:
        """Make the daily rows of the partitions, as the hourly rows are now; when it returns, they are on disk."""


class Log(Protocol):
    """The topic of the events, read beside the consumer group."""

    async def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        """What each partition holds, and what was committed."""

    async def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """The next offset to be written in each partition."""

    async def offset_at(self, partition: int, time_ms: int) -> int | None:
        """Offset of the first record with at least this timestamp; None when there is none."""

    def read(self, partition: int, begin: int, end: int) -> AsyncGenerator[Sequence[RawRecord], None]:
        """The records from `begin` up to, not including, `end`, in order. Close it when it is left early."""

    async def commit(self, positions: Mapping[int, int]) -> bool:
        """Commit next offsets to Kafka; False when a rebalance refused it, which is harmless."""


class DeadLetters(Protocol):
    """The dead-letter topic."""

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """Write the letters; when it returns, Kafka has acknowledged each of them."""
