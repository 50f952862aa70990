"""How a flush is carried out, step by step, so that a failure at any of them leaves nothing wrong behind.

    1  dead letters acknowledged   fails: nothing stored, the letters may be there twice, under the same origin
    2  late days opened            fails: some days are read from their hours, until they are made and sealed again
    3  rows inserted               fails: some rows are ahead of progress; their versions fence off the replay
    4  progress written            fails: as 3
    5  Kafka commit                fails: Kafka's offset is behind progress, and only a mirror of it

Each step begins when all before it are acknowledged. A step that failed is repeated; what is acknowledged is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tokentide.metrics import WorkerMetrics
from tokentide.rollups import PartitionState, Snapshot
from tokentide.rollups.days import DayMark
from tokentide.store.rows import Batch, Inserts, Progress
from tokentide.worker.letters import rows_of
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import DeadLetter, DeadLetters, Log, Rows
from tokentide.worker.turns import Turns

__all__ = ["Flush", "carry_out"]


class Flush:
    """What one flush has left to do.

    Attributes:
        snapshots: the rows and positions it stores.
        progress: what is written once the rows are acknowledged.
        letters: dead letters of the records below the positions.
        opened: marks of days that are over, to which the rows come (`rollups.days`).
        batches: inserts that are not acknowledged yet.
    """

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.progress: Sequence[Progress] = []
        self.letters: list[DeadLetter] = []
        self.opened: list[DayMark] = []
        self.batches: list[Batch] = []

    @property
    def rows(self) -> int:
        """Rows that are not acknowledged yet; letters count as the rows that would take their room."""
        return sum(batch.count for batch in self.batches) + rows_of(self.letters)

    async def take(
        self, states: Sequence[PartitionState], undisturbed: asyncio.Lock, wanted: Callable[[], bool]
    ) -> bool:
        """Take the state of each partition as of one of its offsets, with turns of the event loop in between.

        Args:
            states: of the partitions.
            undisturbed: who holds it alone changes states.
            wanted: asked after each wait.

        Returns:
            False when the flush is not wanted any more.
        """
        inserts, turns = Inserts(), Turns()
        for state in states:
            async with undisturbed:
                if not wanted():
                    return False
                for taken in state.taking():
                    if taken is not None:
                        self.snapshots.append(taken)
                    await turns.offer()
            for _ in inserts.add(self.snapshots[-1]):
                await turns.offer()
        self.batches = inserts.batches()
        return wanted()


async def carry_out(
    flush: Flush, rows: Rows, log: Log, dead: DeadLetters, metrics: WorkerMetrics, *, wanted: Callable[[], bool]
) -> bool:
    """Do all steps of the flush, repeating what fails.

    Args:
        flush: what to store; what is acknowledged is taken out of it.
        rows: the store.
        log: where positions are committed.
        dead: where dead letters go.
        metrics: failures, rows and times are counted there.
        wanted: asked after each failure: False gives up, because the partitions went elsewhere.

    Returns:
        Whether everything is stored.

    Raises:
        StoreRejected: the store understood and refused.
    """

    async def attempt() -> bool:
        with metrics.histogram("flush_seconds").time():
            await _attempt(flush, rows, log, dead, metrics)
        return True

    def failed(error: Exception) -> None:
        metrics.counter("flush_failures").labels(type(error).__name__).inc()

    return bool(await until_answered(attempt, f"a flush of {flush.rows} rows", wanted, failed))


async def _attempt(flush: Flush, rows: Rows, log: Log, dead: DeadLetters, metrics: WorkerMetrics) -> None:
    if flush.letters:
        await dead.send(flush.letters)
        flush.letters.clear()
    if flush.opened:
        await rows.write_marks(flush.opened)
        flush.opened.clear()
    while flush.batches:
        batch = flush.batches[0]
        await rows.write(batch)
        flush.batches.pop(0)
        metrics.counter("flush_rows").labels(batch.table).inc(batch.count)
    await rows.write_progress(flush.progress)
    for snapshot in flush.snapshots:
        snapshot.acknowledge()
    positions = {entry.partition: entry.position.offset for entry in flush.progress}
    if await log.commit(positions):
        for partition, offset in positions.items():
            metrics.gauge("committed_offset").labels(str(partition)).set(offset)
