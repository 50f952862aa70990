"""What does each thing cost that a load brings? Every measured number, and how it was measured.

A test measures an hour of two loads anew, on the real fold and the real engine, and holds these numbers against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["COSTS", "Cost"]

_FOOTPRINT = "tests/benchmarks/footprint.py"


@dataclass(frozen=True, slots=True)
class Cost:
    """One measured number.

    Attributes:
        value: in `unit`.
        unit: of the value.
        of: what it is, in words.
        measured: where and how.
    """

    value: float
    unit: str
    of: str
    measured: str


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "core_events": Cost(
            93_000, "events/s", "one worker, for each second of its core", "python -m tests.benchmarks --only B3"
        ),
        "base_bytes": Cost(150e6, "bytes", "a worker that holds nothing", "python -m tests.benchmarks --only B8"),
        "id_bytes": Cost(200, "bytes", "a remembered event_id", _FOOTPRINT),
        "usage_1h": Cost(720, "bytes", "an open bucket of usage_1h", _FOOTPRINT),
        "latency_1h": Cost(700, "bytes", "an open bucket of latency_1h, without its centroids", _FOOTPRINT),
        "errors_1h": Cost(420, "bytes", "an open bucket of errors_1h", _FOOTPRINT),
        "rate_limits_1m": Cost(280, "bytes", "an open bucket of rate_limits_1m", _FOOTPRINT),
        "provider_health_5m": Cost(420, "bytes", "an open bucket of provider_health_5m", _FOOTPRINT),
        "call_bytes": Cost(16, "bytes", "a call in a latency bucket, in two digests", _FOOTPRINT),
        "centroids": Cost(220, "calls", "what a digest holds at most, however many calls it has", _FOOTPRINT),
        "row_bytes": Cost(1_000, "bytes", "a row on its way to the store", _FOOTPRINT),
        "usage_1h_disk": Cost(40, "bytes", "a row of usage_1h on disk, merged", _FOOTPRINT),
        "latency_1h_disk": Cost(15, "bytes", "a row of latency_1h on disk, without its centroids", _FOOTPRINT),
        "errors_1h_disk": Cost(32, "bytes", "a row of errors_1h on disk, merged", _FOOTPRINT),
        "rate_limits_1m_disk": Cost(16, "bytes", "a row of rate_limits_1m on disk, merged", _FOOTPRINT),
        "provider_health_5m_disk": Cost(20, "bytes", "a row of provider_health_5m on disk, merged", _FOOTPRINT),
        "call_disk": Cost(7, "bytes", "a call in a row of latency_1h on disk, in two digests", _FOOTPRINT),
        "events_disk": Cost(76, "bytes", "an event on disk, merged", "python -m tests.benchmarks.ask_events"),
    }
)
"""By name; a table's name alone is what its open bucket takes in memory."""
