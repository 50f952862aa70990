"""May a session ask again now? A sliding window: so many requests in any sixty seconds."""

from __future__ import annotations

from collections import deque

__all__ = ["SlidingWindow"]

_SECONDS = 60.0
_SWEEP_AT = 10_000


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
