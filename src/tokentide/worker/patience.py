"""How a worker waits for something that is away: ever longer, saying so each time, for as long as it makes sense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tokentide.errors import DependencyUnavailable, StoreUnavailable

__all__ = ["AWAY", "backoff_seconds", "until_answered"]

AWAY = (StoreUnavailable, DependencyUnavailable)
"""Errors after which the same call may succeed."""

_LONGEST_PAUSE_SECONDS = 10.0
_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def backoff_seconds(attempt: int) -> float:
    """How long to wait after a failed attempt, the first one being 0."""
    return min(_LONGEST_PAUSE_SECONDS, 0.1 * 2.0 ** min(attempt, 16))


async def until_answered(
    call: Callable[[], Awaitable[_T]],
    what: str,
    wanted: Callable[[], bool],
    failed: Callable[[Exception], None] = lambda _: None,
) -> _T | None:
    """Repeat a call until it answers; None when it was given up.

    Args:
        call: what to do.
        what: in words, for the log: "<what> failed, again in 0.1 s".
        wanted: asked after each failure; False gives up.
        failed: told of each failure.
    """
    attempt = 0
    while True:
        try:
            return await call()
        except AWAY as error:
            pause = backoff_seconds(attempt)
            _logger.warning("%s failed, again in %.1f s: %s", what, pause, error)
            failed(error)
        attempt += 1
        await asyncio.sleep(pause)
        if not wanted():
            return None
