"""The doctor at a real Kafka and a real ClickHouse engine, each of which was spoilt on purpose."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import OffsetAndMetadata

from tests.builders import an_event, line
from tests.integration.deployment import PARTITIONS, some_records, until
from tokentide import clock
from tokentide.doctor.gathering.kafka import gather_skews
from tokentide.doctor.run import Asked, examine
from tokentide.kafka import administration, kafka_options
from tokentide.rollups import Position
from tokentide.store import open_store
from tokentide.store.access import create_key, make_projects
from tokentide.store.migrate import EXPECTED_VERSION, templates
from tokentide.store.rows import Progress, write_progress

DAY_MS = 86_400_000
TEN_MINUTES_MS = 600_000


def found(deployment, *, workers=(), **settings):
    """Kinds and places of what is found, without what a deployment without workers is told."""
    own = deployment.settings.model_copy(update={"metrics_port": 0, "api_port": 0} | settings)
    report = asyncio.run(examine(own, Asked(workers=workers, watch_seconds=0.1)))
    assert [check for check in report.checks if check.state == "not run"] == []
    kinds = sorted((finding.kind.name, finding.where) for finding in report.findings)
    return kinds if workers else [(kind, where) for kind, where in kinds if kind != "no_workers"]


def altered(deployment, topic, **settings):
    """Give a topic these settings, and the others Kafka's defaults."""
    named = {name.replace("_", "."): value for name, value in settings.items()}

    async def alter():
        async with administration(deployment.settings) as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])

    asyncio.run(alter())


def opened(deployment):
    """The store of a deployment."""
    return closing(open_store(deployment.settings.clickhouse.get_secret_value(), deployment.settings.database))


def sent_at(deployment, partition, times_ms):
    """One event each, in records of these times, to a topic that takes its producers'."""

    async def send():
        producer = AIOKafkaProducer(**kafka_options(deployment.settings))
        await producer.start()
        for number, at_ms in enumerate(times_ms):
            value = line(an_event(at_ms % 2**39 + number, at_ms=at_ms))
            await producer.send_and_wait(deployment.settings.topic, value, partition=partition, timestamp_ms=at_ms)
        await producer.stop()

    asyncio.run(send())


def test_a_deployment_that_is_well(deployment):
    """A worker that has stored what was sent, and nothing to say."""
    deployment.send(some_records(30, 40))
    worker = deployment.worker().until_ready()
    deployment.check()
    assert found(deployment, workers=(worker.url,)) == []


def test_a_worker_that_is_not_well(deployment, machine):
    """Kafka sees that nobody reads, and the address that nobody answers."""
    report = asyncio.run(examine(deployment.settings, Asked(workers=("http://127.0.0.1:9",))))
    assert {"no_workers", "service_unreachable"} <= {finding.kind.name for finding in report.findings}
    assert report.exit_code == 3


def test_topics_that_were_altered(deployment):
    """Each setting that breaks the guarantee, at the topic that has it."""
    events, dead = deployment.settings.topic, deployment.settings.dead_topic
    altered(
        deployment,
        events,
        retention_ms="300000",
        retention_bytes="1000000",
        cleanup_policy="compact",
        max_message_bytes="1000",
    )
    altered(deployment, dead, retention_ms="60000", max_message_bytes="999")
    assert found(deployment) == [
        ("dead_letters_cut", dead),
        ("dead_retention_short", dead),
        ("producer_times", events),
        ("retention_below_outage", events),
        ("retention_below_window", events),
        ("retention_by_size", events),
        ("topic_compacted", events),
        ("topic_takes_less", events),
    ]


def test_topics_that_are_not_there(deployment):
    """Both are told, and the rest is looked at all the same."""
    missing = {"topic": "nowhere", "dead_topic": "nowhere.dead"}
    assert found(deployment, **missing) == [
        ("topic_missing", "nowhere"),
        ("topic_missing", "nowhere.dead"),
    ]


def test_a_schema_that_was_altered(deployment):
    """Time to live, durability, a table that is gone, and a version that this program does not know."""
    name = deployment.settings.database
    with opened(deployment) as store:
        store.command("ALTER TABLE usage_1h MODIFY TTL bucket + INTERVAL 30 DAY")
        store.command("ALTER TABLE progress MODIFY SETTING fsync_after_insert = 0")
        store.command("DROP TABLE rate_limits_1m SYNC")
        store.insert("schema_migrations", ("version", "name", "checksum"), ([999, 9], ["999_next", "009"], ["0", "0"]))
    assert found(deployment) == [
        ("not_durable", f"{name}.progress"),
        ("schema_ahead", f"database {name}"),
        ("schema_changed", f"database {name}"),
        ("table_missing", f"{name}.rate_limits_1m"),
        ("ttl_differs", f"{name}.usage_1h"),
    ]


