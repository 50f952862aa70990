"""How is an error said in ClickHouse's way? A numeric code, a name, a text, and the HTTP status that goes with it."""

from __future__ import annotations

import re
from http import HTTPStatus

__all__ = ["ClickHouseError", "error_from_engine"]

_CODE = re.compile(r"Code: (\d+)\. DB::Exception")
_UNKNOWN_EXCEPTION = 1002

# As ClickHouse maps them (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp); every other code is 500.
_STATUS = {
    code: status
    for status, codes in {
        HTTPStatus.UNAUTHORIZED: "194",
        HTTPStatus.FORBIDDEN: "192 193 497 512 516",
        HTTPStatus.BAD_REQUEST: "6 8 15 25 26 27 36 37 38 41 44 53 62 72 117 123 167 168 223 321 376 427 441 675 676",
        HTTPStatus.NOT_FOUND: "46 47 50 56 60 63 73 78 81 115 152 336 511",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "229",
        HTTPStatus.NOT_IMPLEMENTED: "48",
        HTTPStatus.SERVICE_UNAVAILABLE: "76 209 439",
        HTTPStatus.LENGTH_REQUIRED: "381",
        HTTPStatus.REQUEST_TIMEOUT: "159",
    }.items()
    for code in map(int, codes.split())
}


class ClickHouseError(Exception):
    """A refusal as a client of ClickHouse knows it.

    Attributes:
        code: ClickHouse's number for this kind of error.
        text: The whole message, `Code: <code>. DB::Exception: …`.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.text = f"Code: {code}. DB::Exception: {message} ({name})"

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that a ClickHouse server answers with."""
        return _STATUS.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def error_from_engine(text: str) -> ClickHouseError:
    """The refusal in an exception's text; whatever the library put in front of it is left out."""
    found = _CODE.search(text)
    if found is None:
        return ClickHouseError(_UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", text)
    error = ClickHouseError(int(found[1]), "", text)
    error.text = text[found.start() :].strip()
    return error
