"""What of each partition can be judged, and what is said of the rest."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders import AT_MS, HOUR_MS
from tests.fakes import FakeLog, Line, Topic
from tokentide.errors import LogMismatch
from tokentide.reconcile.planning import Wanted, plan
from tokentide.reconcile.span import LAST_SECOND, Span
from tokentide.rollups import Position
from tokentide.settings import Settings
from tokentide.store.rows import Progress

DAY_MS = 24 * HOUR_MS
HOUR = AT_MS // HOUR_MS * 3600
ALL = Span(0, LAST_SECOND)
STORED = Position(20, AT_MS, 0, 7)


def planned(progress=STORED, wanted=None, begins=0, now_ms=AT_MS + DAY_MS, partitions=1, **settings):
    """The report for topics of twenty records, one each ten minutes."""
    topic = Topic(partitions)
    for partition in range(partitions):
        for number in range(20):
            topic.append(partition, AT_MS + number * HOUR_MS // 6, b"x")
        topic.begins[partition] = begins
    stored = {number: Progress(number, progress, 0) for number in range(partitions)} if progress else {}
    return asyncio.run(
        plan(
            Settings.model_validate(settings),
            wanted or Wanted(ALL),
            log=FakeLog(topic, Line()),
            partitions=range(partitions),
            progress=stored,
            refused={},
            now_ms=now_ms,
        )
    )


def test_a_whole_log_tells_everything():
    """Up to the age at which the store deletes rows; of events that is another one."""
    (one,) = planned(rollup_retention_days=30, events_retention_days=3).parts
    assert one.left_out == []
    assert one.part.position.offset == 20
    assert one.part.span.begin == -(-(AT_MS + DAY_MS - 30 * DAY_MS + HOUR_MS) // HOUR_MS) * 3600
    assert one.part.events.begin - one.part.span.begin == 27 * 86_400


@pytest.mark.parametrize("how", ["retention", "asked", "epoch"])
def test_hours_that_began_before_the_log_are_left_out(how):
    """Because its head was deleted, because a later beginning was asked for, or because another life came before."""
    if how == "retention":
        report, offset = planned(begins=6), 6
    elif how == "asked":
        report, offset = planned(wanted=Wanted(ALL, from_offset=6)), 6
    else:
        report, offset = planned(Position(20, AT_MS, 0, 7, epoch=2), topic_epoch=2), 0
    (one,) = report.parts
    first_ms = AT_MS + offset * HOUR_MS // 6
    assert one.part.span.begin * 1000 >= first_ms + 20 * 60_000
    assert one.part.span.begin * 1000 < first_ms + 20 * 60_000 + HOUR_MS
    assert f"begins at offset {offset}" in one.left_out[0]
    assert not report.incomplete


def test_hours_that_were_asked_for_and_cannot_be_told():
    """Then the report is incomplete, which matters to who wants them rebuilt."""
    assert planned(begins=6, wanted=Wanted(Span(HOUR - 3600, HOUR + 36_000), explicit=True)).incomplete
    assert not planned(begins=6, wanted=Wanted(Span(HOUR + 7200, HOUR + 36_000), explicit=True)).incomplete


def test_an_earlier_end_can_be_asked_for():
    """Then the position is that, and the record before it is not known."""
    (one,) = planned(wanted=Wanted(ALL, to_offset=5)).parts
    assert (one.part.position.offset, one.part.position.record_hash) == (5, 0)
    assert planned(wanted=Wanted(ALL, to_offset=50)).parts[0].part.position.offset == 20


def test_a_partition_that_was_never_stored():
    """It has a position, its beginning; so it is after the epoch was raised and nobody read yet."""
    for report in (planned(None), planned(Position()), planned(Position(9), topic_epoch=1)):
        assert report.parts[0].part.position.offset == 0
        assert "nothing of it is stored yet" in report.parts[0].left_out


def test_only_some_partitions():
    """Those that were asked for."""
    assert [one.part.partition for one in planned(partitions=4, wanted=Wanted(ALL, frozenset({1, 3}))).parts] == [1, 3]


def test_without_an_events_table_it_is_left_alone():
    """No event is compared."""
    assert planned(events_table=False).parts[0].part.events.empty


@pytest.mark.parametrize(
    ("position", "said"),
    [
        (Position(21), r"llm\.events\[0\]: the log ends at offset 20, the store holds it up to 21"),
        (Position(5, epoch=1), r"llm\.events\[0\]: the store is at topic epoch 1"),
    ],
)
def test_another_log_is_not_judged(position, said):
    """The topic was made again, or the epoch is not the stored one."""
    with pytest.raises(LogMismatch, match=said):
        planned(position)
