"""The state of one row of a rollup table, and how one event changes it; `usage` has the largest of the tables.

Every bucket is rebuilt exactly from its `values()`: `restore(values)` gives the same bucket, and adding the same
events to both keeps them the same (but for where a digest's centroids were cut).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import Any, ClassVar, Self
from uuid import UUID

from typing_extensions import override

from tokentide.events import DecodedEvent
from tokentide.rollups.calls import Calls, sum_durations
from tokentide.rollups.sketch import Digest, compress
from tokentide.rollups.tables import ERRORS, LATENCY, PROVIDER_HEALTH, RATE_LIMITS, Table

__all__ = [
    "Bucket",
    "CallBucket",
    "ErrorBucket",
    "LatencyBucket",
    "ProviderHealthBucket",
    "RateLimitBucket",
]


class Bucket(ABC):
    """One row in memory.

    Attributes:
        version: offset of the last record that changed it, plus one; what the store orders rows by.
        fence: the version it was restored with: records below it are in the values already.
        stored_version: the highest version that the store acknowledged.
        dirty: whether it waits in the list of the next flush.
    """

    __slots__ = ("dirty", "fence", "stored_version", "version")
    table: ClassVar[Table]

    def __init__(self) -> None:
        self.version = 0
        self.fence = 0
        self.stored_version = 0
        self.dirty = False

    @abstractmethod
    def add(self, event: DecodedEvent) -> None:
        """Count one event."""

    @abstractmethod
    def values(self) -> tuple[Any, ...]:
        """The measures, in the order of the table's columns; later changes do not reach them."""

    @classmethod
    def restore(cls, values: Sequence[Any], version: int) -> Self:
        """The bucket as it was stored."""
        bucket = cls()
        bucket._set(values)
        bucket.version = bucket.fence = bucket.stored_version = version
        return bucket

    def _set(self, values: Sequence[Any]) -> None:
        for name, value in zip(self.table.measures, values, strict=True):
            setattr(self, name, value)


class CallBucket(Bucket):
    """A bucket of a table that counts every call; it takes the sum of many calls as it takes each of them."""

    __slots__ = ()

    @abstractmethod
    def take(self, calls: Calls) -> None:
        """Count calls."""

    @override
    def add(self, event: DecodedEvent) -> None:
        calls = Calls()
        calls.add(event)
        sum_durations([calls])
        self.take(calls)


class LatencyBucket(CallBucket):
    """How long calls took, as sketches; new values wait unsorted until `compress_all`."""

    __slots__ = ("latency", "ttft", "waiting_latencies_ms", "waiting_ttfts_ms")
    table = LATENCY

    def __init__(self) -> None:
        super().__init__()
        self.latency = self.ttft = Digest()
        self.waiting_latencies_ms = array("d")
        self.waiting_ttfts_ms = array("d")

    @override
    def take(self, calls: Calls) -> None:
        self.waiting_latencies_ms += calls.latencies_ms
        self.waiting_ttfts_ms += calls.ttfts_ms

    @override
    def values(self) -> tuple[Any, ...]:
        """The centroids; call `compress_all` before, or values that wait are not in them."""
        return (
            self.latency.mean_list(),
            self.latency.weight_list(),
            self.ttft.mean_list(),
            self.ttft.weight_list(),
        )

    @staticmethod
    def compress_all(buckets: Sequence[LatencyBucket]) -> None:
        """Bring the waiting values of many buckets into their sketches, in two passes over all of them."""
        latencies = compress([b.latency for b in buckets], [b.waiting_latencies_ms.tobytes() for b in buckets])
        ttfts = compress([b.ttft for b in buckets], [b.waiting_ttfts_ms.tobytes() for b in buckets])
        for bucket, latency, ttft in zip(buckets, latencies, ttfts, strict=True):
            bucket.latency, bucket.ttft = latency, ttft
            bucket.waiting_latencies_ms, bucket.waiting_ttfts_ms = array("d"), array("d")

    def _set(self, values: Sequence[Any]) -> None:
        latency_means, latency_weights, ttft_means, ttft_weights = values
        self.latency = Digest.of(latency_means, latency_weights)
        self.ttft = Digest.of(ttft_means, ttft_weights)


class ErrorBucket(Bucket):
    """How often an error occurred, and the last one: the latest event, of equal times the one later in the log."""

    __slots__ = ("errors", "last_event_id", "last_seen_ms")
    table = ERRORS

    def __init__(self) -> None:
        super().__init__()
        self.errors = 0
        self.last_seen_ms = 0
        self.last_event_id = UUID(int=0)

    @override
    def add(self, event: DecodedEvent) -> None:
        self.errors += 1
        if event.event_time_ms >= self.last_seen_ms:
            self.last_seen_ms = event.event_time_ms
            self.last_event_id = event.event_id

    @override
    def values(self) -> tuple[Any, ...]:
        return self.errors, self.last_seen_ms, self.last_event_id


class RateLimitBucket(Bucket):
    """How many calls were rate limited."""

    __slots__ = ("rate_limited",)
    table = RATE_LIMITS

    def __init__(self) -> None:
        super().__init__()
        self.rate_limited = 0

    @override
    def add(self, event: DecodedEvent) -> None:
        self.rate_limited += event.status == "rate_limited"

    @override
    def values(self) -> tuple[Any, ...]:
        return (self.rate_limited,)


class ProviderHealthBucket(CallBucket):
    """How a provider did; errors are errors and time-outs, rate limits stand apart."""

    __slots__ = ("errors", "latency_us", "rate_limited", "requests")
    table = PROVIDER_HEALTH

    def __init__(self) -> None:
        super().__init__()
        self.requests = self.errors = self.rate_limited = self.latency_us = 0

    @override
    def take(self, calls: Calls) -> None:
        self.requests += calls.requests
        self.errors += calls.error + calls.timeout
        self.rate_limited += calls.rate_limited
        self.latency_us += calls.latency_us

    @override
    def values(self) -> tuple[Any, ...]:
        return self.requests, self.errors, self.rate_limited, self.latency_us
