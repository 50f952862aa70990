"""`tokentide reconcile` and `rebuild` on a real Kafka and ClickHouse engine: what was altered is found and mended."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from tests.builders import HOUR_MS, an_event, line, rfc3339
from tests.integration.deployment import some_records, until
from tokentide import clock
from tokentide.cli import cli
from tokentide.settings import environment_of
from tokentide.store import Query, open_store

DAY_MS = 24 * HOUR_MS


def command(deployment, *arguments, code=0, **settings):
    """The report of `tokentide …` as JSON."""
    own = deployment.settings.model_copy(update=settings)
    done = CliRunner().invoke(cli, [*arguments, "--json"], env=environment_of(own), standalone_mode=False)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def reconcile(deployment, *arguments, code=0, **settings):
    return command(deployment, "reconcile", *arguments, code=code, **settings)


def rebuild(deployment, *arguments, code=0, **settings):
    now_ms = clock.now_ms()
    hours = ["--from", rfc3339(now_ms - 2 * DAY_MS), "--to", rfc3339(now_ms + HOUR_MS)]
    return command(deployment, "rebuild", *hours, *arguments, code=code, **settings)


def alter(deployment, sql, **args):
    """What a careless hand does to the store."""
    with closing(open_store(deployment.settings.clickhouse.get_secret_value(), deployment.settings.database)) as store:
        store.change(Query("by hand", f"ALTER TABLE {sql} SETTINGS mutations_sync = 2", args))


def insert_again(deployment, table, changed, limit=1):
    """Store some rows once more, some columns of them altered."""
    with closing(open_store(deployment.settings.clickhouse.get_secret_value(), deployment.settings.database)) as store:
        store.change(
            Query(
                "by hand",
                f"INSERT INTO {table} SELECT * REPLACE ({changed}) FROM {table} FINAL ORDER BY ALL LIMIT {limit}",
            )
        )


@pytest.fixture
def stored(deployment):
    """Some hundred records in the store, with the worker stopped."""
    deployment.send(some_records(11, 400))
    worker = deployment.worker()
    deployment.check()
    assert worker.stop() == 0
    return deployment


def places_of(report):
    return {(found["table"], found["partition"]) for found in report["differences"]}


ALTERED = {
    "usage_1h": "UPDATE requests = requests + 1 WHERE partition = 1",
    "latency_1h": "UPDATE latency_means = arrayMap(mean -> mean * 2, latency_means) WHERE partition = 0",
    "errors_1h": "DELETE WHERE partition = 2",
    "rate_limits_1m": "UPDATE rate_limited = 1000 WHERE partition = 3",
    "events": "UPDATE cost_usd = cost_usd + 1 WHERE log_partition = 3 AND log_offset BETWEEN 7 AND 9",
}
INSERTED = {
    "usage_1h": "requests + 5 AS requests, version + 1000000 AS version",
    "errors_1h": "'made up' AS error_code",
    "provider_health_5m": "latency_us + 1 AS latency_us",
    "events": "timestamp + INTERVAL 1 MINUTE AS timestamp",
}


def test_altered_rows_are_found_and_mended(stored):
    """What was done to the store by hand: exit code 1 with every table, then it is mended, then 0; twice is once."""
    report = reconcile(stored)
    assert report["equal"]
    assert sum(part["events"] for part in report["partitions"]) == stored.ask("SELECT count() FROM events FINAL")[0][0]
    for table, change in ALTERED.items():
        alter(stored, f"{table} {change}")
    alter(stored, "events DELETE WHERE log_partition = 0 AND log_offset = 7")
    found = reconcile(stored, code=1)
    assert places_of(found) == {
        ("usage_1h", 1),
        ("latency_1h", 0),
        ("errors_1h", 2),
        ("rate_limits_1m", 3),
        ("events", 3),
        ("events", 0),
    }
    assert any("should be" in one["said"] for one in found["differences"])
    assert rebuild(stored)["mended"] > 0
    assert rebuild(stored)["mended"] == 0
    assert reconcile(stored)["equal"]
    stored.check()


def test_rows_that_no_insert_can_replace_are_deleted(stored):
    """A version beyond the log, rows for which the log has nothing, and events that nobody sent."""
    for table, changed in INSERTED.items():
        insert_again(stored, table, changed)
    assert {table for table, _ in places_of(reconcile(stored, code=1))} == set(INSERTED)
    assert rebuild(stored)["mended"] > 0
    assert reconcile(stored)["equal"]
    stored.check()


def test_it_is_fair_to_a_worker_that_goes_on(deployment):
    """While records come in and are stored nothing differs; what is altered then is found, and mended."""
    worker = deployment.worker(flush_interval_seconds=1)
    with deployment.traffic(12):
        until(lambda: worker.metric("flush_rows_total") > 500, "the worker has stored something")
        assert reconcile(deployment, "--partition", "3")["equal"]
        alter(deployment, "events UPDATE cost_usd = cost_usd + 1 WHERE log_partition = 3 AND log_offset < 20")
        found = reconcile(deployment, "--partition", "3", code=1)
        assert {place for place, _ in places_of(found)} == {"events"}
        assert rebuild(deployment, "--partition", "3")["mended"] > 0
    deployment.check()
    assert reconcile(deployment)["equal"]


def test_what_was_refused_stays_refused(deployment):
    """Settings that accept now what was a dead letter then are no reason for a difference."""
    event = an_event(1, at_ms=clock.now_ms(), metadata={"note": "x" * 400})
    deployment.send(
        iter(
            [
                (0, [line(event)], line(event)),
                (0, [an_event(2, at_ms=clock.now_ms())], line(an_event(2, at_ms=clock.now_ms()))),
            ]
        )
    )
    worker = deployment.worker(max_record_bytes=400)
    until(lambda: len(deployment.dead()) == 1, "a dead letter")
    deployment.check()
    assert worker.stop() == 0
    assert reconcile(deployment)["equal"]


def test_without_an_events_table_rebuild_makes_one(deployment):
    """Turned off it is no difference; turned on later, the log's events are missing, and can be made."""
    deployment.send(some_records(13, 40))
    worker = deployment.worker(events_table=False)
    until(lambda: sum(p for _, p in deployment.ask("SELECT partition, position FROM progress FINAL")) == 40, "stored")
    assert worker.stop() == 0
    assert reconcile(deployment, events_table=False)["equal"]
    assert {table for table, _ in places_of(reconcile(deployment, code=1))} == {"events"}
    rebuild(deployment)
    deployment.check()
