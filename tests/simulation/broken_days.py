"""How can daily rows be wrong? Each function patches one way into the real code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest

from tests.daily_tables import DailyTables
from tokentide.rollups.days import DayMark
from tokentide.worker import days as keeping
from tokentide.worker.flushing import Flush
from tokentide.worker.pipeline import Pipeline
from tokentide.worker.ports import Rows

__all__ = [
    "marks_of_a_life_before",
    "sealed_at_a_position_that_is_not_stored",
    "sealed_before_rows_are_made",
]


def sealed_at_a_position_that_is_not_stored(patch: pytest.MonkeyPatch) -> None:
    """Days are sealed at the position of a flush that only begins."""
    begin = Pipeline._begin_flush

    async def begin_flush(self: Pipeline, flush: Flush, asked_ms: int) -> bool:
        begun = await begin(self, flush, asked_ms)
        self.days.stored(flush.progress)
        return begun

    patch.setattr(Pipeline, "_begin_flush", begin_flush)


def sealed_before_rows_are_made(patch: pytest.MonkeyPatch) -> None:
    """The seal, then the rows."""
    keeper_of = keeping.DayKeeper.__init__

    def make(self: keeping.DayKeeper, rows: Rows, *others: object) -> None:
        keeper_of(self, _SealFirst(rows), *others)  # type: ignore[arg-type]

    patch.setattr(keeping.DayKeeper, "__init__", make)


def marks_of_a_life_before(patch: pytest.MonkeyPatch) -> None:
    """Readers take a seal for true whichever life of the topic it is of."""

    def sealed(self: DailyTables, _: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        return (place for place, mark in self.marks.items() if mark.sealed)

    patch.setattr(DailyTables, "sealed", sealed)


class _SealFirst:
    """Rows that are made after the seal that was to follow them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._waiting: list[tuple[int, list[int]]] = []
        self.read_marks, self.first_day = rows.read_marks, rows.first_day

    async def build_day(self, day: int, partitions: Iterable[int]) -> None:
        self._waiting.append((day, list(partitions)))

    async def write_marks(self, marks: list[DayMark]) -> None:
        await self._rows.write_marks(marks)
        while self._waiting:
            await self._rows.build_day(*self._waiting.pop())
