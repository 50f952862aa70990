"""Which letters are meant? Those that suit every condition that was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tokentide.dead.letter import Letter

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on letters; one that is empty or None lets all through.

    Attributes:
        ids: as `PARTITION:OFFSET[:INDEX]`; one without an index means every letter of that record.
        reasons: of the closed set.
        projects: one of them is named in the refused bytes.
        from_ms: the refused record's time is this or later.
        to_ms: and earlier than this.
    """

    ids: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    from_ms: int | None = None
    to_ms: int | None = None

    def of(self, letters: Iterable[Letter]) -> list[Letter]:
        """The letters that are meant, by the time and place of their records."""
        found = [letter for letter in letters if self._means(letter)]
        return sorted(found, key=_by_record)

    def unknown(self, letters: Iterable[Letter]) -> list[str]:
        """The ids that no letter has."""
        there = {name for letter in letters for name in _names(letter)}
        return sorted(self.ids - there)

    def _means(self, letter: Letter) -> bool:
        time_ms = letter.id.record_time_ms
        return (
            (not self.ids or not self.ids.isdisjoint(_names(letter)))
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.projects or not self.projects.isdisjoint(letter.projects))
            and (self.from_ms is None or time_ms >= self.from_ms)
            and (self.to_ms is None or time_ms < self.to_ms)
        )


def _names(letter: Letter) -> set[str]:
    return {str(letter.id), f"{letter.id.partition}:{letter.id.offset}"}


def _by_record(letter: Letter) -> tuple[int, int, int, int]:
    id_ = letter.id
    return id_.record_time_ms, id_.partition, id_.offset, -1 if id_.index is None else id_.index
