"""Which hours have more names than get rows? The log says so once for each, and never too often."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["FullHours"]

_logger = logging.getLogger(__name__)
_MOST_LINES = 10
_IN_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


class FullHours:
    """What was said, so that it is not said again.

    Args:
        most_names: that an hour of a project gets rows for, for the message.
    """

    def __init__(self, most_names: int) -> None:
        self._most_names = most_names
        self._told: dict[tuple[int, str, int], None] = {}  # in the order in which it was
        self._lines: deque[float] = deque()
        self._unsaid = 0

    def tell(self, partition: int, hours: Iterable[tuple[str, int]], now_seconds: float) -> None:
        """Warn of each project and hour (in seconds since the epoch) that was not warned of.

        At most ten lines in a minute: the next one after that says how many were left out.

        Args:
            partition: where the hours are full.
            hours: project and hour.
            now_seconds: of a clock that never goes back.
        """
        for project, hour in sorted(hours):
            place = partition, project, hour
            if place in self._told:
                continue
            self._told[place] = None
            if len(self._told) > _MOST_REMEMBERED:
                del self._told[next(iter(self._told))]
            self._say(partition, project, hour, now_seconds)

    def _say(self, partition: int, project: str, hour: int, now_seconds: float) -> None:
        while self._lines and self._lines[0] <= now_seconds - _IN_SECONDS:
            self._lines.popleft()
        if len(self._lines) >= _MOST_LINES:
            self._unsaid += 1
            return
        self._lines.append(now_seconds)
        begin = datetime.fromtimestamp(hour, UTC).strftime("%Y-%m-%dT%H:%MZ")
        _logger.warning(
            "project %r has more than %d names, or groups of errors, in the hour of %s: further ones are counted "
            "together as __other__ (TOKENTIDE_MAX_NAMES_PER_HOUR)%s",
            project,
            self._most_names,
            begin,
            f"; {self._unsaid} such hours were not logged" if self._unsaid else "",
            extra={"fields": {"project": project, "hour": begin, "partition": partition, "unsaid": self._unsaid}},
        )
        self._unsaid = 0
