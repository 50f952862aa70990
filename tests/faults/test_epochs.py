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


@pytest.fixture(scope="module", autouse=True)
def contradictions(one_broker: WiredMachine) -> Iterator[tuple[Scene, Scene]]:
    """A topic that was made again and a store out of a backup, each with a worker that has begun to look at it.

    It looks for half a minute, for a replica may lag; the other tests of this file run meanwhile.
    """
    with Scene(one_broker, "again") as again, Scene(one_broker, "restored") as restored:
        make_again(again)
        restore(restored)
        for scene in (again, restored):
            scene.worker()
        yield again, restored


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


def test_a_topic_that_was_made_again(contradictions):
    """It is refused with what to do about it; with the next epoch both of its lives are counted."""
    again, _ = contradictions
    assert end_of_refused(again) == 3
    assert "set TOKENTIDE_TOPIC_EPOCH=1 and start them" in again.workers[-1].said()
    again.audit.begin_again()
    stored_once(again, 50, topic_epoch=1)


def test_a_store_out_of_a_backup(contradictions):
    """It is refused with what to do about it; once the group is rewound, what the backup lacks is counted again."""
    _, restored = contradictions
    assert end_of_refused(restored) == 3
    assert f"--group {restored.settings.group}" in restored.workers[-1].said()
    assert "--reset-offsets --to-earliest --execute" in restored.workers[-1].said()
    asyncio.run(rewind(restored))
    stored_once(restored, 50)


def end_of_refused(scene: Scene) -> int:
    """The exit code of the last worker, which says what is amiss without a traceback."""
    code = scene.workers[-1].child.wait(REFUSED_SECONDS)
    assert "Traceback" not in scene.workers[-1].said()
    return code


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
