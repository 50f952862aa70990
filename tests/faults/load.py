"""Steady load on a topic, with repeats, late and bad events; what was acknowledged is noted."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple, Self
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.builders import HOUR_MS, line, rfc3339
from tokentide import clock

__all__ = ["Load", "MadeUp", "made_up", "parts_of"]

_logger = logging.getLogger(__name__)
_BAD_IN_ARRAYS = (b'{"event_id": 5}', b"7", b'{"event_id":"x","project_id":"p"}')
_BAD = (*_BAD_IN_ARRAYS, b"{", b'{"note": "\xff"}')
_STATUSES = ("success", "success", "success", "success", "error", "timeout", "rate_limited", "cancelled")
_TOGETHER = 5
_PAUSE_SECONDS = 60.0


class MadeUp(NamedTuple):
    """A record to send; the indexes of its bad parts stand in a header, where only the audit looks."""

    partition: int
    value: bytes
    headers: list[tuple[str, bytes]]


def made_up(seed: int, partitions: int) -> Iterator[MadeUp]:
    """Records without end: single events, NDJSON, arrays; one event in ten a repeat, some hours late, some bad."""
    rng = Random(seed)
    known: dict[int, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=3000))
    number = 0
    while True:
        partition, is_array = number % partitions, rng.random() < 0.2
        bad = _BAD_IN_ARRAYS if is_array else _BAD
        parts = [_part(rng, known[partition], bad) for _ in range(rng.choice([1, 1, 1, 1, 4, 15]))]
        texts = [part if isinstance(part, bytes) else line(part) for part in parts]
        refused = ",".join(str(index) for index, part in enumerate(parts) if isinstance(part, bytes))
        headers = [("number", str(number).encode()), ("refused", refused.encode())]
        yield MadeUp(partition, b"[" + b",".join(texts) + b"]" if is_array else b"\n".join(texts), headers)
        number += 1


def parts_of(value: bytes, refused: set[int]) -> list[tuple[int, dict[str, Any]]]:
    """The good events of a record and their indexes."""
    if value.startswith(b"["):
        return [(index, part) for index, part in enumerate(json.loads(value)) if index not in refused]
    lines = enumerate(value.split(b"\n"))
    return [(index, json.loads(text)) for index, text in lines if index not in refused]


def _part(rng: Random, known: deque[dict[str, Any]], bad: tuple[bytes, ...]) -> Any:
    chance = rng.random()
    if known and chance < 0.1:
        return rng.choice(known) if chance < 0.03 else known[-rng.randrange(1, min(50, len(known)) + 1)]
    if chance < 0.13:
        return rng.choice(bad)
    known.append(_event(rng))
    return known[-1]


def _event(rng: Random) -> dict[str, Any]:
    """Scores and durations are multiples of an eighth, so that their sums are exact."""
    late_ms = rng.randrange(1, 6) * HOUR_MS if rng.random() < 0.01 else 0
    read = rng.randrange(5000)
    event = {
        "event_id": str(UUID(int=rng.getrandbits(128))),
        "project_id": rng.choice("pq"),
        "timestamp": rfc3339(clock.now_ms() - late_ms - rng.randrange(60_000)),
        "kind": "llm" if rng.random() < 0.98 else "agent",
        "provider": rng.choice(["openai", "anthropic"]),
        "model": rng.choice(["large", "small"]),
        "status": rng.choice(_STATUSES),
        "latency_ms": rng.randrange(80_000) / 8,
        "input_tokens": read,
        "output_tokens": rng.randrange(900),
        "cost_usd": f"{rng.randrange(10**9) / 10**9:.9f}",
    }
    maybe = {
        "agent_id": "a",
        "cached_tokens": read // 2,
        "stream": True,
        "ttft_ms": rng.randrange(4000) / 8,
        "error_code": "overloaded",
        "quality_score": rng.randrange(9) / 8,
        "failure_mode": "refusal",
        "retry_count": 1,
        "requested_model": "large",
        "cost_ceiling_usd": 0.5,
    }
    return event | {name: value for name, value in maybe.items() if rng.random() < 0.25}


class Load:
    """Sends in a thread of its own while the block lasts.

    Args:
        kafka: bootstrap servers.
        topic: where to.
        partitions: of the topic.
        seed: where chance begins.
        records_per_second: of which a quarter holds several events.

    Attributes:
        acknowledged: the number of each record that Kafka acknowledged since this was last taken, by its place.
        count: how many records were acknowledged in all.
    """

    def __init__(self, kafka: str, topic: str, partitions: int, seed: int, records_per_second: float) -> None:
        self.acknowledged: dict[tuple[int, int], int] = {}
        self.count = 0
        self._kafka, self._topic = kafka, topic
        self._records = made_up(seed, partitions)
        self._rest_seconds = _TOGETHER / records_per_second
        self._wanted, self._idle, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def __enter__(self) -> Self:
        self._wanted.set()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_PAUSE_SECONDS)

    def pause(self) -> None:
        """Send no more, and wait until everything that was sent is acknowledged or refused."""
        self._idle.clear()
        self._wanted.clear()
        assert self._idle.wait(_PAUSE_SECONDS), "what was sent is not acknowledged"

    def resume(self) -> None:
        """Go on."""
        self._wanted.set()

    async def _run(self) -> None:
        while not self._ended.is_set():
            producer = AIOKafkaProducer(bootstrap_servers=self._kafka, enable_idempotence=True, linger_ms=5)
            try:
                await producer.start()
                await self._send_with(producer)
            except KafkaError as error:
                _logger.warning("a new producer, after %r", error)
            finally:
                await producer.stop()

    async def _send_with(self, producer: Any) -> None:
        flying: list[tuple[int, Any]] = []
        while not self._ended.is_set():
            if not self._wanted.is_set():
                await self._note(flying)
                self._idle.set()
                await asyncio.sleep(0.02)
                continue
            for _ in range(_TOGETHER):
                partition, value, headers = next(self._records)
                sent = await producer.send(self._topic, value, partition=partition, headers=headers)
                flying.append((int(headers[0][1]), sent))
            if flying[0][1].done():
                await self._note(flying)
            await asyncio.sleep(self._rest_seconds)
        await self._note(flying)

    async def _note(self, flying: list[tuple[int, Any]]) -> None:
        """Note what was acknowledged; of what failed nobody knows, and the log tells."""
        for number, sent in flying:
            place = await sent
            self.acknowledged[place.partition, place.offset] = number
            self.count += 1
        flying.clear()
