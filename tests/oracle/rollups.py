"""What the rollup tables must hold, computed from raw events by brute force: every row from all of its events.

Nothing here comes from the package under test. Keys are (partition, project, bucket in seconds, …); a digest is given
as the list of values that it stands for, in the order of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from tests.oracle.log import millis

__all__ = ["OTHER", "Logged", "counted", "rollups"]

FAILED = ("error", "timeout", "rate_limited")
STATUSES = ("success", "error", "timeout", "rate_limited", "cancelled")
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
MODES = ("format_violation", "refusal", "hallucination", "incomplete", "reasoning_error", "provider_error")

OTHER = "__other__"

Event = dict[str, Any]
Rows = dict[tuple[Any, ...], dict[str, Any]]


class Logged(NamedTuple):
    """One valid event and where it stands.

    Attributes:
        partition: of the topic.
        offset: of its record.
        index: its place in the record.
        log_ms: the latest timestamp of all records up to its own, those without events included.
        event: the JSON object as it was sent.
    """

    partition: int
    offset: int
    index: int
    log_ms: int
    event: Event


def counted(log: Iterable[Logged], window_ms: int, max_ids: int) -> list[Logged]:
    """The events that are no duplicates.

    An id is known when its latest occurrence in the partition lies within the last `window_ms` of log time, and fewer
    than `max_ids` other ids were seen since.
    """
    kept: list[Logged] = []
    before: dict[int, list[tuple[int, tuple[str, UUID]]]] = {}
    for logged in sorted(log, key=lambda logged: logged[:3]):
        occurrences = before.setdefault(logged.partition, [])
        identity = (logged.event["project_id"], UUID(logged.event["event_id"]))
        if not _is_known(identity, occurrences, logged.log_ms - window_ms, max_ids):
            kept.append(logged)
        occurrences.append((logged.log_ms, identity))
    return kept


def _is_known(identity: Any, occurrences: list[tuple[int, Any]], oldest_ms: int, max_ids: int) -> bool:
    others = set()
    for time, other in reversed(occurrences):
        if time < oldest_ms or len(others) >= max_ids:
            return False
        if other == identity:
            return True
        others.add(other)
    return False


def rollups(events: Iterable[Logged], most_names: int = 10**9) -> dict[str, Rows]:
    """Every row of every rollup table, of events that count; `version` is that of the last record that changed it.

    An hour of a project has at most so many names in a partition, and so many groups of errors; see `_named`.
    """
    calls = [
        logged
        for logged in sorted(events, key=lambda logged: logged[:3])
        if logged.event.get("kind", "llm") == "llm" and logged.event.get("virtual_model") is None
    ]
    calls = _grouped(_named(calls, most_names), most_names)
    return {
        "usage_1h": dict(_rows(calls, 3600, lambda event: event["counted as"], _usage)),
        "latency_1h": dict(_rows(calls, 3600, lambda event: event["counted as"][:2], _latency)),
        "errors_1h": dict(
            _rows([call for call in calls if _failed(call.event)], 3600, lambda event: event["error group"], _errors)
        ),
        "rate_limits_1m": dict(
            _rows(
                [call for call in calls if call.event["status"] == "rate_limited"],
                60,
                lambda event: event["counted as"][:2],
                lambda part: {"rate_limited": len(part)},
            )
        ),
        "provider_health_5m": dict(_rows(calls, 300, lambda event: event["counted as"][:1], _health)),
    }


def _rows(
    calls: list[Logged],
    seconds: int,
    dimensions: Callable[[Event], tuple[str, ...]],
    measure: Callable[[list[Event]], dict[str, Any]],
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    def key(call: Logged) -> tuple[Any, ...]:
        second = millis(call.event["timestamp"]) // 1000
        return call.partition, call.event["project_id"], second // seconds * seconds, *dimensions(call.event)

    parts: dict[tuple[Any, ...], list[Logged]] = {}
    for call in calls:
        parts.setdefault(key(call), []).append(call)
    for wanted, part in parts.items():
        yield wanted, measure([call.event for call in part]) | {"version": max(call.offset for call in part) + 1}


def _named(calls: list[Logged], most: int) -> list[Logged]:
    """Each call with the names that it is counted under: its own, when its hour knows them or has room for them.

    The room is used by whoever comes first. Who finds none keeps the provider, if that is one of a name in the room.
    Someone who calls model, agent and task what the shared rows are called is counted as without a provider.
    """
    rooms: dict[tuple[Any, ...], list[tuple[str, ...]]] = {}
    named = []
    for call in calls:
        own = _usage_key(call.event)
        room = rooms.setdefault(_hour(call), [])
        if own[1:] == (OTHER, OTHER, OTHER):
            names = (OTHER, OTHER, OTHER, OTHER)
        elif own in room:
            names = own
        elif len(room) < most:
            room.append(own)
            names = own
        else:
            provider = own[0] if own[0] in [other[0] for other in room] else OTHER
            names = (provider, OTHER, OTHER, OTHER)
        named.append(call._replace(event=call.event | {"counted as": names}))
    return named


def _grouped(calls: list[Logged], most: int) -> list[Logged]:
    """Each failed call with the group that its error is counted in, by the same rule; `__other__` takes no room."""
    rooms: dict[tuple[Any, ...], list[tuple[str, ...]]] = {}
    grouped = []
    for call in calls:
        if not _failed(call.event):
            grouped.append(call)
            continue
        group = (_code(call.event), *call.event["counted as"][:2])
        room = rooms.setdefault(_hour(call), [])
        if group[0] != OTHER and group not in room:
            if len(room) < most:
                room.append(group)
            else:
                group = (OTHER, *group[1:])
        grouped.append(call._replace(event=call.event | {"error group": group}))
    return grouped


def _hour(call: Logged) -> tuple[Any, ...]:
    return call.partition, call.event["project_id"], millis(call.event["timestamp"]) // 3_600_000


def _usage_key(event: Event) -> tuple[str, ...]:
    return event["provider"], event["model"], event.get("agent_id") or "", event.get("task_type") or ""


def _code(event: Event) -> str:
    own = {"error": "unknown", "timeout": "timeout", "rate_limited": "rate_limited"}[event["status"]]
    code = event.get("error_code")
    return own if code is None else str(code)


def _usage(part: list[Event]) -> dict[str, Any]:
    modes = [_mode(event) for event in part if _failed(event) or event.get("failure_mode")]
    verdicts = [verdict for verdict in map(_verdict, part) if verdict is not None]
    recovered = [event.get("recovered_by") for event in part if _failed(event) or event.get("failure_mode")]
    return {
        "requests": len(part),
        **{status: sum(event["status"] == status for event in part) for status in STATUSES},
        **{name: sum(event.get(name, 0) for event in part) for name in TOKENS},
        "cost_nanos": sum(_scaled(event.get("cost_usd", 0), 10**9) for event in part),
        "latency_us": sum(_scaled(event["latency_ms"], 1000) for event in part),
        "latency_us_max": max(_scaled(event["latency_ms"], 1000) for event in part),
        "ttft_us": sum(_scaled(event["ttft_ms"], 1000) for event in part if _streamed(event)),
        "ttft_count": sum(map(_streamed, part)),
        **_average("quality", [event.get("quality_score") for event in part]),
        **_average("complexity", [event.get("complexity") for event in part]),
        "failures": len(modes),
        **{f"failed_{mode}": modes.count(mode) for mode in MODES},
        "recovered_by_retry": recovered.count("retry"),
        "recovered_by_fallback": recovered.count("fallback"),
        "fallbacks": sum(event.get("fallback_used", False) for event in part),
        "retried": sum(event.get("retry_count", 0) > 0 for event in part),
        "ceiling_hits": sum(map(_over_ceiling, part)),
        "routing_verdicts": len(verdicts),
        "routing_correct": sum(verdicts),
        "pinned": sum(event.get("model_pinned", False) for event in part),
    }


def _latency(part: list[Event]) -> dict[str, Any]:
    return {
        "latency": [event["latency_ms"] for event in part],
        "ttft": [event["ttft_ms"] for event in part if _streamed(event)],
    }


def _errors(part: list[Event]) -> dict[str, Any]:
    times = [millis(event["timestamp"]) for event in part]
    last = max(range(len(part)), key=lambda place: (times[place], place))
    return {"errors": len(part), "last_seen_ms": times[last], "last_event_id": UUID(part[last]["event_id"])}


def _health(part: list[Event]) -> dict[str, Any]:
    return {
        "requests": len(part),
        "errors": sum(event["status"] in ("error", "timeout") for event in part),
        "rate_limited": sum(event["status"] == "rate_limited" for event in part),
        "latency_us": sum(_scaled(event["latency_ms"], 1000) for event in part),
    }


def _average(name: str, values: list[float | None]) -> dict[str, Any]:
    given = [value for value in values if value is not None]
    return {f"{name}_sum": float(sum(given)), f"{name}_count": len(given)}


def _failed(event: Event) -> bool:
    return event["status"] in FAILED


def _streamed(event: Event) -> bool:
    return event.get("stream", False) and event.get("ttft_ms") is not None


def _mode(event: Event) -> str:
    if event.get("failure_mode"):
        return event["failure_mode"]
    by_finish = {"length": "incomplete", "content_filter": "refusal"}
    otherwise = "format_violation" if event.get("validation_passed") is False else "provider_error"
    return by_finish.get(event.get("finish_reason"), otherwise)


def _verdict(event: Event) -> bool | None:
    if event.get("routing_correct") is not None:
        return event["routing_correct"]
    if event.get("requested_model") is None:
        return None
    failed = _failed(event) or bool(event.get("failure_mode"))
    return event["model"] == event["requested_model"] and not event.get("fallback_used") and not failed


def _over_ceiling(event: Event) -> bool:
    ceiling = event.get("cost_ceiling_usd")
    over = ceiling is not None and Fraction(str(event.get("cost_usd", 0))) > Fraction(str(ceiling))
    return event.get("cost_ceiling_hit", False) or over


def _scaled(number: float | str, unit: int) -> int:
    """A decimal number in a smaller unit, half to even."""
    return round(Fraction(str(number)) * unit)
