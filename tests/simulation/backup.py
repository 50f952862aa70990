"""What did the store hold at an earlier moment, as a replica that lags or a backup shows it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from tests.fakes import Tables
from tokentide.store.rows import Batch, Progress

__all__ = ["RememberingTables"]


class RememberingTables(Tables):
    """Tables that remember every insert. A moment is a number of inserts."""

    def __init__(self) -> None:
        super().__init__()
        self.past: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = []

    @override
    def insert(self, batch: Batch, rows: Sequence[tuple[Any, ...]]) -> None:
        self.past.append((batch.table, super().insert, (batch, rows)))
        super().insert(batch, rows)

    @override
    def insert_events(self, lines: Iterable[bytes]) -> None:
        lines = list(lines)
        self.past.append(("events", super().insert_events, (lines,)))
        super().insert_events(lines)

    @override
    def note(self, entries: Iterable[Progress]) -> None:
        entries = list(entries)
        self.past.append(("progress", super().note, (entries,)))
        super().note(entries)

    def position(self, partition: int) -> int:
        """How far the partition is stored."""
        held = self.progress.get(partition)
        return 0 if held is None else held[1].position.offset

    def progress_before(self, back: int) -> Mapping[int, Progress]:
        """Progress as it was before the last writes of it."""
        notes = [args for table, _, args in self.past if table == "progress"]
        past = Tables()
        for (entries,) in notes[: max(0, len(notes) - back)]:
            past.note(entries)
        return {partition: entry for partition, (_, entry) in past.progress.items()}

    def answer_as_before(self, back: int, answer: Callable[[], None]) -> None:
        """Let something be read as it was before the last inserts."""
        now = self.rows
        past = Tables()
        for table, insert, args in self.past[: max(0, len(self.past) - back)]:
            if table in now:
                getattr(past, insert.__name__)(*args)
        self.rows = past.rows
        try:
            answer()
        finally:
            self.rows = now

    def restore(self, moment_of: Callable[[str], int]) -> None:
        """Every table as it was at a moment of its own; what came later is as if it had never been."""
        for rows in self.rows.values():
            rows.clear()
        self.events.clear()
        self.progress.clear()
        moments = {table: moment_of(table) for table in (*self.rows, "events", "progress")}
        past, self.past = self.past, []
        for moment, (table, insert, args) in enumerate(past):
            if moment < moments[table]:
                insert(*args)
                self.past.append((table, insert, args))
