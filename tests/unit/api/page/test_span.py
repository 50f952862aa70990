"""Which whole hours a range or two days of the calendar are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.page.span import RANGES, Span, read_span
from tokentide.api.times import DAY_MS, HOUR_MS, iso_seconds, read_moment
from tokentide.errors import QueryError

NOW_MS = read_moment("2026-11-28T18:20:30.5Z", "now")


def shown(*asked, now_ms=NOW_MS):
    span = read_span(*asked, now_ms)
    return iso_seconds(span.start_ms), iso_seconds(span.end_ms), span.step_ms // HOUR_MS


@pytest.mark.parametrize(
    ("asked", "start", "end", "step_hours"),
    [
        ((None, None, None), "2026-11-27T19:00:00Z", "2026-11-28T19:00:00Z", 1),
        (("24h", None, None), "2026-11-27T19:00:00Z", "2026-11-28T19:00:00Z", 1),
        (("7d", None, None), "2026-11-21T19:00:00Z", "2026-11-28T19:00:00Z", 1),
        (("30d", None, None), "2026-10-30T00:00:00Z", "2026-11-28T19:00:00Z", 24),
        (("90d", None, None), "2026-08-31T00:00:00Z", "2026-11-28T19:00:00Z", 24),
        (("month", None, None), "2026-11-01T00:00:00Z", "2026-11-28T19:00:00Z", 24),
        ((None, "2026-11-01", "2026-11-03"), "2026-11-01T00:00:00Z", "2026-11-04T00:00:00Z", 1),
        (("7d", "2026-11-01", "2026-11-30"), "2026-11-01T00:00:00Z", "2026-11-28T19:00:00Z", 24),
        ((None, "2026-11-28", None), "2026-11-28T00:00:00Z", "2026-11-28T19:00:00Z", 1),
    ],
)
def test_spans_are_whole_hours_up_to_the_present_one(asked, start, end, step_hours):
    """A range counts the present hour or day as its last; days of the calendar count whole; hours up to seven days."""
    assert shown(*asked) == (start, end, step_hours)


def test_the_last_hour_of_a_month_belongs_to_it():
    """At half past eleven on its last day, a month is still the present one."""
    now_ms = read_moment("2026-11-30T23:30:00Z", "now")
    assert shown("month", None, None, now_ms=now_ms) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", 24)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (("1y", None, None), "range"),
        ((None, "2026-13-01", None), "from"),
        ((None, "yesterday", None), "from"),
        ((None, "2026-11-01T10:00:00Z", None), "from"),
        ((None, "2026-11-01", "x"), "to"),
        ((None, None, "2026-11-01"), "from"),
        ((None, "2026-11-03", "2026-11-01"), "from"),
        ((None, "2026-11-29", None), "from"),
    ],
)
def test_what_is_no_span_is_named(asked, field):
    """A wrong parameter is refused by its name, and days to come are no span."""
    with pytest.raises(QueryError) as caught:
        read_span(*asked, NOW_MS)
    assert caught.value.field == field


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(sorted([*RANGES, "month"])))
def test_a_span_holds_the_present_and_lies_on_whole_hours(now_ms, named):
    """Whenever it is asked: the present moment is shown, no edge cuts an hour, and the time before is as long."""
    span = read_span(named, None, None, now_ms)
    assert span.start_ms <= now_ms < span.end_ms <= now_ms + HOUR_MS
    assert span.start_ms % HOUR_MS == span.end_ms % HOUR_MS == 0
    before = span.before
    assert (before.end_ms, before.end_ms - before.start_ms) == (span.start_ms, span.end_ms - span.start_ms)


def test_the_api_is_asked_for_the_same_time():
    """The API's last millisecond is the span's last; compared with as long a time before, both are whole hours."""
    span = Span(0, 2 * DAY_MS)
    assert (span.period.start_ms, span.period.end_ms, span.period.window) == (0, 2 * DAY_MS - 1, span.window)
    assert (span.compared.before.start_ms, span.compared.before.end_ms) == (-2 * DAY_MS, 0)
