"""One worker process: the real pipeline, and around it what Faust and the operating system do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from typing_extensions import override

from tests.builders import AT_MS
from tests.fakes import FakeDeadLetters, FakeLog, FakeRows
from tests.simulation.wire import Wire
from tokentide.errors import LogMismatch, StoreRejected
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import PartitionState
from tokentide.worker.pipeline import Pipeline, PipelineSettings
from tokentide.worker.ports import Slice

if TYPE_CHECKING:
    from tests.simulation.stage import Stage

__all__ = ["Bug", "Process"]


class Bug(Exception):
    """An error that nobody expects, in the middle of anything."""


class Process:
    """A worker.

    Attributes:
        pipeline: its delivery logic.
        generation: the assignment it believes in.
        joining: how many assignments it is at.
        fetched: the next offset to fetch of each partition that it may fetch.
    """

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        self.generation = 0
        self.joining = 0
        self.fetched: dict[int, int] = {}
        self.metrics = WorkerMetrics(CollectorRegistry())
        self._stage = stage
        self._life = stage.life
        wire: Any = Wire(stage, self)
        self.pipeline = Pipeline(
            PipelineSettings(stage.settings, max_waiting_rows=40, quiet_seconds=5.0),
            FakeRows(stage.tables, wire),
            _GroupLog(stage, self, wire),
            FakeDeadLetters(stage.letters, wire),
            metrics=self.metrics,
            now_ms=lambda: AT_MS,
        )
        self.slices: asyncio.Queue[Slice] = asyncio.Queue()
        self._lines = 0
        self._folding: tuple[PartitionState, int] | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._stopping: asyncio.Task[Any] | None = None
        self._run(self._fold_forever())
        self._run(self.pipeline.flush_forever())
        self._run(self.pipeline.days.keep_forever())

    def join(self, partitions: Iterable[int]) -> None:
        """The group assigns it partitions, after it gave back what it has."""
        self._stage.say(f"{self.name} joins for {list(partitions)}")
        self.fetched = {}
        self._run(self._join(list(partitions)))
        self._stage.settle()

    def leave(self) -> None:
        """It is told to stop, and does so in order."""
        self._stage.say(f"{self.name} leaves")
        self.fetched = {}
        if self._stopping is None:
            self._stopping = self._run(self.pipeline.revoked())
        self._stage.settle()

    def fetch(self, partition: int, count: int) -> None:
        """The next records of a partition arrive, as one slice."""
        begin = self.fetched[partition]
        records = self._stage.topic.between(partition, begin, begin + count)
        if records:
            self._stage.say(f"{self.name} fetches {partition}: {[record.offset for record in records]}")
            self.fetched[partition] = records[-1].offset + 1
            self.slices.put_nowait(Slice(self.generation, partition, records))
            self._stage.settle()

    def has_ended(self) -> bool:
        """Whether it stopped, or failed as it may; any other failure is the simulation's.

        What fails stops in order, as the real process does when its app is told to. A replica that lags for long may
        make it refuse to begin; once everything is calm, nothing may.
        """
        done = [task for task in self._tasks if task.done()]
        self._tasks = [task for task in self._tasks if task not in done]
        for task in done:
            error = task.exception()
            if isinstance(error, Bug | StoreRejected) or (isinstance(error, LogMismatch) and not self._stage.calm):
                self._stage.say(f"{self.name} fails: {error!r}")
                self.leave()
            elif error is not None:
                raise error
        return self._stopping is not None and self._stopping.done()

    def end(self) -> None:
        """Nothing of it runs any more."""
        for task in self._tasks:
            task.cancel()

    def lines_in_log(self) -> int:
        """How many lines of the log it folded, as the log tells; what it is at included."""
        if self._folding is None:
            return self._lines
        state, begin = self._folding
        partition = state.partition
        lines = self._stage.log.lives[self._life].lines
        return self._lines + sum(lines[partition, offset] for offset in range(begin, state.next_offset))

    def lines_in_metrics(self) -> float:
        """How many lines it folded, as its metrics count them: each is in one of the four."""
        counters = (self.metrics.counter(name) for name in ("events", "duplicates", "dead_letters", "skipped"))
        samples = (sample for counter in counters for metric in counter.collect() for sample in metric.samples)
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))

    def _run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._stage.loop.create_task(work)
        self._tasks.append(task)
        return task

    async def _join(self, partitions: list[int]) -> None:
        self.joining += 1
        if self.pipeline.states:
            await self.pipeline.revoked()
        generation = self.generation = self._stage.take(self, partitions)
        self.fetched = {}
        await self.pipeline.assigned(partitions)
        if self.pipeline.loaded and generation == self.generation:
            committed = self._stage.topic.committed
            self.fetched = {partition: committed.get(partition, 0) for partition in partitions}
        self.joining -= 1

    async def _fold_forever(self) -> None:
        while True:
            slice_ = await self.slices.get()
            state = self.pipeline.states.get(slice_.partition)
            if state is not None:
                self._folding = state, state.next_offset
            await self.pipeline.consume(slice_, self.generation)
            self._lines, self._folding = self.lines_in_log(), None


class _GroupLog(FakeLog):
    """The topic, where a commit counts only as one of the generation that it was sent in."""

    def __init__(self, stage: Stage, process: Process, wire: Any) -> None:
        super().__init__(stage.topic, wire)
        self._stage = stage
        self._process = process

    @override
    async def commit(self, positions: Mapping[int, int]) -> bool:
        generation = self._process.generation
        return await self._ask("commit", lambda: self._stage.commit(self._process, generation, positions))
