"""A store, a topic and a place for dead letters in memory, for the delivery logic; and time that does not pass.

What is kept (`Tables`, `Topic`, a list of letters) outlives every worker. What a worker holds of it (`FakeRows`,
`FakeLog`, `FakeDeadLetters`) goes through its `Line`, where a test makes calls fail, wait, or be a process's last.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import json
import selectors
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from tests.daily_tables import DailyTables, day_rows, first_day
from tokentide.errors import DependencyUnavailable, StoreRejected, StoreUnavailable
from tokentide.events import RawRecord
from tokentide.rollups import TABLES, Key, Place, RowState, Table
from tokentide.rollups.days import DayMark
from tokentide.store.days import DAILY
from tokentide.store.rows import Batch, Progress
from tokentide.worker.ports import Bounds, DeadLetter

__all__ = [
    "Death",
    "FakeDeadLetters",
    "FakeLog",
    "FakeRecord",
    "FakeRows",
    "Fault",
    "Gate",
    "Line",
    "SteppedLoop",
    "Tables",
    "Topic",
    "go_wrong",
    "in_virtual_time",
]

_T = TypeVar("_T")
_EVENTS = "events"
_DIGESTS = {"latency_1h"}
_EPOCH_SHIFT = 48


class Death(BaseException):
    """The process ends here, as by kill -9: nothing catches this."""


class Fault(enum.Enum):
    """What goes wrong with one call."""

    UNAVAILABLE = "nothing is done, and the call says so"
    LOST_ACK = "it is done, and the call says that it is not"
    LATE = "as UNAVAILABLE, but it will be done when the test says so"
    PART = "of an insert a part is done, and the call fails"
    REJECTED = "the store refuses for good"
    DEATH_BEFORE = "the process dies before; it may still be done, when the test says so"
    DEATH_AFTER = "it is done, and the process dies before it knows"


class Gate:
    """A call that waits here until the test lets it pass."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    def open(self) -> None:
        """Let the call pass."""
        self._open.set()

    async def pass_through(self) -> None:
        """Wait."""
        self.reached.set()
        await self._open.wait()


class Line:
    """The way from one worker to everything else.

    Args:
        chance: asked at every call that no fault was laid out for: what goes wrong with it.

    Attributes:
        calls: the name of every call so far: `write <table>`, `write progress`, `read progress`, `read <table>`,
            `read places <table>`, `bounds`, `ends`, `offset_at`, `read log`, `commit`, `send`, `read days`,
            `write days open`, `write days sealed`, `read first day`, `read hours <table>`.
    """

    def __init__(self, chance: Callable[[str], Fault | None] = lambda _: None) -> None:
        self.calls: list[str] = []
        self._chance = chance
        self._laid_out: dict[str, deque[Fault | Gate | None]] = defaultdict(deque)
        self._on_the_way: list[Callable[[], object]] = []

    def lay_out(self, call: str, *faults: Fault | Gate | None) -> None:
        """What becomes of the next calls of this name, in order; None lets one pass."""
        self._laid_out[call].extend(faults)

    def arrive(self) -> None:
        """Let what was still on its way be done now."""
        effects, self._on_the_way = self._on_the_way, []
        for effect in effects:
            effect()

    async def carry(
        self,
        call: str,
        effect: Callable[[], _T],
        part: Callable[[], object] = lambda: None,
        error: type[Exception] = StoreUnavailable,
    ) -> _T:
        """Do the call, or what its fault says; others may run before it and after it."""
        self.calls.append(call)
        await asyncio.sleep(0)
        laid_out = self._laid_out[call]
        fault = laid_out.popleft() if laid_out else self._chance(call)
        if isinstance(fault, Gate):
            await fault.pass_through()
        elif fault is not None:
            go_wrong(fault, call, effect, part, error=error, on_the_way=self._on_the_way)
        answer = effect()
        await asyncio.sleep(0)
        return answer


def go_wrong(
    fault: Fault,
    call: str,
    effect: Callable[[], object],
    part: Callable[[], object],
    *,
    error: type[Exception],
    on_the_way: list[Callable[[], object]],
) -> NoReturn:
    """Do what the fault says of the call's effect, or put it on the way, and raise."""
    if fault in {Fault.LOST_ACK, Fault.DEATH_AFTER}:
        effect()
    elif fault in {Fault.LATE, Fault.DEATH_BEFORE}:
        on_the_way.append(effect)
    elif fault is Fault.PART:
        part()
    if fault in {Fault.DEATH_BEFORE, Fault.DEATH_AFTER}:
        raise Death(call)
    raise (StoreRejected if fault is Fault.REJECTED else error)(f"{call}: {fault.value}")


