"""AgentLens' way: all of the events or none, and a refusal that names the place of what was wrong."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tokentide.api.dialect import Dialect
from tokentide.api.failures import Failure, Kind
from tokentide.gateway.adapters.payload import Item
from tokentide.gateway.answers.words import worded
from tokentide.gateway.judging import Judged

__all__ = ["DIALECT", "Ingested", "answer"]

_WORDS = {Kind.NO_KEY: "Missing Authorization header", Kind.UNKNOWN_KEY: "Invalid or revoked API key"}


class EventsFailedDetail(BaseModel):
    """What was wrong, and where."""

    path: str
    message: str


class EventsFailed(BaseModel):
    """Events that were refused."""

    error: str
    status: int
    details: list[EventsFailedDetail] | None = None


class IngestedEvent(BaseModel):
    """An event that was taken."""

    id: str
    hash: str


class Ingested(BaseModel):
    """What was taken."""

    ingested: int
    events: list[IngestedEvent]


def _failed(failure: Failure) -> EventsFailed:
    if failure.kind is Kind.BAD_REQUEST and failure.field:
        detail = EventsFailedDetail(path=failure.field, message=failure.message)
        return EventsFailed(error="Validation failed", status=failure.status, details=[detail])
    return EventsFailed(error=_WORDS.get(failure.kind) or worded(failure), status=failure.status)


def _written(_request: Request, body: BaseModel) -> tuple[bytes, str]:
    return body.model_dump_json(exclude_none=True).encode(), "application/json"


DIALECT = Dialect("agentlens", EventsFailed, _failed, _written)
"""`{"error", "status"}`, with `details` for events that are wrong."""


def answer(_request: Request, _judged: Judged, items: list[Item]) -> Response:
    """How many events were taken, and which; AgentLens chains hashes, here each stands for its event alone."""
    events = [{"id": item.name, "hash": hashlib.sha256(item.name.encode()).hexdigest()} for item in items]
    return JSONResponse({"ingested": len(events), "events": events}, 201)
