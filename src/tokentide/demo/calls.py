"""What one made-up LLM call looks like: its tokens, its price, its speed, how it ended, and what is told beside."""

from __future__ import annotations

import math
from random import Random
from typing import Any, NamedTuple

from tokentide.demo.callers import Caller
from tokentide.demo.catalogue import ERROR_CODES, FAILURE_MODES, MODELS, Model, Task
from tokentide.demo.chance import happens, pick, spread

__all__ = ["Burst", "call", "identity", "virtual_row"]

Event = dict[str, Any]

_MODELS = spread((model, model.weight) for model in MODELS)
_ENDINGS = spread((("success", 9660), ("error", 150), ("cancelled", 90), ("timeout", 60), ("rate_limited", 40)))
_FINISHES = spread((("stop", 900), ("tool_calls", 80), ("length", 15), ("content_filter", 5)))
_CODES = {status: spread((code, code.weight) for code in codes) for status, codes in ERROR_CODES.items()}
_MODES = spread(zip(FAILURE_MODES, (40, 30, 15, 8, 7), strict=True))
_RECOVERIES = spread(((None, 50), ("retry", 32), ("fallback", 18)))
_ROUTINGS = spread((("asked", 570), ("fallback", 30), ("judged", 80), ("pinned", 40), ("capped", 40), (None, 240)))
_REGIONS = spread((("us-east-1", 60), ("eu-west-1", 40)))
_CACHE_BLOCK_TOKENS = 64
_TIMEOUTS_MS = (30_000.0, 60_000.0)
_NANOS = 1_000_000_000


class Burst(NamedTuple):
    """Minutes in which one provider turns most calls away; times are milliseconds within an hour."""

    provider: str
    begin_ms: int
    length_ms: int

    def covers(self, offset_ms: int) -> bool:
        """Whether the moment lies in the burst."""
        return self.begin_ms <= offset_ms < self.begin_ms + self.length_ms


def identity(rng: Random, project_id: str, timestamp: str) -> Event:
    """The fields that tell one event from all others."""
    bits = f"{rng.getrandbits(256):064x}"
    return {
        "event_id": f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:32]}",
        "project_id": project_id,
        "timestamp": timestamp,
        "trace_id": bits[32:],
    }


def call(rng: Random, caller: Caller, timestamp: str, burst: Burst | None) -> Event:
    """One LLM call.

    Args:
        rng: where chance comes from.
        caller: whose call it is.
        timestamp: when it begins.
        burst: the burst of refusals that runs at that time, if any.
    """
    model, session, status = pick(rng, _MODELS), caller.session(), pick(rng, _ENDINGS)
    if burst and burst.provider == model.provider and happens(rng, 0.7):
        status = "rate_limited"
    event = identity(rng, caller.project_id, timestamp)
    event |= session.fields
    event["provider"] = model.provider
    event["model"] = model.name
    event["status"] = status
    event["task_type"] = session.task.name
    if status == "success":
        _answer(rng, event, model, session.task)
    else:
        _no_answer(rng, event, model, session.task)
    _tell_routing(rng, event, model)
    _tell_labels(rng, event)
    return event


def virtual_row(rng: Random, event: Event) -> Event:
    """The row that a gateway writes for the virtual model through which a call came."""
    fresh = identity(rng, event["project_id"], event["timestamp"])
    named = {"virtual_model": "assistants/chat", "provider_model_name": event["model"], "attempt": 1}
    return event | fresh | named | {"trace_id": event["trace_id"]}


def _answer(rng: Random, event: Event, model: Model, task: Task) -> None:
    event["input_tokens"] = read = _tokens(rng, task.input_tokens)
    event["output_tokens"] = written = _tokens(rng, task.output_tokens)
    cached = 0
    if model.cached_price and happens(rng, 0.35):
        event["cached_tokens"] = cached = int(read * rng.random() * 0.9) // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS
    if model.reasons:
        event["reasoning_tokens"] = written * 2 // 3
    nanos = (read - cached) * model.input_price + cached * model.cached_price + written * model.output_price
    event["cost_usd"] = _dollars(rng, nanos)
    _time(rng, event, model, written, streamed=happens(rng, task.stream_share))
    event["http_status"] = 200
    event["finish_reason"] = finish = pick(rng, _FINISHES)
    _judge(rng, event, model, task)
    if finish in {"stop", "tool_calls"} and happens(rng, 0.02):
        _fail(rng, event)
    if happens(rng, 0.15):
        _look_up(rng, event)


