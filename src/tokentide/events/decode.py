"""From the bytes of one record to its events and its refusals, decided from the record alone.

The common case is one call of the fast decoder for the whole record. When that refuses anything, each event of the
record is judged alone: by the fast decoder, then by the model, which words the refusal.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec
from pydantic import ValidationError

from tokentide.events.fast import DecodedEvent
from tokentide.events.model import REQUIRED_FOR, Event
from tokentide.events.nesting import MAX_NESTING, nests_too_deep
from tokentide.events.settle import Span, settle, settle_all
from tokentide.events.shape import Readers, Shape

__all__ = ["Decoded", "Limits", "Reason", "Refusal", "decode", "decode_settled", "split_record"]

MAX_EVENTS = 1000
"""Most events that one record may hold."""

COMPUTED = ("event_time_ms", "cost_nanos", "log_partition", "log_offset", "log_index")
"""Fields that every event gets here or in the fold."""

TOGETHER: Mapping[str, str] = MappingProxyType(
    {
        "cost_ceiling_usd": "cost_ceiling_nanos",
        "potential_cost_savings": "potential_savings_nanos",
        "tags": "metadata",
    }
)
"""Fields that an event gets when it has another."""

_AHEAD_MS = 10 * 60_000
_DAY_MS = 86_400_000

_decode_one = msgspec.json.Decoder(DecodedEvent).decode
_split_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_plain = msgspec.json.Decoder().decode

_TOO_DEEP = f"brackets nest deeper than {MAX_NESTING} levels"
_Unreadable = (msgspec.DecodeError, UnicodeDecodeError)


class Reason(enum.StrEnum):
    """Why an event was refused: the closed set of dead-letter reasons."""

    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    TOO_LARGE = "too_large"
    TOO_MANY_EVENTS = "too_many_events"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an event is held against besides the model."""

    max_record_bytes: int = 1_048_576
    retention_days: int = 400


@dataclass(frozen=True, slots=True)
class Refusal:
    """A dead letter in the making.

    Attributes:
        index: place of the event in its record, from 0; None when the record as a whole was refused.
        reason: one of the closed set.
        detail: what was wrong, with the field's name first where one is at fault.
        raw: the bytes that were refused, untouched.
    """

    index: int | None
    reason: Reason
    detail: str
    raw: bytes


class Decoded(msgspec.Struct, gc=False):
    """What one record holds: its valid events, the place of each in the record, and what was refused."""

    events: Sequence[DecodedEvent] = ()
    indexes: Sequence[int] = ()
    refusals: Sequence[Refusal] = ()


@cache
def _events() -> Shape:
    return Shape(DecodedEvent, COMPUTED, TOGETHER)


def decode(record: bytes | None, record_ms: int, limits: Limits) -> Decoded:
    """Read one record.

    Args:
        record: the value of the record; None (a tombstone) counts as empty.
        record_ms: the record's own timestamp, against which event times are judged.
        limits: sizes and ages that are allowed.
    """
    record = record or b""
    if len(record) > limits.max_record_bytes:
        return _refused(record, Reason.TOO_LARGE, f"{len(record)} bytes, {limits.max_record_bytes} are allowed")
    events = decode_settled(record, record_ms, record_ms, limits, len(record))
    if events is None or not 0 < len(events) <= MAX_EVENTS:
        return _decode_each(record, _span(record_ms, record_ms, limits))
    return Decoded(events, range(len(events)))


def decode_settled(
    text: bytes, first_ms: int, last_ms: int, limits: Limits, longest: int, *, into: Readers | None = None
) -> list[Any] | None:
    """The events of an NDJSON text or an array, when the fast decoder accepts every one of them; else None.

    Args:
        text: what to read.
        first_ms: the earliest timestamp of the records that it came in.
        last_ms: the latest.
        limits: how old an event may be.
        longest: no event has more bytes.
        into: what decodes it; unless given, to the events that the fold reads.
    """
    try:
        if not text.isascii():
            text.decode()
        readers = into or _events()
        events = readers.array(text) if text[:1] == b"[" else readers.lines(text)
    except (*_Unreadable, RecursionError):
        return None
    # Each level opens and closes; and where no field is unknown, none of them nests as deep.
    may_nest = longest > 2 * MAX_NESTING and not (events and events[0].__struct_config__.forbid_unknown_fields)
    if may_nest and nests_too_deep(text, len(events)):
        return None
    return events if settle_all(events, _span(first_ms, last_ms, limits)) else None


def _span(first_ms: int, last_ms: int, limits: Limits) -> Span:
    return Span(last_ms - limits.retention_days * _DAY_MS, first_ms + _AHEAD_MS)


