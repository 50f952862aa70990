"""The ecosystems' own clients, unchanged, against a gateway on this machine: what they send arrives as it was."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from datetime import UTC, datetime

import pytest
from agentlensai import AgentLensClient
from agentlensai.exceptions import AgentLensError
from agentlensai.models import LlmMessage, LogLlmCallParams, TokenUsage
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from tests.builders import an_event, lines, rfc3339
from tests.unit.api.fakes import INGEST_KEY, READ_KEY
from tests.unit.gateway.serving import serving
from tokentide.clock import now_ms


@pytest.fixture
def url(app):
    """Where the gateway answers."""
    with serving(app) as found:
        yield found


def exporter(url, key=INGEST_KEY, path="/v1/traces", compression=Compression.Gzip):
    return OTLPSpanExporter(url + path, headers={"x-api-key": key}, compression=compression, timeout=10)


def export(exporter, attributes, *, count=1, failed=None, resource=None):
    """Spans as an instrumented program makes them; the batch processor sends them."""
    provider = TracerProvider(resource=Resource.create(resource or {}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for _ in range(count):
        with tracer.start_as_current_span("chat gpt-4o", attributes=attributes) as span:
            if failed:
                span.set_status(Status(StatusCode.ERROR, failed))
    provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/otel", "/api/public/otel/v1/traces"])
def test_opentelemetry(url, log, path, compression):
    """Spans of the SDK, by its own batch exporter, compressed or not, at each of the paths."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.conversation.id": "talk",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.25,
    }
    export(
        exporter(url, path=path, compression=compression), attributes, resource={"deployment.environment.name": "lab"}
    )
    (event,) = log.events()
    assert (event.provider, event.model, event.requested_model) == ("openai", "gpt-4o-2024-08-06", "gpt-4o")
    assert (event.input_tokens, event.output_tokens, event.cached_tokens) == (120, 30, 20)
    assert (event.status, event.finish_reason, event.session_id, event.environment) == (
        "success",
        "stop",
        "talk",
        "lab",
    )
    assert (event.stream, event.ttft_ms, event.operation, event.kind) == (True, 250.0, "chat", "llm")
    assert len(event.trace_id) == 32
    assert abs(event.event_time_ms - now_ms()) < 60_000


def test_opentelemetry_sends_its_whole_batch(url, log):
    """512 spans, as its batch exporter sends at once."""
    export(exporter(url), {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}, count=512)
    assert len(log.events()) == 512


def test_opentelemetry_errors(url, log):
    """An error of a span is an error of its call."""
    export(exporter(url), {"gen_ai.request.model": "m", "error.type": "ReadTimeout"}, failed="it took too long")
    export(exporter(url), {"gen_ai.request.model": "m", "error.type": "429"}, failed="slow down")
    found = [(event.status, event.error_code, event.error_message, event.http_status) for event in log.events()]
    assert found == [
        ("timeout", "ReadTimeout", "it took too long", None),
        ("rate_limited", "429", "slow down", 429),
    ]


def test_opentelemetry_is_told_who_it_is_not(url, log):
    """A wrong key fails the export for good, and nothing is taken."""
    one = TracerProvider()
    span = one.get_tracer("t").start_span("x", attributes={"gen_ai.request.model": "m"})
    span.end()
    assert exporter(url, key=READ_KEY).export([span]) is SpanExportResult.FAILURE
    assert exporter(url).export([span]) is SpanExportResult.SUCCESS
    assert len(log.events()) == 1


def test_opentelemetry_comes_back_when_kafka_does(url, log):
    """503 is what its exporter tries again after."""
    span = TracerProvider().get_tracer("t").start_span("x", attributes={"gen_ai.request.model": "m"})
    span.end()
    log.away_times = 1
    assert exporter(url).export([span]) is SpanExportResult.SUCCESS
    assert len(log.events()) == 1


def test_agentlens(url, log):
    """A call logged by its client is an event, and what its client asks back it gets."""
    with AgentLensClient(url, api_key=INGEST_KEY) as client:
        params = LogLlmCallParams(
            provider="anthropic",
            model="claude-sonnet-4",
            messages=[LlmMessage(role="user", content="my secret")],
            completion="hello",
            finish_reason="stop",
            usage=TokenUsage(input_tokens=100, output_tokens=20, total_tokens=120, cache_read_tokens=10),
            cost_usd=0.0125,
            latency_ms=850,
        )
        call_id = client.log_llm_call("session", "agent", params).call_id
    (event,) = log.events()
    assert str(event.event_id) == call_id
    assert (event.provider, event.model, event.status) == ("anthropic", "claude-sonnet-4", "success")
    assert (event.input_tokens, event.output_tokens, event.cached_tokens) == (100, 20, 10)
    assert (event.cost_nanos, event.latency_ms) == (12_500_000, 850)
    assert (event.session_id, event.agent_id) == ("session", "agent")
    assert event.event_time_ms < now_ms() - 800
    assert b"secret" not in log.records[0].value


