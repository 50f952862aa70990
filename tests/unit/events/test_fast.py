"""What the fast decoder accepts, the model accepts with equal values; what it cannot express, it refuses to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from annotated_types import Interval, Predicate
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)

from tests.builders import an_event, line
from tests.strategies import EDGES, HOSTILE, VALID, WRONG, damaged, documents, mutated_documents, render
from tokentide.events import DecodedEvent, Event, Limits, decode
from tokentide.events.decode import decode_settled
from tokentide.events.fast import struct_from

EVER = Limits(retention_days=60_000)
LATE_MS = 4_291_747_199_999  # with EVER, a record of this time may hold any time of the years 1970 to 2105
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMPUTED = {"timestamp", "cost_usd", "cost_ceiling_usd", "potential_cost_savings", "metadata", "tags"}

BASE = {name: json.dumps(value) for name, value in an_event().items()}


def with_token(name, token):
    """A valid event with one field set to a JSON text."""
    fields = BASE | {name: token}
    return ("{" + ",".join(f'"{key}":{text}' for key, text in fields.items()) + "}").encode()


def fast(text):
    """The event, when the fast decoder alone accepts the text."""
    events = decode_settled(text, LATE_MS, LATE_MS, EVER, len(text))
    return events[0] if events is not None and len(events) == 1 else None


def refuse(constant):
    raise ValueError(constant)


def int_or_infinity(digits):
    return int(digits) if len(digits) <= 4300 else float("inf")  # more digits Python does not read


def parsed(text):
    """What the standard library reads, strictly."""
    return json.loads(text.decode(), parse_constant=refuse, parse_int=int_or_infinity)


def assert_same(event, model):
    """The decoded event and the model's say the same, field by field."""
    for name in Event.model_fields.keys() - COMPUTED:
        ours, theirs = getattr(event, name), getattr(model, name)
        assert (ours, type(ours)) == (theirs, type(theirs)), name
    assert event.event_time_ms == (model.timestamp - EPOCH) // (model.timestamp.resolution * 1000)
    assert event.metadata == model.metadata | model.tags
    assert event.cost_nanos == model.cost_nanos == model.cost_usd * 10**9
    for nanos, dollars in (
        (event.cost_ceiling_nanos, model.cost_ceiling_usd),
        (event.potential_savings_nanos, model.potential_cost_savings),
    ):
        assert nanos == (None if dollars is None else dollars * 10**9)


def assert_sound(text):
    """When the fast decoder accepts, the text is JSON, and the model accepts it with equal values."""
    event = fast(text)
    if event is not None:
        assert_same(event, Event.model_validate(parsed(text)))
    return event is not None


@given(documents().flatmap(render))
def test_valid_documents_are_accepted_by_both(text):
    """A valid event is accepted, with the same values by either way, or by the model when the fast way stands back."""
    model = Event.model_validate(parsed(text))
    (event,) = decode(text, LATE_MS, EVER).events
    assert_same(event, model)
    assert_sound(text)


@given(mutated_documents().flatmap(render))
def test_a_wrong_document_gets_the_model_s_verdict(text):
    """Whatever is done to a valid event, record and model agree on whether it is one, and on its values."""
    assume(b"\\ud8" not in text)  # the standard library takes lone surrogates
    assume(b"1e400" not in text)  # ... calls this infinite
    assume(b"9" * 4301 not in text)  # ... and does not read so many digits
    try:
        model = Event.model_validate(parsed(text))
    except ValueError:
        model = None
    verdict = decode(text, LATE_MS, EVER)
    assert (len(verdict.events), bool(verdict.refusals)) == (model is not None, model is None)
    if model is not None:
        assert_same(verdict.events[0], model)


@given(documents().flatmap(render).flatmap(damaged))
def test_damaged_documents_are_not_accepted_wrongly(text):
    """Random damage to the bytes never makes the fast decoder accept what the model does not."""
    assert_sound(text)


@pytest.mark.parametrize("name", sorted(EDGES))
def test_values_at_the_edge_are_accepted(name):
    """What just may stand in a field is accepted, with the model's value."""
    for token in EDGES[name]:
        text = with_token(name, token)
        text = text.replace(b"}", b',"input_tokens":2147483647}') if name == "cached_tokens" else text
        (event,) = decode(text, LATE_MS, EVER).events
        assert_same(event, Event.model_validate(parsed(text)))
        assert_sound(text)


