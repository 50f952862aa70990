"""The laws of the fold, over logs of any kind: it is the oracle's answer, however it is cut, stopped and continued."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, zip_longest
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS
from tests.oracle.rollups import rollups
from tests.unit.rollups.logs import Shell, Stored, expected, fold_settings, logs, same_rows, stretch
from tokentide.rollups import TABLES, FoldSettings, PartitionState, Position, hash_of, month_of

CUTS = st.lists(st.sampled_from(["", "", "flush", "crash", "restart"]), max_size=8)
ARRIVES = st.lists(st.booleans(), min_size=6, max_size=6)


def folded(log, settings, partition=0):
    """The store after folding a log in one piece."""
    shell = Shell(log, Stored(), settings, partition)
    shell.fold_rest()
    shell.flush()
    return shell.stored


def text_of(stored):
    """The events of the store, with the parts of a row that the fold computes."""
    return {
        place: (UUID(row["event_id"]), row["event_time_ms"], row.get("cost_nanos", 0), row["status"])
        for place, row in stored.events.items()
    }


@given(logs(), fold_settings)
def test_the_rows_are_the_oracle_s(log, settings):
    """Every row of every table has the measures and the version that brute force over the raw events finds."""
    kept, rows = expected(log, settings)
    stored = folded(log, settings)
    same_rows(stored, rows)
    assert stored.events.keys() == {(0, logged.offset, logged.index) for logged in kept}


@given(logs(), fold_settings)
def test_each_event_that_counts_is_a_row_once(log, settings):
    """The events table gets every event that is no duplicate, at its place, with its values, in its month."""
    kept, _ = expected(log, settings, partition=3)
    shell = Shell(log, Stored(), settings, partition=3)
    shell.fold_rest()
    snapshot = shell.state.snapshot()
    rows = [(part.month, json.loads(text)) for part in snapshot.events for text in part.lines.splitlines()]
    assert snapshot.event_count == len(rows) == len(kept)
    by_place = {(row.get("log_offset", 0), row.get("log_index", 0)): (month, row) for month, row in rows}
    for logged in kept:
        month, row = by_place[logged.offset, logged.index]
        assert row["log_partition"] == 3
        assert month == month_of(row["event_time_ms"])
        assert UUID(row["event_id"]) == UUID(logged.event["event_id"])
        assert row.get("cost_nanos", 0) == Fraction(str(logged.event.get("cost_usd", 0))) * 10**9
        for name in logged.event.keys() - {"event_id", "cost_usd", "cost_ceiling_usd"}:
            default = {"kind": "llm", "virtual_model": None}.get(name, type(logged.event[name])())
            assert row.get(name, default) == logged.event[name], name


@given(logs(), fold_settings, CUTS, ARRIVES)
def test_cuts_crashes_and_restarts_change_nothing(log, settings, cuts, arrives):
    """However often the fold is flushed, stopped and continued, whatever part of a flush arrived, the rows are right.

    A crash stores some tables without the progress: the rows are then ahead of where the next life begins.
    """
    shell = Shell(log, Stored(), settings)
    for place, entry in enumerate(log):
        if entry.offset >= shell.state.next_offset:
            shell.fold([entry])
        cut = cuts[place] if place < len(cuts) else ""
        if cut == "crash":
            shell.stored.take(shell.state.snapshot(), arrives)
        elif cut:
            shell.flush()
        if cut in {"crash", "restart"}:
            shell = Shell(log, shell.stored, settings)
            shell.fold([before for before in log[: place + 1] if before.offset >= shell.state.next_offset])
    shell.fold_rest()
    shell.flush()
    kept, rows = expected(log, settings)
    same_rows(shell.stored, rows)
    assert text_of(shell.stored) == text_of(folded(log, settings))
    assert len(shell.stored.events) == len(kept)


@given(logs(), fold_settings, st.data())
def test_a_slice_is_the_sum_of_its_records(log, settings, data):
    """Records folded together change what they change one by one."""
    together = Shell(log, Stored(), settings)
    place = data.draw(st.integers(0, len(log)))
    together.fold(log[:place])
    together.fold(log[place:])
    together.flush()
    alone = folded(log, settings)
    assert together.stored.rows == alone.rows
    assert together.stored.events == alone.events
    assert together.state.counts.records == len(log)


@given(logs(), fold_settings, CUTS)
def test_each_change_is_handed_over_once(log, settings, cuts):
    """A snapshot holds what changed since the one before, with a higher version for each key, and the last one wins."""
    state = PartitionState(0, settings, Position())
    handed = []
    for place, entry in enumerate(log):
        state.fold(stretch([entry]))
        if place < len(cuts) and cuts[place]:
            waiting = state.waiting
            handed.append(state.snapshot())
            assert waiting == len(handed[-1].rows) + handed[-1].event_count
    handed.append(state.snapshot())
    nothing = state.snapshot()
    assert (nothing.rows, nothing.events, nothing.event_count, state.waiting) == ([], [], 0, 0)
    versions = {}
    for snapshot in handed:
        places = [(bucket.table, row.key) for bucket, row in snapshot.rows]
        assert len(set(places)) == len(places)
        for place, (_, row) in zip(places, snapshot.rows, strict=True):
            versions.setdefault(place, []).append(row.version)
            assert row.version <= snapshot.position.offset
    assert all(earlier < later for history in versions.values() for earlier, later in pairwise(history))
    stored = Stored()
    for snapshot in handed:
        stored.take(snapshot)
    same_rows(stored, expected(log, settings)[1])


@given(logs(), fold_settings)
def test_the_position_is_that_of_the_last_record(log, settings):
    """A snapshot's position names the next offset, log time, and the last record by its time and hash."""
    state = PartitionState(0, settings, Position(epoch=2))
    assert state.snapshot().position == Position(epoch=2)
    for place, entry in enumerate(log):
        state.fold(stretch([entry]))
        log_time_ms = max(before.time_ms for before in log[: place + 1])
        wanted = Position(entry.offset + 1, log_time_ms, entry.time_ms, hash_of(entry.value), epoch=2)
        assert state.snapshot().position == state.position == wanted


