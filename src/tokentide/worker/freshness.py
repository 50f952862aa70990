"""Up to which moment of log time everything is stored, for each partition: what `X-Data-Through` is made of."""

from __future__ import annotations

from collections.abc import Mapping

from tokentide.rollups import Position

__all__ = ["Freshness"]


class Freshness:
    """The moments, in milliseconds since the epoch; none of them ever falls.

    Args:
        through_ms: what the store said when the partitions were loaded.
        visible_after_ms: a record may become readable this much later than its timestamp says.
    """

    def __init__(self, through_ms: Mapping[int, int], visible_after_ms: int = 1000) -> None:
        self._through_ms = dict(through_ms)
        self._visible_after_ms = visible_after_ms

    def of(self, partition: int, position: Position, caught_up_ms: int | None) -> int:
        """The moment for a partition, once everything below a position is stored.

        Args:
            partition: its number.
            position: the next offset, and the log time there.
            caught_up_ms: when the log was seen to end at the position; None when it goes on, or nobody knows.
        """
        known = [self._through_ms.get(partition, 0)]
        if position.log_time_ms is not None:
            known.append(position.log_time_ms - 1)  # more records may follow within the same millisecond
        if caught_up_ms is not None:
            known.append(caught_up_ms - self._visible_after_ms)
        return max(known)

    def raise_to(self, partition: int, through_ms: int) -> None:
        """Note that everything up to the moment is stored now."""
        self._through_ms[partition] = max(through_ms, self._through_ms.get(partition, 0))

    def age_seconds(self, now_ms: int) -> float:
        """How old the oldest of the moments is; 0 when there is none."""
        return max(0, now_ms - min(self._through_ms.values(), default=now_ms)) / 1000
