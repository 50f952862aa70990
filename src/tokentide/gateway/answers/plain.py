"""LumiqTrace's way: how many were accepted, or what is wrong with the first that is not."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tokentide.api.dialect import Dialect
from tokentide.api.failures import Failure
from tokentide.gateway.adapters.payload import Item
from tokentide.gateway.answers.words import worded
from tokentide.gateway.judging import Judged

__all__ = ["DIALECT", "Counted", "answer", "wants_part"]


class IngestFailed(BaseModel):
    """A request that was refused."""

    error: str


class RejectedEvent(BaseModel):
    """One event that was refused."""

    index: int = Field(description="its place in the body, from 0")
    error: str


class Counted(BaseModel):
    """What was taken; the two others are there with `partial=true`."""

    accepted: int
    rejected: int | None = None
    errors: list[RejectedEvent] | None = None


def _failed(failure: Failure) -> IngestFailed:
    return IngestFailed(error=worded(failure))


DIALECT = Dialect("gateway", IngestFailed, _failed)
"""`{"error": "…"}`."""


def answer(request: Request, judged: Judged, _items: list[Item]) -> Response:
    """How many were accepted; with `partial=true`, which were not."""
    found: dict[str, Any] = {"accepted": len(judged.places)}
    if wants_part(request):
        errors = [{"index": unfit.place, "error": unfit.detail} for unfit in judged.refused]
        found |= {"rejected": len(errors), "errors": errors}
    return JSONResponse(found, 202)


def wants_part(request: Request) -> bool:
    """Whether the good events are wanted without the bad ones."""
    return request.query_params.get("partial", "").lower() in {"true", "1"}