@given(logs(ids=st.integers(0, 99)), logs(ids=st.integers(100, 199)), fold_settings)
def test_partitions_add_up(one, other, settings):
    """Two partitions that share no ids, added up, hold what one partition with all of their records holds."""
    settings = replace(settings, dedup_window_ms=10**12, dedup_max_ids=1000, max_names=1000)
    apart = [folded(one, settings, 0), folded(other, settings, 1)]
    both = [entry for pair in zip_longest(one, other) for entry in pair if entry is not None]
    together = folded([replace(entry, offset=offset) for offset, entry in enumerate(both)], settings)
    for table in TABLES:
        rows = [(key, row) for stored in apart for (of, _, key), row in stored.rows.items() if of is table]
        merged = {key: [row.values for at, row in rows if at == key] for key, _ in rows}
        whole = {key: row.values for (of, _, key), row in together.rows.items() if of is table}
        assert merged.keys() == whole.keys()
        for key, parts in merged.items():
            assert added(table, parts) == added(table, [whole[key]])


def added(table, parts):
    """The measures of rows for the same key, merged as a reader merges them."""
    columns = dict(zip(table.measures, zip(*parts, strict=True), strict=True))
    columns.pop("last_event_id", None)  # of equal times either partition's may be last
    return {
        name: sorted(sum(values, []))  # noqa: RUF017  short lists
        if name.endswith(("means", "weights"))
        else (max if name.endswith(("max", "last_seen_ms")) else sum)(values)
        for name, values in columns.items()
    }


