"""Whose session is a token? JSON Web Tokens of an issuer that shares a secret (HS256) or publishes its keys (RS256).

Which key a token is checked with follows from the settings and never from what the token brings along: the secret is
only ever used for HS256 and a published key only for RS256, and no other algorithm is known.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, get_args

import jwt

from tokentide.api.failures import Failure, Kind, Refused
from tokentide.settings import Settings
from tokentide.store.access import Tier

__all__ = ["Session", "Sessions", "is_token"]

_JWKS_SECONDS = 3
_RETRY_SECONDS = 5
_ROTATED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Session:
    """What a token says.

    Attributes:
        name: of the session: its `jti`, else its `sub`.
        organisation: whose data it may see.
        projects: which of its projects.
        tier: how often it may ask.
    """

    name: str
    organisation: str
    projects: frozenset[str]
    tier: Tier


def is_token(presented: str) -> bool:
    """Whether it has the form of a token: three parts with dots between them, which no access key has."""
    return presented.count(".") == 2  # noqa: PLR2004  header.payload.signature


class Sessions:
    """Checks tokens as the settings say; without a secret and published keys, none is good.

    The issuer's keys are kept for some minutes. A token that names another one makes them be read again, but not more
    often than every `rotated_seconds`, however many such tokens come.
    """

    def __init__(self, settings: Settings, rotated_seconds: float = _ROTATED_SECONDS) -> None:
        self._secret = settings.jwt_secret.get_secret_value()
        url = settings.jwt_jwks_url
        self._published = (
            jwt.PyJWKClient(url, timeout=_JWKS_SECONDS, cooldown_duration=rotated_seconds) if url else None
        )
        self._issuer = settings.jwt_issuer or None
        self._audience = settings.jwt_audience or None

    async def session(self, token: str) -> Session:
        """The session of a token.

        Raises:
            Refused: the token is not good, or the issuer's keys cannot be read now.
        """
        try:
            return _session(self._checked(token, *await self._key(token)), token)
        except jwt.PyJWKClientConnectionError as error:
            message = "the keys of the token's issuer cannot be read right now; try again later"
            raise Refused(Failure(Kind.UNAVAILABLE, message, retry_after_seconds=_RETRY_SECONDS)) from error
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise Refused(Failure(Kind.UNKNOWN_KEY, f"the token is not good: {error}")) from error

    async def _key(self, token: str) -> tuple[Any, str]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret:
            return self._secret, algorithm
        if algorithm == "RS256" and self._published:
            found = await asyncio.to_thread(self._published.get_signing_key, str(header.get("kid")))
            return found.key, algorithm
        raise jwt.InvalidAlgorithmError("its algorithm is not one that is accepted here")

    def _checked(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            options={
                "require": ["exp", "org", "projects", *(["iss"] if self._issuer else [])],
                "verify_aud": self._audience is not None,
            },
        )


def _session(claims: dict[str, Any], token: str) -> Session:
    organisation, projects = claims["org"], claims["projects"]
    if not isinstance(organisation, str) or not organisation:
        raise ValueError("its claim org must be a text")
    if not isinstance(projects, list) or not all(isinstance(project, str) for project in projects):
        raise ValueError("its claim projects must be a list of texts")
    name = claims.get("jti") or claims.get("sub") or hashlib.sha256(token.encode()).hexdigest()
    tiers: dict[str, Tier] = {tier: tier for tier in get_args(Tier)}
    return Session(str(name), organisation, frozenset(projects), tiers.get(str(claims.get("tier")), "free"))
