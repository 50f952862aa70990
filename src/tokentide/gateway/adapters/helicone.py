"""Helicone's rows: those of its table `request_response_rmt`, as an array or as NDJSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tokentide.events import Reason
from tokentide.gateway.adapters.payload import Fields, Mapped, Payload, objects_of
from tokentide.gateway.adapters.words import UNKNOWN, an_object, event_id, five_way, moment_text, read_ms, text, whole

__all__ = ["read"]

_PENDING, _TIMED_OUT, _CANCELLED = -2, -1, -3
_OWN_STATUSES = {_TIMED_OUT: "timeout", _CANCELLED: "cancelled"}
_SESSION = "Helicone-Session-Id"
_HTTP = range(100, 1000)


def read(payload: Payload) -> Mapped:
    """Each row as an event; one whose request has no answer yet is refused.

    Raises:
        QueryError: the body is neither JSON nor NDJSON.
    """
    found = Mapped()
    for place, row in enumerate(objects_of(payload.body)):
        if not isinstance(row, dict):
            found.refuse(place, "not a JSON object", Reason.NOT_JSON)
        elif not text(row.get("request_id")):
            found.refuse(place, "request_id: is required", Reason.MISSING_FIELD)
        elif (began_ms := read_ms(row.get("request_created_at"))) is None:
            found.refuse(place, "request_created_at: must be a time, UTC without an offset", Reason.BAD_TIMESTAMP)
        elif not isinstance(status := whole(row.get("status")), int) or isinstance(status, bool):
            found.refuse(place, "status: must be the HTTP status of the answer")
        elif status == _PENDING:
            found.refuse(place, "status: the request has no answer yet; send the row when it has")
        else:
            found.take(place, _fields(row, began_ms, status))
    return found


def _fields(row: Any, began_ms: int, status: int) -> Fields:
    cached = whole(row.get("prompt_cache_read_tokens"))
    first_token_ms = whole(row.get("time_to_first_token"))
    streamed = isinstance(first_token_ms, int | float) and first_token_ms > 0
    properties = an_object(row.get("properties"))
    failed = status >= 400 or status < 0  # noqa: PLR2004  errors begin there
    return {
        "event_id": event_id(row["request_id"]),
        "timestamp": moment_text(began_ms),
        "latency_ms": whole(row.get("latency")),
        "stream": True if streamed else None,
        "ttft_ms": first_token_ms if streamed else None,
        "provider": text(row.get("provider")) or UNKNOWN,
        "model": row.get("model"),
        "status": _OWN_STATUSES.get(status) or five_way(http_status=status, failed=failed),
        "error_code": str(status) if failed else None,
        "http_status": status if status in _HTTP else None,
        "input_tokens": _added(whole(row.get("prompt_tokens")), cached),
        "output_tokens": whole(row.get("completion_tokens")),
        "cached_tokens": cached,
        "cache_write_tokens": whole(row.get("prompt_cache_write_tokens")),
        "reasoning_tokens": whole(row.get("reasoning_tokens")),
        "cost_usd": _dollars(whole(row.get("cost"))),
        "session_id": text(properties.get(_SESSION)),
        "user_id": text(row.get("user_id")),
    }


def _added(read: Any, cached: Any) -> Any:
    """Helicone counts tokens from the prompt cache apart."""
    return (read or 0) + cached if isinstance(read, int | None) and isinstance(cached, int) else read


def _dollars(nanos: Any) -> Any:
    """Its costs are whole nano-dollars."""
    return format(Decimal(nanos).scaleb(-9), "f") if isinstance(nanos, int) and not isinstance(nanos, bool) else nanos
