"""Which time does the page show? A range of the picker, or days of the calendar, as whole hours.

Whole hours are what rollups answer exactly, and a picture of them has no stunted bar at its left edge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokentide.api.lumiqtrace.overview import timeline_step_ms
from tokentide.api.period import Period
from tokentide.api.times import DAY_MS, HOUR_MS, month_start_ms, read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.window import Window

__all__ = ["RANGES", "Span", "read_span"]

RANGES: Mapping[str, tuple[int, int]] = {
    "24h": (24, HOUR_MS),
    "7d": (7 * 24, HOUR_MS),
    "30d": (30, DAY_MS),
    "90d": (90, DAY_MS),
}
"""The ranges that end now: so many hours, or calendar days, of which the present one is the last."""

_THIS_MONTH = "month"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole hours, [start_ms, end_ms), in milliseconds since the epoch."""

    start_ms: int
    end_ms: int

    @property
    def window(self) -> Window:
        """The same as a window of a question."""
        return Window(self.start_ms, self.end_ms)

    @property
    def before(self) -> Window:
        """As long a time just before it."""
        return Window(self.start_ms - (self.end_ms - self.start_ms), self.start_ms)

    @property
    def period(self) -> Period:
        """As the API is asked for it: the last millisecond is part of it."""
        return Period(self.start_ms, self.end_ms - 1)

    @property
    def compared(self) -> Period:
        """As the API is asked for it when as long a time before is to be whole hours, too."""
        return Period(self.start_ms, self.end_ms)

    @property
    def step_ms(self) -> int:
        """Length of a bucket: an hour up to seven days, else a day."""
        return timeline_step_ms(self.period)


def read_span(named: str | None, first_day: str | None, last_day: str | None, now_ms: int) -> Span:
    """The span of a request; the last 24 hours when it says nothing. None reaches past the present hour.

    Args:
        named: one of `RANGES`, or `month` for the present calendar month.
        first_day: of days of the calendar, `2026-11-01`; goes before a name.
        last_day: likewise, itself included; today when it is not given.
        now_ms: the present moment.

    Raises:
        QueryError: naming the parameter that is wrong.
    """
    end_ms = now_ms // HOUR_MS * HOUR_MS + HOUR_MS
    if first_day is not None or last_day is not None:
        return _of_days(first_day, last_day, end_ms)
    if named == _THIS_MONTH:
        return Span(month_start_ms(now_ms), end_ms)
    if (named or "24h") not in RANGES:
        raise QueryError(f"range must be one of {', '.join([*RANGES, _THIS_MONTH])}", "range")
    count, step_ms = RANGES[named or "24h"]
    return Span(now_ms // step_ms * step_ms - (count - 1) * step_ms, end_ms)


def _of_days(first_day: str | None, last_day: str | None, end_ms: int) -> Span:
    if first_day is None:
        raise QueryError("from is needed with to", "from")
    start_ms = _midnight(first_day, "from")
    if start_ms >= end_ms:
        raise QueryError("from must not lie in the future", "from")
    span = Span(start_ms, end_ms if last_day is None else min(_midnight(last_day, "to") + DAY_MS, end_ms))
    if span.start_ms >= span.end_ms:
        raise QueryError("from must not be after to", "from")
    return span


def _midnight(day: str, name: str) -> int:
    if not _DAY.fullmatch(day):
        raise QueryError(f"{name} must be a day such as 2026-11-01", name)
    return read_moment(day, name)
