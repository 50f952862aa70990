"""The metrics query as its callers see it, over a store whose rows the test knows."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.unit.api.fakes import INGEST_KEY
from tokentide import clock
from tokentide.api.access import REQUESTS_A_MINUTE
from tokentide.api.json_body import MOST_BYTES
from tokentide.api.times import DAY_MS, iso_millis
from tokentide.errors import StoreOverLimit
from tokentide.serving.app import create_app
from tokentide.settings import Settings

PATH = "/api/svc/v1/llm-gateway/metrics/query"
GOLDEN = Path(__file__).parents[3] / "golden" / "truefoundry"
CONCRETE = {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}


def body(**fields):
    """A small valid body over whole hours of yesterday."""
    today = clock.now_ms() // DAY_MS * DAY_MS
    window = {"startTs": iso_millis(today - DAY_MS), "endTs": iso_millis(today)}
    return {**window, "datasource": "modelMetrics", "type": "distribution", **fields}


async def test_the_example_of_the_seed(client, as_reader, store):
    """The seed's request, and from the rows that would make it the seed's answer: every key, and each number's form."""
    store.rows["metrics"] = [
        ("gpt-4o", 1240, 125_000, 45_000, [2450.5], 8_420_000_000),
        ("gpt-3.5-turbo", 860, 89_000, 32_000, [1820.3], 1_780_000_000),
    ]
    answer = await client.post(PATH, json=json.loads(GOLDEN.joinpath("request.json").read_text()), headers=as_reader)
    assert answer.status_code == 200
    expected = json.loads(GOLDEN.joinpath("answer.json").read_text())
    assert answer.json() == expected
    assert [*answer.json()["data"]["dataPoints"][0]] == [*expected["data"]["dataPoints"][0]]
    assert answer.headers["X-Answered-From"] == "rollups"
    assert answer.headers["X-Data-Through"] == "2026-04-20T10:00:00.123Z"


async def test_a_time_series_has_both_ends_of_each_bucket(client, as_reader, store):
    """Buckets are written with milliseconds and Z, and end where the next one begins."""
    store.rows["metrics"] = [(1_776_729_600, 5), (1_776_733_200, 7)]
    answer = await client.post(PATH, json=body(type="timeseries", interval="1 hour"), headers=as_reader)
    assert answer.json()["data"]["dataPoints"] == [
        {"startTimestamp": "2026-04-21T00:00:00.000Z", "endTimestamp": "2026-04-21T01:00:00.000Z", "total": 5},
        {"startTimestamp": "2026-04-21T01:00:00.000Z", "endTimestamp": "2026-04-21T02:00:00.000Z", "total": 7},
    ]


@pytest.mark.parametrize(("fields", "field"), [({}, "groupBy"), ({"interval": "1 hour"}, "interval")])
async def test_more_than_11000_rows_are_refused(client, as_reader, store, fields, field):
    """11,000 rows are answered; one more is refused, naming what makes so many."""
    asked = body(**fields, type="timeseries" if fields else "distribution", groupBy=["modelName"])
    at = (0,) if fields else ()
    store.rows["metrics"] = [(*at, f"model {number}", 1) for number in range(11_000)]
    assert (await client.post(PATH, json=asked, headers=as_reader)).status_code == 200
    store.rows["metrics"].append((*at, "one more", 1))
    answer = await client.post(PATH, json=asked, headers=as_reader)
    assert answer.status_code == 400
    assert field in answer.json()["message"]