@given(logs(), fold_settings, CUTS)
def test_forgetting_loses_nothing(log, settings, cuts):
    """A state that forgets what is cold, and reads it back when needed, writes what one that never forgets writes."""
    forgetful, keeping = Shell(log, Stored(), settings), PartitionState(0, settings, Position())
    kept = Stored()
    for place, entry in enumerate(log):
        forgetful.fold([entry])
        keeping.fold(stretch([entry]))
        if place < len(cuts) and cuts[place]:
            forgetful.flush()
            kept.take(keeping.snapshot())
            for kind, buckets in forgetful.state.tables.items():
                forgotten = keeping.tables[kind].keys() - buckets.keys()
                assert all(int(key[1]) * 1000 < forgetful.state.floor_ms for key in forgotten)
    forgetful.flush()
    kept.take(keeping.snapshot())
    assert forgetful.stored.rows == kept.rows
    assert forgetful.stored.events == kept.events


@given(logs(min_records=2), fold_settings, st.data())
def test_cold_is_what_lies_below_the_floor_and_is_not_in_memory(log, settings, data):
    """Named are exactly the places of rows that the records change, below the floor, of which memory has no row."""
    cut = data.draw(st.integers(1, len(log) - 1))
    shell = Shell(log, Stored(), settings)
    shell.fold(log[:cut])
    shell.flush()
    state, rest = shell.state, stretch(log[cut:])
    seen = state.cold_places(rest)
    assert all(places for places in seen.values())
    named = {(table.name, place) for table, places in seen.items() for place in places}
    memory = {(kind.table.name, key[:2]) for kind, buckets in state.tables.items() for key in buckets}
    every_event_counts = replace(settings, dedup_window_ms=-1)  # whether an event is a duplicate shows only later
    _, rows = expected(log[cut:], every_event_counts)
    changed = {(name, key[1:3]) for name, keys in rows.items() for key in keys}
    below = {(name, place) for name, place in changed if place[1] * 1000 < state.floor_ms}
    assert named == below - memory


@given(logs(), fold_settings)
def test_counts_tell_what_happened(log, settings):
    """Each event read is folded, a duplicate, skipped or refused; all is counted, and anew after it was taken."""
    shell = Shell(log, Stored(), settings)
    shell.fold_rest()
    kept, _ = expected(log, settings)
    counts = shell.state.take_counts()
    assert (counts.records, counts.events, counts.skipped) == (len(log), len(kept), 0)
    assert counts.bytes == sum(len(entry.value or b"") for entry in log)
    assert counts.duplicates == sum(len(entry.events) for entry in log) - len(kept)
    assert counts.missing == log[-1].offset + 1 - len(log)
    refused = len(stretch(log).refusals)
    assert counts.read == counts.events + counts.duplicates + counts.skipped + refused
    assert counts.late == 0
    assert shell.state.take_counts().records == 0


@given(logs(), fold_settings)
def test_another_life_of_the_topic_continues_the_rows(log, settings):
    """When the topic is made again, its records count on top of the stored rows, with the epoch in their versions."""
    stored = folded(log, settings)
    stored.progress[0] = Position(log_time_ms=stored.progress[0].log_time_ms, epoch=1)
    again = [replace(entry, time_ms=entry.time_ms + 10**9) for entry in log]  # long after the window of the first life
    shell = Shell(again, stored, settings)
    shell.fold_rest()
    shell.flush()
    first, _ = expected(log, settings)
    second = [logged._replace(offset=logged.offset + (1 << 48)) for logged in expected(again, settings)[0]]
    same_rows(stored, rollups([*first, *second], settings.max_names))
    assert stored.events.keys() == {(0, logged.offset, logged.index) for logged in [*first, *second]}


@given(logs(), fold_settings)
def test_without_the_events_table_the_rows_are_the_same(log, settings):
    """Events need not be kept; everything else stays as it is."""
    stored = folded(log, replace(settings, keep_events=False))
    assert stored.events == {}
    assert stored.rows == folded(log, settings).rows


def test_log_time_starts_with_the_log():
    """Before the first record there is no log time, no floor, and nothing cold."""
    state = PartitionState(0, settings := FoldSettings(), Position())
    assert (state.floor_ms, state.position.log_time_ms) == (None, None)
    assert state.cold_places(stretch([])) == {}
    state.evict()
    assert state.floor_ms is None
    assert PartitionState(0, settings, Position(5, AT_MS)).floor_ms == AT_MS - settings.hot_window_ms
