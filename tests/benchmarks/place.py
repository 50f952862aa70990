"""Where benchmarks run: the real Kafka and ClickHouse's engine on this machine, and topics full of made-up events."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.benchmarks.traffic import PARTITIONS, events, fill, in_records
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running
from tokentide.kafka import ensure_topics
from tokentide.settings import Settings, environment_of
from tokentide.store.migrate import migrate

__all__ = ["Place", "a_place"]

PEERS = Path(__file__).parents[2] / "build" / "bench" / "bin" / "python"
"""An interpreter that has what runs beside us, as `make bench` makes it."""


@dataclass
class Place:
    """Kafka and ClickHouse, and what is in them.

    Attributes:
        folder: of all processes.
        bootstrap: Kafka's address.
        clickhouse: the store's DSN.
        peers: an interpreter that has what runs beside us.
    """

    folder: DataFolder
    bootstrap: str
    clickhouse: str
    peers: Path = PEERS
    _filled: dict[tuple[int, int], str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def topic(self, number_of_events: int, record_size: int) -> str:
        """A topic of so many events in records of so many; it is filled once."""
        asked = number_of_events, record_size
        if asked not in self._filled:
            settings = self.settings(topic=f"events.{number_of_events}.{record_size}", dead_topic="dead")
            records = in_records(list(events(number_of_events, time.time())), record_size)
            asyncio.run(ensure_topics(settings, partitions=PARTITIONS))
            asyncio.run(fill(settings, settings.topic, records))
            self._filled[asked] = settings.topic
        return self._filled[asked]

    def settings(self, **changed: object) -> Settings:
        """Settings that lead here."""
        return Settings.model_validate({"kafka": self.bootstrap, "clickhouse": self.clickhouse, **changed})

    def fresh(self, topic: str, **changed: object) -> Settings:
        """Settings of a group that never read the topic, with a database of its own."""
        number = next(self._numbers)
        own = {"topic": topic, "dead_topic": "dead", "group": f"group-{number}", "database": f"bench_{number}"}
        settings = self.settings(**own, **changed)
        migrate(settings)
        return settings

    def new_name(self, kind: str) -> str:
        """A name for a process, which no other has."""
        return f"{kind}-{next(self._numbers)}"

    def environment(self, settings: Settings) -> dict[str, str]:
        """The environment of a process with these settings."""
        return {**os.environ, **environment_of(settings)}


@contextmanager
def a_place() -> Iterator[Place]:
    """Start Kafka and ClickHouse; everything goes away at the end."""
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as path, DataFolder(Path(path)) as folder:
        kafka, store = prepare_kafka(folder), prepare_clickhouse(folder)
        with running([*kafka.parts, store.part]):
            yield Place(folder, kafka.bootstrap, store.dsn)
