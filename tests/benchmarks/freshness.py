"""B6: how long from an event's acknowledgement until it is in the read API's answer, while a steady load goes on."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import count
from random import Random

import aiohttp
import jwt
from aiokafka import AIOKafkaProducer

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.traffic import PARTITIONS, event
from tokentide.kafka import ensure_topics, kafka_options
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.access import make_projects

__all__ = ["produced_to_answered"]

SECRET = "only-for-this-benchmark-" + "x" * 16
PROJECT, ORGANISATION = "probed", "bench"
LOAD_EVENTS_A_SECOND = 10_000
PROBE_SECONDS = 0.5
PATIENCE_SECONDS = 20.0


def produced_to_answered(place: Place, probes: int) -> Iterator[Figure]:
    """Flushes every second, a load of 10,000 events a second, and single events that are looked for."""
    settings = place.fresh("events.fresh", flush_interval_seconds=1, jwt_secret=SECRET)
    asyncio.run(ensure_topics(settings, partitions=PARTITIONS))
    store = open_store(place.clickhouse, settings.database)
    make_projects(store, ORGANISATION, [PROJECT])
    store.close()
    names = [place.new_name("fresh-worker"), place.new_name("fresh-api")]
    ports = place.folder.ports(names)
    environment = place.environment(settings) | {
        "TOKENTIDE_METRICS_PORT": str(ports[names[0]]),
        "TOKENTIDE_API_PORT": str(ports[names[1]]),
        "TOKENTIDE_JWT_SECRET": SECRET,
    }
    children = [
        place.folder.spawn(name, [sys.executable, "-m", "tokentide", command], env=environment)
        for name, command in zip(names, ("worker", "api"), strict=True)
    ]
    try:
        seconds = asyncio.run(_probe(settings, f"http://127.0.0.1:{ports[names[1]]}", probes))
    finally:
        for child in children:
            child.stop(20)
    ordered = statistics.quantiles(seconds, n=100, method="inclusive")
    yield Figure("B6", "p50", round(ordered[49], 3), "s", 1.5, runs=seconds, at_most=True)
    yield Figure("B6", "p99", round(ordered[98], 3), "s", 3.0, runs=seconds, at_most=True)


async def _probe(settings: Settings, url: str, probes: int) -> list[float]:
    producer = AIOKafkaProducer(linger_ms=5, acks="all", **kafka_options(settings))
    await producer.start()
    async with aiohttp.ClientSession(url) as client:
        load = asyncio.create_task(_load(producer, settings.topic))
        random, looks, seconds = Random(3), count(1), []
        try:
            for number in range(1, probes + 2):
                probe = json.dumps(event(random, time.time()) | {"project_id": PROJECT}).encode()
                await producer.send_and_wait(settings.topic, probe, partition=number % PARTITIONS)
                began = time.monotonic()
                while await _counted(client, next(looks)) < number:
                    if time.monotonic() - began > PATIENCE_SECONDS * (10 if number == 1 else 1):
                        raise RuntimeError(f"event {number} is in no answer")
                    await asyncio.sleep(0.02)
                seconds.append(time.monotonic() - began)
                await asyncio.sleep(PROBE_SECONDS * random.random())  # the probes fall anywhere between two flushes
        finally:
            load.cancel()
            await producer.stop()
    return seconds[1:]  # the first one waited until everything ran


async def _load(producer: AIOKafkaProducer, topic: str) -> None:
    random, began, sent = Random(4), time.monotonic(), 0
    made = [b"\n".join(json.dumps(event(random, time.time())).encode() for _ in range(100)) for _ in range(50)]
    while True:
        due = int((time.monotonic() - began) * LOAD_EVENTS_A_SECOND / 100)
        for number in range(sent, due):
            await producer.send(topic, made[number % len(made)], partition=number % PARTITIONS)
        sent = due
        await asyncio.sleep(0.05)


async def _counted(client: aiohttp.ClientSession, look: int) -> int:
    """How many calls of the probed project the overview knows; each look is a session of its own, for rate limits."""
    claims = {"jti": f"look-{look}", "org": ORGANISATION, "projects": [PROJECT], "exp": time.time() + 60}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    try:
        async with client.get(f"/v1/projects/{PROJECT}/overview", headers=headers) as answer:
            return (await answer.json())["kpis"]["totalRequests"] if answer.status == 200 else 0
    except aiohttp.ClientConnectionError:
        return 0  # it does not listen yet
