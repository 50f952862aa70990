"""How does a request with events become records in the log? Step by step; nothing is taken before all of it may be."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request, Response

from tokentide import clock
from tokentide.api.access import INGESTS_A_MINUTE, Access, Writer
from tokentide.api.bodies import Room, body_of, content_type
from tokentide.api.failures import Refused
from tokentide.api.presented import ingest_key
from tokentide.errors import DependencyUnavailable, QueryError
from tokentide.gateway.adapters.payload import Item, Payload
from tokentide.gateway.answers.plain import wants_part
from tokentide.gateway.delivery import Delivery
from tokentide.gateway.doors import Door, Partly
from tokentide.gateway.judging import Judged, Origin, Rules, judge_body, judge_fields
from tokentide.gateway.quota import Quota
from tokentide.metrics import ApiMetrics

__all__ = ["Gateway"]


@dataclass(slots=True)
class Gateway:
    """What all doors share.

    Attributes:
        access: who may send, and how often.
        rules: what events are held against.
        quota: how much an organisation may send.
        delivery: where accepted events go.
        metrics: of this process.
        room: memory for what is being worked on.
    """

    access: Access
    rules: Rules
    quota: Quota
    delivery: Delivery
    metrics: ApiMetrics
    room: Room

    async def receive(self, door: Door, request: Request) -> Response:
        """Take the events of a request, and answer when Kafka has acknowledged them.

        Raises:
            Refused: who sends may not, or not so much, or not this.
            QueryError: an event is refused, and with it the request; the message names its place and field.
            StoreUnavailable: whether the key is known cannot be told now.
            DependencyUnavailable: Kafka did not acknowledge in time; what is sent again counts once.
        """
        writer = await self.access.writer(ingest_key(request.headers))
        await self.access.count(writer, "ingest", INGESTS_A_MINUTE)
        async with body_of(request, door.body, self.room) as body:
            judged, items = self._read(door, Payload(body, content_type(request), clock.now_ms()), writer)
            if judged.refused:
                self._count("refused", len(judged.refused))
                if door.partly is Partly.REFUSED or (door.partly is Partly.ON_WISH and not wants_part(request)):
                    raise _first_refusal(door, judged)
            await self._deliver(writer, judged)
        return door.answer(request, judged, items)

    def _read(self, door: Door, payload: Payload, writer: Writer) -> tuple[Judged, list[Item]]:
        origin = Origin(writer.project, writer.organisation)
        if door.adapter is None:
            return judge_body(payload.body, origin, payload.now_ms, self.rules, door.most), []
        mapped = door.adapter(payload)
        if len(mapped.events) + len(mapped.refused) > door.most:
            raise QueryError(f"Max {door.most} events per batch")
        judged = judge_fields(mapped.events, origin, payload.now_ms, self.rules)
        return judged._replace(refused=sorted(judged.refused + mapped.refused)), mapped.items

    async def _deliver(self, writer: Writer, judged: Judged) -> None:
        events = len(judged.places)
        if not events:
            return
        await self.quota.look(clock.now_ms())
        try:
            with self.quota.reserved(writer.organisation, events, clock.now_ms()) as reserved:
                reserved.accepted(await self.delivery.deliver(judged.records), judged.records)
        except (DependencyUnavailable, Refused) as error:
            self._count("over_quota" if isinstance(error, Refused) else "unavailable", events)
            raise
        self._count("accepted", events)

    def _count(self, result: str, events: int) -> None:
        self.metrics.counter("ingest_events").labels(result).inc(events)


def _first_refusal(door: Door, judged: Judged) -> QueryError:
    first = judged.refused[0]
    more = f" (and {len(judged.refused) - 1} more)" if len(judged.refused) > 1 else ""
    place = f"event {first.place}" if door.partly is Partly.ON_WISH else f"events.{first.place}"
    return QueryError(f"{place}: {first.detail}{more}", f"events.{first.place}")
