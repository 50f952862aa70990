"""Is the client still there? What is worked out for it is given up when it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from tokentide.api.failures import Failure, Kind, Refused

__all__ = ["while_present"]

_T = TypeVar("_T")


async def while_present(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What the work comes to; it is cancelled when the client goes away before.

    Args:
        request: whose body, if it has one, was read to its end.
        work: for its answer.

    Raises:
        Refused: the client went away.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Refused(Failure(Kind.CLIENT_LEFT, "the client went away"))
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
