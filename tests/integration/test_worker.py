"""Worker processes on a real Kafka and a real ClickHouse engine: killed, stopped, several, and without their store."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time

import pytest

from tests.builders import an_event, line, rfc3339
from tests.integration.deployment import BAD, PARTITIONS, some_records, until
from tokentide import clock
from tokentide.worker.adapters import KafkaLog

DAY_MS = 86_400_000
# A worker whose consumer dies after some rounds, as Kafka consumers do.
DYING = """
import itertools, sys
from tokentide.cli import main
from tokentide.worker.transport import SliceConsumer
rounds, deliver = itertools.count(), SliceConsumer._deliver_next
async def deliver_or_die(self):
    if next(rounds) > 2:
        raise RuntimeError("the consumer died")
    await deliver(self)
SliceConsumer._deliver_next = deliver_or_die
sys.argv = ["tokentide", "worker"]
main()
"""


def every_kind_of_bad():
    """Events that are refused, by reason; each is one line of its record."""
    now_ms = clock.now_ms()
    return {
        "not_json": b"{",
        "not_utf8": b'{"event_id": "\xff"}',
        "missing_field": BAD,
        "bad_value": line(an_event(1, latency_ms="soon")),
        "bad_timestamp": line(an_event(1, timestamp="yesterday")),
        "too_old": line(an_event(1, timestamp=rfc3339(now_ms - 500 * DAY_MS))),
        "in_future": line(an_event(1, timestamp=rfc3339(now_ms + 3_600_000))),
    }


def headers(record):
    return {name: value.decode() for name, value in record.headers}


def test_totals_and_dead_letters(deployment):
    """Single events, NDJSON and arrays, repeats and bad ones: what counts is stored once, what does not is kept raw."""
    bad, event = every_kind_of_bad(), an_event(7, at_ms=clock.now_ms())
    mixed = [event, *bad.values(), event]
    text = b"\n".join(part if isinstance(part, bytes) else line(part) for part in mixed)
    whole = {"too_large": b"x" * 40_000, "not_json": b'[{"a": 1}, ', "too_many_events": b"\n".join([BAD] * 1001)}
    deployment.send(
        itertools.chain(some_records(1, 400), [(1, mixed, text)], ((2, [], value) for value in whole.values()))
    )
    worker = deployment.worker(max_record_bytes=30_000)
    deployment.check()
    assert_letters(deployment, bad, whole)
    refused, ends = len(deployment.log.refused) + len(whole), sum(deployment.log.ends.values())
    assert worker.metric("dead_letters_total") == refused
    assert worker.metric("events_total") + worker.metric("duplicates_total") == len(deployment.log.sent)
    assert worker.metric("records_total") == ends
    until(lambda: worker.metric("committed_offset") == ends, "all is committed")
    assert worker.stop() == 0


def assert_letters(deployment, bad, whole):
    """One for each refused event, at its place, and one for each record that was refused as a whole."""
    letters = [(headers(record), record.value) for record in deployment.dead()]
    places = [(told["partition"], told["offset"], told["index"], value) for told, value in letters if told["index"]]
    assert sorted(places) == sorted((*map(str, place), value) for place, value in deployment.log.refused.items())
    assert {told["reason"]: value for told, value in letters if not told["index"]} == whole
    reasons = {value: told["reason"] for told, value in letters}
    assert {reason: reasons[value] for reason, value in bad.items()} == {reason: reason for reason in bad}
    assert all(told["topic"] == deployment.settings.topic and told["detail"] for told, _ in letters)


def test_a_stop_stores_everything_first(deployment):
    """SIGTERM: the last flush comes before the end, within the time that Kubernetes gives, and the exit code is 0."""
    worker = deployment.worker(flush_interval_seconds=60).until_ready()
    deployment.send(some_records(2, 400))
    until(lambda: worker.metric("records_total") == sum(deployment.log.ends.values()), "everything is read")
    assert deployment.ask("SELECT sum(position) FROM progress FINAL") == [(0,)]
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 10
    deployment.check()


def test_a_named_worker_that_is_killed_goes_on_at_once(deployment):
    """Kafka knows it by its name in the group, and does not wait for the one that was killed."""
    worker = deployment.worker(group_instance_id="one").until_ready()
    with deployment.traffic(3):
        for _ in range(2):
            until(lambda one=worker: one.metric("flush_rows_total") > 100, "the worker has stored something")
            worker.child.kill()
            began = time.monotonic()
            worker = deployment.worker(group_instance_id="one").until_ready()
            assert time.monotonic() - began < 10  # the session of the dead one lasts ten seconds
    deployment.check()


def test_workers_share_the_partitions(deployment):
    """One leaves politely and its partitions move at once, one is killed and they move when Kafka misses it."""
    one, two = deployment.worker(), deployment.worker()
    with deployment.traffic(4):
        until(lambda: one.partitions() | two.partitions() == set(range(PARTITIONS)), "both have stored something")
        until(lambda: len(one.partitions()) == len(two.partitions()) == 2, "they share evenly")
        began = time.monotonic()
        assert two.stop() == 0
        until(lambda: one.partitions() == set(range(PARTITIONS)), "the other takes over")
        assert time.monotonic() - began < 8
        three = deployment.worker()
        until(lambda: len(one.partitions()) == len(three.partitions()) == 2, "they share evenly again")
        one.child.kill()
        until(lambda: three.partitions() == set(range(PARTITIONS)), "the other takes over")
    deployment.check()
    assert three.stop() == 0


def test_a_store_that_goes_away_and_comes_back(deployment):
    """The worker says so, repeats its flush, keeps its partitions, and loses nothing."""
    worker = deployment.worker().until_ready()
    with deployment.traffic(5):
        until(lambda: worker.metric("flush_rows_total") > 100, "the worker has stored something")
        deployment.machine.kill_store()
        until(lambda: worker.ready() == 503, "readiness is lost")
        until(lambda: worker.metric("flush_failures_total", kind="StoreUnavailable") > 2, "the flush is repeated")
        deployment.machine.start_store()
        until(lambda: worker.ready() == 200, "readiness is back", 45)
    deployment.check()
    assert worker.metric("rebalances_total") == 1
    assert worker.stop() == 0


@pytest.mark.slow
def test_a_stop_while_the_store_hangs(deployment):
    """Nothing that does not answer keeps a worker from ending in time; what was not stored is read again."""
    worker = deployment.worker().until_ready()
    store = deployment.machine.children["clickhouse"]
    store.send_signal(signal.SIGSTOP)
    try:
        deployment.send(some_records(6, 40))
        until(lambda: worker.metric("records_total") == 40, "everything is read")
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < 25
    finally:
        store.send_signal(signal.SIGCONT)
    deployment.worker()
    deployment.check()


def test_a_consumer_that_dies_ends_the_process(deployment):
    """Faust goes on without it, and would do nothing for ever: exit code 1, and whoever supervises starts it again."""
    worker = deployment.worker(program=("-c", DYING))
    assert worker.child.wait(20) == 1
    assert "the consumer died" in worker.said()


def test_a_topic_that_is_missing(deployment):
    """Exit code 3, with its name and the command that makes it."""
    worker = deployment.worker(dead_topic="nowhere")
    assert worker.child.wait(20) == 3
    assert "topics missing in Kafka: nowhere. Run `tokentide migrate` first." in worker.said()
    assert "Traceback" not in worker.said()


def test_an_epoch_below_the_stored_one(deployment):
    """Exit code 3, with what to set."""
    deployment.send(some_records(7, 8))
    worker = deployment.worker(topic_epoch=2)
    deployment.check()
    assert worker.stop() == 0
    late = deployment.worker(topic_epoch=1)
    assert late.child.wait(20) == 3
    assert "the store is at topic epoch 2, TOKENTIDE_TOPIC_EPOCH says 1: set it to 2" in late.said()
    assert "Traceback" not in late.said()


def test_settings_that_cannot_be(deployment):
    """Exit code 2, before anything is asked."""
    worker = deployment.worker(program=("-m", "tokentide", "worker"), hot_window_seconds=1, metrics_port=-1)
    assert worker.child.wait(20) == 2
    told = [said.partition(": ")[2].partition(":")[0] for said in worker.said().splitlines()]
    assert told == ["TOKENTIDE_HOT_WINDOW_SECONDS", "TOKENTIDE_METRICS_PORT"]


def test_a_topic_of_something_else(deployment):
    """Exit code 1 before it becomes dead letters without end; again after a restart; with the limit off it goes on."""
    deployment.send((0, [b"no event"], b"no event") for _ in range(30))
    for _ in range(2):
        worker = deployment.worker(dead_ratio_records=20)
        assert worker.child.wait(20) == 1
        assert "[0]: 11 of the 11 records from offset 0 to 10 are refused" in worker.said()
        assert "Traceback" not in worker.said()
    worker = deployment.worker(dead_ratio_limit=1)
    deployment.check()
    assert worker.stop() == 0
    assert len(deployment.dead()) == 30


async def test_reading_nothing_spoils_no_later_reading(deployment):
    """A stretch of log without records, which is nothing to wait for, leaves the reader as it was."""
    await asyncio.to_thread(deployment.send, some_records(8, 8))

    async def commit(_):
        return True

    for log in (KafkaLog(deployment.settings), KafkaLog(deployment.settings, commit)):
        try:
            async with asyncio.timeout(20):
                for _ in range(3):
                    await log.bounds([0])
                    assert [records async for records in log.read(0, 2, 2)] == []
                    await log.bounds([0])
                    assert [record.offset async for records in log.read(0, 0, 2) for record in records] == [0, 1]
        finally:
            await log.close()
