"""What of a body becomes events, and what is refused? Decided here, so that a 202 never becomes a dead letter.

Every event gets the project and the organisation of the key that sends it, and is written anew: fields that no event
has, prompts and answers among them, go no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from tokentide.errors import QueryError
from tokentide.events import DecodedEvent, Limits, Reason, decode
from tokentide.events.decode import MAX_EVENTS, decode_settled, split_record
from tokentide.events.nesting import nests_too_deep
from tokentide.events.shape import Readers
from tokentide.ingest.lines import Accepted
from tokentide.ingest.records import Batch, batches
from tokentide.shards import record_key

__all__ = ["Judged", "Origin", "Rules", "Unfit", "judge_body", "judge_fields"]

_GRACE_MS = 60_000  # the record may be stamped that much later, and must still be young enough
_DAY_MS = 86_400_000


class _Sent(DecodedEvent, kw_only=True, gc=False, omit_defaults=True):  # type: ignore[call-arg]
    """An event as it is sent: its project need not be named."""

    project_id: str = ""


_SENT = Readers(msgspec.json.Decoder(_Sent).decode_lines, msgspec.json.Decoder(list[_Sent]).decode)
_split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


class Origin(NamedTuple):
    """Whose events they are."""

    project: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What events are held against.

    Attributes:
        limits: sizes and ages that are allowed.
        shards: projects that are spread over several keys, and over how many.
    """

    limits: Limits
    shards: Mapping[str, int]


class Unfit(NamedTuple):
    """An event that is refused: its place, from 0, why, and in words."""

    place: int
    reason: Reason
    detail: str


class Judged(NamedTuple):
    """What became of the events: the records that hold the accepted ones, their places, and what was refused."""

    records: list[Batch]
    places: list[int]
    refused: list[Unfit]


def judge_body(body: bytes, origin: Origin, now_ms: int, rules: Rules, most: int) -> Judged:
    """Judge the events of an NDJSON text or a JSON array.

    Args:
        body: the text.
        origin: whose events they are.
        now_ms: when they came, in milliseconds since the epoch: against it their times are judged.
        rules: what else they are held against.
        most: so many events may come at once.

    Raises:
        QueryError: there is none, there are too many, or the body as a whole cannot be read.
    """
    events = decode_settled(body, now_ms, now_ms + _GRACE_MS, rules.limits, len(body), into=_SENT)
    if events and len(events) <= most and rules.shards.get(origin.project, 1) == 1:
        record = _record(events, origin)
        if len(record.value) <= rules.limits.max_record_bytes:
            return Judged([record], list(range(len(events))), [])
    parts, whole = split_record(body)
    if whole is not None and body.strip():
        raise QueryError(f"the body: {whole.detail}")
    if not parts:
        raise QueryError("there is no event in the body")
    if len(parts) > most:
        raise QueryError(f"Max {most} events per batch")
    return _judged(enumerate(parts), origin, now_ms, rules)


def judge_fields(events: Iterable[tuple[int, Mapping[str, Any]]], origin: Origin, now_ms: int, rules: Rules) -> Judged:
    """Judge events that an adapter made, each with its place in the payload."""
    parts, unwritable = [], []
    for place, fields in events:
        try:
            parts.append((place, _encode(fields)))
        except (OverflowError, TypeError, UnicodeEncodeError, ValueError) as error:
            unwritable.append(Unfit(place, Reason.BAD_VALUE, f"a value cannot be written as JSON: {error}"))
    judged = _judged(parts, origin, now_ms, rules)
    return judged._replace(refused=sorted(judged.refused + unwritable))


def _judged(parts: Iterable[tuple[int, bytes]], origin: Origin, now_ms: int, rules: Rules) -> Judged:
    accepted, places, refused = [], [], []
    for place, part in parts:
        verdict = _one(place, part, origin, now_ms, rules)
        if isinstance(verdict, Unfit):
            refused.append(verdict)
        else:
            accepted.append(verdict)
            places.append(place)
    return Judged(list(batches(accepted, rules.limits.max_record_bytes, MAX_EVENTS)), places, refused)


def _one(place: int, part: bytes, origin: Origin, now_ms: int, rules: Rules) -> Accepted | Unfit:
    owned = _owned(part, origin)
    decoded = decode(owned or part, now_ms, rules.limits)
    if decoded.refusals:
        first = decoded.refusals[0]
        return Unfit(place, first.reason, first.detail)
    if owned is None:
        return Unfit(place, Reason.NOT_JSON, "not a JSON object")
    (event,) = decoded.events
    if event.event_time_ms < now_ms + _GRACE_MS - rules.limits.retention_days * _DAY_MS:
        return Unfit(place, Reason.TOO_OLD, f"timestamp: {event.timestamp} is older than the rollups are kept")
    line = _line(event, origin, rules)
    if len(line.body) > rules.limits.max_record_bytes:
        detail = f"{len(line.body)} bytes, {rules.limits.max_record_bytes} are allowed"
        return Unfit(place, Reason.TOO_LARGE, detail)
    return line


def _owned(part: bytes, origin: Origin) -> bytes | None:
    """The same object with the project and the organisation of its key; None when it is no object."""
    if nests_too_deep(part):
        return None
    try:
        fields: dict[str, Any] = dict(_split_object(part))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _encode(fields | {"project_id": origin.project, "org_id": origin.organisation})


def _line(event: DecodedEvent, origin: Origin, rules: Rules) -> Accepted:
    _make_own(event, origin)
    return Accepted(record_key(origin.project, event.event_id, rules.shards), _encode(event))


def _record(events: Sequence[DecodedEvent], origin: Origin) -> Batch:
    """One record of all events: the common case, where a project has one key and its events fit."""
    for event in events:
        _make_own(event, origin)
    return Batch(origin.project.encode(), _encode_lines(events).rstrip(b"\n"), len(events))


def _make_own(event: DecodedEvent, origin: Origin) -> None:
    event.project_id, event.org_id = origin
    if event.tags:  # settled metadata hold them already, and may then be more than an event may have
        event.metadata = {key: label for key, label in event.metadata.items() if key not in event.tags}
    # What its texts mean is computed again by whoever reads it.
    event.event_time_ms = event.cost_nanos = 0
    if event.cost_ceiling_nanos is not None or event.potential_savings_nanos is not None:
        event.cost_ceiling_nanos = event.potential_savings_nanos = None
