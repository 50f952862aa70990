"""How can an assignment be wrong, and what is taken on under it? Each function patches one way into the real code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import AT_MS
from tests.simulation.made_log import HOT_MS
from tokentide.rollups import TABLES, PartitionState, Position, RowState, Table
from tokentide.rollups.tables import ERRORS
from tokentide.worker import folding, loading, pipeline
from tokentide.worker.pipeline import Pipeline

__all__ = [
    "a_table_is_not_read_back",
    "buckets_of_before",
    "half_a_window",
    "log_time_is_a_clock",
    "log_time_is_the_last_records",
    "no_window",
    "rows_before_progress",
    "rows_up_to_log_time",
    "slices_of_another_assignment",
    "the_start_is_the_commit",
    "what_is_left_out_is_not_read",
]


def rows_before_progress(patch: pytest.MonkeyPatch) -> None:
    """Rows are read first, and whatever is stored before progress is read goes unseen."""
    load = loading.load

    async def load_rows_first(partition: int, rows: Any, log: Any, settings: Any) -> loading.Loaded:
        early = {table: await rows.read_rows(table, partition, None) for table in TABLES}
        return await load(partition, _Early(rows, early), log, settings)

    patch.setattr(pipeline, "load", load_rows_first)


def the_start_is_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Reading begins at the group's offset, with the log time of progress."""

    def start_at_commit(start: Position, committed: int | None) -> Position:
        return start if committed is None else replace(start, offset=committed)

    _start_with(patch, start_at_commit)


def log_time_is_the_last_records(patch: pytest.MonkeyPatch) -> None:
    """The timestamp of the record before the position in place of the running maximum."""
    _start_with(patch, lambda start, _: replace(start, log_time_ms=start.record_time_ms) if start.offset else start)


def log_time_is_a_clock(patch: pytest.MonkeyPatch) -> None:
    """The time of day, which is far ahead of the log that is read."""
    _start_with(patch, lambda start, _: replace(start, log_time_ms=AT_MS + 400 * HOT_MS))


def rows_up_to_log_time(patch: pytest.MonkeyPatch) -> None:
    """Rows that run ahead of progress are not read back."""
    load = loading.load

    async def load_up_to(partition: int, rows: Any, log: Any, settings: Any) -> loading.Loaded:
        progress = (await rows.read_progress()).get(partition)
        end_ms = (progress.position.log_time_ms or 0) if progress else 0
        return await load(partition, _Filtered(rows, lambda _, row: int(row.key[1]) * 1000 <= end_ms), log, settings)

    patch.setattr(pipeline, "load", load_up_to)


def a_table_is_not_read_back(patch: pytest.MonkeyPatch) -> None:
    """Errors, for one."""
    load = loading.load

    async def load_but_one(partition: int, rows: Any, log: Any, settings: Any) -> loading.Loaded:
        return await load(partition, _Filtered(rows, lambda table, _: table is not ERRORS), log, settings)

    patch.setattr(pipeline, "load", load_but_one)


def no_window(patch: pytest.MonkeyPatch) -> None:
    """Every assignment begins with an empty duplicates window."""

    async def nothing(*_: Any) -> None: ...

    patch.setattr(loading, "_rebuild_window", nothing)


def half_a_window(patch: pytest.MonkeyPatch) -> None:
    """The log is read again from the middle of the window."""
    rebuild = loading._rebuild_window

    async def rebuild_half(state: PartitionState, bounds: Any, log: Any, settings: loading.LoadSettings) -> None:
        fold = replace(settings.fold, dedup_window_ms=settings.fold.dedup_window_ms // 2)
        await rebuild(state, bounds, log, replace(settings, fold=fold))

    patch.setattr(loading, "_rebuild_window", rebuild_half)


def what_is_left_out_is_not_read(patch: pytest.MonkeyPatch) -> None:
    """A slice that begins above the position is folded as if nothing lay between."""

    async def fold_what_is_there(work: folding.Folding, slice_: Any, _: Any) -> None:
        await folding._fold_records(work, slice_)

    patch.setattr(pipeline, "fold_slice", fold_what_is_there)


def slices_of_another_assignment(patch: pytest.MonkeyPatch) -> None:
    """What was fetched before a rebalance is taken after it; without the other guard, what it leaves out is lost."""
    what_is_left_out_is_not_read(patch)
    consume = Pipeline.consume

    async def consume_any(self: Pipeline, slice_: Any, generation: int) -> None:
        await consume(self, replace(slice_, generation=generation), generation)

    patch.setattr(Pipeline, "consume", consume_any)


def buckets_of_before(patch: pytest.MonkeyPatch) -> None:
    """Buckets of a partition that went away are still there when it comes back, whatever others stored meanwhile."""
    load = Pipeline._load
    kept: dict[tuple[int, int], PartitionState] = {}

    async def load_over(self: Pipeline, *args: Any) -> bool:
        loaded = await load(self, *args)
        for partition, state in self.states.items():
            before = kept.get((id(self), partition))
            for kind in state.tables if before else ():
                state.tables[kind] |= before.tables[kind]
            kept[id(self), partition] = state
        return loaded

    patch.setattr(Pipeline, "_load", load_over)


def _start_with(patch: pytest.MonkeyPatch, change: Callable[[Position, int | None], Position]) -> None:
    start = loading._start

    async def changed(partition: int, rows: Any, log: Any, settings: Any) -> Any:
        position, through_ms, bounds = await start(partition, rows, log, settings)
        return change(position, bounds.committed), through_ms, bounds

    patch.setattr(loading, "_start", changed)


class _Filtered:
    """The store, of which an assignment does not read every row."""

    def __init__(self, rows: Any, wanted: Callable[[Table, RowState], bool]) -> None:
        self._rows = rows
        self._wanted = wanted
        self.read_progress = rows.read_progress

    async def read_rows(self, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
        return [row for row in await self._rows.read_rows(table, partition, floor_ms) if self._wanted(table, row)]


class _Early:
    """The store, whose rows were read before."""

    def __init__(self, rows: Any, early: dict[Table, list[RowState]]) -> None:
        self._early = early
        self.read_progress = rows.read_progress

    async def read_rows(self, table: Table, _: int, floor_ms: int | None) -> list[RowState]:
        return [row for row in self._early[table] if floor_ms is None or int(row.key[1]) * 1000 >= floor_ms]
