"""What does a data answer carry besides its body? How fresh and how exact it is, and how to cache it."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

from tokentide.api.engine import Found
from tokentide.api.times import iso_millis

__all__ = ["answered"]


def answered(request: Request, body: BaseModel, found: Found) -> Response:
    """The answer with the body, or 304 when the caller holds the same one already."""
    content = body.model_dump_json(by_alias=True).encode()
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {
        "Cache-Control": "private, max-age=5",
        "ETag": tag,
        "Vary": "Authorization",
        "X-Data-Through": iso_millis(found.through_ms),
    }
    if found.origin is not None:
        headers["X-Answered-From"] = str(found.origin.name).lower()
    if found.widened:
        headers["X-Window-Aligned"] = "true"
    if _holds(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _holds(if_none_match: str, tag: str) -> bool:
    held = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in held or held == ["*"]
