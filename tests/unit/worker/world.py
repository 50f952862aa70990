"""One topic, one store and any number of workers on them, and what the store must hold in the end by brute force."""

from __future__ import annotations

import itertools
from collections import Counter

from prometheus_client import CollectorRegistry

from tests.builders import AT_MS, HOUR_MS, an_event, line
from tests.fakes import Death, FakeDeadLetters, FakeLog, FakeRows, Line, Tables, Topic
from tests.oracle.log import Sent, calls
from tokentide.events import Limits, read_stretch
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import TABLES, FoldSettings, PartitionState, Position
from tokentide.store.rows import batches
from tokentide.worker.loading import LoadSettings
from tokentide.worker.pipeline import Pipeline, PipelineSettings
from tokentide.worker.ports import Slice

MINUTE_MS = 60_000
HOT_MS = 2 * HOUR_MS
DEDUP_MS = 30 * MINUTE_MS
FOLD = FoldSettings(hot_window_ms=HOT_MS, dedup_window_ms=DEDUP_MS)
BAD = b'{"event_id": 5}'
STATUSES = ("success", "error", "timeout", "rate_limited", "cancelled")


class World:
    """What outlives every worker."""

    def __init__(self, partitions=1, now_ms=AT_MS, **load):
        self.topic = Topic(partitions)
        self.tables = Tables()
        self.letters = []
        self.sent = []
        self.now_ms = now_ms
        self.load = LoadSettings(FOLD, Limits(), **({"patience_seconds": 5.0} | load))
        self.members = {}
        self._generations = itertools.count(1)

    @property
    def partitions(self):
        return list(self.topic.records)

    def append(self, partition, time_ms, *events):
        """One record of events (JSON objects) and of lines that are none (bytes)."""
        value = b"\n".join(event if isinstance(event, bytes) else line(event) for event in events)
        record = self.topic.append(partition, time_ms, value)
        # Log time: the oracle sees no record without a valid event, and such a record moves it too.
        log_ms = max(each.timestamp for each in self.topic.records[partition])
        self.sent += [Sent(partition, record.offset, log_ms, event) for event in events if isinstance(event, dict)]
        return record

    def fill(self, records=10, partitions=None):
        """A log with everything in it: repeats, late and bad events, all statuses, hours that pass.

        Every record changes a row of every table and holds a bad line, so that every flush has all its steps.
        """
        numbers = itertools.count(1)
        for offset, partition in itertools.product(range(records), partitions or self.partitions):
            at_ms = AT_MS + offset * 47 * MINUTE_MS
            first, second, third, fourth = (next(numbers) for _ in range(4))
            self.append(
                partition,
                at_ms,
                an_event(first, at_ms=at_ms, status=STATUSES[offset % 5], cost_usd="0.000000007", input_tokens=offset),
                an_event(second, at_ms=at_ms - (offset % 4) * 2 * HOUR_MS, latency_ms=offset + 0.25),
                an_event(third, at_ms=at_ms - 5 * HOUR_MS, status="error", error_code="late"),
                an_event(fourth, at_ms=at_ms, status="rate_limited"),
                an_event(second, at_ms=at_ms),  # a repeat
                BAD,
            )

    def worker(self, line=None, **settings):
        """A worker that has no partitions yet."""
        return Worker(self, line or Line(), settings)

    def next_generation(self):
        return next(self._generations)

    # ---- what must be there

    def expected(self, upto=None):
        """Every measure that brute force can tell, by table and key; `upto` gives for each partition an offset."""
        found = {}
        for partition in self.partitions:
            end = self.topic.end(partition) if upto is None else upto[partition]
            counted = calls([s for s in self.sent if s.partition == partition and s.offset < end], DEDUP_MS)
            found |= {(*place, partition): measures for place, measures in _brute(counted).items()}
        return found

    def stored(self):
        """The same as the store has it."""
        return {
            (table.name, key[:-1], key[-1]): _told(table, measures)
            for table in TABLES
            for key, (_, measures) in self.tables.rows[table.name].items()
        }

    def straight(self):
        """Every row with its version, sketches apart, as one worker writes it that nothing ever happens to."""
        reference = Tables()
        for partition in self.partitions:
            state = PartitionState(partition, FOLD, Position(epoch=self.load.epoch))
            state.fold(read_stretch(self.topic.records[partition], self.load.limits))
            for batch in batches([state.snapshot()]):
                if batch.lines:
                    reference.insert_events(batch.lines.splitlines())
                else:
                    reference.insert(batch, batch.rows)
        return reference

    def check(self):
        """The store holds everything once, as the log tells it, and so do dead letters and commits."""
        straight = self.straight()
        assert self.stored() == self.expected()
        assert _plain(self.tables) == _plain(straight)
        assert self.tables.events == straight.events
        assert self.tables.contradictions == []
        ends = {partition: self.topic.end(partition) for partition in self.partitions}
        assert {p: entry.position.offset for p, (_, entry) in self.tables.progress.items()} == ends
        assert {(letter.partition, letter.offset, letter.refusal.index) for letter in self.letters} == self.refused()

    def refused(self):
        """Where the bad lines are."""
        return {
            (partition, record.offset, index)
            for partition, records in self.topic.records.items()
            for record in records
            for index, text in enumerate((record.value or b"").split(b"\n"))
            if text == BAD
        }


