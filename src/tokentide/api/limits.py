"""May a session ask again now? A sliding window: so many requests in any sixty seconds.

One process counts by itself. Several share their counters in a store of the `limits` library when they are told one;
while that does not answer, each goes on by its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.storage import storage_from_string

from tokentide import clock
from tokentide.errors import SettingsError

__all__ = ["RateLimits", "SlidingWindow", "shared_counters"]

_SECONDS = 60.0
_SWEEP_AT = 10_000
_SHARED_SECONDS = 1.0  # longer than that nobody waits for the shared counters

_log = logging.getLogger(__name__)


class RateLimits:
    """How often each may ask, counted here or together with other processes.

    Args:
        shared: where processes count together; None for one that counts by itself.
    """

    def __init__(self, shared: Storage | None = None) -> None:
        self._own = SlidingWindow()
        self._shared = shared
        self._strategy = MovingWindowRateLimiter(shared) if shared else None
        self._away = False

    async def wait_seconds(self, name: str, most: int, now: float) -> float:
        """As `SlidingWindow.wait_seconds`, over all processes that share their counters."""
        if self._strategy is None:
            return self._own.wait_seconds(name, most, now)
        try:
            async with asyncio.timeout(_SHARED_SECONDS):
                waiting = await self._shared_wait_seconds(self._strategy, name, most)
        except Exception as error:  # noqa: BLE001  each store has errors of its own, and none may refuse a request
            if not self._away:
                _log.warning("the shared rate limits do not answer, each process counts by itself: %r", error)
            self._away = True
            return self._own.wait_seconds(name, most, now)
        self._away = False
        return waiting

    @staticmethod
    async def _shared_wait_seconds(strategy: MovingWindowRateLimiter, name: str, most: int) -> float:
        item = RateLimitItemPerMinute(most, namespace="tokentide")
        if await strategy.hit(item, name):
            return 0.0
        window = await strategy.get_window_stats(item, name)
        return min(max(window.reset_time - clock.now().timestamp(), 0.001), _SECONDS)


def shared_counters(uri: str) -> Storage:
    """The store that a URI of the `limits` library names, such as `redis://127.0.0.1:6379`; nothing is connected yet.

    Raises:
        SettingsError: there is no such store, or it keeps no sliding windows.
    """
    try:
        storage = storage_from_string(f"async+{uri}", **_options(uri))
        MovingWindowRateLimiter(storage)
    except Exception as error:
        name = "TOKENTIDE_RATE_LIMITS"
        raise SettingsError([f"{name} must name a store of the limits library that keeps moving windows"]) from error
    assert isinstance(storage, Storage)
    return storage


def _options(uri: str) -> dict[str, str]:
    return {"implementation": "redispy"} if uri.startswith(("redis", "valkey")) else {}


class SlidingWindow:
    """Remembers when each session asked. Not for use by several threads.

    Only granted requests count: who is refused and waits as long as told is served.
    """

    def __init__(self) -> None:
        self._granted: dict[str, deque[float]] = {}

    def wait_seconds(self, session: str, most: int, now: float) -> float:
        """Grant a request, or tell how long to wait.

        Args:
            session: who asks.
            most: requests that a session may make in any sixty seconds.
            now: seconds of a clock that never goes back.

        Returns:
            0 when the request is granted, else the seconds until one will be.
        """
        if len(self._granted) > _SWEEP_AT:
            self._granted = {name: times for name, times in self._granted.items() if times[-1] > now - _SECONDS}
        times = self._granted.setdefault(session, deque())
        while times and times[0] <= now - _SECONDS:
            times.popleft()
        if len(times) >= most:
            return times[len(times) - most] + _SECONDS - now
        times.append(now)
        return 0.0
