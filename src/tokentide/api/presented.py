"""Which key or token does a request bring along? Read from its headers, not judged."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from tokentide.api.failures import Failure, Kind, Refused

__all__ = ["bearer", "ingest_key"]


def bearer(authorization: str | None) -> str:
    """The key or token of a request for data, by the header `Authorization`.

    Raises:
        Refused: there is none, or it has another form.
    """
    if authorization is None:
        raise Refused(Failure(Kind.NO_KEY, "the header Authorization is missing"))
    scheme, _, key = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(Failure(Kind.MALFORMED_KEY, "the header Authorization must read: Bearer KEY"))
    return key.strip()


def ingest_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request that sends events: `x-api-key`, a Bearer, or the password of Basic; None without any.

    Each ecosystem's clients have their own way. The user name of Basic is ignored: Langfuse's clients send their public
    key there.
    """
    if key := headers.get("x-api-key", "").strip():
        return key
    scheme, _, given = headers.get("authorization", "").strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip() or None
        case "basic":
            return _password(given.strip())
    return None


def _password(given: str) -> str | None:
    try:
        user_and_password = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return user_and_password.partition(":")[2] or None
