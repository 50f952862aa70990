"""What every table must hold after a log of any length, handed over piece by piece: the oracle of long runs.

Rows of a piece are computed by brute force, and added to those of the pieces before it. Sums of doubles come out as in
one piece only when they are exact: the made-up scores are multiples of a power of two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from tests.oracle.rollups import Event, Logged, Rows, rollups

__all__ = ["Ledger", "Written"]

_FORGET_AT = 100_000


class Written(NamedTuple):
    """One record of the log.

    Attributes:
        partition: of the topic.
        offset: its place, with the topic's epoch in the bits above 48.
        record_ms: its timestamp.
        events: the valid ones among its parts, each with its index.
        refused: the indexes of the others.
    """

    partition: int
    offset: int
    record_ms: int
    events: Sequence[tuple[int, Event]]
    refused: Sequence[int] = ()


@dataclass
class Ledger:
    """What is to be found in the store.

    Attributes:
        window_ms: how long an event_id is remembered, in log time.
        rows: of every rollup table, by key.
        events: the events that count, by partition, offset and index.
        duplicates: how many were left out, by partition.
        refused: the places of those that break the contract.
    """

    window_ms: int
    rows: dict[str, Rows] = field(default_factory=dict)
    events: dict[tuple[int, int, int], Event] = field(default_factory=dict)
    duplicates: Counter[int] = field(default_factory=Counter)
    refused: set[tuple[int, int, int]] = field(default_factory=set)
    _log_ms: dict[tuple[int, int], int] = field(default_factory=dict)
    _seen: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def add(self, records: Sequence[Written]) -> None:
        """Continue the log, each partition in the order of its offsets."""
        counted = [logged for record in records for logged in self._counted(record)]
        for table, rows in rollups(counted).items():
            known = self.rows.setdefault(table, {})
            for key, row in rows.items():
                known[key] = _merged(known[key], row) if key in known else row
        self.events |= {logged[:3]: logged.event for logged in counted}
        if len(self._seen) > _FORGET_AT:
            self._seen = {known: ms for known, ms in self._seen.items() if not self._is_over(known, ms)}

    def _counted(self, record: Written) -> list[Logged]:
        """The events of a record that are no duplicates; a topic that was made again begins without ids."""
        partition, offset, record_ms, events, refused = record
        life = partition, offset >> 48
        log_ms = self._log_ms[life] = max(record_ms, self._log_ms.get(life, record_ms))
        kept = []
        for index, event in events:
            identity = (*life, event["project_id"], UUID(event["event_id"]))
            before = self._seen.get(identity)
            self._seen[identity] = log_ms
            if before is None or before < log_ms - self.window_ms:
                kept.append(Logged(partition, offset, index, log_ms, event))
            else:
                self.duplicates[partition] += 1
        self.refused |= {(partition, offset, index) for index in refused}
        return kept

    def _is_over(self, identity: tuple[Any, ...], ms: int) -> bool:
        return ms < self._log_ms[identity[:2]] - self.window_ms


def _merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """One row of two parts of its events, the second of which came later."""
    merged = {name: _sum_of(name, value, after[name]) for name, value in before.items()}
    if "last_seen_ms" in after:
        latest = after if after["last_seen_ms"] >= before["last_seen_ms"] else before
        merged |= {name: latest[name] for name in ("last_seen_ms", "last_event_id")}
    return merged


def _sum_of(name: str, before: Any, after: Any) -> Any:
    if name in {"version", "latency_us_max", "last_seen_ms"}:
        return max(before, after)
    return after if name == "last_event_id" else before + after
