"""Who asks, and which projects may they see? By an access key, or by the token of a session.

Known keys are held in memory and refreshed from the store. A key that is not known yet is looked up at once, and a
revoked one is refused when the next refresh has seen it. While the store is away, what was known last goes on.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry

from tokentide import clock
from tokentide.api.failures import Failure, Kind, Refused
from tokentide.api.limits import RateLimits
from tokentide.api.presented import bearer
from tokentide.api.sessions import Sessions, is_token
from tokentide.errors import StoreError, StoreUnavailable
from tokentide.metrics import ApiMetrics
from tokentide.store.access import AccessKey, KeyRing, Tier, load_keys
from tokentide.store.key_uses import KeyUses
from tokentide.store.port import Store
from tokentide.store.queries.projects import projects_by_organisation

__all__ = ["INGESTS_A_MINUTE", "REQUESTS_A_MINUTE", "Access", "Caller", "Reader", "Writer"]

REQUESTS_A_MINUTE = 300
"""How often a session may ask for data."""

INGESTS_A_MINUTE = 1000
"""How often a key may send events."""

_BEARER = HTTPBearer(auto_error=False, description="a read key, or the token of a session")  # for OpenAPI only
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for data.

    Attributes:
        session: what is counted for rate limits.
        organisation: whose data it is.
        limited_to: the projects that may be seen, as far as they are the organisation's; None for all of those.
        tier: how often it may ask, where that depends on it.
    """

    session: str
    organisation: str
    limited_to: frozenset[str] | None
    tier: Tier


@dataclass(frozen=True, slots=True)
class Writer:
    """Who sends events.

    Attributes:
        session: what is counted for rate limits.
        organisation: whose events they are.
        project: which of its projects they belong to, whatever they say themselves.
    """

    session: str
    organisation: str
    project: str


@dataclass(frozen=True, slots=True)
class _Known:
    keys: KeyRing
    projects: Mapping[str, frozenset[str]]


