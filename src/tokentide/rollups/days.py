"""Which days does the store hold as daily rows, partition by partition, and when must that be said anew? Pure.

A day of a partition is over when its log time has passed the day's end by `SETTLED_MS`: a function of the position
alone, so that every worker at it or beyond agrees. From then on

- whoever is about to insert rows of the day has first written `open` with the position of that flush;
- a day is `sealed` at a position once everything up to there is stored, and daily rows were made of that.

The mark with the highest position counts. If it is `sealed`, no row beyond it can be there, for its writer would have
written `open` with a higher position before. What older workers write late is an equal or an older state, and loses.
Log time may begin anew with a new life of the topic, so that a mark counts only in the life that it is of: once there
is progress of the next one, all days are open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tokentide.rollups.buckets import LatencyBucket
from tokentide.rollups.snapshot import Position, Snapshot
from tokentide.rollups.usage import UsageBucket

__all__ = ["DAY_SECONDS", "SETTLED_MS", "DayMark", "Days", "days_over", "sealing", "version_of"]

DAY_SECONDS = 86_400
SETTLED_MS = 7_200_000
"""How long after its end a day is over, in log time. No setting: workers that differed in it would not agree."""

_DAY_MS = 86_400_000
_EPOCH_SHIFT = 48
_MOST_QUIETS = 20
_OF_DAYS = (UsageBucket, LatencyBucket)


@dataclass(frozen=True, slots=True)
class DayMark:
    """What is said of one day of a partition, as of a position.

    Attributes:
        partition: its number.
        day: in days since the epoch, UTC.
        position: the next offset, with the topic's epoch in the high bits.
        turn: orders what is said at one position.
    """

    partition: int
    day: int
    position: int
    turn: int = 0

    @property
    def sealed(self) -> bool:
        """Whether the daily rows hold what the hourly ones do; else the day is open."""
        return self.turn % 2 == 1

    @property
    def order(self) -> tuple[int, int]:
        """Of two marks of a day, the higher one counts."""
        return self.position, self.turn


def version_of(position: Position) -> int:
    """A position as versions have it."""
    return position.epoch << _EPOCH_SHIFT | position.offset


def days_over(position: Position) -> int:
    """The first day that is not over at a position; a new life of the topic begins without any that are."""
    if position.log_time_ms is None or position.offset == 0:
        return 0
    return max(0, (position.log_time_ms - SETTLED_MS) // _DAY_MS)


def sealing(partition: int, day: int, position: int, before: DayMark | None) -> DayMark:
    """The mark that seals a day at a position, over the one that counted before."""
    turn = before.turn + 1 if before is not None and before.position == position else 1
    return DayMark(partition, day, position, turn + (turn + 1) % 2)


@dataclass(slots=True)
class _Held:
    """What is known of one partition.

    Attributes:
        position: up to which everything is stored; 0 before anything was.
        over: the first day that is not over there.
        looked: whether all days that are over are among `marks` or `unsealed`.
        marks: the last one of each day.
        unsealed: days that are over.
        touched: when late rows came to a day, first and last, in seconds.
    """

    position: int = 0
    over: int = 0
    looked: bool = False
    marks: dict[int, DayMark] = field(default_factory=dict)
    unsealed: set[int] = field(default_factory=set)
    touched: dict[int, tuple[float, float]] = field(default_factory=dict)


class Days:
    """The days of one worker's partitions.

    Args:
        partitions: those that are assigned.
        quiet_seconds: a day that late rows came to is made again when none came for so long, or at last when they
            came for twenty times that, so that old history which streams in does not make it anew at every flush.
    """

    def __init__(self, partitions: Iterable[int] = (), quiet_seconds: float = 60.0) -> None:
        self._held = {partition: _Held() for partition in partitions}
        self._quiet_seconds = quiet_seconds

    @property
    def unknown(self) -> dict[int, int]:
        """Partitions of which days have become over, with the first that is not: the store must be asked for them."""
        return {partition: held.over for partition, held in self._held.items() if held.over and not held.looked}

    @property
    def last_over(self) -> int:
        """The first day that is not over in any partition."""
        return max((held.over for held in self._held.values()), default=0)

    @property
    def unsealed(self) -> int:
        """How many days of partitions are over and not sealed."""
        return sum(len(held.unsealed) for held in self._held.values())

    def opening(self, snapshot: Snapshot, now: float) -> list[DayMark]:
        """The marks that must be acknowledged before any row of the snapshot is inserted."""
        over = days_over(snapshot.position)
        if not over:
            return []
        hours = {int(row.key[1]) for bucket, row in snapshot.rows if isinstance(bucket, _OF_DAYS)}
        days = {hour // DAY_SECONDS for hour in hours}
        position = version_of(snapshot.position)
        marks = [DayMark(snapshot.partition, day, position) for day in sorted(days) if day < over]
        held = self._held.get(snapshot.partition)
        if held is not None:
            for mark in marks:
                self._note(held, mark)
                first, _ = held.touched.get(mark.day, (now, now))
                held.touched[mark.day] = first, now
        return marks

    def look_again(self) -> None:
        """Ask the store anew: another worker, that stalled or died, may have opened a day since."""
        for held in self._held.values():
            held.looked = False

    def known(self, marks: Iterable[DayMark], asked: Mapping[int, int], first_day: int) -> None:
        """Take over what the store says of partitions that were `unknown`; no day before the first one has any row."""
        for mark in marks:
            held = self._held[mark.partition]
            if mark.position >> _EPOCH_SHIFT == held.position >> _EPOCH_SHIFT:
                self._note(held, mark)
        for partition, over in asked.items():
            held = self._held[partition]
            held.unsealed.update(day for day in range(first_day, over) if day not in held.marks)
            held.looked = held.over == over  # else more has become over since the store was asked

    def stored(self, partition: int, position: Position) -> None:
        """Everything up to the position is acknowledged."""
        held = self._held.get(partition)
        if held is not None:
            over = days_over(position)
            held.looked &= held.over == over
            held.position, held.over = version_of(position), over

    def due(self, now: float) -> list[int]:
        """The days of which some partition's rows are to be made, the newest first."""
        days = {day for held in self._held.values() for day in held.unsealed if self._is_due(held, day, now)}
        return sorted(days, reverse=True)

    def seals(self, day: int, now: float) -> list[DayMark]:
        """The marks to write when the day was made of the rows that are stored now: one for each partition that is due.

        Ask before the rows are read: what is stored meanwhile may be left out of them.
        """
        return [
            sealing(partition, day, held.position, held.marks.get(day))
            for partition, held in self._held.items()
            if day in held.unsealed and self._is_due(held, day, now)
        ]

    def sealed(self, marks: Iterable[DayMark]) -> None:
        """The seals are acknowledged; a day that was opened meanwhile stays open."""
        for mark in marks:
            held = self._held[mark.partition]
            self._note(held, mark)
            if held.marks[mark.day].sealed:
                held.touched.pop(mark.day, None)

    @staticmethod
    def _note(held: _Held, mark: DayMark) -> None:
        before = held.marks.get(mark.day)
        if before is None or mark.order >= before.order:
            held.marks[mark.day] = mark
            (held.unsealed.discard if mark.sealed else held.unsealed.add)(mark.day)

    def _is_due(self, held: _Held, day: int, now: float) -> bool:
        before = held.marks.get(day)
        if before is not None and before.position > held.position:
            return False  # a seal at the position would not outvote it
        if day not in held.touched:
            return True
        first, last = held.touched[day]
        return now - last >= self._quiet_seconds or now - first >= _MOST_QUIETS * self._quiet_seconds
