"""How the state of a partition is put together again after an assignment.

The order is part of the guarantee: progress first, then the rows, then the stretch of log that the duplicates window
covers; only then is anything consumed. What contradicts itself is asked again, for a replica may lag, and then refused.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from tokentide.errors import LogMismatch
from tokentide.events import Limits
from tokentide.rollups import TABLES, FoldSettings, PartitionState, Position, hash_of
from tokentide.worker.ports import Bounds, Log, Rows
from tokentide.worker.turns import Turns, read_in_pieces, rows_in_pieces

__all__ = ["LoadSettings", "Loaded", "load", "mismatch"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What loading depends on.

    Attributes:
        fold: windows of the fold.
        limits: what events are held against.
        epoch: which life of the topic this is.
        patience_seconds: how long a contradiction may last before it is refused.
        group: name of the consumer group, for messages.
        topic: name of the topic, for messages.
    """

    fold: FoldSettings
    limits: Limits
    epoch: int = 0
    patience_seconds: float = 30.0
    group: str = "tokentide"
    topic: str = "llm.events"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A partition's state, and the log time up to which the store had everything when it was loaded."""

    state: PartitionState
    through_ms: int


async def load(partition: int, rows: Rows, log: Log, settings: LoadSettings) -> Loaded:
    """The state of a partition as the store and the log tell it, ready to be continued.

    Raises:
        LogMismatch: the log does not continue what the store holds.
        StoreUnavailable: ask again later.
    """
    start, through_ms, bounds = await _start(partition, rows, log, settings)
    if 0 < start.offset < bounds.begin:
        gone = f"the records {start.offset} to {bounds.begin - 1} were deleted before they were read"
        _logger.warning("%s[%d]: %s: its retention is too short", settings.topic, partition, gone)
    state = PartitionState(partition, settings.fold, start)
    turns = Turns()
    for table in TABLES:
        found = await rows.read_rows(table, partition, state.floor_ms)
        for some in rows_in_pieces(found):
            state.adopt(table, some)
            await turns.offer()
    await _rebuild_window(state, bounds, log, settings)
    return Loaded(state, through_ms)


def mismatch(position: Position | None, bounds: Bounds, epoch: int) -> str | None:
    """Why the log cannot continue the stored progress; None when it can.

    Args:
        position: as stored; None when the partition was never stored.
        bounds: what the log holds.
        epoch: which life of the topic the settings say this is.
    """
    if position is not None and position.epoch > epoch:
        return f"the store is at topic epoch {position.epoch}, TOKENTIDE_TOPIC_EPOCH says {epoch}"
    if position is not None and position.epoch < epoch:
        return None  # a new life of the topic: it begins at its beginning
    stored = 0 if position is None else position.offset
    if bounds.end < stored:
        return f"the log ends at offset {bounds.end}, the store holds it up to {stored}"
    if bounds.committed is not None and bounds.committed > stored:
        return f"offset {bounds.committed} is committed, the store holds the log only up to {stored}"
    return None


async def _start(partition: int, rows: Rows, log: Log, settings: LoadSettings) -> tuple[Position, int, Bounds]:
    """Where to continue, once the store, the log and the commits agree."""
    loop = asyncio.get_running_loop()
    deadline: float | None = None
    while True:
        progress = (await rows.read_progress()).get(partition)
        bounds = (await log.bounds([partition]))[partition]
        position = None if progress is None else progress.position
        problem = mismatch(position, bounds, settings.epoch)
        if problem is None:
            problem = await _changed_record(partition, position, bounds, log, settings.epoch)
        if problem is None:
            through_ms = 0 if progress is None else progress.through_ms
            return _continued(position, settings.epoch), through_ms, bounds
        if position is not None and position.epoch > settings.epoch:  # no replica runs ahead: that stays so
            raise LogMismatch(f"{settings.topic}[{partition}]: {problem}: set it to {position.epoch} for every worker")
        if deadline is None:  # only now: the answers may have taken long, and the store may have moved on meanwhile
            deadline = loop.time() + settings.patience_seconds
        elif loop.time() >= deadline:
            raise LogMismatch(_advice(partition, problem, settings))
        await asyncio.sleep(min(1.0, settings.patience_seconds / 10))


def _continued(position: Position | None, epoch: int) -> Position:
    if position is None:
        return Position(epoch=epoch)
    if position.epoch < epoch:
        # Log time begins anew with the first record; until then the floor of the life before says what to read back.
        return Position(log_time_ms=position.log_time_ms, epoch=epoch)
    return replace(position)


async def _changed_record(
    partition: int, position: Position | None, bounds: Bounds, log: Log, epoch: int
) -> str | None:
    """Whether the record before the position is another one now: the topic was deleted and made again."""
    if position is None or position.epoch != epoch or not bounds.begin < position.offset:
        return None
    last, changed = position.offset - 1, False
    async for records in log.read(partition, last, position.offset):
        changed |= any(record.offset == last and hash_of(record.value) != position.record_hash for record in records)
    return f"the record at offset {last} is not the one that was stored" if changed else None


def _advice(partition: int, problem: str, settings: LoadSettings) -> str:
    return (
        f"{settings.topic}[{partition}]: {problem}. If the topic was deleted and made again: stop all workers, set "
        f"TOKENTIDE_TOPIC_EPOCH={settings.epoch + 1} and start them. If the store was restored from a backup: stop all "
        f"workers, run `kafka-consumer-groups.sh --bootstrap-server KAFKA --group {settings.group} --topic "
        f"{settings.topic} --reset-offsets --to-earliest --execute`, and start them: nothing is counted twice."
    )


async def _rebuild_window(state: PartitionState, bounds: Bounds, log: Log, settings: LoadSettings) -> None:
    """Remember the ids of the stretch of log that the duplicates window covers."""
    position = state.position
    if position.log_time_ms is None or position.offset <= bounds.begin:
        return
    begin = await log.offset_at(state.partition, position.log_time_ms - settings.fold.dedup_window_ms)
    if begin is None:
        return
    if 0 < bounds.begin >= begin:
        gone = "the log may begin within the duplicates window, and repeats of what it lost would count"
        _logger.warning("%s[%d]: %s: its retention is too short", settings.topic, state.partition, gone)
    async for records in log.read(state.partition, max(begin, bounds.begin), position.offset):
        async for stretch in read_in_pieces(records, settings.limits):
            state.remember(stretch)
