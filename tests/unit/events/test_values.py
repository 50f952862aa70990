"""Timestamps, money and identifiers are read exactly, or refused."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import rfc3339
from tests.strategies import EDGES, WRONG, texts, timestamps
from tokentide.events import values
from tokentide.events.values import MAX_COST_USD, epoch_ms, event_uuid, label_text, nanos

FIRST_MS, LAST_MS = 0, 4_291_747_199_999  # the years 1970 to 2105


@given(timestamps(within_ms=40 * 365 * 86_400_000))
def test_a_timestamp_is_cut_to_the_millisecond(text):
    """In every spelling, a moment means what the standard library says, without the digits after the millisecond."""
    whole = text[:19].upper().replace(" ", "T") + re.sub(r"[Zz]$", "+00:00", text)[-6:]
    seconds = int(datetime.fromisoformat(whole).timestamp())
    fraction = re.search(r"\.(\d+)", text)
    assert epoch_ms(text) == seconds * 1000 + int(f"{fraction[1] if fraction else ''}000"[:3])


@given(st.integers(FIRST_MS, LAST_MS))
def test_the_common_spelling_is_read_back(ms):
    """Every millisecond of the years 1970 to 2105 survives being written and read."""
    assert epoch_ms(rfc3339(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2105-12-31T23:59:59.999999999Z", LAST_MS),
        ("1970-01-01T23:59:00+23:59", 0),
        ("2105-12-31T00:00:59.999-23:59", LAST_MS),
        ("2026-04-20T10:01:33.9999Z", 1_776_679_293_999),
        ("2026-04-20t10:01:33.1z", 1_776_679_293_100),
        ("2026-04-20 10:01:33-00:00", 1_776_679_293_000),
        ("2024-02-29T00:00:00.000Z", 1_709_164_800_000),
    ],
)
def test_timestamps_at_the_edges(text, ms):
    """The bounds of the years, offsets up to a day, leap days and any number of digits are read exactly."""
    assert epoch_ms(text) == ms


@pytest.mark.parametrize("token", [token for token in WRONG["timestamp"] if token[0] == '"'])
def test_what_is_no_timestamp_is_refused(token):
    """A text that is not RFC 3339 with an offset, on the calendar and in range raises ValueError with words."""
    with pytest.raises(ValueError, match=r"must|calendar"):
        epoch_ms(token[1:-1].replace("\\n", "\n").replace("\\uff12", "\N{FULLWIDTH DIGIT TWO}"))


@given(texts)
def test_any_text_is_read_or_refused(text):
    """No text makes the reader fail in another way than with ValueError."""
    with pytest.raises(ValueError, match="must"):
        epoch_ms(text)


def test_the_seconds_that_are_kept_are_bounded():
    """A producer that sends times all over the calendar does not fill the memory."""
    for hour in range(20_005):
        epoch_ms(rfc3339(hour * 3_600_000))
    assert len(values._SECONDS) <= 20_001
    assert epoch_ms("2026-04-20T10:01:33.000Z") == 1_776_679_293_000


def oracle_nanos(text):
    """Nano-dollars of a decimal text, exactly, half to even."""
    with localcontext(prec=2000):
        return int((Decimal(text) * 10**9).to_integral_value(ROUND_HALF_EVEN))


@given(st.decimals(0, 1_999_999, places=9))
def test_money_of_nine_places_is_exact(amount):
    """Below two million dollars, each amount of nine places is exact, as a JSON number and as a text."""
    text = format(amount, "f")
    assert nanos(float(text)) == nanos(text) == nanos(amount) == oracle_nanos(text)


@given(st.decimals(2_000_000, MAX_COST_USD, places=5))
def test_large_money_is_exact(amount):
    """Beyond two million dollars the shortest digits of the number count."""
    assert nanos(float(amount)) == oracle_nanos(repr(float(amount)))
    assert nanos(format(amount, "f")) == oracle_nanos(amount)


@given(st.decimals(0, MAX_COST_USD, places=40))
def test_beyond_nine_places_half_goes_to_even(amount):
    """However many places a text has, it is rounded once, half to even."""
    assert nanos(format(amount, "f")) == oracle_nanos(amount)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.0000000025", 2),
        ("0.00000000050000000000000000000000000000000000000001", 1),
        (5e-10, 0),
        (1.5e-9, 2),
        (-0.0, 0),
        (1e-300, 0),
        ("1e-999", 0),
        ("0e999", 0),
        ("1E+2", 100_000_000_000),
        (1_999_999.999999999, 1_999_999_999_999_999),
        (float(MAX_COST_USD), MAX_COST_USD * 10**9),
        (Decimal("0.1"), 100_000_000),
        (Decimal("-0"), 0),
    ],
)
def test_money_at_the_edges(amount, expected):
    """Ties go to even, an exponent is a spelling, and zero has no sign."""
    assert nanos(amount) == expected


NO_AMOUNTS = [
    *(
        "",
        "-1",
        "+1",
        "1.",
        ".5",
        "1,5",
        " 1",
        "1 ",
        "1e",
        "1e1000",
        "NaN",
        "inf",
        "0x1",
        "1_000",
        "\N{FULLWIDTH DIGIT ONE}",
    ),
    *(-1.0, -1e-300, float("inf"), float("nan"), 999_999_999.1, "999999999.0000000001"),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(-1)),
]


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_what_is_no_amount_is_refused(amount):
    """Negative, too large, not finite, or not plainly written: ValueError."""
    with pytest.raises(ValueError, match="must"):
        nanos(amount)


@given(st.uuids())
def test_a_uuid_is_read_in_each_spelling(identity):
    """With or without hyphens, in either case."""
    for text in (str(identity), identity.hex):
        assert event_uuid(text) == event_uuid(text.upper()) == identity


@pytest.mark.parametrize("token", [token for token in WRONG["event_id"] if token[0] == '"'])
def test_what_is_no_uuid_is_refused(token):
    """Braces, URNs and misplaced hyphens are refused, though the standard library takes them."""
    with pytest.raises(ValueError, match="must be a UUID"):
        event_uuid(token[1:-1])


def test_the_nil_uuid_is_a_uuid():
    """An identity of zeros is accepted like any other."""
    assert event_uuid(EDGES["event_id"][0][1:-1]) == UUID(int=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (2**70, str(2**70)),
        ({"a": [1]}, '{"a":[1]}'),
    ],
)
def test_a_label_is_kept_as_text(value, text):
    """Text stays as it is; anything else is kept as its JSON text."""
    assert label_text(value) == text
