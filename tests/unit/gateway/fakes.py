"""A log in memory, which the worker's own decoder reads."""

from __future__ import annotations

from tokentide.clock import now_ms
from tokentide.errors import DependencyUnavailable
from tokentide.events import Limits, decode


class FakeLog:
    """Keeps records, all in partition 0; `away` is a switch, and `away_times` how often it is away besides."""

    def __init__(self):
        self.records = []
        self.away = False
        self.away_times = 0
        self.closed = False

    async def deliver(self, records):
        """See `Delivery.deliver`."""
        if self.away or self.away_times:
            self.away_times = max(0, self.away_times - 1)
            raise DependencyUnavailable("Kafka at a host with a secret name did not acknowledge")
        first = len(self.records)
        self.records += records
        return [(0, first + number) for number in range(len(records))]

    async def close(self):
        """See `Delivery.close`."""
        self.closed = True

    def events(self):
        """What the worker reads; it refuses nothing that was accepted."""
        found = []
        for record in self.records:
            decoded = decode(record.value, now_ms(), Limits())
            assert decoded.refusals == ()
            assert len(decoded.events) == record.events
            found += decoded.events
        return found
