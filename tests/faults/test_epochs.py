"""Topics that change their life or their size, groups that are rewound, and stores out of a backup."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.faults.machine import WiredMachine
from tests.faults.scene import Scene
from tests.integration.deployment import PARTITIONS, until
from tokentide.kafka import ensure_topics, missing_topics

pytestmark = pytest.mark.slow

TABLES = (
    "progress",  # first: what it says must be in the copies of the others
    *("usage_1h", "latency_1h", "errors_1h", "rate_limits_1m", "provider_health_5m", "events"),
)
REFUSED_SECONDS = 60


@pytest.fixture
def scene(one_broker: WiredMachine, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A topic and its tables."""
    with Scene(one_broker, request.node.name) as scene:
        yield scene


async def administrate(scene: Scene, call) -> None:
    """Let a function of the administration client do something."""
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.direct.kafka)
    await admin.start()
    try:
        await call(admin)
    finally:
        await admin.close()


async def rewind(scene: Scene) -> None:
    """What `kafka-consumer-groups.sh --reset-offsets --to-earliest` does; the group must be empty."""
    group = {"group_id": scene.settings.group, "enable_auto_commit": False}
    consumer = AIOKafkaConsumer(bootstrap_servers=scene.direct.kafka, **group)
    await consumer.start()
    try:
        places = [TopicPartition(scene.settings.topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.commit(dict.fromkeys(places, 0))
    finally:
        await consumer.stop()


def stored_once(scene: Scene, records: int, **settings: object):
    """Load for a while, with a worker that stores all of it and is then stopped."""
    worker = scene.worker(**settings)
    with scene.more_load():
        scene.passes(records)
        scene.settle().require()
    assert worker.stop() == 0


def test_a_group_that_was_rewound(scene):
    """Where Kafka says that a worker should begin does not matter: what is stored is dropped unread."""
    stored_once(scene, 100)
    asyncio.run(rewind(scene))
    before = sum(scene.audit.ends.values())
    worker = scene.worker()
    with scene.more_load():
        scene.passes(50)
        scene.settle().require()
    assert worker.metric("records_total") == sum(scene.audit.ends.values()) - before


def test_more_partitions_while_workers_run(scene):
    """New partitions are found by those who run, shared, and read from their beginning."""
    one, two = scene.worker(), scene.worker()
    with scene.more_load():
        scene.passes(50)
        scene.settle().require()
    grown = PARTITIONS + 2
    asyncio.run(
        administrate(scene, lambda admin: admin.create_partitions({scene.settings.topic: NewPartitions(grown)}))
    )
    scene.audit.partitions = grown
    with scene.more_load(grown):
        scene.passes(100)
        until(lambda: one.partitions() | two.partitions() == set(range(grown)), "the new ones are held", 60)
        scene.settle().require()


def test_a_topic_made_again_and_a_store_out_of_a_backup(one_broker):
    """Both are refused with what to do about it, and after that the numbers are right."""
    with Scene(one_broker, "again") as again, Scene(one_broker, "restored") as restored:
        make_again(again)
        restore(restored)
        refused = again.worker(), restored.worker()
        assert [worker.child.wait(REFUSED_SECONDS) for worker in refused] == [3, 3]
        assert "set TOKENTIDE_TOPIC_EPOCH=1 and start them" in refused[0].said()
        assert f"--group {restored.settings.group}" in refused[1].said()
        assert "--reset-offsets --to-earliest --execute" in refused[1].said()
        assert not any("Traceback" in worker.said() for worker in refused)

        again.audit.begin_again()
        stored_once(again, 50, topic_epoch=1)
        asyncio.run(rewind(restored))
        stored_once(restored, 50)


def make_again(scene: Scene) -> None:
    """Delete the topic after much of it was stored, and make it anew with a little in it."""
    stored_once(scene, 100)
    asyncio.run(administrate(scene, lambda admin: admin.delete_topics([scene.settings.topic])))
    until(lambda: asyncio.run(missing_topics(scene.direct)), "the topic is gone")
    asyncio.run(ensure_topics(scene.direct, partitions=PARTITIONS))
    with scene.more_load():
        scene.passes(20)


def restore(scene: Scene) -> None:
    """Copy the tables in the order of the documentation while a worker goes on, and put the copies in their place."""
    worker = scene.worker()
    with scene.more_load() as load:
        scene.passes(100)
        scene.catches_up()
        for table in TABLES:
            scene.command(f"CREATE TABLE copy_of_{table} AS {table}")
            scene.command(f"INSERT INTO copy_of_{table} SELECT * FROM {table}")
            scene.passes(20)
        load.pause()
        scene.catches_up()
    assert worker.stop() == 0
    for table in TABLES:
        scene.command(f"TRUNCATE TABLE {table}")
        scene.command(f"INSERT INTO {table} SELECT * FROM copy_of_{table}")
