"""May an organisation send more this month? What the rollups hold of the month, and what was accepted here since.

A record counts as accepted here until the worker has stored it, which its partition's position tells: from then on the
rollups speak of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tokentide import clock
from tokentide.api.failures import Failure, Kind, Refused
from tokentide.api.times import DAY_MS, month_start_ms
from tokentide.errors import StoreError
from tokentide.gateway.delivery import Place
from tokentide.ingest.records import Batch
from tokentide.metrics import ApiMetrics
from tokentide.store.port import Store
from tokentide.store.queries.quota import month_usage, positions

__all__ = ["Quota", "Reserved"]

_FRESH_SECONDS = 2.0
_MOST_APART = 10_000
_LONGEST_MONTH_DAYS = 31

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the store said of a month: events of each organisation, and up to where each partition is in them."""

    month_ms: int = -1
    used: dict[str, int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)


class Reserved:
    """Events that are on their way; `accepted` says where they are now."""

    def __init__(self) -> None:
        self.records: list[tuple[Place, int]] = []

    def accepted(self, places: Sequence[Place], records: Sequence[Batch]) -> None:
        """Note that Kafka has acknowledged the records."""
        self.records = [(place, record.events) for place, record in zip(places, records, strict=True)]


class Quota:
    """Counts what organisations send in a calendar month, UTC. Not for use by several threads.

    Args:
        most: events that an organisation may send in a month; 0 for no limit.
        store: where the rollups are.
        topic: whose positions tell what they hold.
        metrics: of this process.
    """

    def __init__(self, most: int, store: Store, topic: str, metrics: ApiMetrics) -> None:
        self._most = most
        self._store = store
        self._topic = topic
        self._ratio = metrics.gauge("quota_used_ratio")
        self._reading = _Reading()
        self._read_at = -_FRESH_SECONDS
        self._looking = asyncio.Lock()
        self._on_their_way: Counter[str] = Counter()
        self._apart: dict[tuple[int, str], deque[tuple[int, int]]] = defaultdict(deque)

    async def keep_fresh(self) -> None:
        """Read the month's usage every few seconds, until cancelled."""
        while self._most:
            await self.look(clock.now_ms())
            await asyncio.sleep(_FRESH_SECONDS)

    async def look(self, now_ms: int) -> None:
        """Read the month's usage, unless that was just done; while the store is away, what was read last goes on."""
        if not self._most:
            return
        async with self._looking:
            month_ms = month_start_ms(now_ms)
            if self._reading.month_ms == month_ms and time.monotonic() - self._read_at < _FRESH_SECONDS:
                return
            self._read_at = time.monotonic()
            if self._reading.month_ms != month_ms:
                self._apart.clear()  # what was accepted until now belongs to the month before
            try:
                self._reading = await asyncio.to_thread(self._read, month_ms)
            except StoreError as error:
                _log.warning("the month's usage cannot be read: %s", error)
                if self._reading.month_ms != month_ms:
                    self._reading = _Reading(month_ms)
            self._forget_stored()
            self._show()

    @contextmanager
    def reserved(self, organisation: str, events: int, now_ms: int) -> Iterator[Reserved]:
        """Room for events while they are on their way; kept when they are accepted.

        Raises:
            Refused: the organisation would pass its quota.
        """
        if self._most and self.used(organisation) + events > self._most:
            wait_seconds = -(-(next_month_ms(now_ms) - now_ms) // 1000)
            raise Refused(Failure(Kind.QUOTA_EXCEEDED, "Monthly quota exceeded", retry_after_seconds=wait_seconds))
        self._on_their_way[organisation] += events
        made = Reserved()
        try:
            yield made
        finally:
            self._on_their_way[organisation] -= events
            if self._most:
                for (partition, offset), accepted in made.records:
                    self._keep(partition, organisation, offset, accepted)
                self._show()

    def used(self, organisation: str) -> int:
        """Events of the organisation in this month, as far as this process knows."""
        apart = sum(events for (_, owner), kept in self._apart.items() if owner == organisation for _, events in kept)
        return self._reading.used.get(organisation, 0) + apart + self._on_their_way[organisation]

    def _read(self, month_ms: int) -> _Reading:
        """The positions first: an event that is stored in between counts twice for a moment, and never not at all."""
        reached = {int(partition): int(position) for partition, position in self._store.ask(positions(self._topic))}
        rows = self._store.ask(month_usage(month_ms, next_month_ms(month_ms)))
        return _Reading(month_ms, {str(organisation): int(events) for organisation, events in rows}, reached)

    def _keep(self, partition: int, organisation: str, offset: int, events: int) -> None:
        kept = self._apart[partition, organisation]
        if len(kept) >= _MOST_APART:  # no worker stores them: the older ones may as well be stored together
            events += kept.pop()[1]
        kept.append((offset, events))

    def _forget_stored(self) -> None:
        for (partition, organisation), kept in list(self._apart.items()):
            position = self._reading.positions.get(partition, 0)
            still = deque((offset, events) for offset, events in kept if offset >= position)
            if still:
                self._apart[partition, organisation] = still
            else:
                del self._apart[partition, organisation]

    def _show(self) -> None:
        organisations = {*self._reading.used, *(organisation for _, organisation in self._apart)}
        most_used = max(map(self.used, organisations), default=0)
        self._ratio.set(most_used / self._most)


def next_month_ms(moment_ms: int) -> int:
    """The first moment of the calendar month after the one that holds the moment."""
    return month_start_ms(month_start_ms(moment_ms) + _LONGEST_MONTH_DAYS * DAY_MS)
