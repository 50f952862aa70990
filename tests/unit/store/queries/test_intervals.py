"""Buckets of time, counted from the epoch."""

from __future__ import annotations

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.store.queries.intervals import MONDAY_SECONDS, Months, Seconds

INTERVALS = st.builds(Seconds, st.integers(1, 10**9)) | st.builds(Months, st.integers(1, 1000))
INTERVALS |= st.integers(1, 500).map(lambda weeks: Seconds(weeks * 604_800, MONDAY_SECONDS))
MOMENTS = st.integers(0, 4_291_747_200_000 - 1)


@given(INTERVALS, MOMENTS)
def test_a_moment_lies_in_its_bucket(interval, moment):
    """Buckets are half-open, and each moment is in exactly one."""
    bucket = interval.bucket_of(moment)
    assert interval.start_ms(bucket) <= moment < interval.end_ms(bucket)
    assert interval.bucket_of(max(0, interval.start_ms(bucket))) == bucket
    assert interval.bucket_of(interval.end_ms(bucket) - 1) == bucket


@given(INTERVALS, MOMENTS)
def test_a_bucket_ends_where_the_next_begins(interval, moment):
    """There is nothing between two buckets."""
    end = interval.end_ms(interval.bucket_of(moment))
    assert interval.start_ms(interval.bucket_of(end)) == end


def ms(*when):
    return calendar.timegm((*when, 0, 0, 0)[:6]) * 1000


@pytest.mark.parametrize(
    ("interval", "moment", "start", "end"),
    [
        (Seconds(5 * 3600), ms(2026, 11, 1, 1), ms(2026, 10, 31, 22), ms(2026, 11, 1, 3)),
        (Seconds(604_800, MONDAY_SECONDS), ms(2026, 11, 1), ms(2026, 10, 26), ms(2026, 11, 2)),
        (Seconds(604_800, MONDAY_SECONDS), ms(1970, 1, 1), ms(1969, 12, 29), ms(1970, 1, 5)),
        (Months(1), ms(2024, 2, 29), ms(2024, 2, 1), ms(2024, 3, 1)),
        (Months(36), ms(2026, 11, 1), ms(2024, 1, 1), ms(2027, 1, 1)),
    ],
)
def test_buckets_are_counted_from_1970(interval, moment, start, end):
    """Hours do not begin anew at midnight, weeks begin on Monday, three years begin in 1970."""
    bucket = interval.bucket_of(moment)
    assert (interval.start_ms(bucket), interval.end_ms(bucket)) == (start, end)


def test_only_buckets_of_whole_hours_are_of_hours():
    """What is not made of whole hours cannot come from hourly rollups."""
    whole = [Seconds(3600), Seconds(7200), Seconds(604_800, MONDAY_SECONDS), Months(1)]
    assert all(interval.is_of_hours for interval in whole)
    assert not any(interval.is_of_hours for interval in (Seconds(1), Seconds(1800), Seconds(5400)))
