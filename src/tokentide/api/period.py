"""Which period does a request ask about? Bounds as they were given become milliseconds, both of them included."""

from __future__ import annotations

from dataclasses import dataclass

from tokentide.api.times import FIRST_MS, read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.window import Window

__all__ = ["Period", "read_period"]


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


def read_period(
    start: str | None,
    end: str | None,
    now_ms: int,
    default_ms: int,
    names: tuple[str, str] = ("start", "end"),
) -> Period:
    """The period of a request; without an end it ends now, without a start it is `default_ms` long.

    Args:
        start: as it was given, if it was.
        end: likewise.
        now_ms: the present moment.
        default_ms: how long the period is when no start was given.
        names: what the dialect calls the two parameters.

    Raises:
        QueryError: naming the parameter that is no time, or that lies after the other.
    """
    start_name, end_name = names
    end_ms = now_ms if end is None else read_moment(end, end_name)
    start_ms = max(end_ms - default_ms, FIRST_MS) if start is None else read_moment(start, start_name)
    if start_ms > end_ms:
        raise QueryError(f"{start_name} must not be after {end_name}", start_name)
    return Period(start_ms, end_ms)
