"""From consecutive records of a partition to their events: what the fold takes in.

Reading many records at once gives the same as reading each, at less cost when each holds one event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import NamedTuple, Protocol

from tokentide.events.decode import Limits, Refusal, decode, decode_settled
from tokentide.events.fast import DecodedEvent

__all__ = ["RawRecord", "RefusedAt", "Stretch", "read_stretch"]

_TOGETHER = 50  # one refused event makes so many records be read one by one
_VALUE, _TIME, _OFFSET = attrgetter("value"), attrgetter("timestamp"), attrgetter("offset")
_FIRST_BYTE, _LAST_BYTE = itemgetter(0), itemgetter(-1)
_OPEN, _CLOSE = set(b"{"), set(b"}")


class RawRecord(Protocol):
    """One record as Kafka's client delivers it: `timestamp` in milliseconds since the epoch."""

    @property
    def offset(self) -> int:
        """Its place in the partition's log."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch, by the topic's kind of time."""

    @property
    def value(self) -> bytes | None:
        """Its bytes; None for a tombstone."""


class RefusedAt(NamedTuple):
    """What was refused of the record at an offset."""

    offset: int
    record_time_ms: int
    refusal: Refusal


@dataclass(slots=True)
class Stretch:
    """Consecutive records of one partition's log, decoded.

    Attributes:
        records: as they came; in the order of their offsets.
        bytes: of their values.
        events: every valid event, in log order.
        offsets: of each event's record.
        indexes: each event's place in its record, from 0.
        steps: (timestamp, how many of the events came up to then), wherever the records' timestamp changes.
        refusals: what was refused, in log order.
    """

    records: Sequence[RawRecord]
    bytes: int = 0
    events: list[DecodedEvent] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)
    refusals: list[RefusedAt] = field(default_factory=list)


def read_stretch(records: Sequence[RawRecord], limits: Limits) -> Stretch:
    """Decode consecutive records.

    Args:
        records: of one partition, in the order of their offsets.
        limits: sizes and ages that are allowed.
    """
    stretch = Stretch(records)
    for begin in range(0, len(records), _TOGETHER):
        some = records[begin : begin + _TOGETHER]
        if not _read_singles(stretch, some, limits):
            for record in some:
                _read(stretch, record, limits)
    return stretch


def _read(stretch: Stretch, record: RawRecord, limits: Limits) -> None:
    """Add one record, whatever it holds."""
    offset, time_ms, value = record.offset, record.timestamp, record.value
    found = decode(value, time_ms, limits)
    stretch.bytes += len(value or b"")
    stretch.events += found.events
    stretch.offsets += [offset] * len(found.events)
    stretch.indexes += found.indexes
    stretch.refusals += [RefusedAt(offset, time_ms, refusal) for refusal in found.refusals]
    _step(stretch, time_ms)


def _read_singles(stretch: Stretch, records: Sequence[RawRecord], limits: Limits) -> bool:
    """Add records that are read as one text, when each is one object; False when any of them may not be.

    When every record begins with "{" and ends with "}", no JSON value spans two of them: between a "}" and a "{" a
    value needs a comma, and a string holds no line end. So as many events as records means one event in each.
    """
    values, times_ms = list(map(_VALUE, records)), list(map(_TIME, records))
    if not all(values) or b"\n" in values[0]:  # where one record has lines the others will, and none is read twice
        return False
    longest = max(map(len, values))
    if longest > limits.max_record_bytes:
        return False
    if set(map(_FIRST_BYTE, values)) != _OPEN or set(map(_LAST_BYTE, values)) != _CLOSE:
        return False
    first_ms, last_ms = min(times_ms), max(times_ms)
    text = b"\n".join(values)
    # An event that suits the oldest and the newest of the records suits them all.
    events = decode_settled(text, first_ms, last_ms, limits, longest)
    if events is None or len(events) != len(records):
        return False
    before = len(stretch.events)
    stretch.bytes += len(text) - len(records) + 1
    stretch.events += events
    stretch.offsets += map(_OFFSET, records)
    stretch.indexes += [0] * len(records)
    if first_ms == last_ms:
        _step(stretch, first_ms)
    else:
        for count, time_ms in enumerate(times_ms, before + 1):
            _step(stretch, time_ms, count)
    return True


def _step(stretch: Stretch, time_ms: int, count: int | None = None) -> None:
    """Note that the events so far, or so many of them, came up to a timestamp."""
    steps = stretch.steps
    step = time_ms, len(stretch.events) if count is None else count
    if steps and steps[-1][0] == time_ms:
        steps[-1] = step
    else:
        steps.append(step)
