from __future__ import annotations

import pytest

from tokentide.api.lumiqtrace.overview import timeline_step_ms
from tokentide.api.period import Period, read_period
from tokentide.api.series import bucket_starts_ms
from tokentide.api.times import DAY_MS, HOUR_MS, read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.window import Window

NOW = read_moment("2026-04-20T10:30:00.500Z", "now")


def period(start, end):
    return Period(read_moment(start, "start"), read_moment(end, "end"))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, ("2026-04-19T10:30:00.500Z", "2026-04-20T10:30:00.500Z")),
        ("2026-04-01", None, ("2026-04-01", "2026-04-20T10:30:00.500Z")),
        (None, "2026-03-10T12:00:00Z", ("2026-03-09T12:00:00Z", "2026-03-10T12:00:00Z")),
        ("2026-04-01", "2026-04-02", ("2026-04-01", "2026-04-02")),
        ("2026-04-02", "2026-04-02", ("2026-04-02", "2026-04-02")),
        ("2026-04-02", "2027-04-02", ("2026-04-02", "2027-04-02")),
        (None, "0001-01-01T12:00:00Z", ("0001-01-01", "0001-01-01T12:00:00Z")),
    ],
)
def test_what_is_not_given_has_a_default(start, end, expected):
    """Without an end a period ends now, without a start it is as long as the default; an end may lie in the future."""
    assert read_period(start, end, NOW, DAY_MS) == period(*expected)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("x", None, "start"),
        (None, "x", "end"),
        ("", None, "start"),
        ("2026-04-03", "2026-04-02", "start"),
        ("2026-04-21", None, "start"),
        ("2300-01-01", "2300-01-02", "end"),
    ],
)
def test_a_bad_period_names_its_parameter(start, end, field):
    """Whatever is wrong with a period, the message begins with the parameter's name."""
    with pytest.raises(QueryError, match=f"^{field} ") as caught:
        read_period(start, end, NOW, DAY_MS)
    assert caught.value.field == field


def test_both_ends_belong_to_the_period():
    """[start, end] in milliseconds is [start, end + 1 ms); the time before it ends where it begins."""
    assert Period(1000, 1600).window == Window(1000, 1601)
    assert Period(1000, 1600).before == Window(400, 1000)


def test_timelines_are_hourly_up_to_seven_days():
    """Seven days to the millisecond are hours still; one more millisecond makes it days."""
    assert timeline_step_ms(Period(0, 7 * DAY_MS)) == HOUR_MS
    assert timeline_step_ms(Period(0, 7 * DAY_MS + 1)) == DAY_MS


@pytest.mark.parametrize(
    ("start", "end", "with_calls", "expected"),
    [
        ("10:20:00", "12:00:00.001", [], [10, 11, 12]),
        ("10:00:00", "11:59:59.999", [], [10, 11]),
        ("10:00:00", "12:00:00", [], [10, 11]),
        ("10:00:00", "12:00:00", [12], [10, 11, 12]),
        ("10:00:00", "12:00:00", [11], [10, 11]),
        ("10:00:00", "10:00:00", [], [10]),
        ("10:20:00", "10:30:00", [], [10]),
    ],
)
def test_a_series_is_dense(start, end, with_calls, expected):
    """Every bucket that the period touches is listed; one that only its closing instant touches, when it has calls."""
    day = read_moment("2026-04-20", "start")
    asked = period(f"2026-04-20T{start}Z", f"2026-04-20T{end}Z")
    found = bucket_starts_ms(asked, HOUR_MS, {day + hour * HOUR_MS for hour in with_calls})
    assert [(start - day) // HOUR_MS for start in found] == expected


def test_a_series_has_its_limit():
    """11,000 buckets are answered, one more is the caller's fault, and the message says what to change."""
    assert len(bucket_starts_ms(Period(0, 11_000 * DAY_MS - 1), DAY_MS, ())) == 11_000
    with pytest.raises(QueryError, match=r"^start and end lie 11001 buckets apart") as caught:
        bucket_starts_ms(Period(0, 11_000 * DAY_MS + 1), DAY_MS, ())
    assert caught.value.field == "start"
