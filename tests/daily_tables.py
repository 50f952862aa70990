"""Daily rows and the marks of days in memory: what the product's statement does, and whether both hold what hours do.

The statement itself is SQL for the engine. Which version a row gets is read from the product's own expression, so that
a change of it is a change here; `tests/contract/test_days.py` holds the statement itself against the engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokentide.rollups import LATENCY, USAGE, Table
from tokentide.rollups.days import DAY_SECONDS, DayMark
from tokentide.store import days

__all__ = ["DailyTables", "Hours", "day_rows", "first_day"]

Hours = Mapping[str, Mapping[tuple[Any, ...], tuple[int, tuple[Any, ...]]]]
"""By table and key with partition: version and measures."""

_Row = tuple[tuple[Any, ...], int, tuple[Any, ...]]
_REDUCERS = {"sum(toUInt128(version))": sum, "max(toUInt128(version))": max}
_EPOCH_SHIFT = 48


@dataclass(slots=True)
class DailyTables:
    """Of equal keys the row with the highest version, of equal versions the last.

    Attributes:
        rows: by table and key, whose second part is the day: version and measures.
        marks: by partition and day.
    """

    rows: dict[str, dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]]] = field(
        default_factory=lambda: {name: {} for name in days.DAILY.values()}
    )
    marks: dict[tuple[int, int], DayMark] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget everything."""
        self.marks.clear()
        for rows in self.rows.values():
            rows.clear()

    def insert(self, table: str, rows: Iterable[_Row]) -> None:
        """Rows land."""
        for key, version, measures in rows:
            held = self.rows[table].get(key)
            if held is None or version >= held[0]:
                self.rows[table][key] = version, measures

    def mark(self, marks: Iterable[DayMark]) -> None:
        """Marks land."""
        for mark in marks:
            held = self.marks.get((mark.partition, mark.day))
            if held is None or mark.order >= held.order:
                self.marks[mark.partition, mark.day] = mark

    def sealed(self, epochs: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """The days that readers take from here, by partition and day; `epochs` are those of the stored progress."""
        for place, mark in self.marks.items():
            if mark.sealed and mark.position >> _EPOCH_SHIFT == epochs.get(mark.partition):
                yield place

    def differences(self, hours: Hours, epochs: Mapping[int, int]) -> Iterator[str]:
        """Where a reader of days and a reader of hours would be told different things now."""
        sealed = sorted(self.sealed(epochs))
        for table, daily in days.DAILY.items():
            for partition, day in sealed:
                wanted = {key: measures for key, _, measures in day_rows(table, day, {partition}, hours)}
                found = {
                    key: measures
                    for key, (_, measures) in self.rows[daily].items()
                    if key[1] == day and key[-1] == partition
                }
                if wanted != found:
                    yield f"{daily} of {partition} on {day}: hours say {wanted}, days say {found}"


def day_rows(table: Table, day: int, partitions: Collection[int], hours: Hours) -> list[_Row]:
    """Key, version and measures of every row that the statement makes of the hours as they are."""
    found: dict[tuple[Any, ...], list[tuple[int, int, tuple[Any, ...]]]] = {}
    for key, (version, measures) in hours[table.name].items():
        if key[1] // DAY_SECONDS == day and key[-1] in partitions:
            found.setdefault((key[0], day, *key[2:]), []).append((key[1], version, measures))
    added = _merged if table is LATENCY else _added
    return [
        (key, _REDUCERS[days.VERSION](version for _, version, _ in rows), added([row for *_, row in sorted(rows)]))
        for key, rows in found.items()
    ]


def first_day(hours: Hours) -> int | None:
    """The first day of which there is an hourly row."""
    return min((key[1] // DAY_SECONDS for key in hours[USAGE.name]), default=None)


def _added(hours: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    columns = zip(USAGE.measures, zip(*hours, strict=True), strict=True)
    return tuple(max(values) if name.endswith("_max") else sum(values) for name, values in columns)


def _merged(hours: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Digests this small hold every value."""
    merged = []
    for means, weights in ((0, 1), (2, 3)):
        centroids = sorted(pair for hour in hours for pair in zip(hour[means], hour[weights], strict=True))
        merged += [[mean for mean, _ in centroids], [weight for _, weight in centroids]]
    return tuple(merged)
