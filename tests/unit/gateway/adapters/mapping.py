"""What an adapter makes of a payload, as tables say it."""

from __future__ import annotations

import json

from tests.builders import AT_MS
from tokentide.gateway.adapters.payload import Payload

__all__ = ["fields_of", "mapped", "only_event", "refusals"]


def mapped(read, value, content_type="application/json"):
    """The whole result; a value that is not bytes is sent as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(Payload(body, content_type, AT_MS))


def fields_of(read, value, **others):
    """The fields of each event."""
    found = mapped(read, value, **others)
    assert found.refused == []
    return [fields for _, fields in found.events]


def only_event(read, value, **others):
    """The fields of the one event."""
    (fields,) = fields_of(read, value, **others)
    return fields


def refusals(read, value):
    """The refusals as (place, detail)."""
    return [(unfit.place, unfit.detail) for unfit in mapped(read, value).refused]
