from __future__ import annotations

import pytest

from tokentide.api.times import iso_day, iso_millis, iso_seconds, month_start_ms, read_moment
from tokentide.errors import QueryError

APRIL_20_10H = 1_776_679_200_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-20T10:00:00Z", APRIL_20_10H),
        ("2026-04-20t10:00:00z", APRIL_20_10H),
        ("2026-04-20 10:00:00Z", APRIL_20_10H),
        ("2026-04-20T10:00Z", APRIL_20_10H),
        ("2026-04-20T10:00:00", APRIL_20_10H),
        ("2026-04-20T10:00", APRIL_20_10H),
        ("2026-04-20T12:00:00+02:00", APRIL_20_10H),
        ("2026-04-20T12:00:00+0200", APRIL_20_10H),
        ("2026-04-20T12:00:00+02", APRIL_20_10H),
        ("2026-04-20T12:00:00 02:00", APRIL_20_10H),
        ("2026-04-19T22:30:00-11:30", APRIL_20_10H),
        ("2026-04-20", APRIL_20_10H - 10 * 3_600_000),
        ("2026-04-20T10:00:00.1Z", APRIL_20_10H + 100),
        ("2026-04-20T10:00:00,123Z", APRIL_20_10H + 123),
        ("2026-04-20T10:00:00.9999999Z", APRIL_20_10H + 999),
        ("1970-01-01", 0),
        ("0001-01-01", -62_135_596_800_000),
        ("2299-12-31T23:59:59.999Z", 10_413_791_999_999),
    ],
)
def test_a_time_is_read_as_utc_and_cut_to_the_millisecond(text, expected):
    """Offsets are converted, a time without one is UTC, a date is its midnight, and nothing is ever rounded up."""
    assert read_moment(text, "start") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1776679200",
        "2026",
        "2026-04",
        "2026-4-20",
        "2026-02-30",
        "2026-04-20T",
        "2026-04-20T10",
        "2026-04-20T25:00:00Z",
        "2026-04-20T10:60:00Z",
        "2026-04-20T10:00.5Z",
        "2026-04-20T10:00:00+25:00",
        "2026-04-20T10:00:00Z ",
        " 2026-04-20",
        "2026-04-20X10:00:00Z",
        "2026-04-20Z",
        "\uff12026-04-20",
        "0000-01-01",
    ],
)
def test_what_is_no_time_names_the_parameter(text):
    """A caller learns which parameter was wrong, and how it should look."""
    with pytest.raises(QueryError, match=r"^until must be an ISO 8601 time") as caught:
        read_moment(text, "until")
    assert caught.value.field == "until"


@pytest.mark.parametrize(
    "text", ["2300-01-01", "9999-12-31T23:59:59Z", "2299-12-31T23:30:00-01:00", "0001-01-01T00:00:00+01:00"]
)
def test_times_that_cannot_be_written_or_stored_are_refused(text):
    """ClickHouse's times end with 2299, and a year before the first has no name."""
    with pytest.raises(QueryError, match="start must lie in the years 1 to 2299"):
        read_moment(text, "start")


def test_times_are_written_in_utc():
    """Seconds, milliseconds or the day alone, always with the full width."""
    assert iso_seconds(APRIL_20_10H + 999) == "2026-04-20T10:00:00Z"
    assert iso_millis(APRIL_20_10H) == "2026-04-20T10:00:00.000Z"
    assert iso_day(APRIL_20_10H) == "2026-04-20"
    assert iso_seconds(-62_135_596_800_000) == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-04-20T10:00:00Z", "2026-04-01"),
        ("2026-04-01", "2026-04-01"),
        ("2026-03-31T23:59:59.999Z", "2026-03-01"),
        ("2024-02-29", "2024-02-01"),
    ],
)
def test_a_month_begins_on_its_first_day(moment, expected):
    """The first moment of a month belongs to it, and so does the last."""
    assert month_start_ms(read_moment(moment, "end")) == read_moment(expected, "end")
