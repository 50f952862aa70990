"""How many events are there, by plain counting? It shares no code with the fold, so that both must err alike to agree.

What counts as what is told here once more, in the simplest words; `TOLD` says which sums over the stored rows must be
the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from tokentide.events import DecodedEvent, Stretch
from tokentide.reconcile.span import Span

__all__ = ["TOLD", "Counts", "PlainCounts"]

Counts = dict[tuple[str, int], Counter[str]]
"""What was counted, by table and by hour in seconds since the epoch."""

TOLD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "usage_1h": {
            "requests": "sum(requests)",
            "tokens": "sum(input_tokens + output_tokens)",
            "cost_nanos": "sum(cost_nanos)",
        },
        "latency_1h": {"latencies": "sum(arraySum(latency_weights))"},
        "errors_1h": {"errors": "sum(errors)"},
        "rate_limits_1m": {"rate_limited": "sum(rate_limited)"},
        "provider_health_5m": {"requests": "sum(requests)"},
        "events": {
            "events": "count()",
            "tokens": "sum(input_tokens + output_tokens)",
            "cost_nanos": "sum(reinterpret(cost_usd, 'UInt64'))",
            "latency_us": "sum(toUInt64(round(latency_ms * 1000)))",
            "ids": "groupBitXor(bitXor(reinterpretAsUInt64(substring(UUIDToNum(event_id), 1, 8)), "
            "reinterpretAsUInt64(substring(UUIDToNum(event_id), 9, 8))))",
        },
    }
)
"""Table → name of a count → the same as SQL over its rows."""


class PlainCounts:
    """Counts the events of one partition that are no duplicates.

    Args:
        span: only events of these hours are counted; the others are only remembered.
        window_ms: how long an id is known.
        max_ids: how many are.
    """

    def __init__(self, span: Span, window_ms: int, max_ids: int) -> None:
        self.counts: Counts = {}
        self._span = span
        self._window_ms = window_ms
        self._max_ids = max_ids
        self._log_ms = 0
        self._last_ms: dict[tuple[str, int], int] = {}  # in the order of the last occurrence

    def take(self, stretch: Stretch) -> None:
        """Count the next records."""
        begin = 0
        for time_ms, end in stretch.steps:
            self._log_ms = max(self._log_ms, time_ms)
            for event in stretch.events[begin:end]:
                self._see(event)
            begin = end
        self._forget()

    def copy(self) -> Counts:
        """What is counted until now."""
        return {place: Counter(counts) for place, counts in self.counts.items()}

    def _see(self, event: DecodedEvent) -> None:
        identity = event.project_id, event.event_id.int
        last_ms = self._last_ms.pop(identity, None)
        self._last_ms[identity] = self._log_ms
        if len(self._last_ms) > self._max_ids:
            del self._last_ms[next(iter(self._last_ms))]
        known = last_ms is not None and self._log_ms - last_ms <= self._window_ms
        if not known and self._span.holds(event.event_time_ms):
            self._count(event)

    def _forget(self) -> None:
        while self._last_ms:
            identity = next(iter(self._last_ms))
            if self._log_ms - self._last_ms[identity] <= self._window_ms:
                return
            del self._last_ms[identity]

    def _count(self, event: DecodedEvent) -> None:
        hour = event.event_time_ms // 3_600_000 * 3600
        tokens = event.input_tokens + event.output_tokens
        stored = self.counts.setdefault(("events", hour), Counter())
        ids = stored["ids"] ^ _mixed(event.event_id.bytes)
        stored.update(events=1, tokens=tokens, cost_nanos=event.cost_nanos)
        stored["latency_us"] += round(event.latency_ms * 1000)
        stored["ids"] = ids
        if event.kind == "llm" and event.virtual_model is None:
            self._add("usage_1h", hour, requests=1, tokens=tokens, cost_nanos=event.cost_nanos)
            self._add("latency_1h", hour, latencies=1)
            self._add("provider_health_5m", hour, requests=1)
            if event.status in {"error", "timeout", "rate_limited"}:
                self._add("errors_1h", hour, errors=1)
            if event.status == "rate_limited":
                self._add("rate_limits_1m", hour, rate_limited=1)

    def _add(self, table: str, hour: int, **counts: int) -> None:
        self.counts.setdefault((table, hour), Counter()).update(counts)


def _mixed(identity: bytes) -> int:
    return int.from_bytes(identity[:8], "little") ^ int.from_bytes(identity[8:], "little")
