"""What does the JSON body of a request hold? Read within limits, and without the freedoms that JSON parsers take."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from fastapi import Request

from tokentide.api.bodies import BodyRules, body_of, content_type
from tokentide.api.failures import Failure, Kind, Refused
from tokentide.errors import QueryError
from tokentide.events.nesting import nests_too_deep

__all__ = ["MOST_BYTES", "MOST_LEVELS", "parse_json", "read_json", "shortened"]

MOST_BYTES = 1 << 20
"""Largest body."""

MOST_LEVELS = 32
"""Deepest nesting of brackets."""

_RULES = BodyRules(frozenset({"application/json"}), MOST_BYTES)
_MOST_DIGITS = 309  # of the largest double
_MOST_SHOWN = 60


async def read_json(request: Request) -> Any:
    """The value of the request's body.

    Raises:
        Refused: the body is too large or too slow, or not declared as plain JSON.
        QueryError: it is not JSON, or holds what JSON leaves open.
    """
    if content_type(request) not in _RULES.content_types:  # one that is not said, too, is none
        raise Refused(Failure(Kind.UNSUPPORTED, "the header Content-Type must be application/json", "Content-Type"))
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(Failure(Kind.UNSUPPORTED, "the body must not be compressed", "Content-Encoding"))
    async with body_of(request, _RULES, request.app.state.room) as body:
        return parse_json(body)


def parse_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8, whose numbers are finite and whose objects name each key once.

    Raises:
        QueryError: it is not such a text, or nests too deep.
    """
    if nests_too_deep(body, levels=MOST_LEVELS):
        raise QueryError(f"the body must not nest deeper than {MOST_LEVELS} levels")
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float, parse_int=_integer
        )
        json.dumps(value, ensure_ascii=False).encode()  # a surrogate without its other half is no text
    except UnicodeError:
        raise QueryError("the body must be UTF-8, without lone surrogates in its strings") from None
    except json.JSONDecodeError as error:
        raise QueryError(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    return value


def shortened(text: str) -> str:
    """A text of a request as an answer may quote it: in ASCII, and not longer than a line."""
    return ascii(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")[1:-1]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, one in pairs:
        if key in value:
            raise QueryError(f"{shortened(key)} stands twice in one object", shortened(key))
        value[key] = one
    return value


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _MOST_DIGITS:
        _refuse(text)
    _float(text)
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise QueryError(f"{shortened(text)} is not a finite number")
