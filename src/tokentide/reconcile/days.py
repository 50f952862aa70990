"""Do the daily rows of sealed days hold what the hourly ones do, and how are they made anew?

A day is judged when the same seal counts before its rows are read and after: so no worker brought late rows to it
meanwhile. It is made anew as by a worker, but so that it outvotes all that was made of it before, whose versions may be
higher than those of what was put right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokentide.reconcile.judging import Difference, unlike
from tokentide.reconcile.span import Span
from tokentide.rollups import RowState, Table
from tokentide.rollups.days import DAY_SECONDS, DayMark, sealing
from tokentide.store.days import (
    DAILY,
    build_day,
    day_of_hours,
    day_rows,
    delete_older,
    read_marks,
    write_marks,
)
from tokentide.store.port import Store

__all__ = ["day_differences", "made_anew"]


def day_differences(store: Store, partition: int, span: Span, epoch: int) -> list[Difference]:
    """Where daily rows of sealed days that lie wholly in the span differ from what their hours come to."""
    days = range(-(-span.begin // DAY_SECONDS), span.end // DAY_SECONDS)
    before = _sealed(store, partition, epoch)
    found = {day: list(_of_day(store, partition, day)) for day in before if day in days}
    after = _sealed(store, partition, epoch) if any(found.values()) else {}
    return [each for day, these in found.items() if before[day] == after.get(day) for each in these]


def made_anew(store: Store, partition: int, days: Iterable[int]) -> None:
    """Make the daily rows of days whose hours were put right; who reads meanwhile takes the hours."""
    marks = {mark.day: mark for mark in read_marks(store, [partition])}
    for day in sorted(days):
        mark = marks.get(day)
        if mark is not None and mark.sealed:
            opened = DayMark(partition, day, mark.position, mark.turn + 1)
            write_marks(store, [opened])
        build_day(store, day, [partition], rebuilt=True)
        delete_older(store, day, partition)
        if mark is not None and mark.sealed:
            write_marks(store, [sealing(partition, day, mark.position, opened)])


def _sealed(store: Store, partition: int, epoch: int) -> dict[int, DayMark]:
    marks = read_marks(store, [partition])
    return {mark.day: mark for mark in marks if mark.sealed and mark.position >> 48 == epoch}


def _of_day(store: Store, partition: int, day: int) -> Iterator[Difference]:
    for table, daily in DAILY.items():
        found = {row.key: row for row in day_rows(store, table, day, partition)}
        wanted = {row.key: row for row in day_of_hours(store, table, day, partition)}
        for key in sorted(wanted.keys() | found.keys(), key=str):
            said = _said(table, wanted.get(key), found.get(key))
            if said is not None:
                yield Difference(daily, day * DAY_SECONDS, key, said, found.get(key), wanted.get(key))


def _said(table: Table, wanted: RowState | None, found: RowState | None) -> str | None:
    if found is None:
        return "the row is missing"
    if wanted is None:
        return "its hours have nothing for this row"
    return unlike(table, wanted.values, found.values)
