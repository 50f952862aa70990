"""Everyone's clients send to a running `up`, and what was accepted is counted, whatever is killed on the way."""

from __future__ import annotations

import os
import signal
import time
from random import Random
from uuid import UUID

import httpx
import msgspec
import pytest
from agentlensai import AgentLensClient
from agentlensai.models import LlmMessage, LogLlmCallParams, TokenUsage
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from tests.e2e.judging import differing, text
from tests.e2e.upped import eventually
from tests.oracle.agentlens import analytics
from tests.oracle.compare import differences
from tests.oracle.log import Sent, calls
from tokentide.clock import now_ms

BATCHES = 200
EVENTS = 10
KILLS = {40: ["api"], 80: ["kafka"], 120: ["worker"], 160: ["api", "kafka", "worker"]}
HOUR_MS = 3_600_000
PATIENCE_SECONDS = 120


def an_event(random, **fields):
    """A call of the last minutes, with a price and tokens of its own."""
    return {
        "event_id": str(UUID(int=random.getrandbits(128), version=4)),
        "timestamp": text(now_ms() - random.randrange(300_000)),
        "provider": "openai",
        "model": random.choice(["gpt-4o", "claude"]),
        "status": random.choice(["success", "success", "success", "error", "timeout", "rate_limited"]),
        "latency_ms": random.randrange(1, 10**6) / 1000,
        "input_tokens": random.randrange(5000),
        "output_tokens": random.randrange(900),
        "cost_usd": f"0.{random.randrange(10**9):09}",
    } | fields


def counted(events, project):
    """What the oracle makes of events that were accepted, each once."""
    log = [Sent(0, number, now_ms(), event | {"project_id": project}) for number, event in enumerate(events)]
    return calls(log)


def post_until_accepted(up, path, body):
    """Send as a careful client does: again after a lost answer, a 5xx or a 429, always the same body."""
    headers = {"x-api-key": up.ready["ingest_key"], "content-type": "application/json"}
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            answer = up.http.post(path, content=body, headers=headers)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code < 500 and answer.status_code != 429:
            return answer
        time.sleep(min(1.0, float(answer.headers.get("Retry-After", 1))))
    raise AssertionError(f"not accepted within {PATIENCE_SECONDS} s")


@pytest.mark.timeout(400)
def test_accepted_is_counted_whatever_is_killed(up):
    """200 batches, with the API, Kafka and the worker killed right after a 202: each event is counted once."""
    random, events = Random(7), []
    for number in range(BATCHES):
        batch = [an_event(random) for _ in range(EVENTS)]
        pids = up.pids() if number in KILLS else {}
        answer = post_until_accepted(up, "/v1/ingest", msgspec.json.encode(batch))
        assert (answer.status_code, answer.json()) == (202, {"accepted": EVENTS})
        events += batch
        for part in KILLS.get(number, []):
            os.kill(pids[part], signal.SIGKILL)
    eventually(lambda: up.status()["ready"], PATIENCE_SECONDS, "everything runs again")
    again = post_until_accepted(up, "/v1/ingest", msgspec.json.encode(events[-EVENTS:]))  # a lost answer, sent again
    assert again.status_code == 202
    end_ms = now_ms()
    up.wait_until_stored(text(end_ms), PATIENCE_SECONDS)
    project = up.ready["project_id"]
    assert differing(up, counted(events, project), project, end_ms - HOUR_MS, end_ms) == []


def test_every_client_is_counted(up):
    """The OpenTelemetry SDK, LiteLLM's payload, the AgentLens client and a plain request: each call counts as it was.

    They go to a time of their own, some hours ago, so that a window around it holds nothing else.
    """
    project, key, url = up.ready["project_id"], up.ready["ingest_key"], up.ready["api"]
    start_ms = now_ms() - 5 * HOUR_MS
    expected = [_by_opentelemetry(url, key, start_ms), _by_litellm(up, start_ms + 1000)]
    expected += [_by_request(up, start_ms + 2000)]
    before_ms = now_ms()
    expected_now = _by_agentlens(url, key)
    end_ms = now_ms()
    up.wait_until_stored(text(end_ms), PATIENCE_SECONDS)
    assert differing(up, counted(expected, project), project, start_ms - 1000, start_ms + 60_000) == []
    asked = {"projectId": project, "from": text(start_ms - 1000), "to": text(start_ms + 60_000)}
    told = up.get("/api/analytics/llm", **asked)[0]
    assert differences(analytics(counted(expected, project), [project], start_ms - 1000, start_ms + 60_000), told) == []
    _assert_in_the_other_dialects(up, expected, start_ms - 1000, start_ms + 60_000)
    _assert_in_the_other_dialects(up, [expected_now], before_ms - 60_000, end_ms + 1)
    asked = {"projectId": project, "model": expected_now["model"], "from": text(before_ms - 60_000)}
    summary = up.get("/api/analytics/llm", **asked, to=text(end_ms))[0]["summary"]
    told = summary["totalCalls"], summary["totalInputTokens"], summary["totalOutputTokens"], summary["totalCostUsd"]
    assert [float(figure) for figure in told] == [1, 7, 3, 0.75]
    stored = up.get(f"/v1/projects/{project}/overview", start=text(before_ms - 60_000), end=text(end_ms))[0]
    (model,) = [entry for entry in stored["topModels"] if entry["model"] == expected_now["model"]]
    assert (float(model["cost"]), model["requests"]) == (expected_now["cost_usd"], 1)


