"""Each line that faults make is what it says it is."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokentide.demo.faults import BAD_LINES, Faults, bad_line, whole_record, with_faults
from tokentide.demo.traffic import generate
from tokentide.events import Limits, Reason, decode

END_MS = 1_776_679_293_123
FAULTS = Faults(repeated=0.1, late=0.05, bad=0.03, distance=200)
LIMITS = Limits()

seeds = st.integers(0, 2**32)


def lines_of(seed, count, faults):
    return list(with_faults(generate(seed, count, END_MS, ["a", "b"]), faults, seed, END_MS))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, count=st.integers(0, 200))
def test_same_arguments_give_the_same_lines(seed, count):
    """The lines are a function of the arguments."""
    assert lines_of(seed, count, FAULTS) == lines_of(seed, count, FAULTS)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_every_line_is_judged_as_it_says(seed):
    """The contract accepts a line exactly when it carries an event, and refuses it for exactly its reason."""
    for line in lines_of(seed, 200, FAULTS):
        decoded = decode(line.body, END_MS, LIMITS)
        assert [refusal.reason for refusal in decoded.refusals] == ([line.reason] if line.reason else [])
        assert len(decoded.events) == (line.event is not None)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_a_bad_line_spoils_no_neighbour(seed):
    """In one NDJSON record with good lines around them, bad ones alone are refused, each for its reason."""
    lines = lines_of(seed, 300, FAULTS)
    decoded = decode(b"\n".join(line.body for line in lines), END_MS, LIMITS)
    assert Counter(refusal.reason for refusal in decoded.refusals) == Counter(
        line.reason for line in lines if line.reason
    )
    assert len(decoded.events) == sum(line.event is not None for line in lines)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_good_events_all_arrive_once(seed):
    """Faults lose nothing: the lines that are no repeat carry every event once."""
    events = list(generate(seed, 300, END_MS, ["a", "b"]))
    sent = [
        line.event["event_id"] for line in with_faults(events, FAULTS, seed, END_MS) if line.event and not line.repeat
    ]
    assert sorted(sent) == sorted(event["event_id"] for event in events)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, distance=st.integers(1, 100))
def test_a_repeat_follows_within_its_distance(seed, distance):
    """A repeat is the same bytes, later, with at most `distance` events of the order between them."""
    events = list(generate(seed, 300, END_MS, ["a"]))
    order = {event["event_id"]: place for place, event in enumerate(events)}
    seen, newest = {}, -1
    for line in with_faults(events, Faults(repeated=0.3, distance=distance), seed, END_MS):
        identity = line.event["event_id"]
        if line.repeat:
            assert seen[identity] == line.body
            assert newest - order[identity] <= distance
        else:
            seen[identity] = line.body
            newest = order[identity]


def test_shares_are_as_asked():
    """Of 20,000 events about as many are repeated, late and bad as asked for, and every reason occurs."""
    lines = lines_of(3, 20_000, FAULTS)
    reasons = Counter(line.reason for line in lines if line.reason)
    times = [line.event["timestamp"][:23] for line in lines if line.event and not line.repeat]
    late = sum(later < newest for later, newest in zip(times[1:], _running_maximum(times), strict=False))
    assert sum(line.repeat for line in lines) / 20_000 == pytest.approx(0.1, abs=0.01)
    assert late / 20_000 == pytest.approx(0.05, abs=0.01)
    assert reasons.total() / 20_000 == pytest.approx(0.03, abs=0.005)
    assert set(reasons) == set(BAD_LINES)


def _running_maximum(times):
    newest = ""
    for time in times:
        newest = max(newest, time)
        yield newest


def test_without_faults_the_lines_are_the_events():
    """Nothing is added, left out or moved when no share is asked for."""
    events = list(generate(5, 300, END_MS, ["a", "b"]))
    assert [line.event for line in with_faults(events, Faults(), 5, END_MS)] == events


@pytest.mark.parametrize("reason", BAD_LINES)
def test_a_bad_line_is_bad_in_every_variant(reason):
    """Each reason has several variants: all of them are refused for it."""
    rng = Random(11)
    for event in generate(11, 200, END_MS, ["a"]):
        decoded = decode(bad_line(rng, event, reason, END_MS).body, END_MS, LIMITS)
        assert [refusal.reason for refusal in decoded.refusals] == [reason]


@pytest.mark.parametrize("reason", [Reason.TOO_LARGE, Reason.TOO_MANY_EVENTS])
def test_a_whole_record_is_refused_once(reason):
    """A record that is too large or too full is one dead letter, whatever it holds."""
    event = next(generate(1, 1, END_MS, ["a"]))
    decoded = decode(whole_record(event, reason, LIMITS, 1000).body, END_MS, LIMITS)
    assert not decoded.events
    assert [refusal.reason for refusal in decoded.refusals] == [reason]


def test_bad_lines_and_whole_records_cover_every_reason():
    """A producer can cause each dead-letter reason, and each can be made here."""
    assert set(BAD_LINES) | {Reason.TOO_LARGE, Reason.TOO_MANY_EVENTS} == set(Reason)
