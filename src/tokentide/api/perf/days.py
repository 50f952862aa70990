"""Which days does a request ask about? So many whole UTC days, of which today is the last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator

from tokentide.api.times import DAY_MS
from tokentide.store.queries.window import Window

__all__ = ["Days", "DaysAsked", "HoursAsked"]

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """The period of a request.

    Attributes:
        count: how many days.
        now_ms: the present moment.
    """

    count: int
    now_ms: int

    @property
    def today_ms(self) -> int:
        """The midnight with which today began."""
        return self.now_ms // DAY_MS * DAY_MS

    @property
    def window(self) -> Window:
        """From the first midnight to that with which tomorrow begins."""
        return Window(self.today_ms - (self.count - 1) * DAY_MS, self.today_ms + DAY_MS)

    @property
    def starts_ms(self) -> range:
        """The midnights with which the days begin."""
        return range(self.window.start_ms, self.window.end_ms, DAY_MS)


def _digits(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


DaysAsked = Annotated[int, Query(ge=1, le=90, description="whole UTC days, today included"), BeforeValidator(_digits)]
"""As a parameter of a route: how many days, 1 to 90."""

HoursAsked = Annotated[int, Query(ge=1, le=168, description="hours, up to now"), BeforeValidator(_digits)]
"""As a parameter of a route: how many hours, 1 to 168."""