def _tokens(rng: Random, median: int) -> int:
    return max(1, int(rng.lognormvariate(math.log(median), 0.7)))


def _dollars(rng: Random, nanos: int) -> float | str:
    """Most producers write a number, some a decimal text."""
    return f"{nanos // _NANOS}.{nanos % _NANOS:09}" if happens(rng, 0.1) else nanos / _NANOS


def _time(rng: Random, event: Event, model: Model, written: int, *, streamed: bool) -> None:
    first = model.first_token_ms * rng.lognormvariate(0, 0.35)
    rest = model.token_ms * written * rng.lognormvariate(0, 0.25)
    event["latency_ms"] = round(first + rest, 3)
    if streamed:
        event["stream"] = True
        event["ttft_ms"] = round(first, 3)
        event["time_per_output_token_ms"] = round(rest / written, 3)


def _judge(rng: Random, event: Event, model: Model, task: Task) -> None:
    """Scores that an evaluation adds to some answers: the harder the work, the worse."""
    if happens(rng, 0.6):
        hardness = min(1.0, max(0.0, rng.gauss(task.complexity, 0.12)))
        score = model.quality + 0.06 - 0.15 * hardness + rng.gauss(0, 0.04)
        event["complexity"] = round(hardness, 3)
        event["quality_score"] = round(min(1.0, max(0.0, score)), 3)
        event["validation_passed"] = True


def _fail(rng: Random, event: Event) -> None:
    event["failure_mode"] = mode = pick(rng, _MODES)
    event["failure_trigger"] = rng.choice(FAILURE_MODES[mode])
    event["validation_passed"] = False
    recovery = pick(rng, _RECOVERIES)
    if recovery:
        event["recovered_by"] = recovery
        event["retry_count"] = rng.randint(1, 2)
        event["fallback_used"] = recovery == "fallback"


def _look_up(rng: Random, event: Event) -> None:
    """What the gateway's own cache says."""
    event["cache_lookup_status"] = "hit" if happens(rng, 0.3) else "miss"
    event["cache_type"] = "semantic" if happens(rng, 0.6) else "exact"
    event["cache_namespace"] = event["task_type"]
    event["cache_lookup_latency_ms"] = round(rng.lognormvariate(1.5, 0.5), 3)
    if event["cache_lookup_status"] == "hit":
        event["potential_cost_savings"] = event["cost_usd"]


def _no_answer(rng: Random, event: Event, model: Model, task: Task) -> None:
    status = event["status"]
    reason = pick(rng, _CODES[status])
    event["http_status"] = reason.http_status
    if reason.code:
        event["error_code"] = reason.code
        event["error_message"] = f"{model.provider} answered {reason.http_status}: {reason.code.replace('_', ' ')}"
    if status == "rate_limited":
        event["latency_ms"] = round(rng.lognormvariate(4.3, 0.4), 3)
        return
    event["input_tokens"] = read = _tokens(rng, task.input_tokens)
    if status == "timeout":
        event["latency_ms"] = rng.choice(_TIMEOUTS_MS)
    elif status == "error":
        event["latency_ms"] = round(model.first_token_ms * rng.lognormvariate(0, 0.5), 3)
    else:  # a cancelled stream is paid for as far as it came
        event["output_tokens"] = written = _tokens(rng, max(2, task.output_tokens // 3))
        event["cost_usd"] = _dollars(rng, read * model.input_price + written * model.output_price)
        _time(rng, event, model, written, streamed=True)


def _tell_routing(rng: Random, event: Event, model: Model) -> None:
    routing = "fallback" if event.get("fallback_used") else pick(rng, _ROUTINGS)
    if routing == "asked":
        event["requested_model"] = model.name
    elif routing == "fallback":
        event["requested_model"] = rng.choice(MODELS).name
        event["fallback_used"] = True
    elif routing == "judged":
        event["routing_correct"] = happens(rng, 0.9)
    elif routing == "pinned":
        event["model_pinned"] = True
    elif routing == "capped":
        event["cost_ceiling_usd"] = 0.02


def _tell_labels(rng: Random, event: Event) -> None:
    if happens(rng, 0.5):
        event["metadata"] = {"feature": event["task_type"], "region": pick(rng, _REGIONS)}
    if happens(rng, 0.05):
        event["tags"] = {"experiment": rng.choice("ab"), "step": rng.randint(1, 9)}  # a number is kept as its JSON text