def _refused(record: bytes, reason: Reason, detail: str) -> Decoded:
    return Decoded(refusals=[Refusal(None, reason, detail, record)])


def _decode_each(record: bytes, span: Span) -> Decoded:
    parts, whole = split_record(record)
    if whole is not None:
        return Decoded(refusals=[whole])
    if len(parts) > MAX_EVENTS:
        return _refused(record, Reason.TOO_MANY_EVENTS, f"{len(parts)} events, {MAX_EVENTS} are allowed")
    events, indexes, refusals = [], [], []
    for index, part in enumerate(parts):
        verdict = _judge(part, span)
        if isinstance(verdict, tuple):
            refusals.append(Refusal(index, verdict[0], verdict[1], part))
        else:
            events.append(verdict)
            indexes.append(index)
    return Decoded(events, indexes, refusals)


def split_record(record: bytes) -> tuple[list[bytes], Refusal | None]:
    """The raw bytes of each event, or the refusal of the whole record.

    Well-formed JSON is split at its values, so that an object may span lines; anything else is split at line ends.
    """
    if not record.strip():
        return [], Refusal(None, Reason.NOT_JSON, "the record is empty", record)
    if record.lstrip()[:1] == b"[":
        return _parts_of_array(record)
    if not nests_too_deep(record):
        try:
            return [bytes(part) for part in _split_lines(record)], None
        except _Unreadable:
            pass  # a line is no JSON: the others may be
    return [line for line in record.split(b"\n") if line.strip()], None


def _parts_of_array(record: bytes) -> tuple[list[bytes], Refusal | None]:
    if nests_too_deep(record, levels=MAX_NESTING + 1):
        return [], Refusal(None, Reason.NOT_JSON, _TOO_DEEP, record)
    try:
        return [bytes(part) for part in _split_array(record)], None
    except _Unreadable as error:
        reason = Reason.NOT_JSON if _is_utf8(record) else Reason.NOT_UTF8
        return [], Refusal(None, reason, f"not a JSON array: {error}", record)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _judge(part: bytes, span: Span) -> DecodedEvent | tuple[Reason, str]:
    """One event, or why it is none."""
    if not _is_utf8(part):
        return Reason.NOT_UTF8, "the bytes are not UTF-8"
    if nests_too_deep(part):
        return Reason.NOT_JSON, _TOO_DEEP
    try:
        event = _decode_one(part)
        if settle(event, span):
            return event
    except _Unreadable:
        pass  # the model words what is wrong, or accepts what the fast decoder does not know
    return _ask_model(part, span)


def _ask_model(part: bytes, span: Span) -> DecodedEvent | tuple[Reason, str]:
    try:
        raw_fields = _split_object(part)
    except _Unreadable as error:
        return Reason.NOT_JSON, f"not a JSON object: {error}"
    fields: dict[str, Any] = {}
    known = [name for name in Event.model_fields if name in raw_fields]  # in one order: the verdict names the first
    for name in known:
        try:
            fields[name] = _plain(raw_fields[name])
        except _Unreadable as error:
            return _reason_for(name), f"{name}: {error}"
    try:
        event = from_model(Event.model_validate(fields))
    except ValidationError as error:
        return _worded(error)
    return event if settle(event, span) else _out_of_time(event, span)


def from_model(event: Event) -> DecodedEvent:
    """The decoded form of an event that the model accepted."""
    values = {name: getattr(event, name) for name in Event.model_fields}
    values["timestamp"] = event.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for name in ("cost_usd", "cost_ceiling_usd", "potential_cost_savings"):
        if values[name] is not None:
            values[name] = format(values[name], "f")
    return DecodedEvent(**values)


def _out_of_time(event: DecodedEvent, span: Span) -> tuple[Reason, str]:
    if event.event_time_ms > span.newest:
        return Reason.IN_FUTURE, f"timestamp: {event.timestamp} is more than 10 minutes ahead of its record"
    return Reason.TOO_OLD, f"timestamp: {event.timestamp} is older than the rollups are kept"


def _worded(error: ValidationError) -> tuple[Reason, str]:
    """The first problem of the model's report: a missing field before a bad one, as the producer would mend it."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems:
        if problem["type"] == "missing":
            return Reason.MISSING_FIELD, f"{problem['loc'][0]}: is required"
    first = problems[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # a rule between fields: the message begins with the field's name
        missing = message.partition(": ")[2].startswith(REQUIRED_FOR)
        return (Reason.MISSING_FIELD if missing else Reason.BAD_VALUE), message
    return _reason_for(first["loc"][0]), f"{'.'.join(str(step) for step in first['loc'])}: {message}"


def _reason_for(field: object) -> Reason:
    return Reason.BAD_TIMESTAMP if field == "timestamp" else Reason.BAD_VALUE
