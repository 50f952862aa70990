"""How one slice is folded: what its late events need is read back, then its records are folded without a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from tokentide.events import Limits, RawRecord, Stretch, read_stretch
from tokentide.rollups import PartitionState
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import Log, Rows

__all__ = ["fold_slice"]

_AT_ONCE = 100
_AT_ONCE_BYTES = 64 * 1024
"""So many records, or bytes, stay in the processor's cache between being decoded and folded."""

_BLOCKED_BYTES = 1024 * 1024
"""After so many bytes the event loop gets a turn: they take some twenty milliseconds."""


async def fold_slice(
    state: PartitionState,
    slice_: Sequence[RawRecord],
    rows: Rows,
    log: Log,
    limits: Limits,
    *,
    is_mine: Callable[[], bool],
    folded: Callable[[Stretch], None],
    failed: Callable[[Exception], None] = lambda _: None,
) -> None:
    """Fold consecutive records; those below the position are dropped unread.

    A slice may also begin above the position. The transport goes on where the group has committed, and after a
    rebalance that this worker has not heard of yet, that is another worker's commit. What lies between is read first.

    Args:
        state: of the records' partition.
        slice_: the records.
        rows: where late events' rows are.
        log: where the records are that the transport left out.
        limits: what events are held against.
        is_mine: asked after each wait; False leaves the rest of the slice.
        folded: told of what was just folded, before anything waits.
        failed: told of each failure to read rows back, which is repeated until it succeeds.
    """
    fold = partial(_fold_records, state, rows=rows, limits=limits, is_mine=is_mine, folded=folded, failed=failed)
    end = slice_[0].offset

    async def fold_left_out() -> bool:
        async for records in log.read(state.partition, state.next_offset, end):
            if not is_mine() or not await fold(records):
                return False
        return is_mine()

    if state.next_offset < end:
        what = f"reading the records from {state.next_offset} to {end - 1}, which the transport left out,"
        if not await until_answered(fold_left_out, what, is_mine, failed):
            return
    await fold(slice_)


async def _fold_records(
    state: PartitionState,
    raw_records: Sequence[RawRecord],
    *,
    rows: Rows,
    limits: Limits,
    is_mine: Callable[[], bool],
    folded: Callable[[Stretch], None],
    failed: Callable[[Exception], None],
) -> bool:
    """Fold what is not folded yet; False when the partition went elsewhere meanwhile."""
    begin, blocked = state.next_offset, 0
    waiting = [raw for raw in raw_records if raw.offset >= begin]
    while waiting:
        if blocked > _BLOCKED_BYTES:
            blocked = 0
            await asyncio.sleep(0)
            if not is_mine():
                return False
        some = max(1, min(_AT_ONCE, _AT_ONCE_BYTES // len(waiting[0].value or b" ")))  # records are much alike
        stretch, rest = read_stretch(waiting[:some], limits), waiting[some:]
        if state.cold_places(stretch):
            stretch, rest = read_stretch(waiting, limits), []  # one question for the whole slice
            if not await _warm_up(state, stretch, rows, is_mine, failed):
                return False
        state.fold(stretch)
        folded(stretch)
        blocked += stretch.bytes
        waiting = rest
    return True


async def _warm_up(
    state: PartitionState,
    stretch: Stretch,
    rows: Rows,
    is_mine: Callable[[], bool],
    failed: Callable[[Exception], None],
) -> bool:
    """Read back every row that the stretch needs; False when the partition went elsewhere meanwhile."""
    while cold := state.cold_places(stretch):  # again after each wait: a flush may have let some go
        for table, places in cold.items():
            read = partial(rows.read_places, table, state.partition, places)
            found = await until_answered(read, "reading back the rows of late events", is_mine, failed)
            if found is None or not is_mine():
                return False
            state.adopt(table, found, places)
    return True
