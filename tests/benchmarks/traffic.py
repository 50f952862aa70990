"""Made-up traffic: events of 18 fields and about 460 bytes, and topics full of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer

from tokentide.kafka import kafka_options
from tokentide.settings import Settings

__all__ = ["PARTITIONS", "event", "events", "fill", "in_records"]

PARTITIONS = 4


def event(random: Random, now: float) -> dict[str, Any]:
    """An event: 50 projects and 20 models, both skewed, the last ten minutes, 4 % errors."""
    failed = random.random() < 0.04
    began = time.gmtime(now - random.random() * 600)
    return {
        "event_id": str(UUID(int=random.getrandbits(128), version=4)),
        "project_id": f"project-{int(random.paretovariate(1)) % 50}",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", began) + f".{random.randrange(1000):03}Z",
        "provider": "openai",
        "model": f"gpt-{int(random.paretovariate(1)) % 20}",
        "operation": "chat",
        "status": random.choice(("error", "timeout", "rate_limited")) if failed else "success",
        "latency_ms": round(random.lognormvariate(6.5, 0.9), 3),
        "stream": True,
        "ttft_ms": round(random.lognormvariate(5, 0.5), 3),
        "input_tokens": random.randrange(4000),
        "output_tokens": random.randrange(800),
        "cached_tokens": 0,
        "cost_usd": round(random.random() / 100, 6),
        "trace_id": f"{random.getrandbits(128):032x}",
        "session_id": f"session-{random.randrange(100_000)}",
        "user_id": f"user-{random.randrange(10_000)}",
        "environment": "production",
    }


def events(count: int, now: float, seed: int = 1) -> Iterator[bytes]:
    """So many events, as JSON."""
    random = Random(seed)
    return (json.dumps(event(random, now)).encode() for _ in range(count))


def in_records(lines: Sequence[bytes], size: int) -> list[bytes]:
    """The events as NDJSON records of so many."""
    return [b"\n".join(lines[begin : begin + size]) for begin in range(0, len(lines), size)]


async def fill(settings: Settings, topic: str, records: Sequence[bytes]) -> None:
    """Write the records to a topic, spread evenly over its partitions; all are acknowledged."""
    producer = AIOKafkaProducer(linger_ms=20, max_batch_size=1_000_000, **kafka_options(settings))
    await producer.start()
    try:
        for number, record in enumerate(records):
            await producer.send(topic, value=record, key=b"k%d" % (number % 50), partition=number % PARTITIONS)
        await producer.flush()
    finally:
        await producer.stop()
