"""From the bytes of a record to its events and refusals: the reasons, the shapes of records, the laws between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, an_event, decoded, line, lines, numbered_id, rfc3339, whole
from tests.strategies import HOSTILE, damaged, documents, mutated_documents, render
from tokentide.events import Limits, Reason, decode

DAY_MS = 86_400_000
GOOD = line(an_event(1))


def told(record, at_ms=AT_MS, limits=None):
    """What a record holds, comparable: events with their places, refusals."""
    found = decoded(record, at_ms, limits)
    return list(zip(found.indexes, map(whole, found.events), strict=True)), list(found.refusals)


def only_refusal(record, at_ms=AT_MS, limits=None):
    """The one refusal of a record that holds no event."""
    events, refusals = told(record, at_ms, limits)
    assert not events
    (refusal,) = refusals
    return refusal


def spoiled(number=1, **fields):
    """The bytes of an event with fields that the builders would not write."""
    return json.dumps(an_event(number) | fields).encode()


REFUSED_ALONE = {
    "no JSON": (b"{", Reason.NOT_JSON, "not a JSON object"),
    "a number": (b"5", Reason.NOT_JSON, "not a JSON object"),
    "a text": (b'"a"', Reason.NOT_JSON, "not a JSON object"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, Reason.NOT_JSON, "not a JSON object"),
    "NUL at the end": (GOOD + b"\x00", Reason.NOT_JSON, "not a JSON object"),
    "a form feed before": (b"\x0c" + GOOD, Reason.NOT_JSON, "not a JSON object"),
    "a comma after": (GOOD + b",", Reason.NOT_JSON, "not a JSON object"),
    "no UTF-8": (GOOD.replace(b'"p"', b'"\xff"'), Reason.NOT_UTF8, "the bytes are not UTF-8"),
    "no UTF-8 where it is ignored": (GOOD[:-1] + b',"x":"\xff"}', Reason.NOT_UTF8, "the bytes are not UTF-8"),
    "an encoded surrogate": (GOOD[:-1] + b',"x":"\xed\xa0\x80"}', Reason.NOT_UTF8, "the bytes are not UTF-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), Reason.NOT_UTF8, "the bytes are not UTF-8"),
    "nothing": (b"{}", Reason.MISSING_FIELD, "event_id: is required"),
    "no project": (line(an_event(project_id=None)), Reason.MISSING_FIELD, "project_id: is required"),
    "no provider": (line(an_event(provider=None)), Reason.MISSING_FIELD, "provider: is required for kind llm"),
    "a null": (spoiled(status=None), Reason.MISSING_FIELD, "status: is required"),
    "missing and wrong": (spoiled(status=None, kind="x"), Reason.MISSING_FIELD, "status: is required"),
    "a wrong word": (spoiled(status="ok"), Reason.BAD_VALUE, "status: "),
    "a number as text": (spoiled(latency_ms="5"), Reason.BAD_VALUE, "latency_ms: "),
    "a flag as number": (spoiled(input_tokens=True), Reason.BAD_VALUE, "input_tokens: "),
    "a number as flag": (spoiled(stream=1), Reason.BAD_VALUE, "stream: "),
    "an empty name": (spoiled(model=""), Reason.BAD_VALUE, "model: "),
    "a label that is too long": (spoiled(metadata={"k": "x" * 1025}), Reason.BAD_VALUE, "metadata.k: "),
    "a team that is no text": (spoiled(teams=["a", 5]), Reason.BAD_VALUE, "teams.1: "),
    "more cached than read": (spoiled(cached_tokens=1), Reason.BAD_VALUE, "cached_tokens: must not exceed"),
    "a cost that is no number": (spoiled(cost_usd="much"), Reason.BAD_VALUE, "cost_usd: must be a decimal number"),
    "a number without end": (GOOD[:-1] + b',"cost_usd":1e400}', Reason.BAD_VALUE, "cost_usd: "),
    "a time as number": (spoiled(timestamp=1_776_679_293), Reason.BAD_TIMESTAMP, "timestamp: must be RFC 3339"),
    "a time out of range": (GOOD[:-1] + b',"timestamp":1e400}', Reason.BAD_TIMESTAMP, "timestamp: "),
    "a time without offset": (spoiled(timestamp="2026-04-20T10:01:33"), Reason.BAD_TIMESTAMP, "timestamp: must be RFC"),
    "a day that is none": (spoiled(timestamp="2026-02-30T10:01:33Z"), Reason.BAD_TIMESTAMP, "timestamp: is not on the"),
    "a leap second": (spoiled(timestamp="2016-12-31T23:59:60Z"), Reason.BAD_TIMESTAMP, "timestamp: is not on the"),
    "a year too early": (spoiled(timestamp="1969-12-31T23:59:59Z"), Reason.BAD_TIMESTAMP, "timestamp: must lie in"),
    "too old": (
        line(an_event(at_ms=AT_MS - 400 * DAY_MS - 1)),
        Reason.TOO_OLD,
        "timestamp: 2025-03-16T10:01:32.999Z is",
    ),
    "in the future": (
        line(an_event(at_ms=AT_MS + 600_001)),
        Reason.IN_FUTURE,
        "timestamp: 2026-04-20T10:11:33.001Z is",
    ),
}


@pytest.mark.parametrize("what", REFUSED_ALONE)
def test_a_refused_event_tells_reason_place_and_bytes(what):
    """An event that is refused is told by its reason, the field at fault, its place, and its bytes untouched."""
    raw, reason, detail = REFUSED_ALONE[what]
    refusal = only_refusal(raw)
    assert (refusal.index, refusal.reason, refusal.raw) == (0, reason, raw)
    assert refusal.detail.startswith(detail)


@pytest.mark.parametrize("what", REFUSED_ALONE)
def test_the_other_events_of_the_record_count(what):
    """Beside a refused event the good ones count, each at its own place, wherever the bad one stands."""
    raw, reason, _ = REFUSED_ALONE[what]
    for place in range(3):
        parts = [line(an_event(2)), line(an_event(3))]
        parts.insert(place, raw)
        if raw.count(b"\n"):
            continue  # a line end within UTF-16 makes two parts of it
        events, (refusal,) = told(b"\n".join(parts))
        assert (refusal.index, refusal.reason, refusal.raw) == (place, reason, raw)
        good_places = [index for index in range(3) if index != place]
        assert [(index, event.event_id) for index, event in events] == [
            (good_places[0], numbered_id(2)),
            (good_places[1], numbered_id(3)),
        ]


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (None, Reason.NOT_JSON, "the record is empty"),
        (b"", Reason.NOT_JSON, "the record is empty"),
        (b" \r\n\t", Reason.NOT_JSON, "the record is empty"),
        (b"[" + GOOD, Reason.NOT_JSON, "not a JSON array"),
        (b"[" + GOOD + b",]", Reason.NOT_JSON, "not a JSON array"),
        (b"[" + GOOD + b"]]", Reason.NOT_JSON, "not a JSON array"),
        (b"[" + GOOD + b"]\n" + GOOD, Reason.NOT_JSON, "not a JSON array"),
        (b"[" + GOOD + b',"\xff]', Reason.NOT_UTF8, "not a JSON array"),
        (b"[" * 2000, Reason.NOT_JSON, "brackets nest deeper than 500 levels"),
        (lines(an_event(n) for n in range(1001)), Reason.TOO_MANY_EVENTS, "1001 events, 1000 are allowed"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", Reason.TOO_MANY_EVENTS, "1001 events, 1000 are allowed"),
        (b"x\n" * 1001, Reason.TOO_MANY_EVENTS, "1001 events, 1000 are allowed"),
        (b"x" * 1_048_577, Reason.TOO_LARGE, "1048577 bytes, 1048576 are allowed"),
    ],
)
def test_a_record_refused_as_a_whole_has_no_place(record, reason, detail):
    """What cannot be told apart into events is one refusal, without an index, with all of the record's bytes."""
    refusal = only_refusal(record)
    assert (refusal.index, refusal.reason, refusal.raw) == (None, reason, record or b"")
    assert refusal.detail.startswith(detail)


