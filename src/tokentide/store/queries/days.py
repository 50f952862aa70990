"""Which days of a window come from the daily tables? Those that are sealed, run by run; the hours have all the rest.

What is sealed is asked once, and goes into a query as bound values: so its two branches, of days and of hours, agree on
every day and partition, and each call is counted by exactly one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tokentide.store.port import Query
from tokentide.store.queries.window import Window

__all__ = ["DAY_SECONDS", "NO_DAYS", "Run", "SealedDays", "are_worth_it", "sealed_days"]

DAY_SECONDS = 86_400
_DAY_MS = 86_400_000
_FEWEST_DAYS = 3
_MOST_RUNS = 8
_EPOCH_SHIFT = 48


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive days that are sealed alike: [begin, end), in days since the epoch.

    Attributes:
        begin: the first day.
        end: the first day after them.
        partitions: which are sealed; empty when all are that were ever stored.
    """

    begin: int
    end: int
    partitions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedDays:
    """What was sealed when it was asked: of each day the partitions, or none for all of them."""

    partitions: dict[int, tuple[int, ...]]

    @classmethod
    def of(cls, rows: Iterable[tuple[Any, ...]]) -> SealedDays:
        """From the rows of `sealed_days`."""
        return cls({day: () if whole else tuple(partitions) for days, partitions, whole in rows for day in days})

    def runs(self, window: Window) -> list[Run]:
        """The runs of days that lie wholly in a window; none when that would be too few to be worth a second branch.

        Only so many, those that replace most hours: what is left out is read from the hours.
        """
        begin, end = -(-window.start_ms // _DAY_MS), window.end_ms // _DAY_MS
        days = [day for day in range(begin, end) if day in self.partitions]
        found = []
        for _, group in groupby(enumerate(days), lambda placed: (placed[1] - placed[0], self.partitions[placed[1]])):
            run = [day for _, day in group]
            found.append(Run(run[0], run[-1] + 1, self.partitions[run[0]]))
        if sum(run.end - run.begin for run in found) < _FEWEST_DAYS:
            return []
        return sorted(sorted(found, key=lambda run: run.begin - run.end)[:_MOST_RUNS], key=lambda run: run.begin)


NO_DAYS = SealedDays({})
"""Everything comes from the hours."""


def are_worth_it(window: Window) -> bool:
    """Whether a window holds so many days that they may be worth a branch of their own."""
    return window.end_ms // _DAY_MS + window.start_ms // -_DAY_MS >= _FEWEST_DAYS


def sealed_days(first_day: int) -> Query:
    """Ask for the days that are sealed: rows of (days, partitions, whether these are all that were ever stored).

    To be asked after the progress that an answer is said to hold: whoever stored rows beyond a seal has opened the day
    before, so that a seal which is found then holds all of that progress. A seal counts only in the life of the topic
    that it is of.

    Args:
        first_day: no earlier day is wanted, for its rows may be deleted at any time.
    """
    return Query(
        "sealed_days",
        "SELECT groupArray(number), partitions, whole\n"  # noqa: S608  constants
        "FROM (\n"
        "SELECT toUInt16(day) AS number, arraySort(groupArray(partition)) AS partitions,\n"
        "    hasAll(partitions, (SELECT groupUniqArray(partition) FROM progress WHERE version > 0)) AS whole\n"
        "FROM days FINAL\n"
        "INNER JOIN (\n"
        f"SELECT partition, bitShiftRight(max(version), {_EPOCH_SHIFT}) AS epoch FROM progress GROUP BY partition\n"
        ") AS lives USING (partition)\n"
        "WHERE day >= toDate(toUInt16({first:UInt32}))\n"
        f"    AND turn % 2 = 1 AND bitShiftRight(position, {_EPOCH_SHIFT}) = epoch\n"
        "GROUP BY day\n"
        ")\n"
        "GROUP BY partitions, whole",
        {"first": first_day},
    )
