"""The made-up traffic is deterministic, valid, and as varied as real traffic."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokentide.demo.catalogue import MODELS
from tokentide.demo.traffic import generate, rfc3339
from tokentide.events import Limits, decode
from tokentide.events.values import epoch_ms

END_MS = 1_776_679_293_123  # 2026-04-20T10:01:33.123Z
DAY_MS = 86_400_000

seeds = st.integers(0, 2**32)
ends_ms = st.integers(1_600_000_000_000, 1_900_000_000_000)


@pytest.fixture(scope="module")
def week():
    return list(generate(7, 20_000, END_MS, ["demo", "shop", "lab"]))


@settings(max_examples=25, deadline=None)
@given(seed=seeds, end_ms=ends_ms, count=st.integers(0, 300), days=st.sampled_from([0.01, 0.5, 1, 7, 30]))
def test_same_arguments_give_the_same_events(seed, end_ms, count, days):
    """The events are a function of the arguments, and as many as asked for."""
    first = list(generate(seed, count, end_ms, ["a", "b"], days))
    assert first == list(generate(seed, count, end_ms, ["a", "b"], days))
    assert len(first) == count


@settings(max_examples=40, deadline=None)
@given(seed=seeds, end_ms=ends_ms, count=st.integers(1, 300), ahead_ms=st.integers(0, 5 * DAY_MS))
def test_every_event_is_accepted(seed, end_ms, count, ahead_ms):
    """Whatever the seed, the contract accepts every event in a record that is stamped at the end or later."""
    record = b"\n".join(msgspec.json.encode(event) for event in generate(seed, count, end_ms, ["a", "b"]))
    decoded = decode(record, end_ms + ahead_ms, Limits())
    assert not decoded.refusals
    assert len(decoded.events) == count


@settings(max_examples=40, deadline=None)
@given(seed=seeds, end_ms=ends_ms, days=st.sampled_from([0.01, 0.5, 1, 7]))
def test_times_rise_within_the_days_asked_for(seed, end_ms, days):
    """No event begins after the end or before the days begin, and each begins no earlier than the one before."""
    times = [epoch_ms(event["timestamp"]) for event in generate(seed, 200, end_ms, ["a"], days)]
    assert times == sorted(times)
    assert end_ms - days * DAY_MS <= times[0]
    assert times[-1] <= end_ms


def test_a_seed_makes_a_difference():
    """Two seeds give two different weeks, down to every event_id."""
    one, two = ({event["event_id"] for event in generate(seed, 500, END_MS, ["a"])} for seed in (1, 2))
    assert len(one) == len(two) == 500
    assert not one & two


def test_event_ids_are_unique(week):
    """No identity stands twice: repeats are the business of faults."""
    assert len({event["event_id"] for event in week}) == len(week)


def test_about_one_call_in_thirty_fails(week):
    """Success stands at about 96 %, and every other ending occurs."""
    endings = Counter(event["status"] for event in week if event.get("kind", "llm") == "llm")
    assert 0.95 < endings["success"] / endings.total() < 0.975
    assert set(endings) == {"success", "error", "timeout", "rate_limited", "cancelled"}


def test_models_follow_their_weights(week):
    """The mix is skewed as the catalogue says: each model's share is within two points of its weight."""
    calls = Counter(event["model"] for event in week if "model" in event)
    weight = sum(model.weight for model in MODELS)
    for model in MODELS:
        assert calls[model.name] / calls.total() == pytest.approx(model.weight / weight, abs=0.02)


def test_projects_are_skewed(week):
    """The first project has the most events, each further one fewer."""
    owners = Counter(event["project_id"] for event in week)
    assert [project for project, _ in owners.most_common()] == ["demo", "shop", "lab"]


def test_load_follows_the_day(week):
    """The afternoon (UTC) is at least three times as busy as the night."""
    hours = Counter(event["timestamp"][11:13] for event in week)
    assert sum(hours[f"{hour:02}"] for hour in range(13, 18)) > 3 * sum(hours[f"{hour:02}"] for hour in range(1, 6))


def test_rate_limits_come_in_bursts(week):
    """Some minute turns away many more calls than the even share."""
    refused = Counter(event["timestamp"][:16] for event in week if event["status"] == "rate_limited")
    assert max(refused.values()) >= 3


def test_more_tokens_take_longer(week):
    """Of one model's answers, the longer half is slower in the mean."""
    answers = [event for event in week if event.get("model") == "gpt-4o" and event["status"] == "success"]
    answers.sort(key=lambda event: event["output_tokens"])
    half = len(answers) // 2
    short, long = (sum(event["latency_ms"] for event in part) for part in (answers[:half], answers[half : 2 * half]))
    assert long > 2 * short


def test_ttft_belongs_to_streams(week):
    """A time to the first token stands on streamed calls alone, and is no longer than the call."""
    for event in week:
        assert ("ttft_ms" in event) == event.get("stream", False)
        assert event.get("ttft_ms", 0) <= event["latency_ms"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"mcp", "guardrail", "config", "agent"}),
        ("failure_mode", {"format_violation", "incomplete", "hallucination", "refusal", "reasoning_error"}),
        ("recovered_by", {"retry", "fallback"}),
        ("finish_reason", {"stop", "tool_calls", "length", "content_filter"}),
        ("environment", {"production", "staging", "development"}),
        ("subject_type", {"user", "virtualaccount"}),
        ("cache_lookup_status", {"hit", "miss"}),
        ("routing_correct", {True, False}),
        ("fallback_used", {True, False}),
        ("model_pinned", {True}),
        ("virtual_model", {"assistants/chat"}),
        ("config_type", {"loadbalance", "ratelimit", "budget"}),
    ],
)
def test_every_kind_of_row_occurs(week, field, values):
    """What the four dialects ask about is there."""
    assert {event[field] for event in week if field in event} == values


def test_money_comes_as_number_and_as_text(week):
    """Both forms of an amount that the contract allows occur."""
    assert {type(event["cost_usd"]) for event in week if "cost_usd" in event} == {float, str}


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "1970-01-01T00:00:00.000Z"), (1_776_679_293_007, "2026-04-20T10:01:33.007Z")]
)
def test_rfc3339(ms, text):
    """Moments are written in UTC, to the millisecond."""
    assert rfc3339(ms) == text
