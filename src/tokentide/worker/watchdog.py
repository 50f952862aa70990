"""Whether a worker has stalled: records wait in the log, nothing pauses it, and yet nothing moves.

Kafka consumers are known to die silently; the process then ends, loudly, and is started again by who supervises it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Watchdog"]


@dataclass(slots=True)
class Watchdog:
    """Remembers when something last moved; the time is an argument, in seconds of any steady clock.

    Attributes:
        patience_seconds: how long nothing may move while records wait.
    """

    patience_seconds: float
    _positions: Mapping[int, int] | None = None
    _moved_at: float = 0.0

    def stalled(self, positions: Mapping[int, int], ends: Mapping[int, int], *, excused: bool, now: float) -> bool:
        """Whether nothing has moved for too long.

        Args:
            positions: next offset to fold, by partition.
            ends: next offset to be written, by partition.
            excused: the worker waits for something else and says so: the store, or its state.
            now: the present moment.
        """
        behind = any(positions[partition] < ends.get(partition, 0) for partition in positions)
        if excused or not behind or positions != self._positions:
            self._positions = dict(positions)
            self._moved_at = now
        return now - self._moved_at >= self.patience_seconds
