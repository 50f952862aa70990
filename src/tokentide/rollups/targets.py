"""Which buckets one event changes, and how calls that change the same ones share the way to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from tokentide.events import DecodedEvent
from tokentide.rollups.buckets import (
    Bucket,
    CallBucket,
    ErrorBucket,
    LatencyBucket,
    ProviderHealthBucket,
    RateLimitBucket,
)
from tokentide.rollups.calls import Calls
from tokentide.rollups.meaning import error_code
from tokentide.rollups.names import Key, Names, Place, own_names, place_of
from tokentide.rollups.usage import UsageBucket

__all__ = ["KINDS", "Route", "Target", "call_targets", "failure_targets", "places_of"]

Target = tuple[type[Bucket], Key]

KINDS: tuple[type[Bucket], ...] = (UsageBucket, LatencyBucket, ErrorBucket, RateLimitBucket, ProviderHealthBucket)
"""Every kind of bucket, one for each table."""


class Route(Calls):
    """What the calls that change the same buckets add up to, on its way to them.

    So a call costs one look-up and one addition instead of three of each. While calls wait in a route, its buckets are
    marked as changed.

    Args:
        buckets: those of `call_targets`, in that order.
        names: that they have.

    Attributes:
        names: likewise.
        usage: the first of the buckets, which looks at each call besides.
        version: of the last record that a call came with.
    """

    __slots__ = ("_buckets", "names", "usage", "version")

    def __init__(self, buckets: Sequence[Bucket], names: Names) -> None:
        super().__init__()
        self.names = names
        self.usage = cast("UsageBucket", buckets[0])
        self._buckets = cast("Sequence[CallBucket]", buckets)
        self.version = 0

    def deliver(self) -> None:
        """Give the buckets what waits, and its version; their durations must have been added up."""
        for bucket in self._buckets:
            bucket.take(self)
            bucket.version = max(bucket.version, self.version)
        self.clear()


def call_targets(event: DecodedEvent, names: Names) -> Iterator[Target]:
    """The buckets that every call changes: usage, latency and provider health, in this order."""
    project, second = event.project_id, event.event_time_ms // 1000
    hour = second - second % 3600
    yield UsageBucket, (project, hour, *names)
    yield LatencyBucket, (project, hour, names.provider, names.model)
    yield ProviderHealthBucket, (project, second - second % 300, names.provider)


def failure_targets(event: DecodedEvent, names: Names, code: str | None) -> Iterator[Target]:
    """The buckets that a call changes besides, when it did not succeed; `code` is the group of its error."""
    project, second = event.project_id, event.event_time_ms // 1000
    if code is not None:
        yield ErrorBucket, (project, second - second % 3600, code, names.provider, names.model)
    if event.status == "rate_limited":
        yield RateLimitBucket, (project, second - second % 60, names.provider, names.model)


def places_of(event: DecodedEvent) -> Iterator[tuple[type[Bucket], Place]]:
    """Where the buckets lie that the event may change, whatever names they get."""
    names = own_names(event)
    for kind, key in (*call_targets(event, names), *failure_targets(event, names, error_code(event))):
        yield kind, place_of(key)
