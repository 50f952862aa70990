"""How is a moment read from a request, and written in an answer? Moments are milliseconds since the epoch, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tokentide.errors import QueryError

__all__ = [
    "DAY_MS",
    "FIRST_MS",
    "HOUR_MS",
    "LAST_MS",
    "iso_day",
    "iso_millis",
    "iso_seconds",
    "month_start_ms",
    "read_moment",
]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
FIRST_MS = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
LAST_MS = (datetime(2300, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND - 1
"""The first moment that can be written, and the last that ClickHouse can hold."""
_ISO_8601 = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:(?<=:\d\d:\d\d)[.,](?P<fraction>\d+))?"
    r"(?P<zone>[Zz]|[+\- ]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


def read_moment(text: str, field: str) -> int:
    """Read an ISO 8601 time: without an offset it is UTC, a date alone is its midnight, a finer fraction is cut.

    Raises:
        QueryError: naming the field; the text is no such time, or outside of the years 1 to 2299.
    """
    found = _ISO_8601.fullmatch(text)
    try:
        moment_ms = _moment_ms(found) if found else None
    except ValueError:  # not on the calendar
        moment_ms = None
    if moment_ms is None:
        raise QueryError(f"{field} must be an ISO 8601 time, such as 2026-04-20T10:00:00Z", field)
    if not FIRST_MS <= moment_ms <= LAST_MS:
        raise QueryError(f"{field} must lie in the years 1 to 2299", field)
    return moment_ms


def month_start_ms(moment_ms: int) -> int:
    """The first moment of the calendar month that holds the moment."""
    first = _datetime(moment_ms).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - _EPOCH) // _MILLISECOND


def iso_seconds(moment_ms: int) -> str:
    """`2026-04-20T10:00:00Z`."""
    return _datetime(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_millis(moment_ms: int) -> str:
    """`2026-04-20T10:00:00.000Z`."""
    return _datetime(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_day(moment_ms: int) -> str:
    """`2026-04-20`."""
    return _datetime(moment_ms).date().isoformat()


def _moment_ms(found: re.Match[str]) -> int:
    zone = (found["zone"] or "Z").upper().replace(" ", "+")  # an unescaped + arrives as a space
    moment = datetime.fromisoformat(f"{found['day']}T{found['clock'] or '00:00'}{zone}")
    return (moment - _EPOCH) // _MILLISECOND + int((found["fraction"] or "")[:3].ljust(3, "0"))


def _datetime(moment_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment_ms)
