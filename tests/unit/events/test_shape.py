"""A decoder of the fields that were seen judges as the decoder of all fields does, whatever it saw before."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, an_event, line, lines, whole
from tests.strategies import damaged, documents, mutated_documents, render
from tokentide.events import DecodedEvent
from tokentide.events.decode import COMPUTED, TOGETHER
from tokentide.events.settle import Span, settle_all
from tokentide.events.shape import Readers, Shape

EVER = Span(0, 4_291_747_199_999)
CONTRACT = Readers(msgspec.json.Decoder(DecodedEvent).decode_lines, msgspec.json.Decoder(list[DecodedEvent]).decode)

texts = st.one_of(documents(), mutated_documents()).flatmap(render) | documents().flatmap(render).flatmap(damaged)


def a_shape():
    """One that has seen nothing."""
    return Shape(DecodedEvent, COMPUTED, TOGETHER)


def judged(read, text):
    """The events of a text, or that it is refused, and by what; settled as `decode` does it."""
    try:
        text.decode()
        events = read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return type(error).__name__
    return settle_all(events, EVER), [whole(event) for event in events]


@given(st.lists(texts, min_size=1, max_size=4))
def test_it_judges_as_the_whole_contract_does(seen):
    """Whatever texts came before, and in whatever order, a text is refused or has the same values in every field."""
    shape = a_shape()
    for text in [*seen, *reversed(seen)]:
        assert judged(shape.lines, text) == judged(CONTRACT.lines, text)
        array = b"[" + text + b"]"
        assert judged(shape.array, array) == judged(CONTRACT.array, array)


def test_only_what_is_seen_has_a_place():
    """After one text, events have its fields, those that are required, and those that are computed."""
    shape = a_shape()
    text = lines(an_event(number, stream=True, tags={"a": "b"}) for number in range(3))
    shape.lines(text)
    (event, *_) = shape.lines(text)
    seen = {*an_event(), "stream", "tags"}
    assert set(event.__struct_fields__) == {*seen, *COMPUTED, "metadata"}
    assert event.__struct_fields__[: len(seen)] == (*an_event(), "stream", "tags")
    assert (event.kind, event.teams, event.retry_count, event.user_id) == ("llm", [], 0, None)


def test_a_new_field_is_learned():
    """The first text with another field is read by the whole contract, the next one by what was learned."""
    shape = a_shape()
    first, second = line(an_event(1)), line(an_event(2, user_id="u"))
    shape.lines(first)
    assert [type(shape.lines(second)[0]) is DecodedEvent for _ in range(2)] == [True, False]
    assert shape.lines(second)[0].user_id == "u"
    assert shape.lines(first)[0].user_id is None


@pytest.mark.parametrize("name", ["user_id", "cost_usd", "latency_ms", "tags", "kind", "log_offset"])
def test_a_wrong_value_of_a_field_that_was_never_seen_is_refused(name):
    """What nobody sent before is held against the contract when it comes."""
    shape = a_shape()
    shape.lines(line(an_event()))
    with pytest.raises(msgspec.ValidationError):
        shape.lines(line(an_event() | {name: [[]]}))


def test_fields_beyond_the_contract_do_not_cost_twice_for_ever():
    """Events with other fields are read all the same; after a hundred such texts by the contract's decoder at once."""
    shape = a_shape()
    shape.lines(line(an_event()))
    texts = [line(an_event() | {f"x{number}": number}) for number in range(120)]
    assert [whole(event) for text in texts for event in shape.lines(text)] == [
        whole(event) for text in texts for event in CONTRACT.lines(text)
    ]
    assert type(shape.lines(line(an_event()))[0]) is DecodedEvent


def test_a_row_of_the_events_table_is_the_same():
    """Encoded, an event of either decoder gives the same JSON."""
    text = line(an_event(1, tags={"a": "b"}, stream=True, at_ms=AT_MS))
    shape = a_shape()
    shape.lines(text)
    rows = []
    for read in (shape.lines, CONTRACT.lines):
        events = read(text)
        assert settle_all(events, EVER)
        rows.append(json.loads(msgspec.json.encode(events[0])))
    assert rows[0] == rows[1]
