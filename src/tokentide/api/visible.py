"""Which projects is a request about? The one it names, or all that its key may see."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import Query, Request

from tokentide.api.access import Access, Caller
from tokentide.api.failures import Refused

__all__ = ["Narrowed", "projects_asked"]

Narrowed = Annotated[str | None, Query(alias="projectId", min_length=1, description="one project; all by default")]
"""As a parameter of a route: the project that a request is narrowed to, if it is."""


async def projects_asked(request: Request, caller: Caller, project: str | None) -> tuple[str, ...]:
    """The projects of a request, in order.

    Raises:
        Refused: it names one that is not the caller's.
    """
    access: Access = request.app.state.access
    if project is not None:
        await access.admit(caller, project)
        return (project,)
    if caller.limited_to and not access.projects(caller):
        with suppress(Refused):  # a session may come before anything is known: then this looks
            await access.admit(caller, min(caller.limited_to))
    return tuple(sorted(access.projects(caller)))
