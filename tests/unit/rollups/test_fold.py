"""Single rules of the fold, each with the shortest log that shows it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.builders import AT_MS, HOUR_MS, an_event, line, lines, record
from tests.unit.rollups.logs import Entry, Shell, Stored
from tokentide.rollups import TABLES, FoldSettings, PartitionState, Position, RowState, hash_of, month_of
from tokentide.rollups.tables import ERRORS, LATENCY, PROVIDER_HEALTH, RATE_LIMITS, USAGE
from tokentide.rollups.usage import UsageBucket

SETTINGS = FoldSettings()


def a_state(start=None, **settings):
    return PartitionState(0, replace(SETTINGS, **settings), start or Position())


def keys_of(state):
    """The keys of all rows in memory, by table."""
    return {kind.table: set(buckets) for kind, buckets in state.tables.items() if buckets}


def test_a_call_goes_into_its_buckets():
    """10:01:33 belongs to the hour 10:00, the five minutes 10:00 and the minute 10:01, each named by its start."""
    state = a_state()
    state.fold(record(0, an_event(status="rate_limited", agent_id="a", task_type="t")))
    hour, five_minutes, minute = 1_776_679_200, 1_776_679_200, 1_776_679_260
    assert keys_of(state) == {
        USAGE: {("p", hour, "openai", "gpt-4o", "a", "t")},
        LATENCY: {("p", hour, "openai", "gpt-4o")},
        ERRORS: {("p", hour, "rate_limited", "openai", "gpt-4o")},
        RATE_LIMITS: {("p", minute, "openai", "gpt-4o")},
        PROVIDER_HEALTH: {("p", five_minutes, "openai")},
    }


@pytest.mark.parametrize(
    ("at_ms", "hour"),
    [(1_776_679_200_000, 1_776_679_200), (1_776_679_199_999, 1_776_675_600), (1_776_682_799_999, 1_776_679_200)],
)
def test_buckets_are_half_open(at_ms, hour):
    """The first millisecond of an hour belongs to it, the last one before does not."""
    state = a_state()
    state.fold(record(0, an_event(at_ms=at_ms), time_ms=at_ms))
    assert {key[1] for key in state.tables[UsageBucket]} == {hour}


@pytest.mark.parametrize(
    "fields",
    [{"kind": "agent"}, {"virtual_model": "v"}, {"kind": "mcp", "mcp_server_name": "s", "mcp_method": "m"}],
)
def test_what_is_no_concrete_call_is_an_event_only(fields):
    """Other kinds and rows of virtual models are kept as events, and counted by no rollup."""
    state = a_state()
    state.fold(record(0, an_event(**fields)))
    assert keys_of(state) == {}
    assert state.counts.events == 1
    assert state.snapshot().event_count == 1


def test_an_id_counts_once_per_project():
    """The same id again is a duplicate, in the same record and in the next; in another project it is another event."""
    state = a_state()
    state.fold(record(0, an_event(1), an_event(1), an_event(1, project_id="q")))
    state.fold(record(1, an_event(1, model="other")))
    assert (state.counts.events, state.counts.duplicates) == (2, 2)
    assert {key[3] for key in state.tables[UsageBucket]} == {"gpt-4o"}


def test_a_refused_event_claims_no_id():
    """An event that was refused does not make the corrected one a duplicate."""
    state = a_state()
    state.fold(record(0, line(an_event(1, status="odd"))))
    state.fold(record(1, an_event(1)))
    assert (state.counts.read, state.counts.events, state.counts.duplicates) == (2, 1, 0)


def test_a_row_read_back_holds_the_records_below_its_version():
    """Records below the fence are skipped by the bucket that has them, and counted by those that do not."""
    state = a_state()
    before = a_state()
    before.fold(record(0, an_event(1)))
    before.fold(record(1, an_event(2)))
    for bucket, row in before.snapshot().rows:
        if bucket.table is USAGE:
            state.adopt(USAGE, [row])
    for offset, number in ((0, 1), (1, 2), (2, 3)):
        state.fold(record(offset, an_event(number)))
    assert (state.counts.events, state.counts.skipped) == (3, 0)  # each was news to the other tables
    rows = {bucket.table: row for bucket, row in state.snapshot().rows}
    assert (rows[USAGE].values[0], rows[USAGE].version) == (3, 3)
    assert (sum(rows[LATENCY].values[1]), rows[LATENCY].version) == (3, 3)


def test_a_row_that_changes_no_more_is_not_written_again():
    """A replay that a row holds already leaves it out of the next flush."""
    before = a_state()
    before.fold(record(0, an_event(1, status="rate_limited")))
    state = a_state()
    for bucket, row in before.snapshot().rows:
        state.adopt(bucket.table, [row])
    state.fold(record(0, an_event(1, status="rate_limited")))
    snapshot = state.snapshot()
    assert snapshot.rows == []
    assert snapshot.event_count == 1
    assert (state.counts.read, state.counts.events, state.counts.skipped) == (1, 0, 1)


def test_what_is_in_memory_is_not_replaced():
    """A row that is read back for a bucket in memory is older, or the same."""
    state = a_state()
    state.fold(record(0, an_event(1)))
    (key,) = state.tables[UsageBucket]
    state.adopt(USAGE, [RowState(key, (0,) * len(USAGE.measures), 99)], [key[:2]])
    (row,) = (row for bucket, row in state.snapshot().rows if bucket.table is USAGE)
    assert (row.values[0], row.version) == (1, 1)


def test_the_epoch_stands_in_the_high_bits():
    """Versions and the places of event rows of a later life of the topic are above all earlier ones."""
    state = a_state(Position(epoch=3))
    state.fold(record(7, an_event(1)))
    snapshot = state.snapshot()
    assert {row.version for _, row in snapshot.rows} == {(3 << 48) + 8}
    assert json.loads(snapshot.events[0].lines)["log_offset"] == (3 << 48) + 7
    assert snapshot.position.epoch == 3


def test_a_bucket_has_the_version_of_its_last_record():
    """Whichever way an event comes into a bucket, the latest record that changed it makes its version.

    offset   0        1        2        3
    call at  10:01    10:08    10:01    09:54
    agent    a        b        a        b
    """
    state = a_state()
    for offset, minutes in enumerate((0, 7, 0, -7)):
        state.fold(record(offset, an_event(offset, at_ms=AT_MS + minutes * 60_000, agent_id="ab"[offset % 2])))
    versions = {(bucket.table, *row.key[1:2], *row.key[4:5]): row.version for bucket, row in state.snapshot().rows}
    ten = 1_776_679_200
    assert versions == {
        (USAGE, ten, "a"): 3,
        (USAGE, ten, "b"): 2,
        (USAGE, ten - 3600, "b"): 4,
        (LATENCY, ten): 3,
        (LATENCY, ten - 3600): 4,
        (PROVIDER_HEALTH, ten): 3,
        (PROVIDER_HEALTH, ten + 300): 2,
        (PROVIDER_HEALTH, ten - 600): 4,
    }


def test_events_of_different_months_are_kept_apart():
    """The events table is cut by month, and so are its rows."""
    state = a_state()
    state.fold(record(0, an_event(1), an_event(2, at_ms=AT_MS - 31 * 24 * HOUR_MS), an_event(3)))
    assert [(rows.month, rows.lines.count(b"\n")) for rows in state.snapshot().events] == [(202604, 2), (202603, 1)]


def test_a_record_below_the_position_is_a_mistake():
    """The shell drops what is folded already; if it does not, nothing is counted twice."""
    state = a_state(Position(5, AT_MS))
    with pytest.raises(AssertionError):
        state.fold(record(4, an_event()))
    state.fold(record(9, an_event()))
    with pytest.raises(AssertionError):
        state.fold(record(9, an_event()))
    assert state.next_offset == 10


def test_a_state_left_within_a_record_is_broken():
    """After an unexpected error there is no snapshot and no going on: what is stored stays a prefix of the log."""
    state = a_state()
    good = record(0, an_event(1), an_event(2))
    wrong = replace(good, indexes=[0])
    with pytest.raises(ValueError, match="zip"):
        state.fold(wrong)
    assert state.broken
    with pytest.raises(AssertionError, match="middle of a record"):
        state.snapshot()
    with pytest.raises(AssertionError, match="middle of a record"):
        state.fold(good)


def test_only_what_is_stored_as_it_is_may_be_forgotten():
    """Below the floor a bucket stays until the store has acknowledged it, and stays when it changed since."""
    state = a_state(hot_window_ms=0)
    state.fold(record(0, an_event(1)))
    first = state.snapshot()
    state.evict()
    assert keys_of(state)[USAGE], "not acknowledged yet"
    state.fold(record(1, an_event(2), time_ms=AT_MS + 5 * HOUR_MS))
    first.acknowledge()
    state.evict()
    assert keys_of(state)[USAGE], "changed since"
    second = state.snapshot()
    first.acknowledge()
    state.evict()
    assert keys_of(state)[USAGE], "the change is taken, but not acknowledged"
    second.acknowledge()
    first.acknowledge()
    state.evict()
    assert keys_of(state) == {}


def test_the_floor_never_falls():
    """Log time is a running maximum, so that the floor only rises, and only when the state is asked to forget."""
    state = a_state(hot_window_ms=HOUR_MS)
    state.fold(record(0, time_ms=AT_MS))
    assert state.floor_ms is None
    state.evict()
    assert state.floor_ms == AT_MS - HOUR_MS
    state.fold(record(1, time_ms=AT_MS - 5 * HOUR_MS))
    state.evict()
    assert state.floor_ms == AT_MS - HOUR_MS
    assert state.position.log_time_ms == AT_MS
    assert state.position.record_time_ms == AT_MS - 5 * HOUR_MS


def test_a_late_event_needs_its_row_first():
    """Hour, five minutes and minute of a late call are cold; once asked for, what the store lacks begins at nothing."""
    state = a_state(Position(1, AT_MS + 2 * HOUR_MS), hot_window_ms=2 * HOUR_MS)
    assert state.floor_ms == AT_MS
    late = record(1, an_event(1, at_ms=AT_MS - 2 * HOUR_MS, status="rate_limited"), time_ms=AT_MS + 2 * HOUR_MS)
    cold = state.cold_places(late)
    assert cold.keys() == set(TABLES)
    for table, places in cold.items():
        state.adopt(table, [], places)
    assert state.cold_places(late) == {}
    state.fold(late)
    assert state.counts.late == 1
    assert {row.version for _, row in state.snapshot().rows} == {2}


def test_a_bucket_at_the_floor_is_not_cold():
    """The floor itself belongs to what is in memory; a bucket that begins a second earlier does not."""
    floor_ms = AT_MS // HOUR_MS * HOUR_MS
    state = a_state(Position(1, floor_ms + HOUR_MS), hot_window_ms=HOUR_MS)
    assert state.cold_places(record(1, an_event(at_ms=floor_ms), time_ms=floor_ms)) == {}
    state.fold(record(1, an_event(at_ms=floor_ms), time_ms=floor_ms))
    assert state.counts.late == 0
    above = a_state(Position(1, floor_ms + HOUR_MS + 1), hot_window_ms=HOUR_MS)
    assert above.cold_places(record(1, an_event(at_ms=floor_ms + 5), time_ms=floor_ms)).keys() >= {USAGE}


def test_ids_are_dated_by_log_time_from_the_first_record_on():
    """After a restart a record that lags behind log time dates its ids by log time, though it does not move it.

    record time  (before: 10:01:33)  10:01:32   10:01:34
    id 1                             new        known, as it was last seen at 10:01:33
    """
    state = a_state(Position(5, AT_MS), dedup_window_ms=1000)
    state.fold(record(5, an_event(1), time_ms=AT_MS - 1000))
    state.fold(record(6, an_event(1), time_ms=AT_MS + 1000))
    assert (state.counts.events, state.counts.duplicates) == (1, 1)


@pytest.mark.parametrize("cuts", [(), (1,), (3, 7), range(10)])
def test_weights_do_not_depend_on_cuts(cuts):
    """Of a digest with many values the centroids depend on where flushes cut, its weights and all sums do not."""
    log = [
        Entry(
            offset,
            AT_MS,
            lines(events := [an_event(offset * 60 + n, latency_ms=(n * 7919 % 61) * 1.5 + offset) for n in range(60)]),
            tuple(enumerate(events)),
        )
        for offset in range(10)
    ]
    shell = Shell(log, Stored(), SETTINGS)
    for offset, entry in enumerate(log):
        shell.fold([entry])
        if offset in cuts:
            shell.flush()
        if offset == 5:
            shell = Shell(log, shell.stored, SETTINGS)
            shell.fold(log[shell.state.next_offset : 6])
    shell.flush()
    ((means, weights, *_),) = (row.values for (table, *_), row in shell.stored.rows.items() if table is LATENCY)
    ((requests, *_),) = (row.values for (table, *_), row in shell.stored.rows.items() if table is USAGE)
    assert sum(weights) == requests == 600
    assert means == sorted(means)
    mean = sum(value * weight for value, weight in zip(means, weights, strict=True)) / 600
    assert mean == pytest.approx(sum(event["latency_ms"] for entry in log for _, event in entry.events) / 600)


def test_what_was_asked_for_and_never_used_is_forgotten():
    """Rows that were read back for an event that turned out a duplicate are not stored anew, and leave memory."""
    state = a_state(Position(1, AT_MS), hot_window_ms=0)
    key = ("p", 0, "a", "m", "", "")
    state.adopt(USAGE, [RowState(key, (0,) * len(USAGE.measures), 1)], [key[:2]])
    assert state.snapshot().rows == []
    state.evict()
    assert keys_of(state) == {}


def test_months_and_hashes():
    """A month is that of UTC; a hash tells values apart, and takes a tombstone for an empty value."""
    assert [month_of(ms) for ms in (0, 2_678_399_999, 2_678_400_000, AT_MS)] == [197001, 197001, 197002, 202604]
    assert hash_of(None) == hash_of(b"") != hash_of(b"a")
    assert 0 <= hash_of(b"a") < 1 << 64
