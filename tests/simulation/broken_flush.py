"""How can a flush be wrong? Each function patches one way into the real code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tokentide.rollups import PartitionState
from tokentide.store.rows import Progress
from tokentide.worker import flushing
from tokentide.worker.patience import AWAY
from tokentide.worker.pipeline import Pipeline

__all__ = [
    "commit_before_rows",
    "failed_inserts_are_done",
    "letters_after_progress",
    "progress_before_rows",
    "progress_of_now",
    "progress_only_with_rows",
    "rows_before_days_are_opened",
]


def progress_before_rows(patch: pytest.MonkeyPatch) -> None:
    """Progress, then rows."""
    _attempt_in_order(patch, ["letters", "days", "progress", "rows", "commit"])


def commit_before_rows(patch: pytest.MonkeyPatch) -> None:
    """The commit, then rows and progress."""
    _attempt_in_order(patch, ["letters", "commit", "days", "rows", "progress"])


def letters_after_progress(patch: pytest.MonkeyPatch) -> None:
    """Dead letters last."""
    _attempt_in_order(patch, ["days", "rows", "progress", "commit", "letters"])


def failed_inserts_are_done(patch: pytest.MonkeyPatch) -> None:
    """An insert that fails is not repeated."""
    _attempt_in_order(patch, ["letters", "days", "rows once", "progress", "commit"])


def progress_only_with_rows(patch: pytest.MonkeyPatch) -> None:
    """No progress when only dead letters or duplicates passed."""
    _attempt_in_order(patch, ["letters", "days", "rows and progress", "commit"])


def rows_before_days_are_opened(patch: pytest.MonkeyPatch) -> None:
    """Rows of days that are over, then the marks that open them."""
    _attempt_in_order(patch, ["letters", "rows", "days", "progress", "commit"])


def progress_of_now(patch: pytest.MonkeyPatch) -> None:
    """Progress as of when it is written, not as of when the rows were taken."""
    begin = Pipeline._begin_flush

    async def begin_flush(self: Pipeline, flush: flushing.Flush, asked_ms: int) -> bool:
        begun = await begin(self, flush, asked_ms)
        flush.progress = _Now(self.states, flush.progress)
        return begun

    patch.setattr(Pipeline, "_begin_flush", begin_flush)


def _attempt_in_order(patch: pytest.MonkeyPatch, order: list[str]) -> None:
    async def attempt(flush: flushing.Flush, rows: Any, log: Any, dead: Any, _: Any) -> None:
        for step in order:
            await _STEPS[step](flush, rows, log, dead)

    patch.setattr(flushing, "_attempt", attempt)


async def _letters(flush: flushing.Flush, _: Any, __: Any, dead: Any) -> None:
    if flush.letters:
        await dead.send(flush.letters)
        flush.letters.clear()


async def _days(flush: flushing.Flush, rows: Any, *_: Any) -> None:
    if flush.opened:
        await rows.write_marks(flush.opened)
        flush.opened.clear()


async def _rows(flush: flushing.Flush, rows: Any, *_: Any) -> None:
    while flush.batches:
        await rows.write(flush.batches[0])
        flush.batches.pop(0)


async def _rows_once(flush: flushing.Flush, rows: Any, *_: Any) -> None:
    while flush.batches:
        with contextlib.suppress(*AWAY):
            await rows.write(flush.batches[0])
        flush.batches.pop(0)


async def _progress(flush: flushing.Flush, rows: Any, *_: Any) -> None:
    await rows.write_progress(flush.progress)
    for snapshot in flush.snapshots:
        snapshot.acknowledge()


async def _rows_and_progress(flush: flushing.Flush, rows: Any, *others: Any) -> None:
    if any(snapshot.rows for snapshot in flush.snapshots):
        await _rows(flush, rows, *others)
        await _progress(flush, rows, *others)


async def _commit(flush: flushing.Flush, _: Any, log: Any, __: Any) -> None:
    await log.commit({entry.partition: entry.position.offset for entry in flush.progress})


_STEPS: dict[str, Callable[..., Any]] = {
    "letters": _letters,
    "days": _days,
    "rows": _rows,
    "rows once": _rows_once,
    "progress": _progress,
    "rows and progress": _rows_and_progress,
    "commit": _commit,
}


class _Now(Sequence[Progress]):
    """Progress that tells the position at the moment it is asked."""

    def __init__(self, states: dict[int, PartitionState], entries: Sequence[Progress]) -> None:
        self._states = states
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        entry = self._entries[number]
        state = self._states.get(entry.partition)
        return entry if state is None else Progress(entry.partition, state.position, entry.through_ms)
