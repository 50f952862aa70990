"""A model of the statement that makes daily rows of hourly ones: which version must a daily row have?

It is a model: `INSERT INTO usage_1d SELECT …, sum(version) FROM usage_1h FINAL GROUP BY day`, which reads at one moment
and whose rows land at another, over hourly rows that arrive in parts, late and out of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["DailyTable", "daily_version"]

_DAY_SECONDS = 86_400
_Row = tuple[tuple[Any, ...], int, tuple[Any, ...]]


def daily_version(versions: Iterable[int]) -> int:
    """The sum: whatever hour moves on, the day does, so equal versions are equal rows."""
    return sum(versions)


class DailyTable:
    """Daily rows: of equal keys the one with the highest version, of equal versions the last."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]] = {}

    @staticmethod
    def select(hourly: Mapping[tuple[Any, ...], tuple[int, tuple[Any, ...]]]) -> list[_Row]:
        """Key, version and measures of every day of the hourly rows; a request count and a cost are enough to tell."""
        days: dict[tuple[Any, ...], list[tuple[int, tuple[Any, ...]]]] = {}
        for key, row in hourly.items():
            days.setdefault((key[0], key[1] // _DAY_SECONDS, *key[2:]), []).append(row)
        return [
            (key, daily_version(version for version, _ in rows), _added(measures for _, measures in rows))
            for key, rows in days.items()
        ]

    def insert(self, rows: Iterable[_Row]) -> None:
        """Rows land."""
        for key, version, measures in rows:
            held = self.rows.get(key)
            if held is None or version >= held[0]:
                self.rows[key] = version, measures


def _added(hours: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The first columns are enough to tell: counts and tokens, which add up."""
    return tuple(map(sum, zip(*(measures[:11] for measures in hours), strict=True)))
