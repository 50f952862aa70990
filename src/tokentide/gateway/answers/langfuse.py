"""Langfuse's way: 207, with each entry of the batch among the successes or the errors."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tokentide.api.dialect import Dialect
from tokentide.api.failures import Failure
from tokentide.gateway.adapters.payload import Item
from tokentide.gateway.answers.words import worded
from tokentide.gateway.judging import Judged

__all__ = ["DIALECT", "Entries", "answer"]

_ERRORS = {
    401: "UnauthorizedError",
    403: "ForbiddenError",
    413: "PayloadTooLargeError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}


class BatchFailed(BaseModel):
    """A batch that was refused."""

    message: str
    error: str


class EntryTaken(BaseModel):
    """An entry that was taken."""

    id: str
    status: int


class EntryRefused(BaseModel):
    """An entry that was refused."""

    id: str
    status: int
    message: str
    error: str


class Entries(BaseModel):
    """What became of each entry of a batch."""

    successes: list[EntryTaken]
    errors: list[EntryRefused]


def _failed(failure: Failure) -> BatchFailed:
    return BatchFailed(message=worded(failure), error=_ERRORS.get(failure.status, "InvalidRequestError"))


DIALECT = Dialect("langfuse", BatchFailed, _failed)
"""`{"message", "error"}`."""


def answer(_request: Request, judged: Judged, items: list[Item]) -> Response:
    """Each entry; those of one generation share its fate."""
    refused = {unfit.place: unfit.detail for unfit in judged.refused}
    successes = [{"id": item.name, "status": 201} for item in items if item.place not in refused]
    errors = [
        {"id": item.name, "status": 400, "message": "Invalid request data", "error": refused[item.place]}
        for item in items
        if item.place in refused
    ]
    return JSONResponse({"successes": successes, "errors": errors}, 207)
