"""How often may a session ask, where that depends on its tier?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from tokentide.api.access import Access, Caller
from tokentide.store.access import Tier

__all__ = ["reader_by_tier"]

_BEARER = HTTPBearer(auto_error=False, description="a read key, or the token of a session")  # for OpenAPI only


def reader_by_tier(surface: str, requests_a_minute: Mapping[Tier, int]) -> Callable[..., Awaitable[Caller]]:
    """A dependency that tells who asks, and refuses whoever asks more often than its tier allows.

    Args:
        surface: what is counted, apart from all else.
        requests_a_minute: how often each tier may ask in any sixty seconds.
    """

    async def reader(request: Request, _documented: Annotated[object, Security(_BEARER)]) -> Caller:
        access: Access = request.app.state.access
        caller = await access.reader(request.headers.get("authorization"))
        await access.count(caller, surface, requests_a_minute[caller.tier])
        return caller

    return reader