def test_a_schema_that_is_behind(deployment):
    """The last file was not applied yet."""
    with opened(deployment) as store:
        store.command(
            f"ALTER TABLE schema_migrations DELETE WHERE version = {EXPECTED_VERSION} SETTINGS mutations_sync = 2"
        )
    assert templates()[-1].version == EXPECTED_VERSION
    assert found(deployment) == [("schema_behind", f"database {deployment.settings.database}")]


def test_keys_that_end(deployment):
    """One that ended, one that is about to, and an organisation that nobody can read."""
    now_ms = clock.now_ms()
    with opened(deployment) as store:
        ended = create_key(store, role="read", org="a", projects=[], now_ms=now_ms - DAY_MS, expires_ms=now_ms - 1000)
        ends = create_key(store, role="ingest", org="b", projects=["p"], now_ms=now_ms, expires_ms=now_ms + DAY_MS)
        make_projects(store, "a", ["q"])
    assert found(deployment) == [
        ("key_expired", f"key {ended.id}"),
        ("key_expires_soon", f"key {ends.id}"),
        ("org_without_read_key", "organisation a"),
        ("org_without_read_key", "organisation b"),
    ]


def test_epochs(deployment):
    """One below the stored one, and one that was raised though the topic is the same."""
    deployment.send(some_records(31, 8))
    worker = deployment.worker(topic_epoch=2)
    deployment.check()
    assert worker.stop() == 0
    all_of_it = f"{deployment.settings.topic}[{','.join(map(str, range(PARTITIONS)))}]"
    assert found(deployment, topic_epoch=1) == [("epoch_lowered", all_of_it)]
    assert found(deployment, topic_epoch=2) == []
    assert found(deployment, topic_epoch=3) == [("epoch_raised", all_of_it)]


def test_records_that_wait(deployment):
    """Never stored, and stored up to a point, in a topic whose producers say how old their records are."""
    topic, now_ms = deployment.settings.topic, clock.now_ms()
    altered(deployment, topic, message_timestamp_type="CreateTime", retention_ms="604800000")
    times = ("producer_times", topic)
    until(lambda: found(deployment) == [times], "the broker knows")
    sent_at(deployment, 1, [now_ms - TEN_MINUTES_MS])
    assert found(deployment) == [times, ("progress_missing", f"{topic}[1]")]

    worker = deployment.worker().until_ready()
    until(lambda: deployment.ask("SELECT position FROM progress FINAL WHERE partition = 1") == [(1,)], "it is stored")
    assert found(deployment) == [times]
    assert worker.stop() == 0
    sent_at(deployment, 1, [now_ms - TEN_MINUTES_MS + 1])
    assert found(deployment) == [("lag", f"{topic}[1]"), times]


def test_a_log_and_a_store_that_contradict_each_other(deployment):
    """Lost unread, shorter than stored, another record, log time in the future, and committed ahead."""
    topic, now_ms = deployment.settings.topic, clock.now_ms()
    deployment.send(some_records(32, 40))
    stored = [
        Progress(0, Position(5, now_ms, now_ms, 1), now_ms),
        Progress(1, Position(11, now_ms, now_ms, 1), now_ms),
        Progress(2, Position(3, now_ms + 60_000, now_ms, 1), now_ms),
    ]
    with opened(deployment) as store:
        write_progress(store, topic, stored)
    asyncio.run(_cut_and_commit(deployment))
    assert found(deployment) == [
        ("commit_ahead", f"{topic}[3]"),
        ("log_mismatch", f"{topic}[1,2]"),
        ("log_time_ahead", f"{topic}[2]"),
        ("records_lost", f"{topic}[0]"),
    ]


async def _cut_and_commit(deployment):
    """Let partition 0 begin at 8, and commit 2 of partition 3."""
    zero, three = (TopicPartition(deployment.settings.topic, number) for number in (0, 3))
    async with administration(deployment.settings) as admin:
        await admin.delete_records({zero: RecordsToDelete(before_offset=8)})
    consumer = AIOKafkaConsumer(
        group_id=deployment.settings.group, enable_auto_commit=False, **kafka_options(deployment.settings)
    )
    await consumer.start()
    consumer.assign([three])
    await consumer.commit({three: OffsetAndMetadata(2, "")})
    await consumer.stop()


def test_a_clock_is_told_by_what_arrives(deployment):
    """Records that the broker stamps while we look bound its clock on both sides."""
    with deployment.traffic(33):
        until(lambda: deployment.log.ends or _ends(deployment), "something arrives")
        skews = asyncio.run(gather_skews(deployment.settings, range(PARTITIONS), 10))
    assert len(skews) == PARTITIONS + 1
    assert skews[-1].most < 5000
    assert [skew.sure_ms for skew in skews] == [pytest.approx(0, abs=1000)] * len(skews)


def _ends(deployment):
    """Whether every partition has a record."""

    async def ask():
        consumer = AIOKafkaConsumer(**kafka_options(deployment.settings))
        await consumer.start()
        try:
            places = [TopicPartition(deployment.settings.topic, number) for number in range(PARTITIONS)]
            return all((await consumer.end_offsets(places)).values())
        finally:
            await consumer.stop()

    return asyncio.run(ask())
