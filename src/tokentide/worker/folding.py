"""How one slice is folded: what its late events need is read back, then its records are folded without a wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tokentide.events import Limits, RawRecord, Stretch, read_stretch
from tokentide.rollups import PartitionState, Place, Table
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import Log, Rows
from tokentide.worker.turns import Turns, pieces_of, rows_in_pieces

__all__ = ["Folding", "fold_slice"]

_AHEAD_BYTES = 8 * 1024 * 1024
_AHEAD_PLACES = 500
"""How far is looked ahead for late events, so that the store is asked once for all of their rows."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What the fold of a slice needs besides the records.

    Attributes:
        state: of the records' partition.
        rows: where late events' rows are.
        limits: what events are held against.
        undisturbed: held while a state is changed, or taken for a flush piece by piece.
        is_mine: asked after each wait; False leaves the rest of the slice.
        folded: told of what was just folded, before anything waits.
        failed: told of each failure to read rows back, which is repeated until it succeeds.
    """

    state: PartitionState
    rows: Rows
    limits: Limits
    undisturbed: asyncio.Lock
    is_mine: Callable[[], bool]
    folded: Callable[[Stretch], None]
    failed: Callable[[Exception], None] = lambda _: None


async def fold_slice(folding: Folding, slice_: Sequence[RawRecord], log: Log) -> None:
    """Fold consecutive records; those below the position are dropped unread.

    A slice may also begin above the position. The transport goes on where the group has committed, and after a
    rebalance that this worker has not heard of yet, that is another worker's commit. What lies between is read first.

    Args:
        folding: what is needed besides.
        slice_: the records.
        log: where the records are that the transport left out.
    """
    state, end = folding.state, slice_[0].offset

    async def fold_left_out() -> bool:
        async for records in log.read(state.partition, state.next_offset, end):
            if not folding.is_mine() or not await _fold_records(folding, records):
                return False
        return folding.is_mine()

    if state.next_offset < end:
        what = f"reading the records from {state.next_offset} to {end - 1}, which the transport left out,"
        if not await until_answered(fold_left_out, what, folding.is_mine, folding.failed):
            return
    await _fold_records(folding, slice_)


async def _fold_records(folding: Folding, raw_records: Sequence[RawRecord]) -> bool:
    """Fold what is not folded yet; False when the partition went elsewhere meanwhile."""
    begin, turns = folding.state.next_offset, Turns()
    pieces = pieces_of([raw for raw in raw_records if raw.offset >= begin])
    for piece in pieces:
        stretches = deque([read_stretch(piece, folding.limits)])
        while stretches:
            cold = await _fold_unless_cold(folding, stretches[0])
            if not cold:
                stretches.popleft()
            elif len(stretches) == 1:
                await _look_ahead(folding, pieces, stretches, cold, turns)
            if not folding.is_mine() or not await _warm_up(folding, cold):
                return False
            await turns.offer()
    return True


async def _fold_unless_cold(folding: Folding, stretch: Stretch) -> dict[Table, set[Place]]:
    """Fold a stretch, or tell which rows must be read back first. Of a partition that went elsewhere, do nothing."""
    async with folding.undisturbed:
        if not folding.is_mine():
            return {}
        cold = folding.state.cold_places(stretch)
        if not cold:
            folding.state.fold(stretch)
            folding.folded(stretch)
        return cold


async def _look_ahead(
    folding: Folding,
    pieces: Iterator[Sequence[RawRecord]],
    stretches: deque[Stretch],
    cold: dict[Table, set[Place]],
    turns: Turns,
) -> None:
    """Decode some of the next records too, and add to the cold places those that they need."""
    bytes_ahead = stretches[0].bytes
    while bytes_ahead < _AHEAD_BYTES and sum(map(len, cold.values())) < _AHEAD_PLACES:
        await turns.offer()
        piece = next(pieces, None)
        if piece is None:
            return
        stretches.append(read_stretch(piece, folding.limits))
        bytes_ahead += stretches[-1].bytes
        for table, places in folding.state.cold_places(stretches[-1]).items():
            cold.setdefault(table, set()).update(places)


async def _warm_up(folding: Folding, cold: Mapping[Table, set[Place]]) -> bool:
    """Read back the rows of the places; False when the partition went elsewhere meanwhile."""
    state, turns = folding.state, Turns()
    for table, places in cold.items():
        read = partial(folding.rows.read_places, table, state.partition, places)
        what = "reading back the rows of late events"
        found = await until_answered(read, what, folding.is_mine, folding.failed)
        async with folding.undisturbed:  # none of the rows may leave before all are there
            if found is None or not folding.is_mine():
                return False
            for some in rows_in_pieces(found):
                state.adopt(table, some, places)
                await turns.offer()
            state.adopt(table, (), places)  # of which the store may have no row
    return True
