"""Which period does a LumiqTrace request ask about, and which time buckets does an answer list?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tokentide.api.times import DAY_MS, FIRST_MS, HOUR_MS, read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.window import Window

__all__ = ["MOST_BUCKETS", "Period", "bucket_starts_ms", "read_period", "timeline_step_ms"]

MOST_BUCKETS = 11_000
_HOURLY_UP_TO_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked: both ends are part of it, and both are whole milliseconds since the epoch."""

    start_ms: int
    end_ms: int

    @property
    def window(self) -> Window:
        """The same as a half-open window."""
        return Window(self.start_ms, self.end_ms + 1)

    @property
    def before(self) -> Window:
        """As long a time just before it."""
        return Window(self.start_ms - (self.end_ms - self.start_ms), self.start_ms)


def read_period(start: str | None, end: str | None, now_ms: int, default_ms: int) -> Period:
    """The period of a request; without an end it ends now, without a start it is `default_ms` long.

    Raises:
        QueryError: naming the parameter that is no time, or that lies after the other.
    """
    end_ms = now_ms if end is None else read_moment(end, "end")
    start_ms = max(end_ms - default_ms, FIRST_MS) if start is None else read_moment(start, "start")
    if start_ms > end_ms:
        raise QueryError("start must not be after end", "start")
    return Period(start_ms, end_ms)


def timeline_step_ms(period: Period) -> int:
    """Length of the buckets of a timeline: hours up to seven days, else days."""
    return HOUR_MS if period.end_ms - period.start_ms <= _HOURLY_UP_TO_MS else DAY_MS


def bucket_starts_ms(period: Period, step_ms: int, with_calls: Collection[int]) -> range:
    """The buckets that a dense series lists, by their starts.

    The last one is left out when nothing but the closing instant touches it and no call is in it.

    Raises:
        QueryError: they are more than an answer holds.
    """
    first_ms, last_ms = period.start_ms // step_ms * step_ms, period.end_ms // step_ms * step_ms
    if first_ms < last_ms == period.end_ms and last_ms not in with_calls:
        last_ms -= step_ms
    starts = range(first_ms, last_ms + 1, step_ms)
    if len(starts) > MOST_BUCKETS:
        raise QueryError(
            f"start and end lie {len(starts)} buckets apart, and an answer holds at most {MOST_BUCKETS}: "
            "move start closer to end",
            "start",
        )
    return starts
