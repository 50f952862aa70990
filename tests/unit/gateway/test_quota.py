"""The monthly quota: what it counts, when it refuses, and when it clears."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.api.fakes import FakeStore
from tokentide.api.failures import Kind, Refused
from tokentide.gateway import quota as module
from tokentide.gateway.quota import Quota, next_month_ms
from tokentide.ingest.records import Batch
from tokentide.metrics import ApiMetrics

NOVEMBER_MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
DECEMBER_MS = NOVEMBER_MS + 30 * 86_400_000
NOW_MS = DECEMBER_MS - 90_500


@pytest.fixture
def store():
    """Rollups that hold 40 events of o, and a partition stored up to offset 7."""
    return FakeStore(month_usage=[("o", 40), ("other", 90)], positions=[(0, 7)])


@pytest.fixture
def metrics():
    return ApiMetrics(CollectorRegistry())


@pytest.fixture
def quota(store, metrics, monkeypatch):
    """A hundred events a month, read again whenever asked."""
    monkeypatch.setattr(module, "_FRESH_SECONDS", 0.0)
    return Quota(100, store, "t", metrics)


def send(quota, events, offset=None, now_ms=NOW_MS):
    """Send events; without an offset Kafka did not take them."""
    with quota.reserved("o", events, now_ms) as reserved:
        if offset is not None:
            reserved.accepted([(0, offset)], [Batch(b"p", b"", events)])


def refusal(quota, events, now_ms=NOW_MS):
    with pytest.raises(Refused) as caught:
        send(quota, events, 99, now_ms)
    return caught.value.failure


async def test_a_request_that_would_pass_the_quota_is_refused_whole(quota):
    """Usage is what the rollups hold and what was accepted since; the last event that fits is taken."""
    await quota.look(NOW_MS)
    send(quota, 30, offset=8)
    assert quota.used("o") == 70
    failure = refusal(quota, 31)
    assert (failure.kind, failure.message) == (Kind.QUOTA_EXCEEDED, "Monthly quota exceeded")
    assert failure.retry_after_seconds == 91
    send(quota, 30, offset=9)
    assert quota.used("o") == 100
    assert refusal(quota, 1)


async def test_what_was_stored_counts_once(quota, store):
    """A record that the worker has stored is no longer counted here, but in the rollups."""
    await quota.look(NOW_MS)
    send(quota, 30, offset=8)
    store.rows |= {"month_usage": [("o", 70)], "positions": [(0, 9)]}
    await quota.look(NOW_MS)
    assert quota.used("o") == 70


async def test_what_kafka_did_not_take_is_free_again(quota):
    """Events count while they are on their way, and no longer when they were not accepted."""
    await quota.look(NOW_MS)
    with quota.reserved("o", 60, NOW_MS):
        assert quota.used("o") == 100
        assert refusal(quota, 1)
    assert quota.used("o") == 40


async def test_the_turn_of_the_month_clears_it(quota, store):
    """In the new month nothing is used yet."""
    store.rows["month_usage"] = [("o", 100)]
    await quota.look(NOW_MS)
    assert refusal(quota, 1)
    asked = store.asked[-1]
    assert (asked.args["from"], asked.args["to"]) == (NOVEMBER_MS // 1000, DECEMBER_MS // 1000)
    store.rows["month_usage"] = []
    await quota.look(DECEMBER_MS)
    send(quota, 100, offset=10, now_ms=DECEMBER_MS)
    assert refusal(quota, 1, DECEMBER_MS).retry_after_seconds == 31 * 86_400


async def test_the_turn_of_the_month_clears_it_without_the_store(quota, store):
    """What was used in the old month is not held against the new one, also when nobody knows about that."""
    store.rows["month_usage"] = [("o", 100)]
    await quota.look(NOW_MS)
    store.away = True
    await quota.look(DECEMBER_MS)
    send(quota, 100, offset=10, now_ms=DECEMBER_MS)
    assert refusal(quota, 1, DECEMBER_MS)


async def test_a_store_that_is_away_stops_nothing(quota, store):
    """What was read last goes on, and what is accepted meanwhile is added."""
    await quota.look(NOW_MS)
    store.away = True
    await quota.look(NOW_MS)
    send(quota, 60, offset=8)
    assert refusal(quota, 1)


async def test_what_nobody_stores_takes_bounded_memory(quota, monkeypatch):
    """While no worker runs, the count stays right and the records are not kept one by one."""
    monkeypatch.setattr(module, "_MOST_APART", 5)
    await quota.look(NOW_MS)
    for offset in range(60):
        send(quota, 1, offset=10 + offset)
    assert quota.used("o") == 100
    assert len(quota._apart[0, "o"]) == 5


async def test_the_highest_use_is_a_metric(quota, metrics):
    """Of all organisations the one that is nearest to its quota."""
    await quota.look(NOW_MS)
    assert metrics.registry.get_sample_value("tokentide_quota_used_ratio") == 0.9
    send(quota, 55, offset=8)
    assert metrics.registry.get_sample_value("tokentide_quota_used_ratio") == 0.95


async def test_no_quota_asks_nobody(store, metrics):
    """0 is no limit, and costs no question."""
    free = Quota(0, store, "t", metrics)
    await free.look(NOW_MS)
    await free.keep_fresh()
    send(free, 10**9, offset=1)
    assert store.asked == []


@pytest.mark.parametrize("month", range(24))
def test_the_next_month_is_the_next_one(month):
    """Also after February, and after a month of 31 days."""
    start = NOVEMBER_MS
    for _ in range(month):
        start = next_month_ms(start)
    end = next_month_ms(start)
    assert next_month_ms(end - 1) == end
    assert (end - start) // 86_400_000 in {28, 29, 30, 31}
