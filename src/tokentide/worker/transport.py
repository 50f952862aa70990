"""A Faust transport that hands agents one event for each slice of records, instead of one for each record.

Faust makes four tasks for every message it delivers, which caps an agent at some ten thousand messages a second
whatever the agent does. One event for up to 500 records of one partition makes that cost vanish; agents, rebalancing
and everything else of Faust stay as they are. Only `Consumer._drain_messages` is replaced, and a seek mended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.consumer import fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from tokentide.worker.ports import Slice

__all__ = ["SliceTransport"]

_SLICE_RECORDS = 500  # folding one slice is the longest that the event loop is blocked
_FETCH_SECONDS = 1.0


class SliceConsumer(driver.Consumer):
    """Delivers a `Slice` as the value of each message."""

    logger = driver.logger

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset, also to 0, where aiokafka leaves a partition as it is.

        It may stand further on: what arrives while partitions move is dropped, and must be fetched again.
        """
        committed: Mapping[TP, int | None] = await super().seek_to_committed()
        for place, offset in committed.items():
            if not offset:
                await self._seek(place, 0)
        return committed  # type: ignore[return-value]  # Faust, too, reckons with partitions that never committed

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001  as the driver's own loop
                await self.sleep(0)
                await self._deliver_next()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _deliver_next(self) -> None:
        if self.should_stop:
            return
        fetched, _ = await self._wait_next_records(_FETCH_SECONDS)
        generation = self.app.consumer_generation_id
        if self.should_stop or not fetched:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for partition, records in fetched.items():
            for begin in range(0, len(records), _SLICE_RECORDS):
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                await self._deliver(partition, records[begin : begin + _SLICE_RECORDS], generation)

    async def _deliver(self, partition: TP, records: Sequence[Any], generation: int) -> None:
        """Hand one slice over, waiting for room; a seek may have made part of it, or all, old."""
        last = records[-1]
        read_offset = self._read_offset[partition]
        if read_offset is not None and last.offset < read_offset:
            return
        slice_: Any = Slice(generation, partition.partition, records)
        message = ConsumerMessage(
            partition.topic,
            partition.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            slice_,
            None,
            0,
            0,
            partition,
            generation_id=generation,
        )
        await self.wait_first(self.callback(message), self.suspend_flow.wait())
        self._read_offset[partition] = last.offset


class _PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Hands out the records as aiokafka's parser made them, with offset, timestamp and value.

    Its wrapper, a frozen dataclass of eleven fields, takes longer to make than to fetch and parse the record.
    """

    def _consumer_record(self, _: Any, record: Any) -> Any:
        return record


class SliceTransport(driver.Transport):
    """The aiokafka transport with slices.

    Making one changes for the whole process what aiokafka's consumers hand out: records without topic and partition.
    """

    Consumer = SliceConsumer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fetcher.PartitionRecords = _PlainRecords
