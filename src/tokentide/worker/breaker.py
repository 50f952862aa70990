"""Is what a partition brings still what this worker is for? It stops when too many records in a row of it are refused.

A wrong topic, or a producer gone wrong, would otherwise turn into dead letters without end. A partition's log is
judged in blocks of so many offsets, each beginning at a multiple of that number, and a worker that starts within one
reads its beginning again. So the decision is a function of the log alone: whoever reads it stops at the same record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from tokentide.errors import TooManyRefused
from tokentide.events import Limits, Reason, RefusedAt, Stretch
from tokentide.worker.ports import Log
from tokentide.worker.turns import read_in_pieces

__all__ = ["Breaker", "RatioLimit"]

_OFFSET = attrgetter("offset")


@dataclass(frozen=True, slots=True)
class RatioLimit:
    """How much may be refused.

    Attributes:
        share: of a block's records, from 0 to 1; 1 allows everything.
        records: length of a block, in offsets.
    """

    share: float = 0.5
    records: int = 1000


@dataclass(slots=True)
class _Block:
    number: int
    refused: int = 0
    first: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)

    def add(self, refused: Sequence[RefusedAt]) -> None:
        """Count one record by what was refused of it."""
        if not self.refused:
            self.first = refused[0].offset
        self.refused += 1
        self.reasons.update({each.refusal.reason for each in refused})


class Breaker:
    """Counts the refused records of each partition's current block.

    Args:
        limit: how much may be refused.
        topic: name of the topic, for messages.
    """

    def __init__(self, limit: RatioLimit, topic: str) -> None:
        self._limit = limit
        self._topic = topic
        self._blocks: dict[int, _Block] = {}

    async def recall(self, partition: int, offset: int, log: Log, limits: Limits) -> None:
        """Count what was refused of the current block below the offset, where the partition is continued.

        Raises:
            DependencyUnavailable: ask again later.
        """
        self._blocks.pop(partition, None)
        begin = offset - offset % self._limit.records
        if self._limit.share >= 1 or begin == offset:
            return
        counted = _Block(begin // self._limit.records)
        async for records in log.read(partition, begin, offset):
            async for stretch in read_in_pieces(records, limits):
                for refused in _mostly_refused(stretch):
                    counted.add(refused)
        self._blocks[partition] = counted

    def look_at(self, partition: int, stretch: Stretch) -> None:
        """Count what was refused of the records that were just folded.

        Raises:
            TooManyRefused: it is one too many.
        """
        for refused in _mostly_refused(stretch):
            number = refused[0].offset // self._limit.records
            block = self._blocks.get(partition)
            if block is None or block.number != number:
                block = self._blocks[partition] = _Block(number)
            block.add(refused)
            if block.refused > self._limit.share * self._limit.records:
                raise TooManyRefused(self._told(partition, block, refused[0]))

    def _told(self, partition: int, block: _Block, last: RefusedAt) -> str:
        reason, count = block.reasons.most_common(1)[0]
        return (
            f"{self._topic}[{partition}]: {block.refused} of the {last.offset - block.first + 1} records from offset "
            f"{block.first} to {last.offset} are refused, more than {self._limit.share:g} of {self._limit.records}. "
            f"Most often: {reason} ({count}); the last one: {last.refusal.detail}. They stay in the log: "
            "nothing is lost. If this is the wrong topic, set TOKENTIDE_TOPIC; if a producer went wrong, mend it, then "
            "start the worker with TOKENTIDE_DEAD_RATIO_LIMIT=1, which lets them become dead letters (see "
            "`tokentide dead list`), and take that back once it has caught up"
        )


def _mostly_refused(stretch: Stretch) -> Iterator[list[RefusedAt]]:
    """What was refused of each record of which more is refused than not."""
    for offset, group in groupby(stretch.refusals, _OFFSET):
        refused = list(group)
        accepted = bisect_right(stretch.offsets, offset) - bisect_left(stretch.offsets, offset)
        if len(refused) > accepted:
            yield refused
