"""Re-reading a log, or the part of it that some hours need, comes to what folding it once came to."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import AT_MS, HOUR_MS, an_event, line, lines
from tests.fakes import FakeRecord
from tests.unit.rollups.logs import logs, stretch
from tokentide.events import Limits
from tokentide.reconcile.sieve import Sieve
from tokentide.reconcile.span import LAST_SECOND, Span, covered_from_ms
from tokentide.rollups import FoldSettings, PartitionState, Position

ALL = Span(0, LAST_SECOND)
windows = st.builds(
    FoldSettings,
    dedup_window_ms=st.sampled_from([0, 500, 60_000, 10 * HOUR_MS]),
    dedup_max_ids=st.sampled_from([1, 3, 99]),
)


def straight(log, fold):
    """The rows and the counts of folding the log once, from its beginning."""
    state = PartitionState(0, fold, Position())
    for entry in log:
        state.fold(stretch([entry]))
    rows = {(bucket.table, row.key): row for bucket, row in state.snapshot().rows}
    return rows, state.take_counts().events


def sifted(log, span, fold, **options):
    sieve = Sieve(0, Position(offset=log[0].offset), span, fold, Limits(), **options)
    sieve.take([entry.record for entry in log])
    return sieve


@settings(max_examples=50)
@given(logs(), windows)
def test_all_hours_are_the_fold(log, fold):
    """Row by row with its version; the digests too, as both cut them once."""
    assert sifted(log, ALL, fold).rows() == straight(log, fold)[0]


@settings(max_examples=50)
@given(logs(), windows, st.integers(-6, 6))
def test_some_hours_are_their_part_of_it(log, fold, hour):
    """What lies outside is only remembered, for its ids."""
    middle = AT_MS // HOUR_MS * 3600 + hour * 3600
    first, rest = sifted(log, Span(0, middle), fold).rows(), sifted(log, Span(middle, LAST_SECOND), fold).rows()
    assert first.keys() & rest.keys() == set()
    assert first | rest == straight(log, fold)[0]


@settings(max_examples=50)
@given(logs(), windows)
def test_plain_counting_agrees_with_the_rows(log, fold):
    """Both ways decide the same duplicates, and add up to the same."""
    rows, events = straight(log, fold)
    totals = Counter()
    for (table, _), row in rows.items():
        values = dict(zip(table.measures, row.values, strict=True))
        for name in ("requests", "cost_nanos", "errors", "rate_limited"):
            totals[table.name, name] += values.get(name, 0)
        totals[table.name, "tokens"] += values.get("input_tokens", 0) + values.get("output_tokens", 0)
        totals[table.name, "latencies"] += sum(values.get("latency_weights", ()))
    counted = Counter()
    for (table, _), found in sifted(log, ALL, fold).plain.copy().items():
        for name, count in found.items():
            counted[table, name] += count
    assert counted["events", "events"] == events
    for place, count in counted.items():
        if place[0] != "events":
            assert totals[place] == count


@settings(max_examples=50)
@given(logs(min_records=2), st.data(), st.sampled_from([0, 60_000, HOUR_MS]))
def test_hours_that_a_cut_log_covers_are_whole(log, data, window_ms):
    """Where the log's beginning was deleted, what is left tells the later hours as the whole log did."""
    times = sorted(entry.time_ms for entry in log)  # a topic's own time never falls
    log = [
        type(entry)(entry.offset, time_ms, entry.value, entry.events) for entry, time_ms in zip(log, times, strict=True)
    ]
    fold = FoldSettings(dedup_window_ms=window_ms)
    rest = log[data.draw(st.integers(1, len(log) - 1)) :]
    covered = ALL.since(covered_from_ms(rest[0].time_ms, window_ms))
    whole = {place: row for place, row in straight(log, fold)[0].items() if int(place[1][1]) >= covered.begin}
    assert sifted(rest, covered, fold).rows() == whole


def test_what_was_refused_when_it_came_does_not_count():
    """A dead letter of an event, and one of a whole record, found by place and time; they claim no id either."""
    events = [an_event(number) for number in range(3)]
    values = [lines(events), line(events[1]), line(events[0])]
    records = [FakeRecord(offset, AT_MS, value) for offset, value in enumerate(values)]
    refused = {(0, 1, AT_MS), (2, None, AT_MS), (1, None, AT_MS + 1)}
    sieve = Sieve(0, Position(), ALL, FoldSettings(), Limits(), refused=refused, keep_events=True)
    sieve.take(records)
    assert sieve.places == [(0, 0, "p", AT_MS), (0, 2, "p", AT_MS), (1, 0, "p", AT_MS)]
    assert sieve.plain.copy()["events", AT_MS // HOUR_MS * 3600]["events"] == 3
    assert line(events[1])[1:30] in sieve.state.snapshot().events[0].lines


def test_memory_is_counted_in_rows():
    """What is held, and the hours of it, by which a pass is split."""
    sieve = Sieve(0, Position(), ALL, FoldSettings(), Limits())
    value = lines([an_event(1), an_event(2, at_ms=AT_MS - HOUR_MS)])
    sieve.take([FakeRecord(0, AT_MS, value)])
    assert sieve.held == 6
    assert len(sieve.hours()) == 6
