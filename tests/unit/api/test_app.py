"""The application as its callers see it, over a store whose rows the test knows."""

from __future__ import annotations

import asyncio
import logging
import threading

import httpx
import pytest

from tests.unit.api.fakes import INGEST_KEY, READ_KEY, WIDE_KEY
from tokentide import clock
from tokentide.api.times import DAY_MS, iso_millis
from tokentide.serving import operations
from tokentide.serving.app import create_app
from tokentide.settings import Settings
from tokentide.store.migrate import EXPECTED_VERSION

PERFORMANCE = "/v1/performance?projectId=p"
LUMIQTRACE = ["/v1/projects/p/overview", "/v1/costs?projectId=p", PERFORMANCE, "/v1/errors?projectId=p"]
PERF = [f"/v1/metrics/{name}" for name in ("overview", "customer", "performance", "failures", "providers", "daily")]
AGENTLENS = ["/api/analytics/llm", "/api/events"]
EVERY = [*LUMIQTRACE, *PERF, *AGENTLENS]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", EVERY)
async def test_an_answer_says_how_fresh_it_is_and_how_to_cache_it(client, as_reader, path):
    """Each endpoint answers with its freshness, a private cache of five seconds, and a tag."""
    answer = await client.get(path, headers=as_reader)
    assert answer.status_code == 200
    assert answer.headers["X-Data-Through"] == "2026-04-20T10:00:00.123Z"
    assert answer.headers["Cache-Control"] == "private, max-age=5"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"
    assert "X-Window-Aligned" not in answer.headers
    assert answer.headers["ETag"]


async def test_the_progress_is_read_before_the_data(client, as_reader, store):
    """What comes in between the two makes an answer newer than it says, never older."""
    await client.get(EVERY[3], headers=as_reader)
    data = [name for name in store.names() if name.startswith(("data_through", "errors"))]
    assert data[0] == "data_through"
    assert sorted(data[1:]) == ["errors_before", "errors_now", "errors_usage"]


async def test_the_progress_is_not_read_for_every_answer(client, as_reader, store):
    """Of answers that follow each other at once, the later ones know it from the first."""
    for _ in range(2):
        await client.get(PERFORMANCE, headers=as_reader)
    assert store.names().count("data_through") == 1


async def test_before_anything_was_stored_the_data_reach_nowhere(client, as_reader, store):
    """No progress is the beginning of time, not an error."""
    store.rows["data_through"] = []
    answer = await client.get(PERFORMANCE, headers=as_reader)
    assert answer.headers["X-Data-Through"] == "1970-01-01T00:00:00.000Z"


async def test_a_producers_wild_clock_breaks_no_answer(client, as_reader, store):
    """A log time that no calendar holds is told as the last moment that can be told."""
    store.rows["data_through"] = [(2**62,)]
    answer = await client.get(PERFORMANCE, headers=as_reader)
    assert answer.headers["X-Data-Through"] == "2299-12-31T23:59:59.999Z"


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
async def test_who_holds_the_answer_gets_304(client, as_reader, form):
    """The body is not sent again to who names its tag; the headers are."""
    path = PERFORMANCE + "&start=2026-04-01&end=2026-04-02"
    first = await client.get(path, headers=as_reader)
    form = form.format(tag=first.headers["ETag"])
    again = await client.get(path, headers=as_reader | {"If-None-Match": form})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, max-age=5"


async def test_another_body_has_another_tag(client, as_reader, store):
    """A changed answer is sent."""
    first = await client.get(PERFORMANCE, headers=as_reader)
    store.rows["performance_totals"] = [(1, 0, 0, 0, 0, 0)]
    store.rows["performance_latency"] = [([5.0, 5.0, 5.0],)]
    again = await client.get(PERFORMANCE, headers=as_reader | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("end", "origin"), [("09:59:59.999Z", "rollups"), ("09:30:00Z", "both"), ("00:20:00Z", "events")]
)
async def test_an_answer_says_where_it_comes_from(store, as_reader, end, origin):
    """Whole hours come from rollups, edges from events, and an answer of several questions from all their tables."""
    store.rows["performance_totals"] = [(1,) * 6]
    app = create_app(Settings(events_retention_days=400), store)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        day = iso_millis(clock.now_ms() - 10 * DAY_MS)[:10]
        path = f"/v1/performance?projectId=p&start={day}&end={day}T{end}"
        answer = await client.get(path, headers=as_reader)
    assert answer.headers["X-Answered-From"] == origin


