"""B12, B13: how many requests of 100 events the gateway takes, and how long a 202 takes at half of that.

The reference is a FastAPI handler that reads the same 100 events with pydantic and produces them one by one. Both have
the same Kafka, one after the other, each a process of its own, under 1, 8 and 32 connections that send as fast as they
are answered; each has its best. Requests for each CPU second of the process are what nothing else on the machine
changes. At half load requests fall due at even times, and the time of each is measured from when it was due.

    python -m tests.benchmarks.gateway FILE

writes a profile of the gateway under load, for pstats, and measures nothing.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

from tests.benchmarks.consumers import cpu_seconds
from tests.benchmarks.figures import Figure
from tests.benchmarks.gateway_process import key
from tests.benchmarks.place import Place, a_place
from tests.benchmarks.traffic import PARTITIONS, events
from tokentide.embedded.ports import free_port
from tokentide.embedded.processes import wait_until_ready
from tokentide.kafka import ensure_topics
from tokentide.settings import Settings

__all__ = ["gateway_requests"]

ASKED_RATIO = 20.0
CONNECTIONS = (1, 8, 32)
BODIES, EVENTS = 40, 100
WARM_UP_SECONDS = 1.5
REFERENCE = "FastAPI, pydantic, produced one by one"


@dataclass
class Load:
    """What clients saw: how long each 202 took, in seconds, and how many answers were another."""

    seconds: list[float] = field(default_factory=list)
    others: int = 0


@dataclass(frozen=True)
class Rate:
    """What a server did."""

    requests: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.wall_seconds

    @property
    def per_cpu_second(self) -> float:
        return self.requests / self.cpu_seconds


def gateway_requests(place: Place, seconds: float) -> Iterator[Figure]:
    """Both servers under load, each for so many seconds with each number of connections."""
    settings, bodies = _settings(place), _bodies()
    with _served(place, "ours", settings) as (port, pid):
        ours = _rates(port, pid, bodies, seconds)
        pace = max(rate.per_second for rate in ours) / 2
        half = asyncio.run(_at_a_pace(port, bodies, 2 * seconds, pace))
    with _served(place, "reference", settings) as (port, pid):
        reference = _rates(port, pid, bodies, seconds)
    yield _ratio("ratio", ours, reference, lambda rate: rate.per_second)
    yield _ratio("cpu", ours, reference, lambda rate: rate.per_cpu_second)
    ordered = statistics.quantiles(half.seconds, n=100, method="inclusive")
    for part, place_of in (("p50", 49), ("p99", 98)):
        yield Figure("B13", part, round(ordered[place_of] * 1000, 2), "ms", runs=[round(pace, 1), len(half.seconds)])


def _settings(place: Place) -> Settings:
    settings = place.settings(topic="events.gateway", dead_topic="dead")
    asyncio.run(ensure_topics(settings, partitions=PARTITIONS))
    return settings


def _bodies() -> list[bytes]:
    made = list(events(BODIES * EVENTS, time.time()))
    return [b"[" + b",".join(made[first : first + EVENTS]) + b"]" for first in range(0, len(made), EVENTS)]


def _ratio(part: str, ours: list[Rate], reference: list[Rate], get: Callable[[Rate], float]) -> Figure:
    best, other = max(map(get, ours)), max(map(get, reference))
    runs = [[round(get(rate), 1) for rate in rates] for rates in (ours, reference)]
    return Figure("B12", part, round(best / other, 1), "x", ASKED_RATIO, round(best), round(other), REFERENCE, runs)


class _Client:
    """One connection that posts a prepared body again and again."""

    def __init__(self, port: int, bodies: list[bytes]) -> None:
        self._port = port
        self._bodies = bodies

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, number: int) -> int:
        """The status of the answer."""
        body = self._bodies[number % len(self._bodies)]
        head = (
            f"POST /v1/ingest HTTP/1.1\r\nhost: x\r\nx-api-key: {key(number)}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(answer.split()[1])


async def _as_fast_as_answered(port: int, bodies: list[bytes], seconds: float, connections: int) -> Load:
    """Every connection sends when its last request was answered."""
    load, numbers, end = Load(), count(), time.perf_counter() + seconds

    async def client() -> None:
        async with _Client(port, bodies) as connection:
            while (began := time.perf_counter()) < end:
                _note(load, await connection.post(next(numbers)), began)

    await asyncio.gather(*(client() for _ in range(connections)))
    return load


async def _at_a_pace(port: int, bodies: list[bytes], seconds: float, per_second: float) -> Load:
    """Requests fall due at even times, whatever became of those before."""
    load, numbers, began = Load(), count(), time.perf_counter()

    async def client() -> None:
        async with _Client(port, bodies) as connection:
            while (number := next(numbers)) < seconds * per_second:
                due = began + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                _note(load, await connection.post(number), due)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS[-1])))
    return load


def _note(load: Load, status: int, began: float) -> None:
    if status == 202:
        load.seconds.append(time.perf_counter() - began)
    else:
        load.others += 1


@contextmanager
def _served(place: Place, which: str, settings: Settings, profile: str = "") -> Iterator[tuple[int, int]]:
    """The server's port and process, while the block lasts."""
    port = free_port()
    module = ["-m", "tests.benchmarks.gateway_process", which, str(port), settings.kafka, settings.topic]
    profiled = ["-m", "cProfile", "-o", profile] if profile else []
    command = [sys.executable, *profiled, *module]
    child = place.folder.spawn(place.new_name(which), command, cwd=Path.cwd(), env=dict(os.environ))
    try:
        wait_until_ready(child, lambda: asyncio.run(_listens(port)), 60)
        yield port, child.pid
    finally:
        child.stop(20)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _rates(port: int, pid: int, bodies: list[bytes], seconds: float) -> list[Rate]:
    """One rate for each number of connections."""
    asyncio.run(_as_fast_as_answered(port, bodies, WARM_UP_SECONDS, CONNECTIONS[-1]))
    found = []
    for connections in CONNECTIONS:
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        load = asyncio.run(_as_fast_as_answered(port, bodies, seconds, connections))
        if load.others:
            raise RuntimeError(f"{load.others} requests were not answered with 202")
        found.append(Rate(len(load.seconds), time.perf_counter() - began, cpu_seconds(pid) - cpu))
    return found


def main() -> None:
    with a_place() as place:
        settings = _settings(place)
        with _served(place, "ours", settings, profile=str(Path(sys.argv[1]).absolute())) as (port, _):
            asyncio.run(_as_fast_as_answered(port, _bodies(), 5, CONNECTIONS[-1]))


if __name__ == "__main__":
    main()