async def test_without_the_events_table_rollups_go_on(store, as_reader):
    """What needs single events is refused by the setting's name; what rollups answer is answered."""
    app = create_app(Settings(events_table=False), store)
    store.rows["metrics"] = [(5,)]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert (await client.post(PATH, json=body(filters=[CONCRETE]), headers=as_reader)).status_code == 200
        unaligned = iso_millis(clock.now_ms() // DAY_MS * DAY_MS - DAY_MS + 1)
        for fields in ({}, {"filters": [CONCRETE], "startTs": unaligned}, {"datasource": "mcpMetrics"}):
            answer = await client.post(PATH, json=body(**fields), headers=as_reader)
            assert answer.status_code == 400
            assert "TOKENTIDE_EVENTS_TABLE" in answer.json()["message"]


async def test_events_that_are_gone_are_not_answered_in_part(client, as_reader, store):
    """Before the retention of events only what rollups hold exactly is answered; else startTs is named."""
    store.rows["metrics"] = [(5,)]
    asked = body(startTs="2024-01-01", filters=[CONCRETE])
    assert (await client.post(PATH, json=asked, headers=as_reader)).status_code == 200
    for fields in ({"filters": []}, {"startTs": "2024-01-01T00:30:00Z"}):
        answer = await client.post(PATH, json=asked | fields, headers=as_reader)
        assert answer.status_code == 400
        assert "startTs" in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer als_unknown"}, 401),
        ({"Authorization": f"Bearer {INGEST_KEY}"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
async def test_every_refusal_has_the_shape_of_this_dialect(client, as_reader, headers, status):
    """Whatever a request lacks, it is told as `statusCode` and `message`."""
    sent = {"Content-Type": "application/json"} | as_reader | headers
    answer = await client.post(PATH, content=json.dumps(body()), headers=sent)
    assert answer.status_code == status
    assert answer.json().keys() == {"statusCode", "message"}
    assert answer.json()["statusCode"] == status


async def test_a_body_has_at_most_one_mebibyte(client, as_reader):
    """A body of that size is read; a larger one is 413, whether it says its size before or not."""
    full = json.dumps(body()).encode().ljust(MOST_BYTES)
    sent = as_reader | {"Content-Type": "application/json"}

    async def in_pieces():
        for _ in range(20):
            yield b" " * 100_000

    assert (await client.post(PATH, content=full, headers=sent)).status_code == 200
    for content in (full + b" ", in_pieces()):
        answer = await client.post(PATH, content=content, headers=sent)
        assert (answer.status_code, answer.json()["statusCode"]) == (413, 413)


async def test_too_many_requests_are_told_when_to_come_again(client, as_reader):
    """The limit of a session holds here too."""
    for _ in range(REQUESTS_A_MINUTE):
        await client.post(PATH, json={}, headers=as_reader)
    answer = await client.post(PATH, json=body(), headers=as_reader)
    assert (answer.status_code, answer.json()["statusCode"]) == (429, 429)
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_query_over_the_limits_is_the_askers_to_change(client, as_reader, store):
    """What takes too much time or memory is 400 and says what to do, not a fault of the service."""

    def over(_query):
        raise StoreOverLimit("the query took 31 s")

    await client.post(PATH, json=body(), headers=as_reader)
    store.ask = over
    answer = await client.post(PATH, json=body(), headers=as_reader)
    assert answer.status_code == 400
    assert "shorter time" in answer.json()["message"]


async def test_the_description_takes_what_the_endpoint_takes(client, as_reader):
    """The OpenAPI schema of a body is made from the catalogue, and agrees with it on examples of each kind."""
    described = (await client.get("/openapi.json")).json()["paths"][PATH]["post"]
    assert {"400", "401", "403", "413", "415", "429"} <= described["responses"].keys()
    content = described["requestBody"]["content"]["application/json"]
    schema = Draft202012Validator(content["schema"])
    for fields, valid in (
        (content["example"], True),
        ({"groupBy": ["metadata.a\nb"]}, True),
        ({"groupBy": ["traceId"]}, False),
        ({"aggregations": [{"type": "sum", "column": "modelName"}]}, False),
        ({"filters": [{"fieldName": "team", "operator": "ARRAY_HAS_ANY", "value": ["red"]}]}, True),
        ({"filters": [{"fieldName": "team", "operator": "EQUAL", "value": "red"}]}, False),
        ({"filters": [{"metadataKey": "x", "operator": "IS_NULL", "value": True}]}, True),
        ({"datasource": "configMetrics", "aggregations": [{"type": "avg", "column": "latencyMs"}]}, False),
    ):
        asked = body(**fields) if "startTs" not in fields else fields
        today = {name: body()[name] for name in ("startTs", "endTs")}
        answer = await client.post(PATH, json=asked | today, headers=as_reader)
        assert schema.is_valid(asked) is valid
        assert (answer.status_code == 200) is valid, answer.text
