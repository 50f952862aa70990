"""Daily rows held against their hours on the real engine: what was altered is found, and made anew."""

from __future__ import annotations

import pytest

from tests.integration.folded import DAY_MS, START_MS, fold_into, made_up_events
from tests.store_fixtures import migrated
from tokentide.reconcile.days import day_differences, made_anew
from tokentide.reconcile.span import Span
from tokentide.rollups.days import DayMark
from tokentide.store.days import build_day, read_marks, write_marks
from tokentide.store.port import Query

DAY = START_MS // DAY_MS
SPAN = Span(START_MS // 1000, START_MS // 1000 + 86_400)
POSITION = 1000


@pytest.fixture
def store(chdb_store_root):
    """One sealed day of two partitions, of which the second is altered by the tests."""
    with migrated(chdb_store_root) as opened:
        fold_into(opened, made_up_events(5, 60))
        build_day(opened, DAY, [0, 1])
        write_marks(opened, [DayMark(partition, DAY, POSITION, 1) for partition in (0, 1)])
        yield opened


def differences(store, partition=1, span=SPAN, epoch=0):
    return day_differences(store, partition, span, epoch)


def altered(store, statement):
    store.command(f"ALTER TABLE {statement} SETTINGS mutations_sync = 2")


@pytest.mark.parametrize(
    "statement",
    [
        "usage_1d UPDATE requests = requests + 1 WHERE partition = 1",
        "usage_1d DELETE WHERE partition = 1 AND model = 'gpt-4o'",
        "latency_1d UPDATE latency_weights = arrayMap(weight -> weight + 1, latency_weights) WHERE partition = 1",
        "usage_1h UPDATE requests = requests + 1 WHERE partition = 1",
        "usage_1h DELETE WHERE partition = 1 AND model = 'claude'",
    ],
)
def test_what_differs_is_found_and_made_anew(store, statement):
    """Whatever was altered, a day made anew is what its hours come to, of the same partition and no other."""
    assert differences(store) == []
    altered(store, statement)
    found = differences(store)
    assert {each.table for each in found} == {"latency_1d" if "latency" in statement else "usage_1d"}
    assert all(each.bucket == SPAN.begin and each.said for each in found)
    assert differences(store, partition=0) == []
    made_anew(store, 1, [DAY])
    assert differences(store) == differences(store, partition=0) == []
    assert [mark.sealed for mark in read_marks(store, [0, 1])] == [True, True]


def test_only_what_readers_take_from_days_is_judged(store):
    """An open day, one of another life of the topic, and one that lies only partly in the span are left out."""
    altered(store, "usage_1d UPDATE requests = requests + 1 WHERE partition = 1")
    assert differences(store)
    assert differences(store, epoch=1) == []
    assert differences(store, span=Span(SPAN.begin + 3600, SPAN.end)) == []
    write_marks(store, [DayMark(1, DAY, POSITION + 1)])
    assert differences(store) == []


def test_a_day_that_late_rows_come_to_meanwhile_is_left_out(store):
    """The seal is looked at again after the rows were read: a worker that goes on is no difference."""
    altered(store, "usage_1h UPDATE requests = requests + 1 WHERE partition = 1")

    class Busy:
        """The store, to which a worker brings late rows while it is read."""

        def ask(self, query: Query):
            rows = store.ask(query)
            if query.name == "rows_of_usage_1d":
                write_marks(store, [DayMark(1, DAY, POSITION + 1)])
            return rows

    assert differences(Busy()) == []


def test_an_open_day_stays_open_when_it_is_made_anew(store):
    """Who opened it may not have stored all of its rows: only a worker can seal it."""
    write_marks(store, [DayMark(1, DAY, POSITION + 1)])
    made_anew(store, 1, [DAY])
    assert [mark.sealed for mark in read_marks(store, [1])] == [False]
