"""The model itself, as Python code uses it: what it takes besides JSON, what it computes, what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ValidationError

from tests.builders import an_event, numbered_id
from tokentide.events import Event
from tokentide.events.decode import from_model


def test_python_values_are_taken_too():
    """An adapter may hand over datetimes, UUIDs and decimals instead of texts."""
    moment = datetime(2026, 4, 20, 12, 1, 33, 999_999, timezone(timedelta(hours=2)))
    given = an_event() | {"event_id": numbered_id(7), "timestamp": moment, "cost_usd": Decimal("0.0000000015")}
    event = Event.model_validate(given)
    assert event.event_id == UUID(int=numbered_id(7).int)
    assert event.timestamp == datetime(2026, 4, 20, 10, 1, 33, 999_000, UTC)
    assert event.cost_usd == Decimal("0.000000002")
    assert event.cost_nanos == 2


def test_labels_become_texts():
    """What is not text in a map is kept as its JSON text, an explicit null included."""
    event = Event.model_validate(an_event(metadata={"n": 1, "x": None, "d": {"a": [1.5, True]}, "s": "é"}))
    assert event.metadata == {"n": "1", "x": "null", "d": '{"a":[1.5,true]}', "s": "é"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timestamp": datetime(2026, 4, 20, 10, 1, 33)}, "must be RFC 3339 text with an offset"),  # noqa: DTZ001
        ({"timestamp": 1_776_679_293}, "must be RFC 3339 text with an offset"),
        ({"cost_usd": True}, "must be a number or a decimal text"),
        ({"metadata": ["a"]}, "valid dictionary"),
        ({"event_id": 5}, "UUID"),
        ({"provider": None}, "provider: is required for kind llm"),
        ({"model": None}, "model: is required for kind llm"),
        ({"kind": "mcp"}, "mcp_server_name: is required for kind mcp"),
        ({"kind": "mcp", "mcp_server_name": "s"}, "mcp_method: is required for kind mcp"),
        ({"kind": "guardrail"}, "guardrail_name: is required for kind guardrail"),
        ({"kind": "config"}, "config_type: is required for kind config"),
        ({"input_tokens": 1, "cached_tokens": 2}, "cached_tokens: must not exceed input_tokens"),
    ],
)
def test_what_is_refused_is_worded(fields, said):
    """The message says what is wrong, for the producer to read."""
    given = {name: value for name, value in (an_event() | fields).items() if value is not None}
    with pytest.raises(ValidationError, match=said):
        Event.model_validate(given)


def test_something_else_than_an_object_is_refused():
    """Only a mapping can be an event."""
    with pytest.raises(ValidationError):
        Event.model_validate([1])


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "agent", "provider": None, "model": None},
        {"kind": "mcp", "mcp_server_name": "s", "mcp_method": "tools/call", "provider": None},
        {"kind": "guardrail", "guardrail_name": "", "model": None},
        {"kind": "config", "config_type": "rate limit"},
        {"cached_tokens": 5, "input_tokens": 5},
    ],
)
def test_each_kind_needs_its_own_fields_only(fields):
    """Provider and model are required of LLM calls only; cached tokens may be all of the input."""
    Event.model_validate(an_event(**fields))


def test_json_out_is_json_in():
    """What the model writes as JSON is an event again, with money as a number and times in UTC."""
    event = Event.model_validate(an_event(cost_usd="0.0021", tags={"a": "b"}, metadata={"n": 1}))
    assert Event.model_validate_json(event.model_dump_json()) == event
    assert '"cost_usd":0.0021' in event.model_dump_json()
    assert Event.model_json_schema()["properties"]["cost_usd"]["anyOf"][1] == {"type": "string"}


def test_an_event_of_the_model_has_its_decoded_form():
    """The decoded form keeps money and time exactly, as texts that are read like a producer's."""
    event = Event.model_validate(an_event(cost_usd="0.000000001", cost_ceiling_usd=5, potential_cost_savings="1e-9"))
    decoded = from_model(event)
    assert decoded.timestamp == "2026-04-20T10:01:33.000Z"
    assert (decoded.cost_usd, decoded.cost_ceiling_usd) == ("0.000000001", "5.000000000")
    assert decoded.potential_cost_savings == "0.000000001"
