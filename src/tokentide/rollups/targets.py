"""Which buckets one event changes, and how calls that change the same ones share the way to them."""

from __future__ import annotations

from collections.abc import Iterator

from tokentide.events import DecodedEvent
from tokentide.rollups.buckets import (
    Bucket,
    ErrorBucket,
    LatencyBucket,
    ProviderHealthBucket,
    RateLimitBucket,
    UsageBucket,
)
from tokentide.rollups.meaning import error_code

__all__ = ["KINDS", "Key", "Route", "Target", "call_targets", "failure_targets"]

Key = tuple[str | int, ...]
Target = tuple[type[Bucket], Key]

KINDS: tuple[type[Bucket], ...] = (UsageBucket, LatencyBucket, ErrorBucket, RateLimitBucket, ProviderHealthBucket)
"""Every kind of bucket, one for each table."""


class Route:
    """The buckets that every call with the same dimensions in the same five minutes changes.

    A route lives from one snapshot to the next: its buckets are marked as changed when it is opened, and get its
    version when it is closed. So a call costs one look-up instead of three, and the common case has no bookkeeping.
    """

    __slots__ = ("health", "latency", "usage", "version")

    def __init__(self, usage: Bucket, latency: Bucket, health: Bucket) -> None:
        self.usage = usage
        self.latency = latency
        self.health = health
        self.version = 0

    def close(self) -> None:
        """Give the buckets the version of the last record that came this way."""
        for bucket in (self.usage, self.latency, self.health):
            bucket.version = max(bucket.version, self.version)


def call_targets(event: DecodedEvent) -> Iterator[Target]:
    """The buckets that every call changes: usage, latency and provider health, in this order."""
    project, provider, model = event.project_id, event.provider, event.model
    second = event.event_time_ms // 1000
    hour = second - second % 3600
    yield UsageBucket, (project, hour, provider, model, event.agent_id or "", event.task_type or "")
    yield LatencyBucket, (project, hour, provider, model)
    yield ProviderHealthBucket, (project, second - second % 300, provider)


def failure_targets(event: DecodedEvent) -> Iterator[Target]:
    """The buckets that a call changes besides, when it did not succeed."""
    project, provider, model = event.project_id, event.provider, event.model
    second = event.event_time_ms // 1000
    code = error_code(event)
    if code is not None:
        yield ErrorBucket, (project, second - second % 3600, code, provider, model)
    if event.status == "rate_limited":
        yield RateLimitBucket, (project, second - second % 60, provider, model)