def test_agentlens_is_told_what_is_wrong(url):
    """Its client makes its own errors of our answers."""
    with AgentLensClient(url, api_key=READ_KEY) as client, pytest.raises(AgentLensError):
        client._request("POST", "/api/events", json={"events": [{}]})
    with AgentLensClient(url, api_key=INGEST_KEY) as client, pytest.raises(AgentLensError, match="failed") as caught:
        client._request("POST", "/api/events", json={"events": [{}]})
    assert "sessionId" in str(caught.value.details)


def test_langfuse(url, log):
    """A generation of its present SDK, which sends OpenTelemetry."""
    from langfuse import Langfuse  # noqa: PLC0415  slow to import, and only here

    client = Langfuse(public_key="pk", secret_key=INGEST_KEY, base_url=url, tracing_enabled=True)
    began = datetime.now(UTC)  # noqa: TID251  the client wants the present
    generation = client.start_observation(
        name="answer",
        as_type="generation",
        model="gpt-4o",
        input="my secret",
        completion_start_time=began,
        usage_details={"input": 90, "input_cached_tokens": 10, "output": 20},
        cost_details={"input": 0.001, "output": 0.002},
    )
    generation.end()
    client.flush()
    client.shutdown()
    (event,) = log.events()
    assert (event.model, event.input_tokens, event.cached_tokens, event.output_tokens) == ("gpt-4o", 100, 10, 20)
    assert (event.cost_nanos, event.stream, event.status) == (3_000_000, True, "success")
    assert b"secret" not in log.records[0].value


@pytest.mark.parametrize("log_format", ["json_array", "ndjson", "single"])
async def test_litellm(url, log, log_format, monkeypatch):
    """A completion of the real library, whose generic callback sends what it always sends."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm  # noqa: PLC0415  slow to import, and only here
    from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger  # noqa: PLC0415

    callback = GenericAPILogger(
        endpoint=url + "/v1/ingest/litellm", headers={"x-api-key": INGEST_KEY}, log_format=log_format
    )
    monkeypatch.setattr(litellm, "callbacks", [callback])
    asked = [{"role": "user", "content": "my secret"}]
    answer = await litellm.acompletion(model="openai/gpt-4o", messages=asked, mock_response="hello", api_key="none")
    deadline = time.monotonic() + 20
    while not callback.log_queue:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await callback.async_send_batch()
    (event,) = log.events()
    assert (event.provider, event.model, event.status, event.operation) == ("openai", "gpt-4o", "success", "chat")
    assert (event.input_tokens, event.output_tokens) == (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert event.cost_nanos == round(answer._hidden_params["response_cost"] * 10**9) > 0
    assert b"secret" not in log.records[0].value


def test_curl(url, log, tmp_path):
    """A plain curl, with a file of NDJSON."""
    assert shutil.which("curl"), "curl is needed: apt-get install curl"
    file = tmp_path / "calls.ndjson"
    file.write_bytes(lines(an_event(number, at_ms=now_ms()) for number in range(3)))
    command = ["curl", "--silent", "--show-error", "--fail", "--data-binary", f"@{file}", f"{url}/v1/ingest"]
    headers = ["-H", f"x-api-key: {INGEST_KEY}", "-H", "content-type: application/x-ndjson"]
    done = subprocess.run([*command, *headers], capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout) == {"accepted": 3}
    assert len(log.events()) == 3


def test_langfuses_older_batch(url, log):
    """The batch of SDKs before version 3, with the key as they send it: the password of Basic."""
    import httpx  # noqa: PLC0415

    began = rfc3339(now_ms() - 1000)
    batch = [
        {"id": "e1", "type": "trace-create", "timestamp": began, "body": {"id": "t", "sessionId": "talk"}},
        {
            "id": "e2",
            "type": "generation-create",
            "timestamp": began,
            "body": {"id": "g", "traceId": "t", "startTime": began, "model": "gpt-4o", "input": "my secret"},
        },
        {
            "id": "e3",
            "type": "generation-update",
            "timestamp": began,
            "body": {"id": "g", "endTime": rfc3339(now_ms()), "usage": {"input": 5, "output": 7, "totalCost": 0.5}},
        },
        {"id": "e4", "type": "generation-create", "timestamp": began, "body": {"id": "open", "startTime": began}},
    ]
    basic = base64.b64encode(f"pk:{INGEST_KEY}".encode()).decode()
    answer = httpx.post(
        url + "/api/public/ingestion", json={"batch": batch}, headers={"authorization": f"Basic {basic}"}, timeout=10
    )
    assert answer.status_code == 207
    assert [entry["id"] for entry in answer.json()["successes"]] == ["e1", "e2", "e3"]
    assert [(entry["id"], entry["status"]) for entry in answer.json()["errors"]] == [("e4", 400)]
    (event,) = log.events()
    assert (event.session_id, event.input_tokens, event.output_tokens, event.cost_nanos) == ("talk", 5, 7, 500_000_000)
