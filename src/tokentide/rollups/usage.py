"""How one row of the usage table counts: what was called, how it ended, and what it took."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tokentide.events import DecodedEvent
from tokentide.rollups.buckets import CallBucket
from tokentide.rollups.calls import Calls
from tokentide.rollups.meaning import failure_mode, hit_ceiling, routing_verdict
from tokentide.rollups.tables import USAGE

__all__ = ["UsageBucket"]

_MOST_NANOS = 2**64 - 1
"""What the column holds, 18 billion dollars: a sum stops there, so that made-up costs do not stop the flush.

A sum that stops at a bound does not depend on where it was cut, as no cost is negative.
"""


class UsageBucket(CallBucket):
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
    def take(self, calls: Calls) -> None:
        self.requests += calls.requests
        self.success += calls.success
        self.error += calls.error
        self.timeout += calls.timeout
        self.rate_limited += calls.rate_limited
        self.cancelled += calls.cancelled
        self.input_tokens += calls.input_tokens
        self.output_tokens += calls.output_tokens
        self.cached_tokens += calls.cached_tokens
        self.cache_write_tokens += calls.cache_write_tokens
        self.reasoning_tokens += calls.reasoning_tokens
        self.cost_nanos += calls.cost_nanos
        self.latency_us += calls.latency_us
        self.latency_us_max = max(self.latency_us_max, calls.latency_us_max)
        self.ttft_us += calls.ttft_us
        self.ttft_count += len(calls.ttfts_ms)

    @override
    def add(self, event: DecodedEvent) -> None:
        super().add(event)
        self.add_signals(event)

    def add_signals(self, event: DecodedEvent) -> None:
        """Count what only some calls have; each call at once, for the sum of scores depends on their order."""
        if event.status != "success" or event.failure_mode is not None:
            self._add_failure(event)
        if event.requested_model is not None or event.routing_correct is not None:
            self.routing_verdicts += 1
            self.routing_correct += bool(routing_verdict(event, failed=failure_mode(event) is not None))
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

    def _add_failure(self, event: DecodedEvent) -> None:
        mode = failure_mode(event)
        if mode is None:
            return
        self.failures += 1
        name = f"failed_{mode}"
        setattr(self, name, getattr(self, name) + 1)
        if event.recovered_by == "retry":
            self.recovered_by_retry += 1
        elif event.recovered_by == "fallback":
            self.recovered_by_fallback += 1
