"""What goes into an adapter, and what comes out?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from tokentide.errors import QueryError
from tokentide.events import Reason
from tokentide.events.nesting import nests_too_deep
from tokentide.gateway.judging import Unfit

__all__ = ["Adapter", "Fields", "Item", "Mapped", "Payload", "objects_of", "parsed"]

_lines = msgspec.json.Decoder().decode_lines

Fields = dict[str, Any]
"""The fields of an event, by the names of the contract; None stands for what is not known."""


class Payload(NamedTuple):
    """What a client sent.

    Attributes:
        body: inflated.
        content_type: without parameters; empty when the client did not say.
        now_ms: when it came, in milliseconds since the epoch.
    """

    body: bytes
    content_type: str
    now_ms: int


class Item(NamedTuple):
    """One entry of a payload: its own name, and the place of the event whose fate it shares."""

    name: str
    place: int


@dataclass(slots=True)
class Mapped:
    """What an adapter makes of a payload.

    Attributes:
        events: each with its place in the payload.
        refused: entries that make none and should.
        items: every entry, where its format wants each of them answered.
    """

    events: list[tuple[int, Fields]] = field(default_factory=list)
    refused: list[Unfit] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    def take(self, place: int, fields: Fields) -> None:
        """Add an event; what is not known is left out."""
        self.events.append((place, {name: value for name, value in fields.items() if value is not None}))

    def refuse(self, place: int, detail: str, reason: Reason = Reason.BAD_VALUE) -> None:
        """Add a refusal."""
        self.refused.append(Unfit(place, reason, detail))


Adapter = Callable[[Payload], Mapped]
"""Pure. Raises QueryError when the payload as a whole is not of its format."""


def parsed(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        QueryError: it is none.
    """
    if nests_too_deep(body):
        raise QueryError("the body: brackets nest too deep")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QueryError(f"the body is not JSON: {error}") from error


def objects_of(body: bytes) -> Sequence[Any]:
    """The values of a JSON array, of NDJSON, or the one value that the body is.

    Raises:
        QueryError: it is none of these.
    """
    if body.lstrip()[:1] == b"[":
        values = parsed(body)
        assert isinstance(values, list)
        return values
    if nests_too_deep(body):
        raise QueryError("the body: brackets nest too deep")
    try:
        values = _lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QueryError(f"the body is neither JSON nor NDJSON: {error}") from error
    assert isinstance(values, list)
    return values
