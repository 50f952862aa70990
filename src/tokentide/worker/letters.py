"""Which dead letters wait for the next flush?"""

from __future__ import annotations

from collections.abc import Iterable

from tokentide.events import RefusedAt
from tokentide.worker.ports import DeadLetter

__all__ = ["Letters", "rows_of"]

_BYTES_OF_A_ROW = 1024


class Letters:
    """The letters of the records that were folded since they were last taken.

    Attributes:
        rows: how many rows in memory they weigh as much as.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._waiting: list[DeadLetter] = []

    def add(self, partition: int, refused: Iterable[RefusedAt]) -> None:
        """Let what was refused of a partition's records wait."""
        new = [DeadLetter(partition, *each) for each in refused]
        self._waiting += new
        self.rows += rows_of(new)

    def take(self) -> list[DeadLetter]:
        """Everything that waits, which then waits no more."""
        taken, self._waiting, self.rows = self._waiting, [], 0
        return taken


def rows_of(letters: Iterable[DeadLetter]) -> int:
    """How many rows in memory the letters weigh as much as: each is one, and a large one is many."""
    return sum(1 + len(letter.refusal.raw) // _BYTES_OF_A_ROW for letter in letters)
