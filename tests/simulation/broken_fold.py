"""How can the fold and its buckets be wrong? Each function patches one way into the real code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any, cast

import pytest

from tokentide.events import DecodedEvent, Stretch, read_stretch
from tokentide.rollups import PartitionState, Place, RowState, Table
from tokentide.rollups.buckets import Bucket
from tokentide.rollups.names import NameCap, own_names
from tokentide.rollups.tables import ERRORS
from tokentide.rollups.targets import call_targets
from tokentide.rollups.usage import UsageBucket
from tokentide.worker import folding
from tokentide.worker.pipeline import Pipeline

__all__ = [
    "a_flush_after_a_bug",
    "a_flush_inside_a_record",
    "buckets_leave_before_they_are_stored",
    "groups_of_errors_do_not_count",
    "late_events_do_not_look_again",
    "late_events_read_nothing_back",
    "names_ahead_of_the_log_do_not_count",
    "names_of_late_hours_do_not_count",
    "one_fence_for_all_tables",
    "rows_do_not_fence",
    "rows_of_an_hour_leave_one_by_one",
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
        self: PartitionState, table: Table, rows: Iterable[RowState], asked: Iterable[Place] = ()
    ) -> None:
        adopt(self, table, rows, asked)
        buckets = [bucket for held in self.tables.values() for bucket in held.values()]
        highest = max((bucket.fence for bucket in buckets), default=0)
        for bucket in buckets:
            bucket.fence = highest

    patch.setattr(PartitionState, "adopt", adopt_and_level)


def a_flush_inside_a_record(patch: pytest.MonkeyPatch) -> None:
    """The fold waits between two events of a record, and versions have moved already."""

    async def fold_by_events(work: folding.Folding, raw_records: Any) -> bool:
        state: Any = work.state
        for raw in [raw for raw in raw_records if raw.offset >= state.next_offset]:
            stretch = read_stretch([raw], work.limits)
            while cold := state.cold_places(stretch):
                if not await folding._warm_up(work, cold):
                    return False
            for part in _parts(stretch):
                state._next_offset = raw.offset
                state.fold(part)
                work.folded(part)
                state._next_offset = raw.offset
                await work.rows.read_progress()
                if not work.is_mine():
                    return False
            state._next_offset = raw.offset + 1
        return True

    patch.setattr(folding, "_fold_records", fold_by_events)


def a_flush_after_a_bug(patch: pytest.MonkeyPatch) -> None:
    """A worker that met an error inside a record stores what it has on its way out."""
    never = property(lambda _: False, lambda *_: None)
    patch.setattr(Pipeline, "failed", never, raising=False)
    patch.setattr(PartitionState, "broken", never, raising=False)


def late_events_read_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """Absent means new, also below the floor."""
    patch.setattr(PartitionState, "cold_places", lambda *_: {})


def late_events_do_not_look_again(patch: pytest.MonkeyPatch) -> None:
    """What a flush lets go while rows are read back is taken for new."""
    fold, asked = folding._fold_unless_cold, []

    async def fold_if_asked(work: folding.Folding, stretch: Stretch) -> dict[Table, set[Place]]:
        if any(stretch is one for one in asked):
            work = replace(work, state=cast("PartitionState", _NeverCold(work.state)))
        asked.append(stretch)
        return await fold(work, stretch)

    patch.setattr(folding, "_fold_unless_cold", fold_if_asked)


def two_floors(patch: pytest.MonkeyPatch) -> None:
    """Late events look by the floor of the assignment, buckets leave by the one of now."""
    cold_places = PartitionState.cold_places
    first: dict[int, tuple[PartitionState, int | None]] = {}

    def cold_by_first_floor(self: PartitionState, stretch: Stretch) -> dict[Table, set[Place]]:
        now = self.floor_ms
        _, self.floor_ms = first.setdefault(id(self), (self, now))
        try:
            return cold_places(self, stretch)
        finally:
            self.floor_ms = now

    patch.setattr(PartitionState, "cold_places", cold_by_first_floor)


def buckets_leave_before_they_are_stored(patch: pytest.MonkeyPatch) -> None:
    """Whatever lies below the floor goes, stored or not."""

    def evict(self: PartitionState) -> None:
        self._raise_floor()
        for buckets in self.tables.values():
            for key in [key for key in buckets if int(key[1]) * 1000 < (self.floor_ms or 0)]:
                del buckets[key]
        self._known = {kind: set() for kind in self._known}

    patch.setattr(PartitionState, "evict", evict)


def the_fence_before_the_duplicates(patch: pytest.MonkeyPatch) -> None:
    """An event that is in its row already does not claim its id in the replay."""
    fold = PartitionState.fold

    def is_applied(self: PartitionState, event: DecodedEvent, version: int) -> bool:
        buckets = [self.tables[kind].get(key) for kind, key in call_targets(event, own_names(event))]
        return event.kind == "llm" and all(bucket is not None and version <= bucket.fence for bucket in buckets)

    def fold_rest(self: PartitionState, stretch: Stretch) -> None:
        events = zip(stretch.events, stretch.offsets, strict=True)
        fold(self, _only(stretch, [not is_applied(self, event, offset + 1) for event, offset in events]))

    patch.setattr(PartitionState, "fold", fold_rest)


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


def names_of_late_hours_do_not_count(patch: pytest.MonkeyPatch) -> None:
    """What a late event reads back tells the rows of an hour, and not how many there are."""
    _count_only(patch, lambda _state, _row, asked: not asked)


def names_ahead_of_the_log_do_not_count(patch: pytest.MonkeyPatch) -> None:
    """Rows of a flush whose progress was not written are read back, and take no room."""
    _count_only(patch, lambda state, row, _asked: row.version <= state._version_base | state._next_offset)


def groups_of_errors_do_not_count(patch: pytest.MonkeyPatch) -> None:
    """Of errors that are read back it is forgotten how many groups they have."""
    _count_only(patch, lambda _state, row, _asked: len(row.values) != len(ERRORS.measures))


def rows_of_an_hour_leave_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """What is stored leaves memory, though other rows of its hour stay, and so the hour counts as known."""
    forget = PartitionState._forget_below

    def forget_each(self: PartitionState, kind: type[Bucket], floor_ms: int) -> bool:
        buckets = self.tables[kind]
        gone = forget(self, kind, floor_ms)
        stored = [key for key, each in buckets.items() if each.stored_version == each.version and not each.dirty]
        for key in [key for key in stored if int(key[1]) * 1000 < floor_ms]:
            del buckets[key]
        return gone

    patch.setattr(PartitionState, "_forget_below", forget_each)


def _count_only(patch: pytest.MonkeyPatch, counts: Callable[[PartitionState, RowState, bool], bool]) -> None:
    adopt, enter = PartitionState.adopt, NameCap.enter

    def adopt_uncounted(
        self: PartitionState, table: Table, rows: Iterable[RowState], asked: Iterable[Place] = ()
    ) -> None:
        for row in rows:
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(NameCap, "enter", enter if counts(self, row, bool(asked)) else lambda *_: None)
                adopt(self, table, [row])
        adopt(self, table, [], asked)

    patch.setattr(PartitionState, "adopt", adopt_uncounted)


class _Apart(float):
    """A sum, and what was added since."""

    waiting = 0.0

    def __add__(self, other: float) -> _Apart:
        made = _Apart(float(self))
        made.waiting = self.waiting + other
        return made


class _NeverCold:
    """A state that wants nothing read back."""

    def __init__(self, state: PartitionState) -> None:
        self.fold = state.fold

    def cold_places(self, _: Stretch) -> dict[Table, set[Place]]:
        return {}


def _parts(stretch: Stretch) -> list[Stretch]:
    """Each event of a record for itself; what was refused comes with the first."""
    places = range(max(1, len(stretch.events)))
    parts = [_only(stretch, [place == wanted for place, _ in enumerate(stretch.events)]) for wanted in places]
    return [parts[0], *(replace(part, refusals=[]) for part in parts[1:])]


def _only(stretch: Stretch, wanted: list[bool]) -> Stretch:
    """The stretch with some of its events."""
    return replace(
        stretch,
        events=list(compress(stretch.events, wanted)),
        offsets=list(compress(stretch.offsets, wanted)),
        indexes=list(compress(stretch.indexes, wanted)),
        steps=[(time_ms, sum(wanted[:end])) for time_ms, end in stretch.steps],
    )
