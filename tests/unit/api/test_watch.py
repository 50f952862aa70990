"""What every answer carries, and what the log says of every request."""

from __future__ import annotations

import logging

import httpx
import pytest

from tests.unit.api.fakes import READ_KEY
from tokentide.serving.app import create_app
from tokentide.settings import Settings

ORIGIN = "https://app.example"


@pytest.mark.parametrize("path", ["/v1/costs?projectId=p", "/healthz", "/nothing", "/docs", "/openapi.json"])
async def test_every_answer_is_guarded(client, as_reader, path):
    """No sniffing of types, no referrer for others, no word about the server, and a name for the request."""
    answer = await client.get(path, headers=as_reader)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Request-ID"].startswith("req_")
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("", False)]
)
async def test_a_caller_may_name_its_request(client, given, kept):
    """A plain name is taken over, anything else gets a new one: it is written into the log."""
    answer = await client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is kept


async def test_the_log_has_a_line_for_each_request_and_no_secret(client, caplog):
    """Route, status, time and id; neither path nor query nor key, which a caller may have put there by mistake."""
    with caplog.at_level(logging.INFO, "tokentide.access"):
        headers = {"Authorization": f"Bearer {READ_KEY}", "X-Request-ID": "mine"}
        await client.get("/v1/projects/hush/overview?key=hush", headers=headers)
        await client.get("/hush")
        await client.request("HUSH", "/hush")
        await client.get("/healthz")
    lines = [record.getMessage() for record in caplog.records if record.name == "tokentide.access"]
    assert lines[0].startswith("GET /v1/projects/{id}/overview 403 in ")
    assert lines[0].endswith(" ms, request mine")
    assert [line.split(" in ")[0] for line in lines[1:]] == ["GET other 404", "OTHER other 404"]
    assert caplog.records[0].fields["status"] == 403
    assert "hush" not in caplog.text + str([record.__dict__.get("fields") for record in caplog.records])
    assert READ_KEY not in caplog.text


async def test_no_other_site_may_read_answers(client, as_reader):
    """By default no origin is allowed, and a browser's question before a request is not answered with a yes."""
    answer = await client.get("/v1/costs?projectId=p", headers=as_reader | {"Origin": ORIGIN})
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    before = await client.options("/v1/costs", headers=asked)
    for found in (answer, before):
        assert not [name for name in found.headers if name.startswith("access-control")]
    assert before.status_code == 405


async def test_an_origin_that_is_set_may(store, as_reader):
    """That one and no other."""
    app = create_app(Settings(cors_origins=f"{ORIGIN}, https://other.example"), store)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        for origin, allowed in ((ORIGIN, ORIGIN), ("https://third.example", None)):
            answer = await client.get("/v1/costs?projectId=p", headers=as_reader | {"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed
