"""The wall clock, for shells only: everything that computes takes time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["now", "now_ms"]


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  the one place that may
