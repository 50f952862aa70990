"""The gateway on a real Kafka: what is accepted is in the log, what is not is refused in time, answers are exact."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, closing
from random import Random

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.builders import an_event, lines
from tests.integration.deployment import PARTITIONS
from tests.oracle.compare import differences, parse
from tests.oracle.log import calls
from tests.oracle.lumiqtrace import ENDPOINTS
from tests.unit.api.fakes import INGEST_KEY, FakeStore
from tokentide import clock
from tokentide.api.times import iso_millis
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running
from tokentide.embedded.processes import wait_until_ready
from tokentide.gateway.delivery import KafkaDelivery
from tokentide.kafka import ensure_topics, kafka_options
from tokentide.serving.app import create_app
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.access import create_key

HOUR_MS = 3_600_000
SECONDS = 3.0


@pytest.fixture
def kafka(tmp_path):
    """A broker that a test may kill and start again."""
    with DataFolder(tmp_path / "kafka") as folder:
        prepared = prepare_kafka(folder)
        with running(prepared.parts) as children:
            yield prepared, children


@asynccontextmanager
async def client_of(settings, store, key, seconds=SECONDS):
    """A client of a gateway that delivers to Kafka, with the ingest key."""
    delivery = KafkaDelivery(settings, seconds)
    app = create_app(settings, store, delivery=delivery)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"x-api-key": key, "content-type": "application/x-ndjson"}
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as client:
            yield client


async def log_of(settings, partitions=PARTITIONS):
    """Every record of the topic."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **kafka_options(settings))
    await consumer.start()
    try:
        places = [TopicPartition(settings.topic, number) for number in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends, records = await consumer.end_offsets(places), []
        async with asyncio.timeout(30):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for fetched in (await consumer.getmany(timeout_ms=200)).values():
                    records += fetched
        return records
    finally:
        await consumer.stop()


def batch(first, count=20, **fields):
    """Events that begin now, without a project."""
    numbers = range(first, first + count)
    return lines(an_event(number, at_ms=clock.now_ms(), project_id=None, **fields) for number in numbers)


def ids_of(records):
    return [msgspec.json.decode(line)["event_id"] for record in records for line in record.value.split(b"\n")]


async def test_kafka_comes_goes_and_comes_back(kafka):
    """Away is 503 with Retry-After within the deadline; what was accepted is in the log, and a retry is taken."""
    prepared, children = kafka
    (part,) = prepared.parts
    settings = Settings(kafka=prepared.bootstrap, topic="t", dead_topic="d")
    await ensure_topics(settings, partitions=PARTITIONS)
    children[part.name].kill()
    accepted = 0
    async with client_of(settings, FakeStore(), INGEST_KEY) as client:
        for _ in range(2):  # before it was ever there, and when it is gone
            began = time.monotonic()
            away = await client.post("/v1/ingest", content=batch(accepted))
            assert away.status_code == 503
            assert int(away.headers["Retry-After"]) > 0
            assert time.monotonic() - began < SECONDS + 5
            children[part.name] = part.start()
            await asyncio.to_thread(wait_until_ready, children[part.name], part.is_ready, 60)
            async with asyncio.timeout(60):
                while (answer := await client.post("/v1/ingest", content=batch(accepted))).status_code == 503:
                    pass
            assert answer.json() == {"accepted": 20}
            accepted += 20
            answers = await asyncio.gather(*(client.post("/v1/ingest", content=batch(1000 + n)) for n in range(30)))
            assert {answer.status_code for answer in answers} == {202}
            assert set(ids_of(await log_of(settings))) >= {an_event(number)["event_id"] for number in range(accepted)}
            children[part.name].kill()


async def test_a_missing_topic_is_no_place_to_deliver(machine):
    """Somebody forgot to migrate: 503, and nothing is accepted."""
    settings = Settings(kafka=machine.kafka, topic="nowhere")
    async with client_of(settings, FakeStore(), INGEST_KEY, seconds=2) as client:
        assert (await client.post("/v1/ingest", content=batch(0))).status_code == 503


async def test_a_sharded_project_is_counted_exactly(deployment):
    """Spread over partitions by identity, with repeats on the way: every answer is that of the oracle."""
    settings = deployment.settings = deployment.settings.model_copy(update={"project_shards": "p=8"})
    deployment.worker().until_ready()
    with closing(open_store(settings.clickhouse.get_secret_value(), settings.database)) as store:
        now_ms = clock.now_ms()
        write = create_key(store, role="ingest", org="o", projects=["p"], now_ms=now_ms)
        read = create_key(store, role="read", org="o", projects=["p"], now_ms=now_ms)
        async with client_of(settings, store, write.key, seconds=30) as client:
            random, sent = Random(5), 0
            for _ in range(60):
                first = random.randrange(1500)  # batches overlap: what is in both counts once
                fields = {
                    "latency_ms": random.randrange(1, 10**6) / 1000,
                    "cost_usd": f"0.{random.randrange(10**9):09}",
                }
                answer = await client.post("/v1/ingest", content=batch(first, 50, **fields))
                assert answer.json() == {"accepted": 50}
                sent += 50
            records = await log_of(settings)
            for record in records:
                events = [msgspec.json.decode(line) for line in record.value.split(b"\n")]
                deployment._note(events, record)
            assert len(deployment.log.sent) == sent
            assert len({record.partition for record in records}) == PARTITIONS
            await asyncio.to_thread(deployment.check)
            counted = calls(deployment.log.sent)
            assert len(counted) < sent
            start, end = now_ms - HOUR_MS, clock.now_ms()
            asked = {"projectId": "p", "start": iso_millis(start), "end": iso_millis(end)}
            for path, oracle in ENDPOINTS.items():
                url, key = path.replace("{id}", "p"), {"Authorization": f"Bearer {read.key}"}
                answer = await client.get(url, params=asked, headers=key)
                expected = oracle(counted, "p", start, end, clock.now_ms())
                assert differences(expected, parse(answer.text)) == []
