"""From chunks to lines, and from lines to events or refusals."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.demo.faults import BAD_LINES, Faults, bad_line, with_faults
from tokentide.demo.traffic import generate
from tokentide.events import Limits, Reason
from tokentide.ingest.lines import LineSplitter, judge

NOW_MS = 1_776_679_293_123
LIMITS = Limits()
GOOD = next(generate(1, 1, NOW_MS, ["p"]))


def split(chunks, max_bytes=100):
    splitter = LineSplitter(max_bytes)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))), st.lists(st.integers(0, 500)))
def test_chunks_do_not_matter(lines, places):
    """Wherever the stream is cut, the lines are the same, with their numbers, and without the blank ones."""
    expected = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    assert split(cut(b"\n".join(lines), places)) == expected


@given(st.integers(101, 500), st.lists(st.integers(0, 600)))
def test_a_long_line_is_cut_off_but_stays_too_long(length, places):
    """Of a line that is too long one byte more than allowed is kept: memory is bounded, and the verdict is clear."""
    data = b"a\n" + b"x" * length + b"\nb"
    assert split(cut(data, places)) == [(1, b"a"), (2, b"x" * 101), (3, b"b")]


def test_blanks_at_the_cut_do_not_shorten_a_long_line():
    """A valid beginning, blanks up to the limit, then something else: that is too long, not valid."""
    assert len(split([b'{"a":1}' + b" " * 200 + b"garbage"])[0][1]) == 101


def test_line_ends_of_windows():
    """A carriage return is no part of the event."""
    assert split([b"a\r\n\r\nb\r\n"]) == [(1, b"a"), (3, b"b")]


def test_every_line_is_judged_as_the_worker_will():
    """Good lines are accepted as they are, with their project as key; bad ones are refused for their reason."""
    made = list(with_faults(generate(3, 2000, NOW_MS, ["a", "b"]), Faults(repeated=0.1, bad=0.1), 3, NOW_MS))
    accepted, refused = judge([(number, line.body) for number, line in enumerate(made, 1)], NOW_MS, LIMITS, {})
    assert accepted == [(line.project_id.encode(), line.body) for line in made if line.event]
    assert [(each.line, each.reason) for each in refused] == [
        (number, line.reason) for number, line in enumerate(made, 1) if line.reason
    ]


@pytest.mark.parametrize("reason", BAD_LINES)
def test_each_reason(reason):
    """Whatever a line can be refused for is found before it is sent, and worded."""
    accepted, refused = judge([(7, bad_line(Random(1), GOOD, reason, NOW_MS).body)], NOW_MS, LIMITS, {})
    assert accepted == []
    assert (refused[0].line, refused[0].reason) == (7, reason)
    assert refused[0].detail


@pytest.mark.parametrize("text", [b"[%s]", b"[%s,%s]", b"%s %s", b"[]", b"null", b"[[%s]]"])
def test_a_line_holds_one_object(text):
    """Arrays, or two objects in a line, would change their meaning inside an NDJSON record: they are refused."""
    body = text.replace(b"%s", msgspec.json.encode(GOOD))
    accepted, refused = judge([(1, body)], NOW_MS, LIMITS, {})
    assert accepted == []
    assert [each.reason for each in refused] == [Reason.NOT_JSON]


def test_a_line_that_is_too_long_is_too_large():
    """The verdict is the same as for a record of that size."""
    limits = Limits(max_record_bytes=50)
    accepted, refused = judge(split([msgspec.json.encode(GOOD)], 50), NOW_MS, limits, {})
    assert accepted == []
    assert [each.reason for each in refused] == [Reason.TOO_LARGE]


def test_events_of_a_sharded_project_get_the_key_of_their_shard():
    """A project that is spread over partitions is spread by identity."""
    bodies = [msgspec.json.encode(event) for event in generate(2, 50, NOW_MS, ["p"])]
    accepted, _ = judge(list(enumerate(bodies)), NOW_MS, LIMITS, {"p": 2})
    assert {each.key for each in accepted} == {b"p#0", b"p#1"}