def test_a_thousand_events_are_allowed():
    """The largest record holds 1,000 events, whatever its shape, and whether or not one of them is refused."""
    events = [an_event(number) for number in range(1000)]
    for record in (lines(events), json.dumps(events).encode()):
        assert [index for index, _ in told(record)[0]] == list(range(1000))
    found, refusals = told(lines(events[:-1]) + b"\n{}")
    assert (len(found), [refusal.index for refusal in refusals]) == (999, [999])


def test_the_largest_record_is_allowed():
    """A record of exactly the allowed size is read, one byte more is refused unread."""
    assert len(told(GOOD, limits=Limits(max_record_bytes=len(GOOD)))[0]) == 1
    assert only_refusal(GOOD, limits=Limits(max_record_bytes=len(GOOD) - 1)).reason == Reason.TOO_LARGE


def test_an_empty_array_holds_nothing():
    """An array without events is neither an event nor a refusal."""
    assert told(b"[]") == told(b" [ \n] ") == ([], [])


@pytest.mark.parametrize(
    ("record", "numbers"),
    [
        (GOOD + b"\n", [1]),
        (b"\n\r\n" + GOOD + b"\r\n\r\n" + line(an_event(2)) + b"\r\n", [1, 2]),
        (GOOD + line(an_event(2)), [1, 2]),
        (GOOD + b" \t " + line(an_event(2)), [1, 2]),
        (json.dumps(an_event(1), indent=2).encode(), [1]),
        (b"\n".join(json.dumps(an_event(number), indent=2).encode() for number in (1, 2)), [1, 2]),
        (b"[" + GOOD + b"]", [1]),
        (b" \n[ " + GOOD + b" ,\n" + line(an_event(2)) + b"] \n", [1, 2]),
    ],
)
def test_shapes_of_records(record, numbers):
    """Lines with any line end, objects over several lines, and arrays are read; blank lines do not count as places."""
    events, refusals = told(record)
    assert [event.event_id for _, event in events] == [numbered_id(number) for number in numbers]
    assert [index for index, _ in events] == list(range(len(numbers)))
    assert not refusals