def _assert_in_the_other_dialects(up, expected, start_ms, end_ms):
    """TrueFoundry knows the same calls, cost and tokens; Perf, which tells of whole days, the same calls and cost."""
    models = [event["model"] for event in expected]
    sent = {
        "total": len(expected),
        "sumCostInUSD": sum(event["cost_usd"] for event in expected),
        "sumInputTokens": sum(event["input_tokens"] for event in expected),
        "sumOutputTokens": sum(event["output_tokens"] for event in expected),
    }
    row = up.total_of_concrete_calls(start_ms, end_ms, modelName=models)
    assert {name: float(row[name]) for name in sent} == sent
    by_model = up.get("/v1/metrics/overview", projectId=up.ready["project_id"], days=2)[0]["models"]
    told = {model: (by_model[model]["calls"], float(by_model[model]["avg_cost"])) for model in models}
    assert told == {event["model"]: (1, event["cost_usd"]) for event in expected}


def _by_opentelemetry(url, key, at_ms):
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "by-opentelemetry",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.cost": 0.25,
    }
    span = TracerProvider().get_tracer("e2e").start_span("chat", attributes=attributes, start_time=at_ms * 1_000_000)
    span.end((at_ms + 1500) * 1_000_000)
    exporter = OTLPSpanExporter(url + "/v1/traces", headers={"x-api-key": key}, timeout=30)
    assert exporter.export([span]) is SpanExportResult.SUCCESS
    return _expected(1, at_ms, "by-opentelemetry", latency_ms=1500, tokens=(120, 30), cost=0.25) | {
        "cached_tokens": 20,
        "provider": "openai",
    }


def _by_litellm(up, at_ms):
    call = {
        "id": "chatcmpl-e2e",
        "call_type": "acompletion",
        "stream": False,
        "status": "success",
        "custom_llm_provider": "azure",
        "model": "by-litellm",
        "startTime": at_ms / 1000,
        "endTime": at_ms / 1000 + 2,
        "completionStartTime": at_ms / 1000 + 2,
        "prompt_tokens": 50,
        "completion_tokens": 5,
        "response_cost": 0.5,
        "metadata": {},
    }
    assert post_until_accepted(up, "/v1/ingest/litellm", msgspec.json.encode([call])).json() == {"accepted": 1}
    return _expected(2, at_ms, "by-litellm", latency_ms=2000, tokens=(50, 5), cost=0.5) | {"provider": "azure"}


def _by_request(up, at_ms):
    event = _expected(3, at_ms, "by-request", latency_ms=700, tokens=(10, 20), cost=0.125)
    assert post_until_accepted(up, "/v1/ingest", msgspec.json.encode(event)).json() == {"accepted": 1}
    return event


def _by_agentlens(url, key):
    with AgentLensClient(url, api_key=key) as client:
        params = LogLlmCallParams(
            provider="anthropic",
            model="by-agentlens",
            messages=[LlmMessage(role="user", content="hello")],
            completion="hello",
            finish_reason="stop",
            usage=TokenUsage(input_tokens=7, output_tokens=3, total_tokens=10),
            cost_usd=0.75,
            latency_ms=10,
        )
        client.log_llm_call("session", "agent", params)
    return {"model": "by-agentlens", "cost_usd": 0.75, "input_tokens": 7, "output_tokens": 3}


def _expected(number, at_ms, model, *, latency_ms, tokens, cost):
    return {
        "event_id": str(UUID(int=number)),
        "timestamp": text(at_ms),
        "provider": "any",
        "model": model,
        "status": "success",
        "latency_ms": latency_ms,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "cost_usd": cost,
    }