class Worker:
    """A pipeline, and what Faust would do with it."""

    def __init__(self, world, line, settings):
        self.world = world
        self.line = line
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.generation = 0
        self.fetched = {}
        rows, log = FakeRows(world.tables, line), FakeLog(world.topic, line, self._is_member)
        dead = FakeDeadLetters(world.letters, line)
        self.pipeline = Pipeline(
            PipelineSettings(world.load, **settings),
            rows,
            log,
            dead,
            metrics=self.metrics,
            now_ms=lambda: world.now_ms,
        )

    async def join(self, *partitions):
        """Be assigned the partitions, all of them unless said otherwise, and go on at what is committed."""
        mine = partitions or tuple(self.world.partitions)
        self.generation = self.world.next_generation()
        self.world.members |= dict.fromkeys(mine, self)
        await self.pipeline.assigned(mine)
        self.fetched = {partition: self.world.topic.committed.get(partition, 0) for partition in mine}

    async def feed(self, count=1000, *partitions):
        """Hand over the next records of each partition, as one slice each."""
        for partition in partitions or self.fetched:
            begin = self.fetched[partition]
            records = self.world.topic.between(partition, begin, begin + count)
            if records:
                self.fetched[partition] = records[-1].offset + 1
                await self.pipeline.consume(self.a_slice(partition, records), self.generation)

    def a_slice(self, partition, records):
        """The records as the transport hands them over now."""
        return Slice(self.generation, partition, records)

    async def flush(self):
        return await self.pipeline.flush()

    async def work(self, count=2):
        """Read everything and store it, with a flush after every few records of each partition; False when it dies."""
        try:
            if not self.fetched:
                await self.join()
            await self.flush()
            while any(at < self.world.topic.end(partition) for partition, at in self.fetched.items()):
                await self.feed(count)
                await self.flush()
        except Death:
            return False
        return True

    def count(self, name, **labels):
        """The value of a counter or gauge, added up over the labels that are not given."""
        return sum(
            sample.value
            for metric in self.metrics.registry.collect()
            if metric.name == f"tokentide_{name}"
            for sample in metric.samples
            if labels.items() <= sample.labels.items()
        )

    def _is_member(self):
        return all(self.world.members.get(partition) is self for partition in self.pipeline.states)


def _brute(counted):
    found = {}
    for call in counted:
        hour, model = call.ms // HOUR_MS * 3600, ("openai", call.model)
        usage = found.setdefault(("usage_1h", (call.project, hour, *model, "", "")), Counter())
        usage.update(
            {
                "requests": 1,
                call.status: 1,
                "input_tokens": call.read,
                "cost_nanos": int(call.cost * 10**9),
                "latency_us": int(call.latency * 1000),
            }
        )
        found.setdefault(("latency_1h", (call.project, hour, *model)), Counter())["values"] += 1
        health = found.setdefault(("provider_health_5m", (call.project, call.ms // 300_000 * 300, "openai")), Counter())
        health.update({"requests": 1, "latency_us": int(call.latency * 1000)})
        health["errors"] += call.status in {"error", "timeout"}
        health["rate_limited"] += call.status == "rate_limited"
        if call.status in {"error", "timeout", "rate_limited"}:
            code = call.code or ("unknown" if call.status == "error" else call.status)
            _brute_error(found.setdefault(("errors_1h", (call.project, hour, code, *model)), Counter()), call)
        if call.status == "rate_limited":
            minute = call.ms // 60_000 * 60
            found.setdefault(("rate_limits_1m", (call.project, minute, *model)), Counter())["rate_limited"] += 1
    return {place: +measures for place, measures in found.items()}


def _brute_error(measures, call):
    measures["errors"] += 1
    if call.ms >= measures["last_seen_ms"]:
        measures["last_seen_ms"] = call.ms
        measures["last_event_id"] = int(call.event_id.replace("-", ""), 16)


def _told(table, measures):
    values = dict(zip(table.measures, measures, strict=True))
    if table.name == "latency_1h":
        return Counter({"values": sum(values["latency_weights"])})
    if table.name == "errors_1h":
        return +Counter(values | {"last_event_id": values["last_event_id"].int})
    told = ("requests", *STATUSES, "input_tokens", "cost_nanos", "latency_us", "errors")
    if table.name == "usage_1h":
        told = told[:-1]
    return +Counter({name: values[name] for name in told if name in values})


def _plain(tables):
    return {
        (name, key): (version, sum(measures[1]) if name == "latency_1h" else measures)
        for name, rows in tables.rows.items()
        for key, (version, measures) in rows.items()
    }