async def test_a_widened_window_is_told_in_a_header(store, as_reader):
    """Without an events table an unaligned window is answered for whole hours, and says so."""
    app = create_app(Settings(events_table=False), store)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        path = "/v1/projects/p/overview?start=2026-04-01T00:00:00Z&end=2026-04-01T09:{}"
        unaligned = await client.get(path.format("30:00Z"), headers=as_reader)
        aligned = await client.get(path.format("59:59.999Z"), headers=as_reader)
    assert unaligned.headers["X-Window-Aligned"] == "true"
    assert "X-Window-Aligned" not in aligned.headers
    assert "recent_failures" not in store.names()


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "Bearer wrong", READ_KEY])
@pytest.mark.parametrize("path", ["/v1/projects/p/overview", "/v1/costs"])
async def test_a_missing_and_a_wrong_key_are_told_alike(client, header, path):
    """401 with the seed's words, before anything else about the request is judged."""
    answer = await client.get(path, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid API key"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_scheme_is_not_case_sensitive(client):
    """`bearer` is as good as `Bearer`."""
    answer = await client.get(PERFORMANCE, headers={"Authorization": f"bearer {READ_KEY}"})
    assert answer.status_code == 200


async def test_an_ingest_key_reads_nothing(client):
    """A good key of the wrong role is refused with 403."""
    answer = await client.get(PERFORMANCE, headers=bearer(INGEST_KEY))
    assert answer.status_code == 403
    assert "cannot read data" in answer.json()["error"]


@pytest.mark.parametrize("key", [READ_KEY, WIDE_KEY])
@pytest.mark.parametrize("path", ["/v1/projects/other/overview", "/v1/costs?projectId=other"])
async def test_a_foreign_and_an_unknown_project_are_told_alike(client, key, path):
    """403 with the seed's words."""
    answer = await client.get(path, headers=bearer(key))
    assert (answer.status_code, answer.json()) == (403, {"error": "Not a member of this organization"})


async def test_a_key_sees_its_projects(client):
    """A key that names projects sees those; one that names none sees every project of its organisation."""
    path = "/v1/performance?projectId=p2"
    assert (await client.get(path, headers=bearer(READ_KEY))).status_code == 403
    assert (await client.get(path, headers=bearer(WIDE_KEY))).status_code == 200


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/costs", "projectId is required"),
        ("/v1/costs?projectId=", "projectId: String should have at least 1 character"),
        ("/v1/costs?projectId=p&start=x", "start must be an ISO 8601 time, such as 2026-04-20T10:00:00Z"),
        ("/v1/errors?projectId=p&end=2300-01-01", "end must lie in the years 1 to 2299"),
        ("/v1/projects/p/overview?start=2026-04-02&end=2026-04-01", "start must not be after end"),
    ],
)
async def test_a_bad_parameter_is_named(client, as_reader, path, message):
    """400 says which parameter is wrong, in the dialect's body."""
    answer = await client.get(path, headers=as_reader)
    assert (answer.status_code, answer.json()) == (400, {"error": message})


async def test_an_answer_of_too_many_buckets_is_refused(client, as_reader):
    """More than 11,000 days are the caller's fault, not a slow answer."""
    answer = await client.get("/v1/costs?projectId=p&start=1970-01-01", headers=as_reader)
    assert answer.status_code == 400
    assert "11000" in answer.json()["error"]


@pytest.mark.parametrize("path", EVERY)
async def test_unknown_parameters_are_ignored(client, as_reader, path):
    """A parameter that nobody knows changes nothing (C8)."""
    path += "&colour=red" if "?" in path else "?colour=red"
    assert (await client.get(path, headers=as_reader)).status_code == 200


async def test_the_300th_request_of_a_minute_is_the_last(client, as_reader):
    """The next one is refused with the seconds to wait, and other keys go on."""
    statuses = {(await client.get("/v1/costs", headers=as_reader)).status_code for _ in range(300)}
    assert statuses == {400}
    answer = await client.get(PERFORMANCE, headers=as_reader)
    assert (answer.status_code, answer.json()) == (429, {"error": "Rate limit exceeded"})
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (await client.get(PERFORMANCE, headers=bearer(WIDE_KEY))).status_code == 200


async def test_a_store_that_is_away_is_worth_another_try(client, as_reader, store):
    """503 with Retry-After, without a word about where the store is; and 200 when it is back."""
    assert (await client.get(PERFORMANCE, headers=as_reader)).status_code == 200
    store.away = True
    answer = await client.get(PERFORMANCE, headers=as_reader)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "secret" not in answer.text
    store.away = False
    assert (await client.get(PERFORMANCE, headers=as_reader)).status_code == 200


async def test_what_is_not_foreseen_is_not_told(client, as_reader, store, caplog):
    """500 with the seed's words; the cause is in the log, with its traceback, and nowhere else."""
    await client.get(PERFORMANCE, headers=as_reader)
    store.broken = True
    with caplog.at_level(logging.ERROR):
        answer = await client.get(PERFORMANCE, headers=as_reader)
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert "Traceback" in caplog.text
    assert "column `secret` is missing" in caplog.text