def test_arrays_within_an_array_are_refused_one_by_one():
    """Each element of an array is judged: an array in it is no event, its neighbours may be."""
    events, (refusal,) = told(b"[[" + GOOD + b"], " + line(an_event(2)) + b"]")
    assert [index for index, _ in events] == [1]
    assert (refusal.index, refusal.reason, refusal.raw) == (0, Reason.NOT_JSON, b"[" + GOOD + b"]")


def test_an_object_over_several_lines_survives_a_bad_neighbour_that_is_json():
    """Where every value is JSON the record is split at values, so that only the bad one is refused."""
    pretty = json.dumps(an_event(1), indent=2).encode()
    events, (refusal,) = told(pretty + b'\n{"a":1}\n')
    assert [event.event_id for _, event in events] == [numbered_id(1)]
    assert (refusal.index, refusal.reason, refusal.raw) == (1, Reason.MISSING_FIELD, b'{"a":1}')


@pytest.mark.parametrize(
    ("ahead_ms", "accepted"), [(-400 * DAY_MS - 1, False), (-400 * DAY_MS, True), (600_000, True), (600_001, False)]
)
def test_the_edges_of_time_belong_to_it(ahead_ms, accepted):
    """An event may be ten minutes ahead of its record and as old as the rollups are kept, to the millisecond."""
    raw = line(an_event(at_ms=AT_MS + ahead_ms))
    assert len(decoded(raw).events) == accepted
    finer = raw.replace(b'Z"', b'999Z"')
    assert len(decoded(finer).events) == accepted


@given(st.integers(0, 5000), st.integers(-(2**62), 2**62))
def test_any_record_timestamp_can_be_compared(retention_days, record_ms):
    """However wrong a record's timestamp is, its events get a verdict."""
    found = decode(GOOD, record_ms, Limits(retention_days=retention_days))
    assert len(found.events) + len(found.refusals) == 1


@pytest.mark.parametrize("depth", [150, 250, 499])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_ignored_with_the_field_that_holds_it(depth, brackets):
    """An unknown field may nest up to the limit, in an event, in a line of several and in an array of them."""
    opener, closer = brackets
    nested = GOOD[:-1] + b',"x":' + opener * depth + b"1" + closer * depth + b"}"
    for record in (nested, b"[" + nested + b"]"):
        assert [event.event_id for _, event in told(record)[0]] == [numbered_id(1)]
    events, refusals = told(nested + b"\n{\n" + line(an_event(2)))
    assert [index for index, _ in events] == [0, 2]
    assert [refusal.index for refusal in refusals] == [1]


@pytest.mark.parametrize("depth", [500, 900, 2000, 100_000])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("field", [b'"x"', b'"metadata"', b'"event_id"'])
def test_too_deep_nesting_is_refused(depth, brackets, field):
    """Deeper nesting is refused in any field; the other lines of the record count."""
    opener, closer = brackets
    nested = GOOD[:-1] + b"," + field + b":" + opener * depth + b"1" + closer * depth + b"}"
    refusal = only_refusal(nested)
    assert (refusal.index, refusal.reason, refusal.raw) == (0, Reason.NOT_JSON, nested)
    assert refusal.detail == "brackets nest deeper than 500 levels"
    events, refusals = told(line(an_event(2)) + b"\n" + nested + b"\n" + line(an_event(3)))
    assert [index for index, _ in events] == [0, 2]
    assert [(refusal.index, refusal.raw) for refusal in refusals] == [(1, nested)]
    assert only_refusal(b"[" + nested + b"]").index is None


