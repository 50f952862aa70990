"""What stands in the log of a schedule, and what must the store hold in the end?

A log is made by chance from its number and a shape, and shared by the schedules that play it: the oracle's brute force
takes longer than a schedule does.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.builders import AT_MS, HOUR_MS, an_event, line
from tests.fakes import FakeRecord
from tests.oracle.log import millis
from tests.oracle.rollups import Logged, counted, rollups

__all__ = ["DEDUP_MS", "EPOCH_SHIFT", "HOT_MS", "MAX_IDS", "MAX_NAMES", "Life", "MadeLog", "Shape", "made_log"]

MINUTE_MS = 60_000
HOT_MS = 2 * HOUR_MS
DEDUP_MS = 30 * MINUTE_MS
MAX_IDS = 24
MAX_NAMES = 3
EPOCH_SHIFT = 48
_BEGIN_MS = AT_MS + 10 * 24 * HOUR_MS + 11 * HOUR_MS
"""2026-04-30T21:01:33Z, shortly before a month ends: rows of one flush go to two months."""

_STATUSES = ("success", "success", "error", "timeout", "rate_limited", "cancelled")
_BAD_LINE = b'{"event_id": 5}'


@dataclass(frozen=True, slots=True)
class Shape:
    """How a log is made: what time passes between two records, and how events are late, repeated or refused.

    Attributes:
        records: of each life of each partition, at least and at most.
        events: of each record, at most.
        steps: minutes from one record's timestamp to the next, below 0 when a producer's clock is behind.
        late: minutes from an event to its record.
        repeats: share of events whose id stood in the log before.
        back: so many ids back a repeat goes, at most.
        bad: share of lines that are refused.
        one_bucket: all events have the same dimensions.
        models: of which an event has one.
    """

    records: tuple[int, int] = (4, 10)
    events: int = 3
    steps: tuple[int, ...] = (-40, -9, 0, 1, 10, 29, 60, 150)
    late: tuple[int, ...] = (0, 0, 0, 1, 70, 200, 400)
    repeats: float = 0.25
    back: int = 8
    bad: float = 0.12
    one_bucket: bool = False
    models: tuple[str, ...] = ("gpt-4o", "gpt-4o", "o4-mini")


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the topic: from its making to its end.

    Attributes:
        records: of each partition.
        lines: how many lines, good and bad, the records hold, by partition and offset.
        refused: place (partition, offset, index) and bytes of every line that is refused.
        logged: every other line.
    """

    records: tuple[tuple[FakeRecord, ...], ...]
    lines: dict[tuple[int, int], int]
    refused: frozenset[tuple[int, int, int, bytes]]
    logged: tuple[Logged, ...]

    def last(self, partition: int) -> tuple[int, int | None, int]:
        """What progress must say of the partition: next offset, log time, timestamp of the last record."""
        times = [record.timestamp for record in self.records[partition]]
        return len(times), max(times, default=None), times[-1] if times else 0


