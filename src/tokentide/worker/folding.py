"""How one slice is folded: what its late events need is read back, then its records are folded without a wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tokentide.events import Limits, RawRecord, Stretch, read_stretch
from tokentide.rollups import PartitionState
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import Rows

__all__ = ["fold_slice"]

_AT_ONCE = 100  # so many records stay in the processor's cache between being decoded and folded


async def fold_slice(
    state: PartitionState,
    slice_: Sequence[RawRecord],
    rows: Rows,
    limits: Limits,
    *,
    is_mine: Callable[[], bool],
    folded: Callable[[Stretch], None],
) -> None:
    """Fold consecutive records; those below the position are dropped unread.

    Args:
        state: of the records' partition.
        slice_: the records.
        rows: where late events' rows are.
        limits: what events are held against.
        is_mine: asked after each wait; False leaves the rest of the slice.
        folded: told of what was just folded, before anything waits.
    """
    begin = state.next_offset
    waiting = [raw for raw in slice_ if raw.offset >= begin]
    while waiting:
        stretch, rest = read_stretch(waiting[:_AT_ONCE], limits), waiting[_AT_ONCE:]
        if state.cold_keys(stretch):
            stretch, rest = read_stretch(waiting, limits), []  # one question for the whole slice
            if not await _warm_up(state, stretch, rows, is_mine):
                return
        state.fold(stretch)
        folded(stretch)
        waiting = rest


async def _warm_up(state: PartitionState, stretch: Stretch, rows: Rows, is_mine: Callable[[], bool]) -> bool:
    """Read back every row that the stretch needs; False when the partition went elsewhere meanwhile."""
    while cold := state.cold_keys(stretch):  # again after each wait: a flush may have let some go
        for table, keys in cold.items():
            read = partial(rows.read_keys, table, state.partition, keys)
            found = await until_answered(read, "reading back the rows of late events", is_mine)
            if found is None or not is_mine():
                return False
            state.adopt(table, found, keys)
    return True
