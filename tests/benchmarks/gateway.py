"""How many requests of 100 events the gateway takes, beside a FastAPI handler with pydantic that sends them singly.

    python -m tests.benchmarks.gateway [--seconds N] [--json FILE]

Both run on the same real Kafka, one after the other, each a process of its own, under 1, 8 and 32 connections that send
as fast as they are answered. Counted are requests a second, and requests for each CPU second of the process, which what
else runs on the machine leaves alone; each server has its best. Then the gateway gets half of its load at an even pace,
and how long a 202 takes is measured from the moment at which it was due. With `--profile` it tells where its time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

from tests.benchmarks.gateway_process import key
from tests.benchmarks.worker_vs_stock import cpu_seconds, events
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running
from tokentide.embedded.ports import free_port
from tokentide.embedded.processes import wait_until_ready
from tokentide.kafka import ensure_topics
from tokentide.settings import Settings

ASKED_RATIO = 20.0
CONNECTIONS = (1, 8, 32)
BODIES = 40
EVENTS = 100
WARM_UP_SECONDS = 2.0


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


class Client:
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


async def as_fast_as_answered(port: int, bodies: list[bytes], seconds: float, connections: int) -> Load:
    """Every connection sends when its last request was answered."""
    load, numbers, end = Load(), count(), time.perf_counter() + seconds

    async def client() -> None:
        async with Client(port, bodies) as connection:
            while time.perf_counter() < end:
                began = time.perf_counter()
                if await connection.post(next(numbers)) == 202:
                    load.seconds.append(time.perf_counter() - began)
                else:
                    load.others += 1

    await asyncio.gather(*(client() for _ in range(connections)))
    return load


async def at_a_pace(port: int, bodies: list[bytes], seconds: float, per_second: float) -> Load:
    """Requests fall due at even times, whatever became of those before."""
    load, numbers, began = Load(), count(), time.perf_counter()

    async def client() -> None:
        async with Client(port, bodies) as connection:
            while (number := next(numbers)) < seconds * per_second:
                due = began + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if await connection.post(number) == 202:
                    load.seconds.append(time.perf_counter() - due)
                else:
                    load.others += 1

    await asyncio.gather(*(client() for _ in range(CONNECTIONS[-1])))
    return load


@contextmanager
def served(folder: DataFolder, which: str, settings: Settings, profile: Path | None = None):
    """The server's port and process, while the block lasts."""
    port = free_port()
    module = ["-m", "tests.benchmarks.gateway_process", which, str(port), settings.kafka, settings.topic]
    profiled = ["-m", "cProfile", "-o", str(profile)] if profile else []
    child = folder.spawn(which, [sys.executable, *profiled, *module], cwd=Path.cwd(), env=dict(os.environ))
    try:
        wait_until_ready(child, lambda: _listens(port), 60)
        yield port, child.pid
    finally:
        child.stop(20)


def _listens(port: int) -> bool:
    async def connect() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return asyncio.run(connect())


def rates_of(port: int, pid: int, bodies: list[bytes], seconds: float) -> list[Rate]:
    """One rate for each number of connections."""
    asyncio.run(as_fast_as_answered(port, bodies, WARM_UP_SECONDS, CONNECTIONS[-1]))
    found = []
    for connections in CONNECTIONS:
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        load = asyncio.run(as_fast_as_answered(port, bodies, seconds, connections))
        if load.others:
            raise SystemExit(f"{load.others} requests were not answered with 202")
        found.append(Rate(len(load.seconds), time.perf_counter() - began, cpu_seconds(pid) - cpu))
    return found


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def figures(ours: list[Rate], reference: list[Rate], half: Load) -> list[dict]:
    def ratio(part: str, get: Callable[[Rate], float]) -> dict:
        best, other = max(map(get, ours)), max(map(get, reference))
        value = best / other
        return {
            "id": "B12",
            "part": part,
            "value": round(value, 1),
            "unit": "x",
            "ours": round(best, 1),
            "reference": round(other, 1),
            "reference_name": "FastAPI, pydantic, produced one by one",
            "asked": ASKED_RATIO,
            "holds": value >= ASKED_RATIO,
            "runs": [[round(get(rate), 1) for rate in rates] for rates in (ours, reference)],
        }

    latencies = [
        {"id": "B13", "part": part, "value": round(quantile(half.seconds, share) * 1000, 2), "unit": "ms"}
        for part, share in (("p50", 0.5), ("p99", 0.99))
    ]
    return [ratio("ratio", lambda r: r.per_second), ratio("cpu ratio", lambda r: r.per_cpu_second), *latencies]


def show(found: dict, ours: list[Rate], reference: list[Rate], half: Load) -> None:
    print(f"{'requests of 100 events':34}{'connections':>12}{'per second':>12}{'per CPU second':>16}")
    for name, rates in (("tokentide gateway", ours), ("FastAPI, pydantic, one by one", reference)):
        for connections, rate in zip(CONNECTIONS, rates, strict=True):
            print(f"{name:34}{connections:>12}{rate.per_second:>12.1f}{rate.per_cpu_second:>16.1f}")
    for figure in found["figures"][:2]:
        holds = "holds" if figure["holds"] else "MISSED"
        print(f"B12 {figure['part']:10}{figure['value']} x, asked {ASKED_RATIO:.0f} x: {holds}")
    p50, p99 = (quantile(half.seconds, share) * 1000 for share in (0.5, 0.99))
    print(f"B13 a 202 at half load: p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(half.seconds)} requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path, default=Path("bench-results.json"))
    parser.add_argument("--profile", type=Path, help="write the gateway's cProfile there, and measure nothing else")
    asked = parser.parse_args()
    began = time.monotonic()
    made = list(events(BODIES * EVENTS, time.time()))
    bodies = [json.dumps(made[first : first + EVENTS]).encode() for first in range(0, len(made), EVENTS)]
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as place, DataFolder(Path(place)) as folder:
        kafka = prepare_kafka(folder)
        with running(kafka.parts):
            settings = Settings(kafka=kafka.bootstrap)
            asyncio.run(ensure_topics(settings, partitions=4))
            with served(folder, "ours", settings, asked.profile) as (port, pid):
                ours = rates_of(port, pid, bodies, asked.seconds)
                pace = max(rate.per_second for rate in ours) / 2
                half = asyncio.run(at_a_pace(port, bodies, asked.seconds, pace))
            if asked.profile:
                return
            with served(folder, "reference", settings) as (port, pid):
                reference = rates_of(port, pid, bodies, asked.seconds)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    found = {
        "mode": "short",
        "seconds": round(time.monotonic() - began, 1),
        "machine": {"cpu": platform.processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "commit": commit,
        "figures": figures(ours, reference, half),
    }
    asked.json.write_text(json.dumps(found, indent=2) + "\n")
    show(found, ours, reference, half)


if __name__ == "__main__":
    main()
