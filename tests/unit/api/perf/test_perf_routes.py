"""Perf's endpoints as their callers see them: parameters, words of failures, tiers."""

from __future__ import annotations

import logging
import re

import pytest

from tests.unit.api.fakes import INGEST_KEY, READ_KEY, WIDE_KEY, key_row
from tokentide.api.perf.routes import REQUESTS_A_MINUTE

NAMES = ("overview", "customer", "performance", "failures", "providers", "daily")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def failure(answer):
    """The parts of a failed answer's body; the identity of the request is looked at here."""
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert list(error) == ["code", "message", "type", "request_id"]
    assert re.fullmatch(r"(req_)?[0-9a-f]{16,}", error["request_id"])
    assert answer.headers.get("X-Request-ID", error["request_id"]) == error["request_id"]
    return answer.status_code, error["code"], error["type"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["0", "-1", "91", "7.5", "7.0", "", "x", "\u0667", "1e1", " 7", "9" * 5000])
async def test_a_period_is_a_whole_number_in_its_range(client, as_reader, store, name, value):
    """Anything else is 400 that names the parameter (P2), and the store is not asked."""
    parameter, value = ("hours", value.replace("91", "169")) if name == "providers" else ("days", value)
    answer = await client.get(f"/v1/metrics/{name}", params={parameter: value}, headers=as_reader)
    assert failure(answer) == (400, "invalid_request", "invalid_request_error")
    assert parameter in answer.json()["error"]["message"]
    assert not [asked for asked in store.names() if asked.startswith("perf")]


@pytest.mark.parametrize("name", NAMES)
async def test_the_ends_of_the_range_are_answered(client, as_reader, name):
    """1 and 90 days, 1 and 168 hours."""
    for asked in ({"hours": 1}, {"hours": 168}) if name == "providers" else ({"days": 1}, {"days": 90}):
        answer = await client.get(f"/v1/metrics/{name}", params=asked, headers=as_reader)
        assert answer.status_code == 200
        assert answer.json()["period"].get("hours" if name == "providers" else "days") in {None, *asked.values()}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "invalid_api_key", "authentication_error")),
        ({"Authorization": READ_KEY}, (401, "invalid_api_key", "authentication_error")),
        (bearer("als_wrong"), (401, "invalid_api_key", "authentication_error")),
        (bearer(INGEST_KEY), (403, "forbidden", "permission_error")),
    ],
)
async def test_who_may_not_ask(client, headers, expected):
    """Refusals have Perf's body (P31)."""
    assert failure(await client.get("/v1/metrics/overview", headers=headers)) == expected


async def test_a_foreign_project_is_forbidden(client, as_reader):
    """`projectId` narrows to a project of the key, and to no other."""
    answer = await client.get("/v1/metrics/daily?projectId=p2", headers=as_reader)
    assert failure(answer) == (403, "forbidden", "permission_error")


@pytest.mark.parametrize(
    ("key", "query", "projects"),
    [(READ_KEY, "", ["p"]), (WIDE_KEY, "", ["p", "p2"]), (WIDE_KEY, "?projectId=p2", ["p2"])],
)
async def test_whose_calls_are_counted(client, store, key, query, projects):
    """All projects of the key together, or the one that is named (P32)."""
    await client.get("/v1/metrics/overview?projectId=p", headers=bearer(key))  # the keys are known from now on
    store.asked.clear()
    assert (await client.get(f"/v1/metrics/overview{query}", headers=bearer(key))).status_code == 200
    assert [asked.args["projects"] for asked in store.asked if asked.name == "perf_overview"] == [projects]


@pytest.mark.parametrize(("tier", "most"), REQUESTS_A_MINUTE.items())
async def test_tiers(client, store, tier, most):
    """Each tier has its number of requests in a minute, and then waits; what else the key asks is not counted (P31)."""
    row = list(key_row(f"als_{tier}"))
    row[5] = tier
    store.rows["access_keys"].append(tuple(row))
    headers = bearer(f"als_{tier}")
    for _ in range(most):
        assert (await client.get("/v1/metrics/overview?days=0", headers=headers)).status_code == 400
    answer = await client.get("/v1/metrics/overview", headers=headers)
    assert failure(answer) == (429, "rate_limit_exceeded", "rate_limit_error")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (await client.get("/v1/performance?projectId=p", headers=headers)).status_code == 200


async def test_the_store_away_and_broken(client, as_reader, store, caplog):
    """503 and 500 in Perf's words; the log names the request, and the answer tells nothing of the cause."""
    await client.get("/v1/metrics/overview", headers=as_reader)
    store.away = True
    away = await client.get("/v1/metrics/overview", headers=as_reader)
    assert failure(away) == (503, "unavailable", "internal_error")
    assert int(away.headers["Retry-After"]) > 0
    store.away, store.broken = False, True
    with caplog.at_level(logging.INFO):
        broken = await client.get("/v1/metrics/overview", headers=as_reader)
    assert failure(broken) == (500, "internal_error", "internal_error")
    assert "secret" not in away.text + broken.text
    assert broken.json()["error"]["request_id"] in caplog.text


async def test_an_empty_task_is_no_task(client, as_reader):
    """A filter that is there and empty is refused, rather than taken for none."""
    answer = await client.get("/v1/metrics/performance?task_type=", headers=as_reader)
    assert failure(answer) == (400, "invalid_request", "invalid_request_error")


async def test_the_description_tells_the_ranges(client):
    """OpenAPI names the bounds of days and hours, their defaults, and shapes of names that no other dialect has."""
    document = (await client.get("/openapi.json")).json()
    for name, default in zip(NAMES, (7, 30, 7, 7, 24, 30), strict=True):
        operation = document["paths"][f"/v1/metrics/{name}"]["get"]
        [asked] = [given["schema"] for given in operation["parameters"] if given["name"] in {"days", "hours"}]
        most = 168 if name == "providers" else 90
        assert (asked["type"], asked["minimum"], asked["maximum"], asked["default"]) == ("integer", 1, most, default)
    assert not [name for name in document["components"]["schemas"] if "__perf__" in name or "__agentlens__" in name]
