"""Reading records together is the same as reading each, whatever they hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, an_event, decoded, line, lines
from tokentide.events import Limits, decode, decode_slice

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
records_of_a_slice = st.lists(
    st.tuples(numbered | numbered | numbered | values, st.integers(AT_MS - 1, AT_MS + 1)), max_size=8
)


def told(decoded_record):
    """All that is known of a record, comparable."""
    return list(decoded_record.events), list(decoded_record.indexes), list(decoded_record.refusals)


@given(records_of_a_slice)
def test_a_slice_is_read_like_its_records(records):
    """Events, places and refusals of each record are those that it has when it is read alone."""
    given_values, times_ms = [value for value, _ in records], [time_ms for _, time_ms in records]
    together = decode_slice(given_values, times_ms, LIMITS)
    assert [told(found) for found in together] == [told(decode(value, time_ms, LIMITS)) for value, time_ms in records]


def test_one_bad_record_does_not_spoil_the_others():
    """In a long slice of single events, every event is found in its own record, and every refusal too."""
    given_values = [line(an_event(number)) if number % 60 else b"{" for number in range(200)]
    together = decode_slice(given_values, [AT_MS] * 200, LIMITS)
    assert [len(found.events) for found in together] == [1 if number % 60 else 0 for number in range(200)]
    assert [told(found) for found in together] == [told(decoded(value)) for value in given_values]


def test_a_tombstone_does_not_shift_events():
    """A record without a value beside one of two lines: each event stays in the record that holds it."""
    tombstone, both = decode_slice([None, ONE + b"\n" + TWO], [AT_MS, AT_MS], LIMITS)
    assert not tombstone.events
    assert [event.event_id.int & 3 for event in both.events] == [1, 2]


def test_no_records_hold_nothing():
    """An empty slice is an empty answer."""
    assert decode_slice([], [], LIMITS) == []
