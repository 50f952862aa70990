"""Which buckets does a dense series list? Those with calls and those without."""

from __future__ import annotations

from collections.abc import Collection

from tokentide.api.period import Period
from tokentide.errors import QueryError

__all__ = ["MOST_BUCKETS", "bucket_starts_ms"]

MOST_BUCKETS = 11_000


def bucket_starts_ms(period: Period, step_ms: int, with_calls: Collection[int] = ()) -> range:
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
