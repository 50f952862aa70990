"""How differing rows are put right, so that doing it again, or a worker that goes on meanwhile, spoils nothing.

A row of the same version is replaced by inserting the right one: of equal versions the last inserted counts. A row
whose version is too high to be replaced, or that should not be, is deleted first, by its key and exactly its version.
What a worker stores meanwhile has a higher version than what is inserted here, and wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tokentide.reconcile.examine import Examination, Part
from tokentide.reconcile.judging import Difference
from tokentide.reconcile.span import Span
from tokentide.reconcile.stored import EventPlace
from tokentide.rollups import TABLES

__all__ = ["mend"]

_TABLES = {table.name: table for table in TABLES}


async def mend(examination: Examination, part: Part, differences: Sequence[Difference]) -> int:
    """Put right what differs; how many rows were inserted or deleted."""
    rows = [difference for difference in differences if difference.key]
    await asyncio.to_thread(_mend_rows, examination, part, rows)
    hours = sorted({difference.bucket for difference in differences if difference.table == "events"})
    mended = len(rows)
    for hour in hours:
        mended += await _mend_events(examination, part, Span(hour, hour + 3600))
    return mended


def _mend_rows(examination: Examination, part: Part, differences: Sequence[Difference]) -> None:
    stored = examination.stored(part)
    for difference in differences:
        is_, should = difference.stored, difference.expected
        if is_ is not None and (should is None or is_.version > should.version):
            stored.delete(_TABLES[difference.table], is_)
    stored.insert([(_TABLES[one.table], one.expected) for one in differences if one.expected is not None])


async def _mend_events(examination: Examination, part: Part, hour: Span) -> int:
    """Delete the events of an hour that the log does not have, and insert the others anew."""
    narrow = Part(part.partition, part.topic, part.position, part.begin, span=hour, events=hour, refused=part.refused)
    sieve = await examination.sieve(narrow, keep_events=True)
    await examination.read(narrow, sieve, part.position.offset, sieve.take)
    stored = examination.stored(narrow)
    expected = {EventPlace(part.base | offset, place, project, ms) for offset, place, project, ms in sieve.places}
    strangers = await asyncio.to_thread(stored.event_places, hour) - expected
    for place in strangers:
        await asyncio.to_thread(stored.delete_event, place)
    await asyncio.to_thread(stored.insert_events, sieve.state.snapshot().events)
    return len(strangers) + len(expected)
