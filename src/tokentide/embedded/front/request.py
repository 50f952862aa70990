"""What does an HTTP request to ClickHouse ask for? Pure: address, headers and form in, one value out."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlsplit

from tokentide.embedded.front.refusal import ClickHouseError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BAD_REQUEST_PARAMETER", "Headers", "Request", "parse_form", "parse_request", "quoted", "set_statement"]

BAD_REQUEST_PARAMETER = 408
_NOT_IMPLEMENTED = 48
_UNSUPPORTED_METHOD = 1

# Parameters of the HTTP interface itself, and settings that mean something to a ClickHouse server's HTTP code only.
_NOT_SETTINGS = frozenset(
    {
        *("query", "database", "default_format", "query_id", "user", "password", "quota_key", "role"),
        *("session_id", "session_timeout", "session_check", "close_session", "stacktrace", "client_protocol_version"),
        *("compress", "decompress", "wait_end_of_query", "buffer_size"),
        *("enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"),
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUERY_ID = re.compile(r"[!-~]{1,128}")
_FORM_NAME = re.compile(rb'[; ]name="([^"]*)"')
_BOUNDARY = re.compile(r'boundary="?([^";]+)')


class Headers(Protocol):
    """The headers of a request, whose names are found in upper and lower case."""

    def get(self, name: str, default: str, /) -> str:
        """The value of a header, or the default."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question or statement, apart from its body.

    Attributes:
        query: SQL from the address or the form; the body, if any, follows it.
        database: The default database, empty for none.
        binds: Values of `{name:Type}` parameters, in ClickHouse's escaped text form.
        settings: Settings for this statement alone.
        default_format: Output format of a statement that names none.
        query_id: The client's id, or a new one.
        credentials: User and password, as given.
        encodings: Content encodings that the answer may have, as the client lists them; empty for none.
    """

    query: str
    database: str
    binds: Mapping[str, str]
    settings: Mapping[str, str]
    default_format: str
    query_id: str
    credentials: tuple[str, str]
    encodings: tuple[str, ...]

    @property
    def is_readonly(self) -> bool:
        """Whether the client gave up writing for this statement."""
        return self.settings.get("readonly", "0") != "0"


def parse_request(method: str, target: str, headers: Headers, form: Mapping[str, str]) -> Request:
    """Reads a request as a ClickHouse server does: the form adds to the address; GET must not write.

    Sessions and roles are not kept: their parameters are accepted and mean nothing.

    Raises:
        ClickHouseError: A name is not a name, or a feature is asked for that does not exist here.
    """
    given = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True)) | dict(form)
    if "1" in {given.get("compress"), given.get("decompress")}:
        raise ClickHouseError(
            _UNSUPPORTED_METHOD, "UNSUPPORTED_METHOD", "use HTTP compression, not compress/decompress"
        )
    settings = {name: value for name, value in given.items() if _is_setting(name)}
    if method == "GET":
        settings.setdefault("readonly", "2")
    for name in given:
        if not _NAME.fullmatch(name):
            raise ClickHouseError(BAD_REQUEST_PARAMETER, "BAD_REQUEST_PARAMETER", f"{name!r} is not a parameter's name")
    accepted = headers.get("Accept-Encoding", "") if given.get("enable_http_compression") == "1" else ""
    query_id = given.get("query_id", "")
    return Request(
        query=given.get("query", ""),
        database=given.get("database") or headers.get("X-ClickHouse-Database", ""),
        binds={name[6:]: value for name, value in given.items() if name.startswith("param_")},
        settings=settings,
        default_format=given.get("default_format") or headers.get("X-ClickHouse-Format", "TabSeparated"),
        query_id=query_id if _QUERY_ID.fullmatch(query_id) else str(uuid.uuid4()),
        credentials=_credentials(headers, given),
        encodings=tuple(name.partition(";")[0].strip() for name in accepted.split(",")),
    )


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart form, as clients send long parameters.

    Raises:
        ClickHouseError: It is not a form, or carries files (external data), which are not supported.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise ClickHouseError(BAD_REQUEST_PARAMETER, "BAD_REQUEST_PARAMETER", "a multipart form without a boundary")
    fields = {}
    for section in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:]:
        head, _, value = section.partition(b"\r\n\r\n")
        if b"filename=" in head:
            raise ClickHouseError(_NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "external data is not supported")
        if name := _FORM_NAME.search(head):
            fields[name[1].decode()] = value.decode(errors="replace")
    return fields


def set_statement(settings: Mapping[str, str]) -> str:
    """One SET for all of them (values cannot be bound there), `readonly` last, as it forbids what would follow."""
    ordered = sorted(settings.items(), key=lambda item: item[0] == "readonly")
    return "SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in ordered)


def quoted(value: str, quote: str = "'") -> str:
    """A string literal, or with a backtick an identifier."""
    return quote + value.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def _is_setting(name: str) -> bool:
    return name not in _NOT_SETTINGS and not name.startswith("param_")


def _credentials(headers: Headers, given: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    return (
        headers.get("X-ClickHouse-User", "") or given.get("user", "default"),
        headers.get("X-ClickHouse-Key", "") or given.get("password", ""),
    )
