"""How can the fold and its buckets be wrong? Each function patches one way into the real code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tokentide.events import Decoded
from tokentide.rollups import Key, PartitionState, Record, RowState, Table
from tokentide.rollups.buckets import Bucket, UsageBucket
from tokentide.rollups.targets import call_targets
from tokentide.worker import folding
from tokentide.worker.loading import parse
from tokentide.worker.pipeline import Pipeline

__all__ = [
    "a_flush_after_a_bug",
    "a_flush_inside_a_record",
    "buckets_leave_before_they_are_stored",
    "late_events_do_not_look_again",
    "late_events_read_nothing_back",
    "one_fence_for_all_tables",
    "rows_do_not_fence",
    "the_fence_before_the_duplicates",
    "two_floors",
    "what_a_flush_adds_is_summed_apart",
]


def rows_do_not_fence(patch: pytest.MonkeyPatch) -> None:
    """What was read back is added to once more by the replay."""
    restore = Bucket.restore.__func__  # type: ignore[attr-defined]

    def unfenced(cls: type[Bucket], values: Sequence[Any], version: int) -> Bucket:
        bucket: Bucket = restore(cls, values, version)
        bucket.fence = 0
        return bucket

    patch.setattr(Bucket, "restore", classmethod(unfenced))


def one_fence_for_all_tables(patch: pytest.MonkeyPatch) -> None:
    """The highest version that was read back fences every bucket."""
    adopt = PartitionState.adopt

    def adopt_and_level(
        self: PartitionState, table: Table, rows: Iterable[RowState], asked: Iterable[Key] = ()
    ) -> None:
        adopt(self, table, rows, asked)
        buckets = [bucket for held in self.tables.values() for bucket in held.values()]
        highest = max((bucket.fence for bucket in buckets), default=0)
        for bucket in buckets:
            bucket.fence = highest

    patch.setattr(PartitionState, "adopt", adopt_and_level)


def a_flush_inside_a_record(patch: pytest.MonkeyPatch) -> None:
    """The fold waits between two events of a record, and versions have moved already."""

    async def fold_by_events(
        state: Any, raw_records: Any, *, rows: Any, limits: Any, is_mine: Any, folded: Any
    ) -> bool:
        for record in parse([raw for raw in raw_records if raw.offset >= state.next_offset], limits):
            if not await folding._warm_up(state, [record], rows, is_mine):
                return False
            for part in _parts(record):
                state._next_offset = record.offset
                state.fold_all([part])
                folded([part])
                state._next_offset = record.offset
                await rows.read_progress()
                if not is_mine():
                    return False
            state._next_offset = record.offset + 1
        return True

    patch.setattr(folding, "_fold_records", fold_by_events)


def a_flush_after_a_bug(patch: pytest.MonkeyPatch) -> None:
    """A worker that met an error inside a record stores what it has on its way out."""
    never = property(lambda _: False, lambda *_: None)
    patch.setattr(Pipeline, "failed", never, raising=False)
    patch.setattr(PartitionState, "broken", never, raising=False)


def late_events_read_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """Absent means new, also below the floor."""
    patch.setattr(PartitionState, "cold_keys", lambda *_: {})


def late_events_do_not_look_again(patch: pytest.MonkeyPatch) -> None:
    """What a flush lets go while rows are read back is taken for new."""
    warm_up = folding._warm_up

    async def warm_up_once(state: PartitionState, records: Sequence[Record], rows: Any, is_mine: Any) -> bool:
        return await warm_up(_AskedOnce(state), records, rows, is_mine)  # type: ignore[arg-type]

    patch.setattr(folding, "_warm_up", warm_up_once)


def two_floors(patch: pytest.MonkeyPatch) -> None:
    """Late events look by the floor of the assignment, buckets leave by the one of now."""
    cold_keys = PartitionState.cold_keys
    first: dict[int, tuple[PartitionState, int | None]] = {}

    def cold_by_first_floor(self: PartitionState, records: Iterable[Record]) -> dict[Table, set[Key]]:
        now = self.floor_ms
        _, self.floor_ms = first.setdefault(id(self), (self, now))
        try:
            return cold_keys(self, records)
        finally:
            self.floor_ms = now

    patch.setattr(PartitionState, "cold_keys", cold_by_first_floor)


def buckets_leave_before_they_are_stored(patch: pytest.MonkeyPatch) -> None:
    """Whatever lies below the floor goes, stored or not."""

    def evict(self: PartitionState) -> None:
        self._raise_floor()
        for buckets in self.tables.values():
            for key in [key for key in buckets if int(key[1]) * 1000 < (self.floor_ms or 0)]:
                del buckets[key]

    patch.setattr(PartitionState, "evict", evict)


def the_fence_before_the_duplicates(patch: pytest.MonkeyPatch) -> None:
    """An event that is in its row already does not claim its id in the replay."""
    fold_all = PartitionState.fold_all

    def is_applied(self: PartitionState, event: Any, version: int) -> bool:
        buckets = [self.tables[kind].get(key) for kind, key in call_targets(event)]
        return all(bucket is not None and version <= bucket.fence for bucket in buckets)

    def fold_rest(self: PartitionState, records: Sequence[Record]) -> None:
        rest = []
        for record in records:
            decoded, version = record.decoded, record.offset + 1
            pairs = zip(decoded.indexes, decoded.events, strict=True)
            kept = [
                (index, event) for index, event in pairs if event.kind != "llm" or not is_applied(self, event, version)
            ]
            rest.append(_with(record, kept))
        fold_all(self, rest)

    patch.setattr(PartitionState, "fold_all", fold_rest)


def what_a_flush_adds_is_summed_apart(patch: pytest.MonkeyPatch) -> None:
    """Scores since the last flush are added up, and their sum is added to the one before."""
    values = UsageBucket.values

    def values_apart(self: UsageBucket) -> tuple[Any, ...]:
        if isinstance(self.quality_sum, _Apart):
            self.quality_sum = float(self.quality_sum) + self.quality_sum.waiting
        taken = values(self)
        self.quality_sum = _Apart(self.quality_sum)
        return taken

    patch.setattr(UsageBucket, "values", values_apart)


class _Apart(float):
    """A sum, and what was added since."""

    waiting = 0.0

    def __add__(self, other: float) -> _Apart:
        made = _Apart(float(self))
        made.waiting = self.waiting + other
        return made


class _AskedOnce:
    """A state that says only once what is cold."""

    def __init__(self, state: PartitionState) -> None:
        self._cold = [state.cold_keys]
        self.partition = state.partition
        self.adopt = state.adopt

    def cold_keys(self, records: Iterable[Record]) -> dict[Table, set[Key]]:
        return self._cold.pop()(records) if self._cold else {}


def _parts(record: Record) -> list[Record]:
    """A record of each event, and what was refused in the first of them."""
    pairs = list(zip(record.decoded.indexes, record.decoded.events, strict=True))
    rest = [_with(record, [pair], refusals=[]) for pair in pairs[1:]]
    return [_with(record, pairs[:1]), *rest]


def _with(record: Record, pairs: list[tuple[int, Any]], **changes: Any) -> Record:
    decoded = record.decoded
    made = Decoded(
        [event for _, event in pairs], [index for index, _ in pairs], changes.get("refusals", decoded.refusals)
    )
    return Record(record.offset, record.time_ms, record.value, made)
