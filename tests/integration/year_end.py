"""Made-up events of four months that hold the end of a year and a leap day: what dialects by day are asked about."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from uuid import UUID

__all__ = ["MOMENTS_MS", "NOW_MS", "PROJECTS", "events_of_the_winter", "ms"]

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
PROJECTS = ("shop", "lab", "bare")
"""The last one gives no quality, no complexity and no session."""

MODELS = {
    "gpt-4o": ("openai", 0.01),
    "gpt-4o-mini": ("openai", 0.001),
    "claude-sonnet-4-5": ("anthropic", 0.008),
    "claude-haiku-4-5": ("anthropic", 0.0009),
    "llama": ("local", 0),
}


def ms(text):
    """A UTC time in milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


FIRST_MS, NOW_MS = ms("2027-11-10"), ms("2028-03-05T12:00")
MOMENTS_MS = [
    ms(text)
    for text in (
        "2027-11-30T23:59:59.999",
        "2027-12-01T00:00",
        "2027-12-31T23:59:59.999",
        "2028-01-01T00:00",
        "2028-01-01T00:00:00.500",
        "2028-01-17T09:41:27.250",
        "2028-01-31T23:30",
        "2028-02-28T23:59:59",
        "2028-02-29T00:00:01",
        "2028-02-29T15:20:10.007",
        "2028-03-01T00:00",
        "2028-03-01T08:05",
    )
]
"""When it is asked: around midnight, at the ends of months and of the year, on the leap day."""


def events_of_the_winter(seed, count):
    """Events of every kind; half of them crowd around the moments, so that a few minutes hold many."""
    rng = Random(seed)
    for number in range(count):
        event = _event(rng, number)
        if event["project_id"] == "bare":
            event = {k: v for k, v in event.items() if k not in {"quality_score", "complexity", "session_id"}}
        yield event


def _event(rng, number):
    model = rng.choice(list(MODELS))
    provider, price = MODELS[model]
    at_ms = _when(rng)
    crowd = at_ms // (5 * MINUTE_MS) % 6 in {0, 5}  # in some minutes much goes wrong
    status = rng.choices(
        ("success", "error", "timeout", "rate_limited", "cancelled"), (90, 30, 10, 5, 5) if crowd else (200, 1, 0, 3, 2)
    )[0]
    read = rng.randrange(4000)
    base = {
        "event_id": str(UUID(int=rng.getrandbits(128))),
        "project_id": rng.choices(PROJECTS, (3, 2, 1))[0],
        "timestamp": _text(at_ms),
        "kind": "agent" if number % 41 == 0 else "llm",
        "provider": provider,
        "model": model,
        "status": status,
        "latency_ms": round(rng.lognormvariate(6 + (at_ms // DAY_MS % 7) / 5, 0.7), 3),
        "input_tokens": read,
        "output_tokens": rng.randrange(900),
        "cost_usd": f"{price * read / 1000 * rng.random():.9f}",
    }
    return base | _maybe(rng, number)


def _maybe(rng, number):
    fields = {
        "virtual_model": "best" if number % 37 == 0 else None,
        "requested_model": rng.choice([*MODELS, None]),
        "routing_correct": rng.choice([True, True, False, None, None, None]),
        "agent_id": rng.choice(["planner", "writer", "", None]),
        "task_type": rng.choice(["extraction", "extraction", "reasoning", "code", "unknown", None]),
        "session_id": rng.choice([f"s{rng.randrange(200)}", None]),
        "complexity": rng.choice([round(rng.random(), 3), None]),
        "quality_score": rng.choice([round(0.7 + 0.3 * rng.random(), 3), 0.9, None]),
        "validation_passed": rng.choice([True, False, None]),
        "finish_reason": rng.choice(["stop", "stop", "length", "content_filter", None]),
        "error_code": rng.choice(["overloaded", None]),
        "fallback_used": rng.random() < 0.1,
        "retry_count": rng.choice([0, 0, 0, 1, 2]),
        "model_pinned": rng.random() < 0.3,
        "cost_ceiling_hit": rng.random() < 0.05,
        "cost_ceiling_usd": rng.choice(["0.000100000", 0.5, None]),
        "failure_mode": rng.choice(["refusal", "hallucination", "reasoning_error", *[None] * 12]),
        "failure_trigger": rng.choice(["nested arrays", "edge cases", "math", None]),
        "recovered_by": rng.choice(["retry", "fallback", None]),
        "cached_tokens": 0,
        "reasoning_tokens": rng.choice([0, 64]),
        "cache_write_tokens": rng.choice([0, 32]),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _when(rng):
    if rng.random() < 0.5:
        return rng.randrange(FIRST_MS, NOW_MS)
    moment = rng.choice(MOMENTS_MS)
    return rng.choice([moment, moment - rng.randrange(2 * HOUR_MS), moment - rng.randrange(20 * MINUTE_MS)])


def _text(at_ms):
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