def at_stack_depth(frames, function):
    return function() if frames == 0 else at_stack_depth(frames - 1, function)


@pytest.mark.parametrize("nesting", [200, 400, 499, 500, 700, 900, 950, 990])
def test_the_verdict_does_not_depend_on_the_stack(nesting):
    """Called from deep or from shallow code, the same record gets the same verdict."""
    raw = GOOD[:-1] + b',"x":' + b"[" * nesting + b"]" * nesting + b"}"
    verdicts = [at_stack_depth(frames, lambda: told(raw)) for frames in (0, 100, 200, 300)]
    assert all(verdict == verdicts[0] for verdict in verdicts)


def test_the_verdict_does_not_depend_on_the_process():
    """Of several faults always the same one is told, whatever a process hashes strings with."""
    raw = GOOD[:-1] + b',"cost_usd":1e400,"latency_ms":1e400,"ttft_ms":1e400,"sample_rate":1e400,"complexity":1e400}'
    program = (
        "import sys; from tokentide.events import Limits, decode;"
        f"print(decode(sys.stdin.buffer.read(), {AT_MS}, Limits()).refusals)"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=raw,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(answers) == 1
    assert b"latency_ms: " in answers.pop()


@given(st.one_of(mutated_documents().flatmap(render).flatmap(damaged), st.binary(max_size=40)))
def test_any_bytes_get_one_verdict(raw):
    """Whatever a record holds, reading it neither fails nor differs from one time to the next, and loses no part."""
    events, refusals = told(raw)
    assert (events, refusals) == told(raw)
    places = sorted(
        [index for index, _ in events] + [refusal.index for refusal in refusals if refusal.index is not None]
    )
    assert places == list(range(len(places)))
    assert all(refusal.raw in raw for refusal in refusals)
    assert events or refusals or raw.strip().startswith(b"[")


one_line = st.one_of(documents(), mutated_documents()).flatmap(render).filter(lambda raw: b"\n" not in raw)


@given(st.lists(one_line, min_size=1, max_size=4))
def test_a_batch_is_the_concatenation_of_its_events(parts):
    """NDJSON and arrays hold what their events hold alone, at the places where they stand."""
    alone = [told(part) for part in parts]
    events = [(place, event) for place, (found, _) in enumerate(alone) for _, event in found]
    refusals = [(place, refusal) for place, (_, refused) in enumerate(alone) for refusal in refused]
    batch_events, batch_refusals = told(b"\n".join(parts))
    assert batch_events == events
    assert [(refusal.index, refusal.reason, refusal.detail, refusal.raw) for refusal in batch_refusals] == [
        (place, refusal.reason, refusal.detail, refusal.raw) for place, refusal in refusals
    ]
    if all(refusal.reason != Reason.NOT_JSON for _, refusal in refusals):
        array_events, array_refusals = told(b"[" + b",".join(parts) + b"]")
        assert array_events == events
        assert [(refusal.index, refusal.reason) for refusal in array_refusals] == [
            (place, refusal.reason) for place, refusal in refusals
        ]


@given(st.lists(documents().flatmap(render), min_size=1, max_size=4), st.sampled_from(HOSTILE))
def test_a_hostile_line_changes_nothing_for_the_others(parts, hostile):
    """The events that are read all at once are the same when a line that is no event makes them be read one by one."""
    together = told(b"\n".join(parts))
    beside = told(b"\n".join([*parts, b"{" + hostile.encode()]))
    assert beside[0] == together[0]
    assert not together[1]
    assert beside[1]


def test_labels_are_merged_and_tags_win():
    """Tags end up in the metadata, over entries of the same name."""
    (event,) = decoded(line(an_event(metadata={"a": 1, "b": None}, tags={"b": "x", "c": [1.5, True]}))).events
    assert event.metadata == {"a": "1", "b": "x", "c": "[1.5,true]"}


def test_the_timestamp_of_an_event_of_the_model_is_its_time():
    """An event that only the model accepts keeps its time, cut to the millisecond, and its cost."""
    (event,) = decoded(spoiled(timestamp="2026-04-20t12:01:33.4569+02:00", fallback_used=None, cost_usd="0.1")).events
    assert event.event_time_ms == AT_MS + 456
    assert event.timestamp == rfc3339(AT_MS + 456)
    assert event.cost_nanos == 100_000_000
