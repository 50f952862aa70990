"""One topic under steady load, its workers, and the audit of what they stored."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr

from tests.faults.audit import Audit, Verdict
from tests.faults.load import Load
from tests.faults.machine import WiredMachine
from tests.integration.deployment import PARTITIONS, Deployment, WorkerProcess, until
from tokentide.errors import StoreUnavailable
from tokentide.kafka import ensure_topics
from tokentide.settings import environment_of
from tokentide.store import Query, Store, open_store
from tokentide.store.migrate import migrate

__all__ = ["Scene", "rss_bytes"]

RECORDS_PER_SECOND = 120.0
CAUGHT_UP_SECONDS = 90.0
RECONCILE_SECONDS = 300.0
READ = ("read_events_total", "missing_offsets_total")
DECISIONS = ("events_total", "duplicates_total", "skipped_total", "dead_letters_total")


class Scene(Deployment):
    """A deployment whose workers go through the wires, and whose tests do not.

    Windows are short, so that repeats and late events on both sides of them occur all the time.
    """

    machine: WiredMachine

    def __init__(self, machine: WiredMachine, name: str, seed: int = 1, **settings: object) -> None:
        wired = {"clickhouse": SecretStr(f"http://127.0.0.1:{machine.store_wire.port}")}
        super().__init__(machine, name, **({"hot_window_seconds": 60, "dedup_window_seconds": 20} | wired | settings))
        own = {"kafka": machine.direct, "clickhouse": SecretStr(machine.store.dsn)}
        self.direct = self.settings.model_copy(update=own)
        self.audit = Audit(self.direct, PARTITIONS)
        self.names: dict[WorkerProcess, str] = {}
        self.load = Load(machine.direct, name, PARTITIONS, seed, RECORDS_PER_SECOND)
        self._seed = seed
        self._store: Store | None = None

    def __enter__(self) -> Self:
        migrate(self.direct)
        copies = min(3, len(self.machine.cluster.nodes))
        asyncio.run(ensure_topics(self.direct, partitions=PARTITIONS, replication=copies))
        return self

    @contextmanager
    def loaded(self) -> Iterator[Load]:
        """Steady load while the block lasts."""
        with self.load:
            yield self.load

    @contextmanager
    def more_load(self, partitions: int = PARTITIONS) -> Iterator[Load]:
        """The same with other events, as often as it is asked for."""
        self._seed += 1
        self.load = Load(self.direct.kafka, self.direct.topic, partitions, self._seed, RECORDS_PER_SECOND)
        with self.loaded() as load:
            yield load

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._store is not None:
            self._store.close()

    # ---- workers

    def living(self) -> list[WorkerProcess]:
        """The workers that run."""
        return [worker for worker in self.workers if worker.child.exit_code is None]

    def named(self, name: str) -> WorkerProcess:
        """Start a worker that Kafka knows by its name, and that takes over at once what the one before it had."""
        worker = self.worker(group_instance_id=name)
        self.names[worker] = name
        return worker

    def crew(self, *names: str) -> None:
        """Start such workers, and wait until they share the partitions."""
        for name in names:
            self.named(name)
        self.whole()

    def is_shared(self) -> bool:
        """Whether every partition is held by one worker, and every worker is ready."""
        if any(worker.ready() != 200 for worker in self.living()):
            return False
        held = [number for worker in self.living() for number in worker.partitions()]
        return sorted(held) == list(range(PARTITIONS))

    def whole(self) -> None:
        """Wait until every partition is held and every worker ready."""
        until(self.is_shared, "the workers share the partitions and are ready", CAUGHT_UP_SECONDS)

    # ---- what became of the load

    def passes(self, records: int) -> None:
        """Wait until Kafka has acknowledged so many more records."""
        wanted = self.load.count + records
        until(lambda: self.load.count >= wanted, f"{records} records more", CAUGHT_UP_SECONDS)

    def stored_until(self) -> dict[int, int]:
        """The position of each partition; empty while the store is away."""
        try:
            return dict(self.ask("SELECT partition, position FROM progress FINAL"))
        except StoreUnavailable:
            return {}

    def catches_up(self) -> float:
        """Wait until everything that is in the log now is stored; how many seconds that took."""
        began, ends = time.monotonic(), self.audit.log_ends()
        until(lambda: self._has(ends), f"everything below {ends} is stored", CAUGHT_UP_SECONDS)
        return time.monotonic() - began

    def settle(self) -> Verdict:
        """Stop sending, wait until all is stored, compare every table with the oracle, and go on sending."""
        self.load.pause()
        try:
            self.audit.read_log(self.load.acknowledged)
            until(lambda: self.stored_until() == self.audit.ends, f"{self.audit.ends} is stored", CAUGHT_UP_SECONDS)
            verdict = self.audit.compare(self.ask)
        finally:
            self.load.resume()
        for worker in self.living():
            assert self.unaccounted(worker) == {}, worker.child.name
        return verdict

    @staticmethod
    def unaccounted(worker: WorkerProcess) -> dict[str, float]:
        """By partition, how many of the events that a worker read are in none, or in two, of its counters.

        Offsets that it jumped over count as well: these logs have no gaps.
        """
        balance: dict[str, float] = defaultdict(float)
        for name, labels, value in worker.scrape():
            if name in READ or name in DECISIONS:
                balance[labels["partition"]] += -value if name in DECISIONS else value
        return {partition: left for partition, left in balance.items() if left}

    def reconciled(self) -> tuple[int, str]:
        """The exit code of `tokentide reconcile`, and what it says."""
        environment = {**os.environ, **environment_of(self.direct)}
        command = [sys.executable, "-m", "tokentide", "reconcile"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=RECONCILE_SECONDS, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """An answer of the store, past the wire."""
        with self._stored() as store:
            return store.ask(Query("test", sql))

    def command(self, sql: str) -> None:
        """A statement that answers nothing."""
        with self._stored() as store:
            store.command(sql)

    @contextmanager
    def _stored(self) -> Iterator[Store]:
        """The store, opened once and after each of its deaths."""
        if self._store is None:
            self._store = open_store(self.direct.clickhouse.get_secret_value(), self.direct.database)
        try:
            yield self._store
        except StoreUnavailable:
            self._store.close()
            self._store = None
            raise

    def _has(self, ends: dict[int, int]) -> bool:
        stored = self.stored_until()
        return all(stored.get(partition, 0) >= end for partition, end in ends.items())


def rss_bytes(worker: WorkerProcess) -> int:
    """The memory that a process takes."""
    status = Path(f"/proc/{worker.child.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS:"))
