"""What became of each dead letter? Folded from the records of the dead-letter topic alone: pure.

The topic is its own journal. Of several marks about the same attempt the first one holds: who came later finds that out
by reading on behind its own mark, and leaves the attempt alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tokentide.dead.letter import Begun, DeadRecord, Letter, LetterId, Mark, Place, Sent, parse

__all__ = ["Attempt", "Ledger"]


@dataclass(slots=True)
class Attempt:
    """One replay of a letter: `begun` may have left the topic already, `sent` comes when it is known to be there."""

    begun: Begun | None = None
    sent: Sent | None = None

    @property
    def open(self) -> bool:
        """Whether nobody noted that it arrived."""
        return self.sent is None


@dataclass(slots=True)
class Ledger:
    """The letters, each once, and their replays.

    Attributes:
        letters: by identity, in the order in which they were read.
        copies: how many records of the topic are a letter that is there already.
        strangers: how many are neither a letter nor a mark.
    """

    letters: dict[LetterId, Letter] = field(default_factory=dict)
    copies: int = 0
    strangers: int = 0
    _attempts: dict[LetterId, dict[int, Attempt]] = field(default_factory=dict)
    _placed: dict[tuple[str, int, int, int], LetterId] = field(default_factory=dict)

    def take(self, partition: int, record: DeadRecord) -> None:
        """Fold the next record of a partition."""
        found = parse(partition, record)
        if found is None:
            self.strangers += 1
        elif not isinstance(found, Letter):
            self._note(found)
        elif found.id in self.letters:
            self.copies += 1
        else:
            self.letters[found.id] = found

    def last_attempt(self, letter: LetterId) -> tuple[int, Attempt] | None:
        """The newest replay of a letter with its number; None when there is none."""
        attempts = self._attempts.get(letter)
        if not attempts:
            return None
        number = max(attempts)
        return number, attempts[number]

    def replay_of(self, letter: LetterId) -> LetterId | None:
        """Which letter this one is a replay of: what was sent once more was refused once more."""
        return self._placed.get((letter.topic, letter.partition, letter.offset, letter.record_time_ms))

    def open_attempts(self) -> Iterator[tuple[int, Attempt]]:
        """Every newest replay that was begun and not seen to arrive."""
        for letter in self._attempts:
            last = self.last_attempt(letter)
            if last is not None and last[1].open:
                yield last

    def holds(self, mark: Begun) -> bool:
        """Whether this very mark is the one that counts for its attempt."""
        attempt = self._attempts.get(mark.letter, {}).get(mark.attempt)
        return attempt is not None and attempt.begun == mark

    def _note(self, mark: Mark) -> None:
        attempt = self._attempts.setdefault(mark.letter, {}).setdefault(mark.attempt, Attempt())
        if isinstance(mark, Begun):
            attempt.begun = attempt.begun or mark
        elif attempt.sent is None:
            attempt.sent = mark
            to: Place = mark.to
            self._placed[mark.letter.topic, to.partition, to.offset, mark.record_time_ms] = mark.letter
