"""Reading records together is the same as reading each, whatever they hold."""

from __future__ import annotations

from itertools import zip_longest

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, an_event, line, lines, numbered_id, whole
from tests.fakes import FakeRecord
from tokentide.events import Limits, decode, read_stretch

LIMITS = Limits(max_record_bytes=2000)
ONE, TWO = line(an_event(1)), line(an_event(2))

values = st.sampled_from(
    [
        None,
        b"",
        b" ",
        b"{}",
        b"5",
        b"[]",
        ONE,
        ONE,
        TWO,
        line(an_event(3, tags={"a": "}\\n{"})),
        line(an_event(4, at_ms=AT_MS + 600_000)),
        line(an_event(5, at_ms=AT_MS - 400 * 86_400_000)),
        ONE + TWO,
        ONE + b"\n" + TWO,
        ONE + b"\n",
        b"\n" + ONE,
        b" " + ONE,
        b"[" + ONE + b"]",
        ONE[:-1],
        b"}",
        b'{"x":{' + ONE[1:],
        ONE + b"}",
        ONE[: len(ONE) // 2],
        ONE[len(ONE) // 2 :],
        ONE.replace(b'"p"', b'"\xff"'),
        ONE[:-1] + b',"x":"' + b"x" * 2000 + b'"}',
        ONE[:-1] + b',"x":' + b"[" * 600 + b"]" * 600 + b"}",
        lines(an_event(number) for number in range(10, 13)),
    ]
)


numbered = st.integers(0, 99).map(lambda number: line(an_event(number)))
records_of_a_stretch = st.lists(
    st.tuples(numbered | numbered | numbered | values, st.integers(AT_MS - 1, AT_MS + 1)), max_size=8
)


def read(values, times_ms, first_offset=7):
    """The stretch of records with these values and times."""
    records = [
        FakeRecord(first_offset + place, *record) for place, record in enumerate(zip(times_ms, values, strict=True))
    ]
    return read_stretch(records, LIMITS)


def told(stretch):
    """All that is known of a stretch besides its records, comparable."""
    events = list(zip(map(whole, stretch.events), stretch.offsets, stretch.indexes, strict=True))
    return events, stretch.steps, stretch.refusals, stretch.bytes


def one_by_one(values, times_ms):
    """The same, from reading each record alone."""
    events, refusals, steps = [], [], []
    for offset, (value, time_ms) in enumerate(zip(values, times_ms, strict=True), 7):
        found = decode(value, time_ms, LIMITS)
        events += [(whole(event), offset, index) for index, event in zip(found.indexes, found.events, strict=True)]
        refusals += [(offset, time_ms, refusal) for refusal in found.refusals]
        steps.append((time_ms, len(events)))
    last_of_each_time = [step for step, after in zip_longest(steps, steps[1:]) if after is None or step[0] != after[0]]
    return events, last_of_each_time, refusals, sum(len(value or b"") for value in values)


@given(records_of_a_stretch)
def test_a_stretch_is_read_like_its_records(records):
    """Events, places, times and refusals of each record are those that it has when it is read alone."""
    values, times_ms = [value for value, _ in records], [time_ms for _, time_ms in records]
    assert told(read(values, times_ms)) == one_by_one(values, times_ms)


def test_one_bad_record_does_not_spoil_the_others():
    """In a long stretch of single events, every event is found in its own record, and every refusal too."""
    values = [line(an_event(number)) if number % 60 else b"{" for number in range(200)]
    stretch = read(values, [AT_MS] * 200, first_offset=0)
    assert stretch.offsets == [number for number in range(200) if number % 60]
    assert [event.event_id for event in stretch.events] == [numbered_id(number) for number in stretch.offsets]
    assert [refused.offset for refused in stretch.refusals] == [0, 60, 120, 180]


def test_a_tombstone_does_not_shift_events():
    """A record without a value beside one of two lines: each event stays in the record that holds it."""
    stretch = read([None, ONE + b"\n" + TWO], [AT_MS, AT_MS])
    assert [event.event_id.int & 3 for event in stretch.events] == [1, 2]
    assert (stretch.offsets, stretch.indexes) == ([8, 8], [0, 1])


def test_times_are_told_where_they_change():
    """Time      1    1    0    2
    records  ONE  TWO  ONE  TWO
    """
    times_ms = [AT_MS + 1, AT_MS + 1, AT_MS, AT_MS + 2]
    assert read([ONE, TWO, ONE, TWO], times_ms).steps == [(AT_MS + 1, 2), (AT_MS, 3), (AT_MS + 2, 4)]


def test_no_records_hold_nothing():
    """An empty stretch has neither events nor times."""
    assert told(read([], [])) == ([], [], [], 0)
