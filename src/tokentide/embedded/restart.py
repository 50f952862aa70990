"""When does a part that died start again? Pure: its past lives in, a point in time out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Life", "RestartPolicy"]


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a process ran, in seconds of any one clock."""

    started_at: float
    died_at: float


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """At once after a long life; after short ones, with a distance between starts that doubles up to a bound.

    Attributes:
        short_life_seconds: A life below this is short.
        first_distance_seconds: Between two starts, after one short life.
        longest_distance_seconds: Between two starts, after many.
    """

    short_life_seconds: float = 5.0
    first_distance_seconds: float = 1.0
    longest_distance_seconds: float = 10.0

    def restart_at(self, lives: Sequence[Life]) -> float:
        """When to start again, on the clock of `lives`, the last of which has just ended."""
        last = lives[-1]
        short = self._short_lives_at_the_end(lives)
        if short == 0:
            return last.died_at
        distance = min(self.longest_distance_seconds, self.first_distance_seconds * 2.0 ** (short - 1))
        return max(last.died_at, last.started_at + distance)

    def _short_lives_at_the_end(self, lives: Sequence[Life]) -> int:
        count = 0
        for life in reversed(lives):
            if life.died_at - life.started_at >= self.short_life_seconds:
                break
            count += 1
        return count