@dataclass(slots=True)
class Tables:
    """What the store keeps: of equal keys the row with the highest version, of equal versions the last.

    Attributes:
        rows: for each table, by key and partition: version and measures.
        events: the events table by key: its rows as JSON objects.
        progress: by partition: version and entry.
        daily: the daily rows, and the marks of days.
        contradictions: rows that were written with equal versions and different measures (sketches apart).
    """

    rows: dict[str, dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]]] = field(
        default_factory=lambda: {table.name: {} for table in TABLES}
    )
    events: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    progress: dict[int, tuple[int, Progress]] = field(default_factory=dict)
    daily: DailyTables = field(default_factory=DailyTables)
    contradictions: list[str] = field(default_factory=list)
    _written: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)

    def insert(self, batch: Batch, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows of a batch."""
        table = next(table for table in TABLES if table.name == batch.table)
        assert batch.columns == (*table.key, "partition", *table.measures, "version")
        width = len(table.key) + 1
        for row in rows:
            key, measures, version = row[:width], row[width:-1], row[-1]
            self._compare(table.name, key, version, measures)
            held = self.rows[table.name].get(key)
            if held is None or version >= held[0]:
                self.rows[table.name][key] = version, measures

    def insert_events(self, lines: Iterable[bytes]) -> None:
        """Take rows of the events table."""
        for line in lines:
            row = json.loads(line)
            place = tuple(row.get(name, 0) for name in ("log_partition", "log_offset", "log_index"))
            self.events[row["project_id"], row["event_time_ms"], *place] = row

    def note(self, entries: Iterable[Progress]) -> None:
        """Take progress."""
        for entry in entries:
            version = entry.position.epoch << _EPOCH_SHIFT | entry.position.offset
            held = self.progress.get(entry.partition)
            if held is None or version >= held[0]:
                self.progress[entry.partition] = version, entry

    def of(self, table: Table, partition: int, wanted: Callable[[Key], bool]) -> list[RowState]:
        """Rows of one partition."""
        found = self.rows[table.name].items()
        return [
            RowState(key[:-1], measures, version)
            for key, (version, measures) in found
            if key[-1] == partition and wanted(key[:-1])
        ]

    def _compare(self, table: str, key: tuple[Any, ...], version: int, measures: tuple[Any, ...]) -> None:
        known = self._written.setdefault((table, key, version), measures)
        if known != measures and table not in _DIGESTS:
            self.contradictions.append(f"{table} {key} version {version}: {known}, then {measures}")


class FakeRows:
    """The store as one worker sees it."""

    def __init__(self, tables: Tables, line: Line) -> None:
        self._tables = tables
        self._line = line

    async def write(self, batch: Batch) -> None:
        """See `Rows`."""
        tables, lines = self._tables, batch.lines.splitlines()
        if batch.table == _EVENTS:
            assert batch.count == len(lines)
            done, part = functools.partial(tables.insert_events, lines), lines[::2]
            await self._line.carry("write events", done, lambda: tables.insert_events(part))
            return
        assert batch.count == len(batch.rows) > 0
        await self._line.carry(
            f"write {batch.table}",
            lambda: tables.insert(batch, batch.rows),
            lambda: tables.insert(batch, batch.rows[::2]),
        )

    async def write_progress(self, entries: Sequence[Progress]) -> None:
        """See `Rows`; the real store refuses an insert without rows."""
        if not entries:
            raise StoreRejected("an insert without rows")
        await self._line.carry(
            "write progress", lambda: self._tables.note(entries), lambda: self._tables.note(entries[:1])
        )

    async def read_progress(self) -> Mapping[int, Progress]:
        """See `Rows`."""
        return await self._line.carry(
            "read progress", lambda: {number: entry for number, (_, entry) in self._tables.progress.items()}
        )

    async def read_rows(self, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
        """See `Rows`."""

        def is_wanted(key: Key) -> bool:
            return floor_ms is None or int(key[1]) * 1000 >= floor_ms

        return await self._line.carry(f"read {table.name}", lambda: self._tables.of(table, partition, is_wanted))

    async def read_places(self, table: Table, partition: int, places: Iterable[Place]) -> list[RowState]:
        """See `Rows`."""
        wanted = set(places)
        return await self._line.carry(
            f"read places {table.name}", lambda: self._tables.of(table, partition, lambda key: key[:2] in wanted)
        )

    async def read_marks(self, partitions: Iterable[int]) -> list[DayMark]:
        """See `Rows`."""
        wanted = set(partitions)
        return await self._line.carry(
            "read days", lambda: [mark for mark in self._tables.daily.marks.values() if mark.partition in wanted]
        )

    async def write_marks(self, marks: Sequence[DayMark]) -> None:
        """See `Rows`; the real store refuses an insert without rows."""
        if not marks:
            raise StoreRejected("an insert without rows")
        marks, daily = list(marks), self._tables.daily
        kind = "sealed" if marks[0].sealed else "open"
        await self._line.carry(f"write days {kind}", lambda: daily.mark(marks), lambda: daily.mark(marks[::2]))

    async def first_day(self) -> int | None:
        """See `Rows`."""
        return await self._line.carry("read first day", lambda: first_day(self._tables.rows))

    async def build_day(self, day: int, partitions: Iterable[int]) -> None:
        """See `Rows`; each statement reads at one moment, and its rows land at another."""
        wanted, daily = set(partitions), self._tables.daily
        for table in DAILY:
            rows = await self._line.carry(
                f"read hours {table.name}", functools.partial(day_rows, table, day, wanted, self._tables.rows)
            )
            await self._line.carry(
                f"write {DAILY[table]}",
                functools.partial(daily.insert, DAILY[table], rows),
                functools.partial(daily.insert, DAILY[table], rows[::2]),
            )


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """One record of the topic."""

    offset: int
    timestamp: int
    value: bytes | None


class Topic:
    """The topic's log and its group's commits.

    Attributes:
        records: by partition, in order.
        begins: first offset that is still there; 0 where nothing was deleted.
        committed: next offsets.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.records: dict[int, list[FakeRecord]] = {number: [] for number in range(partitions)}
        self.begins: dict[int, int] = {}
        self.committed: dict[int, int] = {}

    def append(self, partition: int, time_ms: int, value: bytes | None) -> FakeRecord:
        """Write one record."""
        record = FakeRecord(self.end(partition), time_ms, value)
        self.records[partition].append(record)
        return record

    def end(self, partition: int) -> int:
        """The next offset."""
        records = self.records[partition]
        return records[-1].offset + 1 if records else self.begins.get(partition, 0)

    def between(self, partition: int, begin: int, end: int) -> list[FakeRecord]:
        """The records that are there."""
        begin = max(begin, self.begins.get(partition, 0))
        return [record for record in self.records[partition] if begin <= record.offset < end]


class FakeLog:
    """The topic as one worker sees it.

    Args:
        topic: what it holds.
        line: the way there.
        is_member: whether Kafka still takes the worker for a member of the group; it refuses another's commits.
    """

    def __init__(self, topic: Topic, line: Line, is_member: Callable[[], bool] = lambda: True) -> None:
        self._topic = topic
        self._line = line
        self._is_member = is_member

    async def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        """See `Log`."""
        topic, wanted = self._topic, list(partitions)
        return await self._ask(
            "bounds",
            lambda: {
                number: Bounds(topic.begins.get(number, 0), topic.end(number), topic.committed.get(number))
                for number in wanted
            },
        )

    async def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """See `Log`."""
        wanted = list(partitions)
        return await self._ask("ends", lambda: {number: self._topic.end(number) for number in wanted})

    async def offset_at(self, partition: int, time_ms: int) -> int | None:
        """See `Log`."""
        records = self._topic.between(partition, 0, self._topic.end(partition))
        later = (record.offset for record in records if record.timestamp >= time_ms)
        return await self._ask("offset_at", lambda: next(later, None))

    async def read(self, partition: int, begin: int, end: int) -> AsyncIterator[Sequence[RawRecord]]:
        """See `Log`; hands out two records at a time."""
        records = await self._ask("read log", lambda: self._topic.between(partition, begin, end))
        for first in range(0, len(records), 2):
            yield records[first : first + 2]

    async def commit(self, positions: Mapping[int, int]) -> bool:
        """See `Log`."""

        def commit() -> bool:
            member = self._is_member()
            if member:
                self._topic.committed.update(positions)
            return member

        return await self._ask("commit", commit)

    async def _ask(self, call: str, effect: Callable[[], _T]) -> _T:
        return await self._line.carry(call, effect, error=DependencyUnavailable)


class FakeDeadLetters:
    """The dead-letter topic as one worker sees it."""

    def __init__(self, letters: list[DeadLetter], line: Line) -> None:
        self._letters = letters
        self._line = line

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetters`."""
        sent = list(letters)
        await self._line.carry(
            "send",
            lambda: self._letters.extend(sent),
            lambda: self._letters.extend(sent[::2]),
            error=DependencyUnavailable,
        )


def in_virtual_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an asynchronous test on a loop whose clock jumps to the next timer when nothing else is left to do.

    A test in which everything waits for something that no timer brings fails at once. Threads and sockets have no
    place in it.
    """

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=_VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))  # type: ignore[arg-type]

    return run


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_IdleSelector(self._idle))

    def time(self) -> float:
        return self._now

    def _idle(self, seconds: float | None) -> None:
        if seconds is None:
            raise RuntimeError("everything waits, and no timer will wake anything")
        self._now += seconds


class SteppedLoop(_VirtualTimeLoop):
    """A loop that runs until everything waits, and leaves it to the caller which wait ends next.

    Attributes:
        next_timer_seconds: when the next timer is due, from now; None when there is none.
    """

    def __init__(self) -> None:
        self.next_timer_seconds: float | None = None
        super().__init__()

    def settle(self) -> None:
        """Run until everything waits."""
        self.run_forever()

    def jump(self) -> None:
        """Let the next timer's time come, and run until everything waits."""
        self._now += self.next_timer_seconds or 0.0
        self.settle()

    def _idle(self, seconds: float | None) -> None:
        self.next_timer_seconds = seconds
        self.stop()


class _IdleSelector(selectors.SelectSelector):
    """Tells when nothing is ready, instead of waiting: there are no sockets whose turn could come."""

    def __init__(self, idle: Callable[[float | None], None]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._idle(timeout)
        return []
