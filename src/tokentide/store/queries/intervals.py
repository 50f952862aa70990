"""Which time bucket does a moment fall into, and when does a bucket begin? Any number of seconds, or of months.

Buckets are numbered from the epoch in integer arithmetic: the engine's own toStartOfInterval begins anew at midnight,
and counts years from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["MONDAY_SECONDS", "Months", "Seconds"]

MONDAY_SECONDS = 4 * 86_400
"""1970-01-05T00:00:00Z, the first Monday of the epoch: where weeks are counted from."""

_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_YEAR_MONTHS = 12
_LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class Seconds:
    """Buckets of equal length. A bucket's number is its start, in seconds since the epoch.

    Attributes:
        step: length of a bucket, in seconds.
        origin: where some bucket begins, in seconds since the epoch.
    """

    step: int
    origin: int = 0

    @property
    def is_of_hours(self) -> bool:
        """Whether every bucket consists of whole hours."""
        return self.step % _HOUR_SECONDS == self.origin % _HOUR_SECONDS == 0

    @property
    def is_of_days(self) -> bool:
        """Whether every bucket consists of whole days, UTC."""
        return self.step % _DAY_SECONDS == self.origin % _DAY_SECONDS == 0

    def sql(self, time: str) -> str:
        """The number of the bucket that holds a DateTime; `args` binds what stands in it."""
        seconds = f"toInt64(toUnixTimestamp({time}))"
        return f"{seconds} - positiveModulo({seconds} - {{origin:Int64}}, {{step:Int64}})"

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of `sql`."""
        return {"step": self.step, "origin": self.origin}

    def bucket_of(self, moment_ms: int) -> int:
        """The number of the bucket that holds the moment."""
        return (moment_ms // 1000 - self.origin) // self.step * self.step + self.origin

    def start_ms(self, bucket: int) -> int:
        """When a bucket begins."""
        return bucket * 1000

    def end_ms(self, bucket: int) -> int:
        """When the next bucket begins."""
        return (bucket + self.step) * 1000


@dataclass(frozen=True, slots=True)
class Months:
    """Buckets of calendar months, UTC. A bucket's number is that of its first month, from 0 for January 1970."""

    step: int
    is_of_hours = True
    is_of_days = True

    def sql(self, time: str) -> str:
        """The number of the bucket that holds a DateTime; `args` binds what stands in it."""
        months = f"((toYear({time}) - 1970) * {_YEAR_MONTHS} + toMonth({time}) - 1)"
        return f"toInt64({months} - positiveModulo({months}, {{step:Int64}}))"

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of `sql`."""
        return {"step": self.step}

    def bucket_of(self, moment_ms: int) -> int:
        """The number of the bucket that holds the moment."""
        moment = _EPOCH + timedelta(milliseconds=moment_ms)
        return ((moment.year - _EPOCH.year) * _YEAR_MONTHS + moment.month - 1) // self.step * self.step

    def start_ms(self, bucket: int) -> int:
        """When a bucket begins; a moment past all calendars when it begins later."""
        year, month = divmod(bucket, _YEAR_MONTHS)
        if year + _EPOCH.year > _LAST_YEAR:
            return (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
        return (datetime(_EPOCH.year + year, month + 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND

    def end_ms(self, bucket: int) -> int:
        """When the next bucket begins."""
        return self.start_ms(bucket + self.step)
