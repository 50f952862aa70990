"""One partition held against its log on a real engine: fair to rows of any version, and blind to none that is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.builders import AT_MS, HOUR_MS, an_event, lines
from tests.fakes import FakeLog, Line, Topic
from tokentide.errors import LogMismatch
from tokentide.events import Limits, read_stretch
from tokentide.reconcile.examine import Examination, Part
from tokentide.reconcile.mending import mend
from tokentide.reconcile.span import LAST_SECOND, Span
from tokentide.rollups import FoldSettings, PartitionState, Position
from tokentide.store.port import Query
from tokentide.store.rows import batches, write

RECORDS = 12
STATUSES = ("success", "error", "rate_limited")
ALL = Span(0, LAST_SECOND)


@pytest.fixture
def topic():
    """One event of each status a record, and a record every half an hour."""
    made = Topic()
    for number in range(RECORDS):
        at_ms = AT_MS + number * HOUR_MS // 2
        made.append(0, at_ms, lines(an_event(number * 10 + n, at_ms=at_ms, status=s) for n, s in enumerate(STATUSES)))
    return made


def state_of(topic, end, epoch=0):
    state = PartitionState(0, FoldSettings(), Position(epoch=epoch))
    state.fold(read_stretch(topic.between(0, 0, end), Limits()))
    return state


def store_rows(store, topic, end, tables=None, epoch=0):
    """What a worker stores that has read up to an offset: everything, or of some tables only."""
    snapshot = state_of(topic, end, epoch).snapshot()
    for batch in batches([snapshot]):
        if tables is None or batch.table in tables:
            write(store, batch)
    return snapshot.position


def examine(store, topic, position, most_rows=10_000, mending=False, **changes):
    """All differences, how many passes it took, and how many rows were compared."""
    examination = Examination(FakeLog(topic, Line()), store, FoldSettings(), Limits(4_000_000, 4000), most_rows)
    part = replace(Part(0, "t", position, 0, ALL, ALL), **changes)

    async def run():
        verdicts = await examination.of(part)
        if mending:
            for each, verdict in verdicts:
                await mend(examination, each, verdict.differences)
        return verdicts

    verdicts = asyncio.run(run())
    found = [difference for _, verdict in verdicts for difference in verdict.differences]
    return found, sum(verdict.passes for _, verdict in verdicts), sum(verdict.rows for _, verdict in verdicts)


@pytest.mark.parametrize(
    ("position", "ahead"),
    [(12, ()), (7, ("usage_1h",)), (7, ("usage_1h", "latency_1h", "errors_1h", "rate_limits_1m", "events")), (0, ())],
)
def test_rows_that_a_worker_stored_meanwhile_are_no_difference(chdb_store, topic, position, ahead):
    """Some tables are ahead of progress, as a flush leaves them that has not come to its end; each row is compared."""
    at = store_rows(chdb_store, topic, position) if position else Position()
    store_rows(chdb_store, topic, RECORDS, ahead)
    found, passes, rows = examine(chdb_store, topic, at)
    assert (found, passes) == ([], 1)
    assert rows >= position * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("requests + 1 AS requests", "the version is of no record that changed it"),
        ("version + 1 AS version", "the version is of no record that changed it"),
        ("version + 1000 AS version", "the version is of no record that changed it"),
    ],
)
def test_a_wrong_row_that_is_ahead_is_found_and_mended(chdb_store, topic, change, said):
    """It is not what the record of its version made of it; afterwards the row of the longest right prefix is there."""
    at = store_rows(chdb_store, topic, 7)
    store_rows(chdb_store, topic, RECORDS, ("usage_1h",))
    sql = f"INSERT INTO usage_1h SELECT * REPLACE ({change}) FROM usage_1h FINAL ORDER BY bucket DESC LIMIT 1"
    chdb_store.change(Query("by hand", sql))
    found, _, _ = examine(chdb_store, topic, at, mending=True)
    assert any(one.said.startswith(said) for one in found if one.table == "usage_1h")
    assert examine(chdb_store, topic, at)[0] == []


def test_few_rows_in_memory_cost_passes(chdb_store, topic):
    """The hours are split where half of the rows lie, down to one hour, with the same verdict."""
    at = store_rows(chdb_store, topic, RECORDS)
    whole, one, rows = examine(chdb_store, topic, at)
    parted, many, rows_again = examine(chdb_store, topic, at, most_rows=10)
    assert (whole, one) == (parted, 1) == ([], 1)
    assert 3 <= many <= 12
    assert rows == rows_again
    chdb_store.command("TRUNCATE TABLE usage_1h")  # then it is the log that shows how many rows there are
    assert len(examine(chdb_store, topic, at, most_rows=10)[0]) == len(examine(chdb_store, topic, at)[0]) > 6


def test_a_later_life_of_the_topic(chdb_store, topic):
    """Its versions are above all others; rows of the epoch are compared with the log of the epoch."""
    at = store_rows(chdb_store, topic, RECORDS, epoch=3)
    assert examine(chdb_store, topic, at)[0] == []
    chdb_store.command("ALTER TABLE events DELETE WHERE log_index = 0 SETTINGS mutations_sync = 2")
    assert {one.table for one in examine(chdb_store, topic, at, mending=True)[0]} == {"events"}
    assert examine(chdb_store, topic, at)[0] == []


def test_another_record_in_the_place_of_the_last_stored_one(chdb_store, topic):
    """The topic is another one: nothing is judged."""
    at = store_rows(chdb_store, topic, RECORDS)
    with pytest.raises(LogMismatch, match=r"t\[0\]: the record at offset 11 is not the one that was stored"):
        examine(chdb_store, topic, replace(at, record_hash=at.record_hash ^ 1))


def test_only_some_hours(chdb_store, topic):
    """What lies outside of them is neither compared nor mended, and the log is read from where they may begin."""
    at = store_rows(chdb_store, topic, RECORDS)
    chdb_store.command("ALTER TABLE usage_1h UPDATE requests = 100 WHERE 1 SETTINGS mutations_sync = 2")
    hour = AT_MS // HOUR_MS * 3600 + 2 * 3600
    found, _, _ = examine(chdb_store, topic, at, span=Span(hour, hour + 3600), events=Span(0, 0), mending=True)
    assert {one.bucket for one in found} == {hour}
    left = {one.bucket for one in examine(chdb_store, topic, at)[0]}
    assert left
    assert hour not in left
