"""How is an OTLP export read? The same spans out of protobuf and out of JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tokentide.errors import QueryError
from tokentide.gateway.adapters.payload import parsed
from tokentide.gateway.adapters.words import an_object, text, whole

__all__ = ["FAILED", "PROTOBUF", "Span", "spans_of_json", "spans_of_protobuf"]

PROTOBUF = "application/x-protobuf"
FAILED = 2
"""As the code of a span's status: an error."""

_DEEPEST = 20  # values in values: an attribute that anybody reads here has one level


@dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Attributes:
        trace_id: lower-case hexadecimal, as the two others.
        span_id: its own.
        parent_span_id: empty for a root.
        start_ns: nanoseconds since the epoch.
        end_ns: nanoseconds since the epoch.
        attributes: its own; lists and maps as Python's.
        resource: the attributes of what made it.
        status_code: 2 for an error.
        status_message: what went wrong.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    status_code: int
    status_message: str


def spans_of_protobuf(body: bytes) -> Iterator[Span]:
    """The spans of an ExportTraceServiceRequest.

    Raises:
        QueryError: the body is none.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise QueryError("the body is no ExportTraceServiceRequest in protobuf") from error
    for of_resource in request.resource_spans:
        resource = {pair.key: _value(pair.value) for pair in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Span(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {pair.key: _value(pair.value) for pair in span.attributes},
                    resource,
                    span.status.code,
                    span.status.message,
                )


def spans_of_json(body: bytes) -> Iterator[Span | None]:
    """The spans of an ExportTraceServiceRequest in JSON; None for what is no span.

    Raises:
        QueryError: the body is none.
    """
    request = parsed(body)
    if not isinstance(request, dict):
        raise QueryError("the body is no ExportTraceServiceRequest: it must be a JSON object")
    for of_resource in _listed(request, "resourceSpans"):
        resource = _attributes(an_object(of_resource).get("resource"))
        for of_scope in _listed(of_resource, "scopeSpans"):
            for span in _listed(of_scope, "spans"):
                yield _span(span, resource)


def _value(value: AnyValue, depth: int = 0) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(each, depth + 1) for each in value.array_value.values] if depth < _DEEPEST else None
        case "kvlist_value":
            pairs = value.kvlist_value.values if depth < _DEEPEST else ()
            return {pair.key: _value(pair.value, depth + 1) for pair in pairs}
        case name:
            return getattr(value, name)


def _span(span: Any, resource: dict[str, Any]) -> Span | None:
    given = an_object(span)
    start, end = whole(given.get("startTimeUnixNano")), whole(given.get("endTimeUnixNano"))
    identity = [_hex(given.get(name), length) for name, length in (("traceId", 32), ("spanId", 16))]
    if not isinstance(start, int) or not isinstance(end, int) or None in identity:
        return None
    status = an_object(given.get("status"))
    failed = status.get("code") in {FAILED, "STATUS_CODE_ERROR"}
    return Span(
        str(identity[0]),
        str(identity[1]),
        _hex(given.get("parentSpanId"), 16) or "",
        start,
        end,
        _attributes(given),
        resource,
        FAILED if failed else 0,
        text(status.get("message")) or "",
    )


def _listed(container: Any, name: str) -> list[Any]:
    found = an_object(container).get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise QueryError(f"{name} must be an array", name)
    return found


def _attributes(container: Any) -> dict[str, Any]:
    pairs = an_object(container).get("attributes")
    pairs = pairs if isinstance(pairs, list) else []
    return {str(pair["key"]): _json_value(pair.get("value")) for pair in pairs if "key" in an_object(pair)}


def _json_value(value: Any) -> Any:
    for name, said in an_object(value).items():
        match name:
            case "stringValue" | "boolValue" | "doubleValue":
                return said
            case "intValue":
                return whole(said)
            case "arrayValue":
                values = an_object(said).get("values")
                return [_json_value(each) for each in values] if isinstance(values, list) else []
    return None


def _hex(value: Any, length: int) -> str | None:
    """An id: hexadecimal, as OTLP has it, or base64, as protobuf's own JSON has it."""
    if not isinstance(value, str):
        return None
    try:
        found = bytes.fromhex(value) if len(value) == length else base64.b64decode(value, validate=True)
    except ValueError:
        return None
    return found.hex() if 2 * len(found) == length else None