class Access:
    """Decides who may ask; needs `keep_fresh` running beside it to notice revoked keys.

    Args:
        store: where keys and projects stand.
        sessions: what is known of tokens.
        refresh_seconds: how long a change may go unnoticed, as long as the store answers.
        pause_seconds: least time between two looks into the store, however many unknown keys are presented.
        metrics: where refusals are counted.
        limits: how often each may ask; counted in this process by default.
    """

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        *,
        refresh_seconds: float = 5.0,
        pause_seconds: float = 0.5,
        metrics: ApiMetrics | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self._store = store
        self._limited = (metrics or ApiMetrics(CollectorRegistry())).counter("rate_limited")
        self._sessions = sessions
        self._refresh_seconds = refresh_seconds
        self._pause_seconds = pause_seconds
        self._known = _Known(KeyRing([]), {})
        self._limits = limits or RateLimits()
        self.uses = KeyUses()
        self._looking = asyncio.Lock()
        self._looked_at = -math.inf
        self._away: StoreError | None = None

    async def keep_fresh(self) -> None:
        """Look into the store every few seconds, until cancelled."""
        while True:
            try:
                await self._look(time.monotonic())
            except Exception:  # noqa: BLE001  nothing may end this loop: revoked keys would stay good
                _log.exception("looking for changed access keys failed; trying again")
            await asyncio.sleep(self._refresh_seconds)

    async def reader(self, authorization: str | None) -> Caller:
        """Who asks for data, by the header `Authorization`.

        Raises:
            Refused: there is no such key, or it may not read.
            StoreUnavailable: the key is not known, and whether it exists cannot be told now.
        """
        presented = bearer(authorization)
        return await (self._by_token(presented) if is_token(presented) else self._by_key(presented))

    async def writer(self, presented: str | None) -> Writer:
        """Who sends events, by an ingest key.

        Raises:
            Refused: there is no such key, or it may not write.
            StoreUnavailable: the key is not known, and whether it exists cannot be told now.
        """
        if presented is None:
            raise Refused(Failure(Kind.NO_KEY, "an ingest key is needed, in the header x-api-key"))
        key = await self._key(presented)
        if key.role != "ingest":
            raise Refused(Failure(Kind.WRONG_ROLE, "this key reads data and cannot send events; use an ingest key"))
        return Writer(f"key {key.id}", key.org, key.projects[0])

    async def count(self, caller: Caller | Writer, surface: str, most: int) -> None:
        """Count a request on one of the API's surfaces, on which a session may ask so often in any sixty seconds.

        Raises:
            Refused: it asks too often.
        """
        wait_seconds = await self._limits.wait_seconds(f"{surface} {caller.session}", most, time.monotonic())
        if wait_seconds:
            self._limited.labels(surface).inc()
            retry_after = math.ceil(wait_seconds)
            raise Refused(Failure(Kind.TOO_MANY_REQUESTS, "too many requests", retry_after_seconds=retry_after))

    async def admit(self, caller: Caller, project: str) -> None:
        """Let the caller see a project; a new one of the organisation is looked up at once.

        Raises:
            Refused: the project is not the caller's.
        """
        asked_at = time.monotonic()
        if project not in self.projects(caller) and (caller.limited_to is None or project in caller.limited_to):
            await self._look(asked_at)
        if project not in self.projects(caller):
            raise Refused(Failure(Kind.FOREIGN_PROJECT, "the key may not see this project", "projectId"))

    def projects(self, caller: Caller) -> frozenset[str]:
        """Every project that the caller may see."""
        own = self._known.projects.get(caller.organisation, frozenset())
        return own if caller.limited_to is None else own & caller.limited_to

    async def _by_token(self, presented: str) -> Caller:
        session = await self._sessions.session(presented)
        return Caller(f"session {session.name}", session.organisation, session.projects, session.tier)

    async def _by_key(self, presented: str) -> Caller:
        key = await self._key(presented)
        if key.role != "read":
            raise Refused(Failure(Kind.WRONG_ROLE, "this key sends events and cannot read data; use a read key"))
        return Caller(f"key {key.id}", key.org, frozenset(key.projects) or None, key.tier)

    async def _key(self, presented: str) -> AccessKey:
        asked_at = time.monotonic()
        key = self._find(presented)
        if key is None:
            await self._look(asked_at)
            key = self._find(presented)
        if key is None and self._away is not None:
            raise StoreUnavailable("the access keys cannot be read") from self._away
        if key is None:
            raise Refused(Failure(Kind.UNKNOWN_KEY, "the access key is not known, or expired, or revoked"))
        self.uses.note(key.id, clock.now_ms())
        return key

    def _find(self, presented: str) -> AccessKey | None:
        return self._known.keys.find(presented, clock.now_ms())

    async def _look(self, asked_at: float) -> None:
        """Read the keys as they stand at `asked_at` or later; who waits for a look that began later shares it."""
        async with self._looking:
            if self._looked_at >= asked_at:
                return
            await asyncio.sleep(max(0.0, self._looked_at + self._pause_seconds - time.monotonic()))
            self._looked_at = time.monotonic()
            try:
                self._known = await asyncio.to_thread(_read, self._store)
            except StoreError as error:
                if self._away is None:
                    _log.warning("the access keys cannot be read, those known stay good: %s", error)
                self._away = error
            else:
                self._away = None


async def _reader(
    request: Request,
    _documented: Annotated[object, Security(_BEARER)],
) -> Caller:
    access: Access = request.app.state.access
    caller = await access.reader(request.headers.get("authorization"))
    await access.count(caller, "data", REQUESTS_A_MINUTE)
    return caller


Reader = Annotated[Caller, Depends(_reader)]
"""As a parameter of a route: who asks, and not too often; else the request is refused."""


def _read(store: Store) -> _Known:
    projects = {organisation: frozenset(ids) for organisation, ids in store.ask(projects_by_organisation())}
    return _Known(load_keys(store), projects)