@pytest.mark.parametrize("name", sorted(WRONG))
def test_values_over_the_edge_are_refused(name):
    """What may not stand in a field is refused, for a reason that names the field."""
    for token in WRONG[name]:
        verdict = decode(with_token(name, token), LATE_MS, EVER)
        assert not verdict.events, token
        assert verdict.refusals[0].detail.startswith(name), token


@pytest.mark.parametrize("name", sorted({*VALID, "unknown"}))
def test_hostile_tokens_anywhere_are_not_accepted_wrongly(name):
    """No token, in a field that counts or in one that is ignored, makes the fast decoder unsound."""
    for token in HOSTILE:
        assert_sound(with_token(name, token))


@pytest.mark.parametrize("name", sorted(VALID))
def test_an_explicit_null_counts_as_absent(name):
    """A field given as null is a field not given."""
    with_null = decode(with_token(name, "null"), LATE_MS, EVER)
    without = decode(line({key: value for key, value in an_event().items() if key != name}), LATE_MS, EVER)
    assert [refusal.detail for refusal in with_null.refusals] == [refusal.detail for refusal in without.refusals]
    for event, other in zip(with_null.events, without.events, strict=True):
        assert all(getattr(event, field) == getattr(other, field) for field in Event.model_fields.keys() - COMPUTED)
        assert (event.cost_nanos, event.metadata) == (other.cost_nanos, other.metadata)


@pytest.mark.parametrize("name", ["event_time_ms", "cost_nanos", "cost_ceiling_nanos", "potential_savings_nanos"])
@pytest.mark.parametrize("token", ["5", "null", '"x"', "1e400", "9" * 30])
def test_a_producer_cannot_set_what_is_computed(name, token):
    """The names that the decoder adds are unknown fields to a producer: ignored whatever they hold."""
    (event,) = decode(with_token(name, token), LATE_MS, EVER).events
    (plain,) = decode(line(an_event()), LATE_MS, EVER).events
    assert getattr(event, name) == getattr(plain, name)


def test_the_strategies_know_every_field():
    """A field that is added to the contract is added to the strategies."""
    assert VALID.keys() == Event.model_fields.keys()
    assert set(DecodedEvent.__struct_fields__) >= Event.model_fields.keys()


def test_an_escaped_name_is_the_name():
    """A field's name means the same however its characters are written."""
    text = line(an_event(requested_model="m")).replace(b"requested_model", b"request\\u0065d_model")
    assert fast(text).requested_model == "m"


def test_the_last_of_equal_names_counts():
    """Of several values for one name the last counts, as in the model."""
    text = with_token("model", '"first","model":"last"')
    assert fast(text).model == Event.model_validate(parsed(text)).model == "last"


class Strict(BaseModel):
    """What a model must be configured as."""

    model_config = ConfigDict(strict=True, extra="ignore")


def model_of(hint: Any, default: Any = ...) -> type[BaseModel]:
    return create_model("Made", __base__=Strict, field=(hint, default))


INEXPRESSIBLE = {
    "an after validator": Annotated[str, AfterValidator(str.strip)],
    "a plain validator": Annotated[str, PlainValidator(str.strip)],
    "a wrap validator": Annotated[str, WrapValidator(lambda value, handler: handler(value))],
    "a pattern": Annotated[str, Field(pattern="^a")],
    "string constraints": Annotated[str, StringConstraints(to_lower=True)],
    "a multiple": Annotated[float, Field(multiple_of=2, allow_inf_nan=False)],
    "an interval": Annotated[int, Interval(ge=0)],
    "a predicate": Annotated[int, Predicate(bool)],
    "the second bound of its kind": Annotated[Annotated[int, Field(ge=5)], Field(ge=3)],
    "a lax field": Annotated[int, Field(strict=False)],
    "a union": int | str,
    "a union with none": int | str | None,
    "an alias": Annotated[str, Field(alias="other")],
    "a validation alias": Annotated[str, Field(validation_alias="other")],
    "any value": list[Any],
    "a bare list": list,
    "a set": set[int],
    "a tuple": tuple[int, str],
    "a decimal": Decimal,
    "a datetime": datetime,
    "a model": Strict,
    "keys that are no text": dict[int, str],
    "a bound inside a list": list[Annotated[str, Field(pattern="^a")]],
}


