"""Clients that others publish, unchanged, against a running API over a real ClickHouse engine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading

import pytest
import uvicorn
from agentlensai import AgentLensClient, AsyncAgentLensClient
from agentlensai.exceptions import AgentLensConnectionError, AuthenticationError, ValidationError
from agentlensai.models import EventQuery, LlmAnalyticsParams

from tests.integration.folded import fold_into
from tests.integration.year_end import NOW_MS, PROJECTS, events_of_the_winter
from tests.oracle import agentlens
from tests.oracle.compare import differences, parse
from tests.oracle.log import Sent, calls
from tests.store_fixtures import free_port, migrated, settings_of, until
from tokentide import clock
from tokentide.api.times import iso_millis
from tokentide.serving.app import create_app
from tokentide.store.access import create_key

DAY_MS = 86_400_000
EVENTS = 600


class Running:
    """An API on a port of its own, with a key, and the calls that it should know."""

    def __init__(self, store, counted):
        self.calls, self.url = counted, f"http://127.0.0.1:{(port := free_port())}"
        create_key(store, role="read", org="org", projects=PROJECTS, now_ms=clock.now_ms())
        self.key = create_key(store, role="read", org="org", projects=(), now_ms=clock.now_ms()).key
        app = create_app(settings_of("chdb:///never-opened", "tokentide"), store)
        self.server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        until(lambda: self.server.started, 30)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(30)


@pytest.fixture(scope="module")
def api(chdb_store_root):
    """A running API over the events of a winter."""
    with migrated(chdb_store_root) as store:
        log = fold_into(store, list(events_of_the_winter(9, EVENTS)), now_ms=NOW_MS)
        with Running(store, calls(Sent(*entry) for entry in log)) as running:
            yield running


@pytest.fixture
def client(api):
    """AgentLens' own client."""
    with AgentLensClient(api.url, api_key=api.key) as opened:
        yield opened


def exact(model):
    """A client's model as the JSON that it came from, with its numbers as they were printed."""
    return parse(json.dumps(model.model_dump(by_alias=True)))


WINDOW = {"from_time": iso_millis(NOW_MS - 90 * DAY_MS), "to_time": iso_millis(NOW_MS - 3)}


@pytest.mark.parametrize("granularity", ["hour", "day", "week"])
@pytest.mark.parametrize("only", [{}, {"agent_id": "planner"}, {"model": "gpt-4o", "provider": "openai"}])
def test_analytics_for_the_client(api, client, granularity, only):
    """What the client understands is what the oracle computes from the log."""
    found = client.get_llm_analytics(LlmAnalyticsParams(granularity=granularity, **only, **WINDOW))
    expected = agentlens.analytics(api.calls, PROJECTS, NOW_MS - 90 * DAY_MS, NOW_MS - 3, granularity, **only)
    assert differences(expected, exact(found)) == []
    assert found.summary.total_calls > 0


def test_events_for_the_client(api, client):
    """The newest calls, as the client's own events, with and without a filter."""
    for only in ({}, {"session_id": "s7"}, {"agent_id": "writer"}):
        asked = EventQuery(event_type="llm_response", order="desc", limit=10, to=WINDOW["to_time"], **only)
        found = client.query_events(asked)
        expected = agentlens.newest(api.calls, PROJECTS, 0, NOW_MS - 3, 10, **only)
        for event in expected["events"]:
            event["hash"] = Hash()
        assert differences(expected, exact(found)) == []
        assert found.events


class Hash:
    """Any hash."""

    def complaint(self, actual):
        """What is wrong with it, if anything."""
        return None if len(actual) == 64 else f"no hash: {actual}"


def test_the_asynchronous_client(api):
    """The same answer as the other's."""

    async def ask():
        async with AsyncAgentLensClient(api.url, api_key=api.key) as opened:
            return await opened.get_llm_analytics(LlmAnalyticsParams(granularity="week", **WINDOW))

    expected = agentlens.analytics(api.calls, PROJECTS, NOW_MS - 90 * DAY_MS, NOW_MS - 3, "week")
    assert differences(expected, exact(asyncio.run(ask()))) == []


def test_what_the_client_makes_of_failures(api, client):
    """A wrong date, a wrong key and a missing one become the client's own errors, with the words and the details."""
    with pytest.raises(ValidationError, match="Validation failed") as refused:
        client.get_llm_analytics(LlmAnalyticsParams(from_time="yesterday"))
    assert refused.value.details[0]["path"] == "from"
    for key, words in (("als_wrong", "Invalid or revoked API key"), (None, "Missing Authorization header")):
        with AgentLensClient(api.url, api_key=key) as other, pytest.raises(AuthenticationError, match=words):
            other.get_llm_analytics()
    nobody = f"http://127.0.0.1:{free_port()}"
    with AgentLensClient(nobody, api_key=api.key) as other, pytest.raises(AgentLensConnectionError):
        other.get_llm_analytics()


@pytest.mark.parametrize("command", ["stats", "models", "recent"])
def test_our_own_command_line(api, tmp_path, command):
    """`tokentide llm`, in a process of its own, prints the API's JSON."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
    environment |= {"TOKENTIDE_URL": api.url, "TOKENTIDE_API_KEY": api.key}
    bounds = ["--from", WINDOW["from_time"], "--to", WINDOW["to_time"], "--json"]
    run = [sys.executable, "-m", "tokentide", "llm", command, *bounds]
    done = subprocess.run(run, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    expected = agentlens.analytics(api.calls, PROJECTS, NOW_MS - 90 * DAY_MS, NOW_MS - 3)
    if command == "stats":
        assert found["totalCalls"] == expected["summary"]["totalCalls"]
    elif command == "models":
        assert [row["model"] for row in found] == [row["model"] for row in expected["byModel"]]
    else:
        newest = agentlens.newest(api.calls, PROJECTS, NOW_MS - 90 * DAY_MS, NOW_MS - 3, 10)
        assert [event["id"] for event in found] == [event["id"] for event in newest["events"]]
