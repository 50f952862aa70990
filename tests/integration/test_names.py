"""Projects that invent names, on a real Kafka and a real ClickHouse engine: rows stay few, and nothing is lost."""

from __future__ import annotations

import random

import pytest

from tests.builders import HOUR_MS, an_event, line
from tests.integration.deployment import PARTITIONS, STATUSES, until
from tests.integration.test_reconcile import rebuild, reconcile
from tests.oracle.rollups import OTHER, Logged, counted, rollups
from tokentide import clock

MOST = 5
KEYS = {
    "usage_1h": ("provider, model, agent_id, task_type", "requests"),
    "latency_1h": ("provider, model", "arraySum(latency_weights)"),
    "errors_1h": ("error_code, provider, model", "errors"),
    "provider_health_5m": ("provider", "requests"),
}


def inventions(seed, count):
    """Records of two projects' calls, of now and of hours ago; of most a model or an error is new."""
    chance, now_ms = random.Random(seed), clock.now_ms()
    for number in range(count):
        events = [
            an_event(
                seed * 10_000 + number * 10 + place,
                at_ms=now_ms - chance.choice((0, 1, 5)) * HOUR_MS,
                project_id=chance.choice("pq"),
                model=f"model-{chance.randrange(40)}",
                agent_id=chance.choice((None, "a", OTHER)),
                status=chance.choice(STATUSES),
                error_code=chance.choice((None, f"E{chance.randrange(100)}")),
            )
            for place in range(3)
        ]
        yield number % PARTITIONS, events, b"\n".join(map(line, events))


def told(deployment):
    """Table → key → how much, as the oracle says of what was sent."""
    log_ms, logged, index = {}, [], {}
    for sent in sorted(deployment.log.sent, key=lambda sent: (sent.partition, sent.offset)):
        place = sent.partition, sent.offset
        log_ms[sent.partition] = max(log_ms.get(sent.partition, 0), sent.record_ms)
        index[place] = index.get(place, -1) + 1
        logged.append(Logged(*place, index[place], log_ms[sent.partition], sent.event))
    rows = rollups(counted(logged, 600_000, 2_000_000), MOST)
    amount = {"usage_1h": "requests", "errors_1h": "errors", "provider_health_5m": "requests"}
    return {
        table: {
            key: len(row["latency"]) if table == "latency_1h" else row[amount[table]]
            for key, row in rows[table].items()
        }
        for table in KEYS
    }


def stored(deployment):
    """The same as the store holds it."""
    return {
        table: {
            row[:-1]: row[-1]
            for row in deployment.ask(
                f"SELECT partition, project_id, toUInt32(bucket), {keys}, {amount} FROM {table} FINAL"
            )
        }
        for table, (keys, amount) in KEYS.items()
    }


@pytest.mark.timeout(180)
def test_a_project_that_invents_names(deployment):
    """Through a kill -9 and hours that were let go, each hour has its first names, and everything else in one row.

    The metric and the log say so. Under another limit `reconcile` finds what differs, and `rebuild` stores it so.
    """
    cap = {"max_names_per_hour": MOST, "hot_window_seconds": 60, "group_instance_id": "one"}
    worker = deployment.worker(**cap).until_ready()
    deployment.send(inventions(1, 120))
    until(lambda: worker.metric("flush_rows_total") > 100, "the worker has stored something")
    worker.child.kill()
    worker = deployment.worker(**cap)
    deployment.send(inventions(2, 120))
    deployment.until_stored()
    rows = stored(deployment)
    assert rows == told(deployment)
    assert any(key[3:] == ("openai", OTHER, OTHER, OTHER) for key in rows["usage_1h"])
    assert worker.metric("overflowed_events_total", kind="names") > 0
    assert worker.metric("overflowed_events_total", kind="error_code") > 0
    assert f"has more than {MOST} names" in worker.said()
    assert worker.stop() == 0
    assert reconcile(deployment, max_names_per_hour=MOST)["equal"]
    assert not reconcile(deployment, code=1)["equal"]
    assert rebuild(deployment)["mended"] > 0
    assert reconcile(deployment)["equal"]
    assert not any(OTHER in key[2:4] for key in stored(deployment)["latency_1h"])
