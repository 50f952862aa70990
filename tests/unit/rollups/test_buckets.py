"""The state of one row: what events do to it, and that it is rebuilt exactly from its values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, numbered_id, the_event
from tokentide.rollups.buckets import (
    Bucket,
    ErrorBucket,
    LatencyBucket,
    ProviderHealthBucket,
    RateLimitBucket,
)
from tokentide.rollups.tables import TABLES
from tokentide.rollups.usage import UsageBucket

KINDS: tuple[type[Bucket], ...] = (UsageBucket, LatencyBucket, ErrorBucket, RateLimitBucket, ProviderHealthBucket)

EVENTS = [
    {},
    {"status": "error", "error_code": "E", "at_ms": AT_MS + 5},
    {"status": "rate_limited", "number": 2},
    {"status": "timeout", "finish_reason": "length", "recovered_by": "retry", "number": 3, "at_ms": AT_MS - 5},
    {"status": "cancelled", "failure_mode": "refusal", "recovered_by": "fallback", "fallback_used": True},
    {"stream": True, "ttft_ms": 3.5, "quality_score": 0.25, "complexity": 0.1, "number": 4},
    {"stream": False, "ttft_ms": 3.5, "latency_ms": 1e9, "cost_usd": 999_999_999},
    {"requested_model": "gpt-4o", "input_tokens": 7, "output_tokens": 6, "cached_tokens": 5, "cache_write_tokens": 4},
    {"routing_correct": False, "retry_count": 2, "model_pinned": True, "cost_ceiling_hit": True, "reasoning_tokens": 3},
]


def values_of(bucket):
    """The measures by name, with everything that waits brought in."""
    if isinstance(bucket, LatencyBucket):
        LatencyBucket.compress_all([bucket])
    return dict(zip(bucket.table.measures, bucket.values(), strict=True))


def filled(kind, events):
    """A bucket after some events."""
    bucket = kind()
    for fields in events:
        bucket.add(the_event(**fields))
    return bucket


def test_there_is_a_bucket_for_each_table():
    """Tables and buckets belong together, one to one."""
    assert [kind.table for kind in KINDS] == list(TABLES)


@given(st.sampled_from(KINDS), st.lists(st.sampled_from(EVENTS)), st.lists(st.sampled_from(EVENTS)))
def test_a_restored_bucket_goes_on_like_the_first(kind, before, after):
    """What was stored and read back is the same row, and stays the same row whatever is added to both."""
    bucket = filled(kind, before)
    values_of(bucket)
    restored = kind.restore(bucket.values(), 17)
    assert (restored.version, restored.fence, restored.stored_version, restored.dirty) == (17, 17, 17, False)
    assert values_of(restored) == values_of(bucket)
    for fields in after:
        bucket.add(the_event(**fields))
        restored.add(the_event(**fields))
    assert values_of(restored) == values_of(bucket) == values_of(filled(kind, [*before, *after]))


def test_values_are_a_picture():
    """Later events do not reach values that were taken before."""
    for kind in KINDS:
        bucket = filled(kind, EVENTS[:3])
        values_of(bucket)
        taken = bucket.values()
        before = repr(taken)
        bucket.add(the_event(**EVENTS[2]))
        values_of(bucket)
        assert repr(taken) == before
        assert bucket.values() != taken


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, {"requests": 1, "success": 1, "latency_us": 120_500, "latency_us_max": 120_500}),
        ({"latency_ms": 0.0005}, {"requests": 1, "success": 1}),
        ({"latency_ms": -0.0}, {"requests": 1, "success": 1}),
        ({"latency_ms": 0, "status": "cancelled"}, {"requests": 1, "cancelled": 1}),
        (
            {"latency_ms": 0, "status": "timeout", "validation_passed": False},
            {"requests": 1, "timeout": 1, "failures": 1, "failed_format_violation": 1},
        ),
        (
            {"latency_ms": 0, "failure_mode": "hallucination", "recovered_by": "retry"},
            {"requests": 1, "success": 1, "failures": 1, "failed_hallucination": 1, "recovered_by_retry": 1},
        ),
        (
            {"latency_ms": 0, "recovered_by": "retry", "retry_count": 1},
            {"requests": 1, "success": 1, "retried": 1},
        ),
        (
            {"latency_ms": 0, "status": "error", "recovered_by": "fallback", "fallback_used": True},
            {
                "requests": 1,
                "error": 1,
                "failures": 1,
                "failed_provider_error": 1,
                "recovered_by_fallback": 1,
                "fallbacks": 1,
            },
        ),
        ({"latency_ms": 0, "ttft_ms": 5}, {"requests": 1, "success": 1}),
        (
            {"latency_ms": 0, "ttft_ms": 5.0005, "stream": True},
            {"requests": 1, "success": 1, "ttft_us": 5000, "ttft_count": 1},
        ),
        ({"latency_ms": 0, "ttft_ms": 0, "stream": True}, {"requests": 1, "success": 1, "ttft_count": 1}),
        ({"latency_ms": 0, "quality_score": 0}, {"requests": 1, "success": 1, "quality_count": 1}),
        (
            {"latency_ms": 0, "complexity": 0.5},
            {"requests": 1, "success": 1, "complexity_sum": 0.5, "complexity_count": 1},
        ),
        (
            {"latency_ms": 0, "cost_usd": "0.000000002", "cost_ceiling_usd": 0.000000001},
            {"requests": 1, "success": 1, "cost_nanos": 2, "ceiling_hits": 1},
        ),
        (
            {"latency_ms": 0, "requested_model": "other"},
            {"requests": 1, "success": 1, "routing_verdicts": 1},
        ),
        (
            {"latency_ms": 0, "requested_model": "gpt-4o"},
            {"requests": 1, "success": 1, "routing_verdicts": 1, "routing_correct": 1},
        ),
    ],
)
def test_what_an_event_adds_to_usage(fields, changed):
    """Each event changes the measures that it speaks of, and no others."""
    values = values_of(filled(UsageBucket, [fields]))
    assert {name: value for name, value in values.items() if value} == changed


def test_the_longest_call_is_kept():
    """The maximum is that of all calls, in whatever order they come."""
    events = [{"latency_ms": ms} for ms in (5, 70, 3)]
    assert values_of(filled(UsageBucket, events))["latency_us_max"] == 70_000


def test_a_sum_of_absurd_costs_stops_where_its_column_ends():
    """Costs that no store could hold are cut to what it holds, the same wherever flushes cut."""
    bucket = filled(UsageBucket, [{"cost_usd": 999_999_999}] * 19)
    assert values_of(bucket)["cost_nanos"] == 2**64 - 1
    restored = UsageBucket.restore(bucket.values(), 1)
    restored.add(the_event(cost_usd=1))
    assert values_of(restored)["cost_nanos"] == 2**64 - 1
    assert values_of(filled(UsageBucket, [{"cost_usd": 999_999_999}] * 18))["cost_nanos"] == 17_999_999_982 * 10**9


@pytest.mark.parametrize(
    ("offsets_ms", "last"),
    [([0, 5, 3], 1), ([5, 0], 0), ([0, 0], 1), ([0, -5, 0], 2)],
)
def test_the_last_error_is_the_latest_by_time_then_by_place(offsets_ms, last):
    """The event seen last is the one that began latest; of equal times, the one later in the log."""
    events = [{"number": place, "status": "error", "at_ms": AT_MS + ms} for place, ms in enumerate(offsets_ms)]
    assert values_of(filled(ErrorBucket, events)) == {
        "errors": len(events),
        "last_seen_ms": AT_MS + max(offsets_ms),
        "last_event_id": numbered_id(last),
    }


@pytest.mark.parametrize(
    ("status", "errors", "rate_limited"),
    [("success", 0, 0), ("error", 1, 0), ("timeout", 1, 0), ("rate_limited", 0, 1), ("cancelled", 0, 0)],
)
def test_provider_health_tells_errors_from_rate_limits(status, errors, rate_limited):
    """Errors and time-outs are errors, rate limits stand apart, and every call counts."""
    values = values_of(filled(ProviderHealthBucket, [{"status": status, "latency_ms": 2}]))
    assert values == {"requests": 1, "errors": errors, "rate_limited": rate_limited, "latency_us": 2000}
    assert values_of(filled(RateLimitBucket, [{"status": status}])) == {"rate_limited": rate_limited}


def test_a_first_token_counts_when_streaming_only():
    """The second digest holds times to the first token of streaming calls."""
    events = [{"ttft_ms": 1}, {"ttft_ms": 2, "stream": True}, {"stream": True}, {"ttft_ms": 0, "stream": True}]
    values = values_of(filled(LatencyBucket, events))
    assert (values["ttft_means"], values["ttft_weights"]) == ([0.0, 2.0], [1, 1])
    assert sum(values["latency_weights"]) == 4


def test_many_buckets_are_compressed_together():
    """Each bucket gets its own values, those without new ones keep what they have."""
    buckets = [filled(LatencyBucket, [{"latency_ms": place}] * place) for place in range(4)]
    LatencyBucket.compress_all(buckets)
    LatencyBucket.compress_all(buckets)
    assert [bucket.latency.mean_list() for bucket in buckets] == [[], [1.0], [2.0, 2.0], [3.0, 3.0, 3.0]]
    assert not any(bucket.waiting_latencies_ms or bucket.waiting_ttfts_ms for bucket in buckets)
