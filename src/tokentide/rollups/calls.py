"""What do calls add up to that share their dimensions and their five minutes?

Usage, latency and provider health all take such a sum, so a call is looked at once for the three of them. It holds only
what does not depend on the order of the calls: whole numbers, and values that a sketch will sort anyway.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tokentide.events import DecodedEvent

__all__ = ["Calls", "sum_durations"]


class Calls:
    """A sum over calls. Money in nano-dollars; durations in microseconds, added up by `sum_durations`.

    Attributes:
        latencies_ms: of each call, in milliseconds.
        ttfts_ms: of each streaming call that says when its first token came.
    """

    __slots__ = (
        "cache_write_tokens",
        "cached_tokens",
        "cancelled",
        "cost_nanos",
        "error",
        "input_tokens",
        "latencies_ms",
        "latency_us",
        "latency_us_max",
        "output_tokens",
        "rate_limited",
        "reasoning_tokens",
        "requests",
        "success",
        "timeout",
        "ttft_us",
        "ttfts_ms",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, with no call."""
        self.requests = self.success = self.error = self.timeout = self.rate_limited = self.cancelled = 0
        self.input_tokens = self.output_tokens = self.cached_tokens = 0
        self.cache_write_tokens = self.reasoning_tokens = self.cost_nanos = 0
        self.latency_us = self.latency_us_max = self.ttft_us = 0
        self.latencies_ms = array("d")
        self.ttfts_ms = array("d")

    def add(self, event: DecodedEvent) -> None:
        """Count one call."""
        self.requests += 1
        self.cost_nanos += event.cost_nanos
        self.input_tokens += event.input_tokens
        self.output_tokens += event.output_tokens
        if event.cached_tokens:
            self.cached_tokens += event.cached_tokens
        if event.cache_write_tokens:
            self.cache_write_tokens += event.cache_write_tokens
        if event.reasoning_tokens:
            self.reasoning_tokens += event.reasoning_tokens
        self.latencies_ms.append(event.latency_ms)
        if event.stream and event.ttft_ms is not None:
            self.ttfts_ms.append(event.ttft_ms)
        status = event.status
        if status == "success":
            self.success += 1
        else:
            setattr(self, status, getattr(self, status) + 1)


def sum_durations(many: Sequence[Calls]) -> None:
    """Add up the durations of each sum, in one pass over all of them; none may be empty.

    Each duration is rounded to whole microseconds first, so the sum is exact whatever the order.
    """
    if not many:
        return
    latencies_us, ends = _microseconds(calls.latencies_ms for calls in many)
    sums, starts = _sums(latencies_us, ends), np.concatenate(([0], ends[:-1]))
    longest = np.maximum.reduceat(latencies_us, starts).tolist()
    ttfts = _sums(*_microseconds(calls.ttfts_ms for calls in many))
    for calls, latency_us, latency_us_max, ttft_us in zip(many, sums, longest, ttfts, strict=True):
        calls.latency_us, calls.latency_us_max, calls.ttft_us = latency_us, latency_us_max, ttft_us


def _microseconds(durations_ms: Iterable[array[float]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All durations one after the other, and where each group of them ends."""
    groups = list(durations_ms)
    every = np.frombuffer(b"".join(groups), np.float64)
    return np.rint(every * 1000).astype(np.int64), np.cumsum([len(group) for group in groups])


def _sums(values: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> list[int]:
    running = np.concatenate(([0], np.cumsum(values)))
    sums: list[int] = np.diff(running[np.concatenate(([0], ends))]).tolist()
    return sums