@dataclass(frozen=True, slots=True, eq=False)
class MadeLog:
    """A log of two lives; most schedules play only the first."""

    lives: tuple[Life, Life]

    def tables(self, lives: int) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
        """Every row of every rollup table, keyed and versioned as the store does it, after so many lives."""
        return _tables(self, lives)

    def events(self, lives: int) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Every event that counts: by project, time and place, what it says."""
        return _events(self, lives)

    def counted(self, lives: int) -> list[Logged]:
        """Every event that is no duplicate. An offset holds its life in the high bits, as versions do."""
        return [
            logged._replace(offset=number << EPOCH_SHIFT | logged.offset)
            for number, life in enumerate(self.lives[:lives])
            for logged in counted(life.logged, DEDUP_MS, MAX_IDS)
        ]


@functools.lru_cache(maxsize=64)
def made_log(number: int, shape: Shape, partitions: int) -> MadeLog:
    """The log of a number."""
    chance = random.Random(f"log {number}")
    maker = _Maker(chance, shape)
    first = _life(maker, partitions)
    maker.forget()
    return MadeLog((first, _life(maker, partitions)))


def _life(maker: _Maker, partitions: int) -> Life:
    made = [maker.partition(number) for number in range(partitions)]
    lines, refused, logged = {}, set(), []
    for number, records in enumerate(made):
        log_ms = 0
        for offset, (time_ms, texts) in enumerate(records):
            log_ms = max(log_ms, time_ms)
            lines[number, offset] = len(texts)
            for index, text in enumerate(texts):
                event = json.loads(text)
                if maker.is_bad(event):
                    refused.add((number, offset, index, text))
                else:
                    logged.append(Logged(number, offset, index, log_ms, event))
    records = tuple(
        tuple(FakeRecord(offset, time_ms, b"\n".join(texts)) for offset, (time_ms, texts) in enumerate(these))
        for these in made
    )
    return Life(records, lines, frozenset(refused), tuple(logged))


class _Maker:
    def __init__(self, chance: random.Random, shape: Shape) -> None:
        self._chance = chance
        self._shape = shape
        self._numbers = 0
        self._seen: list[int] = []
        self._at_ms = dict[int, int]()

    def forget(self) -> None:
        """Begin a new life: its ids are new ones, but for some that come again."""
        self._seen = self._seen[-3:]

    @staticmethod
    def is_bad(event: dict[str, Any]) -> bool:
        return event.get("status") not in _STATUSES

    def partition(self, number: int) -> list[tuple[int, list[bytes]]]:
        """Timestamp and lines of each record; a later life goes on where the one before ended, or a little earlier."""
        chance, shape = self._chance, self._shape
        at_ms = self._at_ms.get(number, _BEGIN_MS) + chance.choice(shape.steps) * MINUTE_MS
        records = []
        for _ in range(chance.randint(*shape.records)):
            at_ms += chance.choice(shape.steps) * MINUTE_MS
            records.append((at_ms, list(self._lines(at_ms))))
        self._at_ms[number] = at_ms
        return records

    def _lines(self, at_ms: int) -> Iterator[bytes]:
        for _ in range(self._chance.randint(1, self._shape.events)):
            if self._chance.random() >= self._shape.bad:
                yield line(self._event(at_ms))
            elif self._chance.random() < 0.5:
                yield _BAD_LINE
            else:
                yield line(self._event(at_ms) | {"status": "refused"})  # claims nothing, whatever its id is

    def _event(self, at_ms: int) -> dict[str, Any]:
        chance = self._chance
        kind = {} if self._shape.one_bucket else self._dimensions()
        status = chance.choice(_STATUSES)
        at_ms -= chance.choice(self._shape.late) * MINUTE_MS
        fields = {
            "status": status,
            "error_code": "E1" if status == "error" and chance.random() < 0.5 else None,
            "latency_ms": chance.randrange(1, 4000) / 4,
            "cost_usd": f"0.{chance.randrange(10**9):09}",
            "input_tokens": chance.randrange(100),
            "quality_score": chance.random(),
            "failure_mode": chance.choice((None, None, None, "refusal")),
        }
        if chance.random() < 0.3:
            fields |= {"stream": True, "ttft_ms": chance.randrange(1, 400) / 4}
        return an_event(self._number(), at_ms=at_ms, **(fields | kind))

    def _dimensions(self) -> dict[str, Any]:
        chance = self._chance
        if chance.random() < 0.05:
            return {"kind": "mcp", "mcp_server_name": "files", "mcp_method": "tools/call"}
        return {
            "project_id": chance.choice("ppq"),
            "model": chance.choice(self._shape.models),
            "agent_id": chance.choice((None, None, "a1")),
        }

    def _number(self) -> int:
        if self._seen and self._chance.random() < self._shape.repeats:
            number = self._chance.choice(self._seen[-self._shape.back :])
        else:
            self._numbers += 1
            number = self._numbers
        self._seen.append(number)
        return number


@functools.lru_cache(maxsize=64)
def _tables(log: MadeLog, lives: int) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    made = rollups(log.counted(lives), MAX_NAMES)
    return {table: {(*key[1:], key[0]): measures for key, measures in rows.items()} for table, rows in made.items()}


@functools.lru_cache(maxsize=64)
def _events(log: MadeLog, lives: int) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (each.event["project_id"], millis(each.event["timestamp"]), each.partition, each.offset, each.index): (
            each.event["event_id"],
            each.event["status"],
            each.event["latency_ms"],
        )
        for each in log.counted(lives)
    }
