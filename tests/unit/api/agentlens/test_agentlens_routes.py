"""AgentLens' endpoints as their callers see them: words of failures, and whose calls are counted."""

from __future__ import annotations

import httpx
import jwt
import pytest

from tests.unit.api.fakes import INGEST_KEY, READ_KEY, WIDE_KEY
from tokentide.serving.app import create_app
from tokentide.settings import Settings

SECRET = "a secret of thirty-two characters"
BOTH = ("/api/analytics/llm", "/api/events")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "Missing Authorization header"),
        ({"Authorization": READ_KEY}, "Invalid Authorization header format. Expected: Bearer als_xxx"),
        ({"Authorization": "Basic abc"}, "Invalid Authorization header format. Expected: Bearer als_xxx"),
        (bearer("als_wrong"), "Invalid or revoked API key"),
        (bearer("a.b.c"), "Invalid or revoked API key"),
    ],
)
async def test_who_may_not_ask(client, path, headers, words):
    """401 in AgentLens' words; what looks like a session's token is never called an invalid format (A6)."""
    answer = await client.get(path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": words, "status": 401})


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("from=x", "from", "from must be an ISO 8601 time, such as 2026-04-20T10:00:00Z"),
        ("from=", "from", "from must be an ISO 8601 time, such as 2026-04-20T10:00:00Z"),
        ("to=2026-02-30", "to", "to must be an ISO 8601 time, such as 2026-04-20T10:00:00Z"),
        ("to=2300-01-01", "to", "to must lie in the years 1 to 2299"),
        ("from=2026-02-02&to=2026-02-01", "from", "from must not be after to"),
    ],
)
async def test_a_bad_date(client, as_reader, path, *, query, field, message):
    """400 with the parameter as the path of a detail (A5)."""
    answer = await client.get(f"{path}?{query}", headers=as_reader)
    assert answer.status_code == 400
    details = [{"path": field, "message": message}]
    assert answer.json() == {"error": "Validation failed", "status": 400, "details": details}


@pytest.mark.parametrize("granularity", ["", "minute", "Hour"])
async def test_a_bad_granularity(client, as_reader, granularity):
    """400 in AgentLens' own words, without details (A2)."""
    answer = await client.get("/api/analytics/llm", params={"granularity": granularity}, headers=as_reader)
    assert answer.json() == {"error": "Invalid granularity. Use: hour, day, week", "status": 400}


@pytest.mark.parametrize("path", [*BOTH, "/v1/metrics/overview"])
async def test_a_session_is_as_good_as_a_key(store, path):
    """The first token is accepted, for its projects; one that has expired is an unknown key (A6)."""
    app = create_app(Settings.model_validate({"jwt_secret": SECRET}), store)
    claims = {"org": "o", "projects": ["p2"], "sub": "user"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        good = jwt.encode(claims | {"exp": 4_000_000_000}, SECRET, "HS256")
        answer = await client.get(path, headers=bearer(good))
        expired = await client.get(path, headers=bearer(jwt.encode(claims | {"exp": 1}, SECRET, "HS256")))
    assert (answer.status_code, expired.status_code) == (200, 401)
    assert {tuple(asked.args["projects"]) for asked in store.asked if "projects" in asked.args} == {("p2",)}


async def test_a_search_is_refused(client, as_reader):
    """What cannot be searched is not passed off as found."""
    answer = await client.get("/api/events?search=hello", headers=as_reader)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "search"


@pytest.mark.parametrize(
    ("key", "query", "status"),
    [(INGEST_KEY, "", 403), (READ_KEY, "?projectId=p2", 403), (WIDE_KEY, "?projectId=p2", 200)],
)
@pytest.mark.parametrize("path", BOTH)
async def test_whose_calls_are_counted(client, path, key, query, status):
    """Only a read key reads, and only projects of its own."""
    answer = await client.get(path + query, headers=bearer(key))
    assert answer.status_code == status
    assert status == 200 or answer.json()["status"] == status


async def test_too_many_requests(client, as_reader):
    """429 in the dialect's body, with the seconds to wait."""
    for _ in range(300):
        await client.get("/api/analytics/llm?granularity=", headers=as_reader)
    answer = await client.get("/api/analytics/llm", headers=as_reader)
    assert (answer.status_code, answer.json()) == (429, {"error": "Rate limit exceeded", "status": 429})
    assert 0 < int(answer.headers["Retry-After"]) <= 60


async def test_filters(client, as_reader, store):
    """Each filter narrows the question; an empty one is none, as in AgentLens."""
    await client.get("/api/analytics/llm?agentId=a&model=m&provider=&projectId=p", headers=as_reader)
    [asked] = [question for question in store.asked if question.name == "analytics"]
    assert {name: value for name, value in asked.args.items() if name.startswith("only")} == {
        "only_agent_id": "a",
        "only_model": "m",
    }


async def test_without_an_events_table_there_are_no_events(store, as_reader):
    """An empty page, for which nothing is asked."""
    app = create_app(Settings(events_table=False), store)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        answer = await client.get("/api/events", headers=as_reader)
    assert (answer.status_code, answer.json()) == (200, {"events": [], "total": 0, "hasMore": False})
    assert "recent_calls" not in store.names()
