"""The ledger, held against brute force over the log in one piece."""

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from tests.oracle.ledger import Ledger, Written
from tests.oracle.rollups import Logged, counted, rollups

WINDOW_MS = 4000
STATUSES = ("success", "success", "error", "timeout", "rate_limited", "cancelled")


def some_event(rng):
    """An event with what rows are merged by: ids that repeat, failures at close times, streams, scores."""
    return {
        "event_id": str(UUID(int=rng.randrange(60))),
        "project_id": rng.choice("pq"),
        "timestamp": f"2026-04-20T10:{rng.randrange(60):02}:00.{rng.randrange(3)}Z",
        "provider": "a",
        "model": rng.choice("mn"),
        "status": rng.choice(STATUSES),
        "latency_ms": rng.randrange(9000) / 8,
        "input_tokens": rng.randrange(50),
        "cost_usd": rng.randrange(1000) / 1000,
        "stream": True,
        "ttft_ms": rng.randrange(800) / 8,
        "quality_score": rng.randrange(9) / 8,
    }


def some_log(seed, records):
    """Records of two partitions, whose times mostly rise."""
    rng, ms = Random(seed), 10_000
    for offset in range(records):
        ms += rng.choice([0, 10, 300, 2000, -500])
        for partition in (0, 1):
            events = [(index, some_event(rng)) for index in range(rng.randrange(3))]
            yield Written(partition, offset, ms, events, refused=[len(events)])


@pytest.mark.parametrize("seed", range(5))
def test_pieces_add_up_to_the_whole(seed):
    """Wherever the log is cut, the rows and events are those of brute force over all of it."""
    log = list(some_log(seed, 60))
    ledger, rng = Ledger(WINDOW_MS), Random(seed)
    rest = log
    while rest:
        cut = rng.randrange(1, 20)
        ledger.add(rest[:cut])
        rest = rest[cut:]
    whole, log_ms = [], {}
    for record in log:
        ms = log_ms[record.partition] = max(record.record_ms, log_ms.get(record.partition, 0))
        whole += [Logged(record.partition, record.offset, index, ms, event) for index, event in record.events]
    kept = counted(whole, WINDOW_MS, max_ids=10**9)
    assert ledger.rows == rollups(kept)
    assert ledger.events == {logged[:3]: logged.event for logged in kept}
    assert sum(ledger.duplicates.values()) == len(whole) - len(kept) > 0
    assert len(ledger.refused) == len(log)


def test_a_topic_that_is_made_again_begins_without_ids():
    """What its first life held is counted, and the second life's repeats of it are, too."""
    rng = Random(1)
    event, ledger = some_event(rng), Ledger(WINDOW_MS)
    ledger.add([Written(0, 7, 5000, [(0, event), (1, event)])])
    ledger.add([Written(0, 1 << 48, 5001, [(0, event)])])
    (row,) = ledger.rows["usage_1h"].values()
    assert (row["requests"], row["version"]) == (2, (1 << 48) + 1)