@pytest.mark.parametrize("what", INEXPRESSIBLE)
def test_what_has_no_exact_form_is_refused(what):
    """A constraint that msgspec cannot express exactly fails when the Struct is made, not later and silently."""
    with pytest.raises(TypeError):
        struct_from(model_of(INEXPRESSIBLE[what]))


@pytest.mark.parametrize(
    "config",
    [
        {"strict": False},
        {"extra": "forbid"},
        {"str_strip_whitespace": True},
        {"str_max_length": 3},
        {"alias_generator": str.upper},
        {"coerce_numbers_to_str": True},
    ],
)
def test_a_configuration_that_counts_is_refused(config):
    """A model must be strict and ignore unknown fields, and may not change values for all of its fields."""
    model = type("Made", (BaseModel,), {"model_config": ConfigDict(**({"strict": True, "extra": "ignore"} | config))})
    with pytest.raises(TypeError):
        struct_from(model)


def test_validator_methods_must_be_known():
    """A validator method is refused, unless whoever uses the Struct says that it applies it itself."""

    class Ruled(Strict):
        field: str

        @field_validator("field")
        @classmethod
        def of_a_field(cls, value):
            return value

        @model_validator(mode="after")
        def of_the_model(self):
            return self

    for applied in ((), ("of_a_field",), ("of_the_model",)):
        with pytest.raises(TypeError, match="validator"):
            struct_from(Ruled, applied)
    assert struct_from(Ruled, ("of_a_field", "of_the_model")).__struct_fields__ == ("field",)


EXPRESSIBLE = {
    "an integer": (Annotated[int, Field(ge=0, lt=9)], 5, '0 8 9 -1 1.0 true "1" null 8e0'),
    "a float": (Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)], 0.5, '0 1 1.0 1.1 -0.0 1e400 true "1"'),
    "a text": (Annotated[str, Field(min_length=1, max_length=2)], "a", '"" "\\ud83d\\ude00é" "abc" 1'),
    "a flag": (bool, False, 'true 1 "true" null'),
    "a literal": (Literal["a", "b"], "a", '"a" "c" "A" 1'),
    "an option": (Annotated[int, Field(ge=3)] | None, None, "null 3 2"),
    "a bounded option": (Annotated[int | None, Field(ge=3)], None, "null 3 2"),
    "a list": (Annotated[list[Annotated[int, Field(ge=3)]], Field(max_length=2)], [], "[] [3,4] [2] [3,3,3]"),
    "an object": (dict[str, bool], {}, '{} {"a":true,"a":false} {"a":1} []'),
    "a widened text": (Annotated[str, BeforeValidator(lambda value: value)], "a", '"a" 1'),
}


@pytest.mark.parametrize("what", EXPRESSIBLE)
def test_what_has_a_form_means_the_same(what):
    """For each kind of field, Struct and model accept the same JSON with the same value, or refuse it."""
    hint, default, tokens = EXPRESSIBLE[what]
    model = model_of(hint, default)
    struct = struct_from(model)
    assert msgspec.json.decode(b"{}", type=struct).field == model.model_validate({}).field == default
    for token in tokens.split():
        text = f'{{"field":{token}}}'
        try:
            expected = model.model_validate_json(text).field
        except ValidationError:
            expected = ValidationError
        try:
            actual = msgspec.json.decode(text, type=struct).field
        except msgspec.ValidationError:
            actual = ValidationError
        assert (actual, type(actual)) == (expected, type(expected)), token


def test_required_fields_stay_required():
    """A field without a default is required by the Struct, and one with a factory gets a new value each time."""
    struct = struct_from(model_of(int))
    with pytest.raises(msgspec.ValidationError, match="field"):
        msgspec.json.decode(b"{}", type=struct)
    listed = struct_from(create_model("Made", __base__=Strict, field=(list[int], Field(default_factory=list))))
    assert msgspec.json.decode(b"{}", type=listed).field is not msgspec.json.decode(b"{}", type=listed).field


@given(st.integers(0, 2))
def test_the_fast_way_is_the_usual_one(places):
    """Common spellings, of numbers with few places and of costs as text, need no help of the model."""
    cost = f"{1:.{places}f}"
    assert fast(line(an_event(latency_ms=round(1.005, places), cost_usd=cost, tags={"a": "b"}, metadata={"n": 1})))
