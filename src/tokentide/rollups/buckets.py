"""The state of one row of each rollup table, and how one event changes it.

Every bucket is rebuilt exactly from its `values()`: `restore(values)` gives the same bucket, and adding the same
events to both keeps them the same (but for where a digest's centroids were cut).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from typing_extensions import override

from tokentide.events import DecodedEvent
from tokentide.rollups.meaning import failure_mode, hit_ceiling, routing_verdict
from tokentide.rollups.sketch import Digest, compress
from tokentide.rollups.tables import ERRORS, LATENCY, PROVIDER_HEALTH, RATE_LIMITS, USAGE, Table

__all__ = ["Bucket", "ErrorBucket", "LatencyBucket", "ProviderHealthBucket", "RateLimitBucket", "UsageBucket"]


_MOST_NANOS = 2**64 - 1
"""What the column holds, 18 billion dollars: a sum stops there, so that made-up costs do not stop the flush.

A sum that stops at a bound does not depend on where it was cut, as no cost is negative.
"""


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


class UsageBucket(Bucket):
    """What was called, how it ended, and what it took."""

    __slots__ = USAGE.measures
    table = USAGE
    _values: ClassVar[Callable[[Any], tuple[Any, ...]]] = attrgetter(*USAGE.measures)

    cost_nanos: int
    latency_us_max: int

    if TYPE_CHECKING:  # the measures are named once, in tables.py

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self._set((0,) * len(USAGE.measures))
        self.quality_sum = self.complexity_sum = 0.0

    @override
    def values(self) -> tuple[Any, ...]:
        self.cost_nanos = min(self.cost_nanos, _MOST_NANOS)
        return UsageBucket._values(self)

    @override
    def add(self, event: DecodedEvent) -> None:
        self.requests += 1
        self.cost_nanos += event.cost_nanos
        self.input_tokens += event.input_tokens
        self.output_tokens += event.output_tokens
        latency_us = event.latency_us
        self.latency_us += latency_us
        if latency_us > self.latency_us_max:  # noqa: PLR1730  max() is a call, and this is the hot path
            self.latency_us_max = latency_us
        if event.stream and event.ttft_ms is not None:
            self.ttft_us += round(event.ttft_ms * 1000)
            self.ttft_count += 1
        status = event.status
        if status == "success":
            self.success += 1
        else:
            setattr(self, status, getattr(self, status) + 1)
        mode = failure_mode(event) if status != "success" or event.failure_mode is not None else None
        if mode is not None:
            self._add_failure(mode, event)
        self._add_tokens(event)
        self._add_signals(event, failed=mode is not None)

    def _add_tokens(self, event: DecodedEvent) -> None:
        if event.cached_tokens:
            self.cached_tokens += event.cached_tokens
        if event.cache_write_tokens:
            self.cache_write_tokens += event.cache_write_tokens
        if event.reasoning_tokens:
            self.reasoning_tokens += event.reasoning_tokens

    def _add_failure(self, mode: str, event: DecodedEvent) -> None:
        self.failures += 1
        name = f"failed_{mode}"
        setattr(self, name, getattr(self, name) + 1)
        if event.recovered_by == "retry":
            self.recovered_by_retry += 1
        elif event.recovered_by == "fallback":
            self.recovered_by_fallback += 1

    def _add_signals(self, event: DecodedEvent, *, failed: bool) -> None:
        if event.requested_model is not None or event.routing_correct is not None:
            self.routing_verdicts += 1
            self.routing_correct += bool(routing_verdict(event, failed=failed))
        if event.fallback_used:
            self.fallbacks += 1
        if event.retry_count:
            self.retried += 1
        if event.model_pinned:
            self.pinned += 1
        if event.cost_ceiling_hit or event.cost_ceiling_nanos is not None:
            self.ceiling_hits += hit_ceiling(event)
        if event.quality_score is not None:
            self.quality_sum += event.quality_score
            self.quality_count += 1
        if event.complexity is not None:
            self.complexity_sum += event.complexity
            self.complexity_count += 1


class LatencyBucket(Bucket):
    """How long calls took, as sketches; new values wait unsorted until `compress_all`."""

    __slots__ = ("latency", "ttft", "waiting_latencies_ms", "waiting_ttfts_ms")
    table = LATENCY

    def __init__(self) -> None:
        super().__init__()
        self.latency = self.ttft = Digest()
        self.waiting_latencies_ms = array("f")
        self.waiting_ttfts_ms = array("f")

    @override
    def add(self, event: DecodedEvent) -> None:
        self.waiting_latencies_ms.append(event.latency_ms)
        if event.stream and event.ttft_ms is not None:
            self.waiting_ttfts_ms.append(event.ttft_ms)

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
            bucket.waiting_latencies_ms, bucket.waiting_ttfts_ms = array("f"), array("f")

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


class ProviderHealthBucket(Bucket):
    """How a provider did; errors are errors and time-outs, rate limits stand apart."""

    __slots__ = ("errors", "latency_us", "rate_limited", "requests")
    table = PROVIDER_HEALTH

    def __init__(self) -> None:
        super().__init__()
        self.requests = self.errors = self.rate_limited = self.latency_us = 0

    @override
    def add(self, event: DecodedEvent) -> None:
        self.requests += 1
        self.latency_us += event.latency_us
        status = event.status
        if status != "success":
            self.errors += status in {"error", "timeout"}
            self.rate_limited += status == "rate_limited"

    @override
    def values(self) -> tuple[Any, ...]:
        return self.requests, self.errors, self.rate_limited, self.latency_us
