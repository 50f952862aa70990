"""The real broker, killed and brought back, under the whole machinery that `tokentide up` uses."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.unit.embedded.waiting import eventually, is_alive
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running
from tokentide.embedded.ports import HOST
from tokentide.embedded.processes import wait_until_ready
from tokentide.errors import SettingsError

TOPIC = "t"


async def make_topic(bootstrap, replicas):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, 2, replicas)])
    finally:
        await admin.close()


@asynccontextmanager
async def producing(bootstrap):
    """Produces numbers, one after the other, and collects those that were acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    acknowledged: set[int] = set()
    ended = asyncio.Event()

    async def send(number):
        try:
            await producer.send_and_wait(TOPIC, b"%d" % number)
        except KafkaError:
            return  # not acknowledged: nothing is promised about it
        acknowledged.add(number)

    async def produce():
        number = 0
        while not ended.is_set():
            await asyncio.gather(*(send(number + each) for each in range(20)), asyncio.sleep(0.02))
            number += 20

    await producer.start()
    task = asyncio.create_task(produce())
    try:
        yield acknowledged
    finally:
        ended.set()
        await asyncio.wait_for(task, 60)
        await producer.stop()


async def read_all(bootstrap):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(TOPIC, number) for number in range(2)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        found = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [int(record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def more(acknowledged, by=200, deadline_seconds=60):
    """Returns when that many more were acknowledged."""
    goal = len(acknowledged) + by
    async with asyncio.timeout(deadline_seconds):
        while len(acknowledged) < goal:
            await asyncio.sleep(0.01)


def assert_nothing_lost(acknowledged, found):
    assert acknowledged - set(found) == set()
    assert len(found) == len(set(found)), "an idempotent producer writes nothing twice"


@pytest.mark.slow
async def test_a_broker_killed_under_load_loses_nothing(tmp_path):
    """Every acknowledged record is there after kill -9 and a start on the same folder, and a clean stop is quick."""
    with DataFolder(tmp_path) as folder:
        kafka = prepare_kafka(folder)
        (part,) = kafka.parts
        with running(kafka.parts) as children:
            await make_topic(kafka.bootstrap, 1)
            async with producing(kafka.bootstrap) as acknowledged:
                await more(acknowledged)
                children[part.name].kill()
                children[part.name] = part.start()
                await asyncio.to_thread(wait_until_ready, children[part.name], part.is_ready, 60)
                await more(acknowledged)
            assert_nothing_lost(acknowledged, await read_all(kafka.bootstrap))
        assert children[part.name].exit_code == 128 + signal.SIGTERM, "it was asked to end, and did"
        assert prepare_kafka(folder).bootstrap == kafka.bootstrap
        with pytest.raises(SettingsError, match="a cluster of 1 brokers, not 3"):
            prepare_kafka(folder, brokers=3)


@pytest.mark.slow
async def test_three_brokers_go_on_without_one(tmp_path):
    """With one broker of three killed, clients go on; back again it catches up; nothing acknowledged is lost."""
    with DataFolder(tmp_path) as folder:
        kafka = prepare_kafka(folder, brokers=3)
        with running(kafka.parts) as children:
            await make_topic(kafka.bootstrap, 3)
            async with producing(kafka.bootstrap) as acknowledged:
                await more(acknowledged)
                part = kafka.parts[0]
                children[part.name].kill()
                await more(acknowledged)
                children[part.name] = part.start()
                await asyncio.to_thread(wait_until_ready, children[part.name], part.is_ready, 60)
            assert_nothing_lost(acknowledged, await read_all(kafka.bootstrap))


UP = """
import asyncio, json, sys
from pathlib import Path
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.supervisor import Supervisor

async def main(kafka, clickhouse):
    async with Supervisor() as supervisor:
        await supervisor.add(*kafka.parts, clickhouse.part)
        pids = [part.pid for part in supervisor.status()]
        print(json.dumps({"kafka": kafka.bootstrap, "pids": pids}), flush=True)
        await asyncio.sleep(600)

with DataFolder(Path(sys.argv[1])) as folder:
    asyncio.run(main(prepare_kafka(folder), prepare_clickhouse(folder)))
"""


@asynccontextmanager
async def proxy(port, target_port):
    """Forwards connections from one port to another, and counts them."""
    taken = []

    async def pump(reader, writer):
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def forward(reader, writer):
        taken.append(writer)
        to_reader, to_writer = await asyncio.open_connection(HOST, target_port)
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    server = await asyncio.start_server(forward, HOST, port)
    try:
        yield taken
    finally:
        server.close()


@pytest.mark.slow
async def test_kill_9_of_everything_leaves_a_folder_that_works(tmp_path):
    """A killed supervisor takes its parts with it within ten seconds, and the next one has their data and ports.

    The next one advertises a proxy's port in place of the broker's own: the clients go through the proxy.
    """
    command = [sys.executable, "-c", UP, str(tmp_path)]
    up = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert up.stdout is not None
    first = json.loads(await up.stdout.readline())
    await make_topic(first["kafka"], 1)
    async with producing(first["kafka"]) as acknowledged:
        await more(acknowledged)
    up.kill()
    await up.wait()
    eventually(lambda: not any(map(is_alive, first["pids"])), deadline_seconds=10)
    with DataFolder(tmp_path) as folder:
        (proxy_port,) = folder.ports(["proxy"]).values()
        kafka = prepare_kafka(folder, advertised_ports=[proxy_port])
        own_port = kafka.nodes[0].client_port
        assert (first["kafka"], kafka.bootstrap) == (f"{HOST}:{own_port}", f"{HOST}:{proxy_port}")
        with running(kafka.parts):
            async with proxy(proxy_port, own_port) as taken:
                assert_nothing_lost(acknowledged, await read_all(first["kafka"]))
            assert taken, "the broker's own port leads to the proxy's"