async def test_unknown_paths_and_methods_are_json_too(client):
    """404 and 405 have a body of the same form."""
    assert (await client.get("/v1/nothing")).json() == {"error": "Not Found"}
    wrong = await client.post("/v1/costs")
    assert (wrong.status_code, wrong.json(), wrong.headers["Allow"]) == (405, {"error": "Method Not Allowed"}, "GET")
    assert wrong.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_breaks_outside_of_every_dialect_is_not_told_either(app, client, monkeypatch):
    """The last resort answers 500 in the same words."""
    monkeypatch.setattr(app.state.metrics, "registry", None)
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_application_begins_and_ends(app, client, store):
    """While it runs, keys are looked up before anyone asks; when it ends, the store stays open and is asked no more."""
    async with app.router.lifespan_context(app):
        for _ in range(500):
            if "access_keys" in store.names():
                break
            await asyncio.sleep(0.01)
        store.asked.clear()
        assert (await client.get(PERFORMANCE, headers=bearer(READ_KEY))).status_code == 200
        assert "access_keys" not in store.names()


async def test_health_needs_nothing(client, store):
    """A process that runs is alive, whatever the store does."""
    store.away = True
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_readiness_is_the_store_with_its_schema(client, store):
    """Ready when the store answers with this program's schema, or a newer one; else 503 and why."""
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reason": f"the schema is version 0, and this program needs {EXPECTED_VERSION}: run `tokentide migrate`",
    }
    for version in (EXPECTED_VERSION, EXPECTED_VERSION + 1):
        store.rows["migrations"] = [(version, "checksum")]
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True})
    store.away = True
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


async def test_a_store_that_hangs_is_not_ready(client, store, monkeypatch):
    """A probe is answered in time, whether the store is or not."""
    released = threading.Event()
    monkeypatch.setattr(operations, "_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(store, "ask", lambda _: released.wait(30))
    answer = await client.get("/readyz")
    released.set()
    assert (answer.status_code, answer.json()["reason"]) == (503, "the store did not answer within 0.05 seconds")


async def test_requests_are_counted_by_route_and_never_by_path(client, as_reader):
    """Labels are templates and names of this program; what a caller writes into a path is no label."""
    await client.get("/v1/projects/p/overview", headers=as_reader)
    await client.get("/v1/projects/other/overview", headers=as_reader)
    await client.get("/v1/secret-path")
    await client.get("/healthz")
    text = (await client.get("/metrics")).text
    route = 'dialect="lumiqtrace",route="/v1/projects/{id}/overview"'
    assert f'tokentide_http_requests_total{{{route},status="200"}} 1.0' in text
    assert f'tokentide_http_requests_total{{{route},status="403"}} 1.0' in text
    assert f"tokentide_http_request_seconds_count{{{route}}} 2.0" in text
    assert 'tokentide_http_requests_total{dialect="other",route="other",status="404"} 1.0' in text
    assert 'tokentide_http_requests_total{dialect="operations",route="/healthz",status="200"} 1.0' in text
    assert 'tokentide_query_seconds_count{query="overview"} 1.0' in text
    assert "tokentide_build_info" in text
    assert "secret-path" not in text


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from references(part)


async def test_openapi_describes_every_answer(client):
    """Each data route has a schema for its good answer and for each failure, and every reference leads somewhere."""
    document = (await client.get("/openapi.json")).json()
    read = {path: found["get"] for path, found in document["paths"].items() if "get" in found}
    assert set(read) >= {path.partition("?")[0].replace("/p/", "/{id}/") for path in EVERY}
    for found in read.values():
        answers = found["responses"]
        assert set(answers) == {"200", "304", "400", "401", "403", "429", "500", "503"}
        assert all("schema" in answers[status]["content"]["application/json"] for status in answers if status != "304")
        assert "X-Data-Through" in answers["200"]["headers"]
        assert "Retry-After" in answers["429"]["headers"]
        assert found["security"] == [{"HTTPBearer": []}]
    posted = document["paths"]["/api/svc/v1/llm-gateway/metrics/query"]["post"]
    assert set(posted["responses"]) == {*answers, "413", "415"}
    schemas = document["components"]["schemas"]
    assert {name.removeprefix("#/components/schemas/") for name in references(document)} <= set(schemas)
    assert set(schemas["Costs"]["properties"]) == {"byModel", "dailyTrend", "mtdTotal", "forecast30d", "cacheRate"}
    assert not [name for name in schemas if "Validation" in name]


async def test_openapi_says_what_each_surface_is_for(client):
    """Every operation belongs to one surface that is described, and has words of its own; so has every parameter."""
    document = (await client.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    described = [tag["name"] for tag in document["tags"] if tag["description"]]
    assert sorted(described) == sorted({tag for operation in operations for tag in operation["tags"]})
    assert all(len(operation["tags"]) == 1 and operation["description"] for operation in operations)
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", [])]
    assert [parameter["name"] for parameter in parameters if not parameter.get("description")] == []


async def test_the_documentation_page_needs_no_other_host(client):
    """Whatever the page loads comes from this process, and its policy allows nothing else."""
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    for path in ("/docs/start.js", "/docs/files/swagger-ui-bundle.js", "/docs/files/swagger-ui.css"):
        assert path in page.text
        assert (await client.get(path)).status_code == 200
