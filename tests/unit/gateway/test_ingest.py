"""POST /v1/ingest as its callers see it."""

from __future__ import annotations

import asyncio
import gzip
import json

import httpx
import pytest
from fastapi import Request

from tests.builders import an_event, line, lines, numbered_id
from tests.unit.api.fakes import INGEST_KEY, READ_KEY, key_row
from tokentide.api.bodies import BodyRules, Room, body_of
from tokentide.api.failures import Kind, Refused
from tokentide.clock import now_ms
from tokentide.serving.app import create_app
from tokentide.settings import Settings

MINUTE_MS = 60_000
NDJSON = {"content-type": "application/x-ndjson"}


def now_event(number=1, **fields):
    """An event that begins now, as an SDK sends it: without a project."""
    return an_event(number, **{"at_ms": now_ms(), "project_id": None} | fields)


def now_lines(count):
    return lines(now_event(number) for number in range(count))


async def post(client, body, path="/v1/ingest", **headers):
    return await client.post(path, content=body, headers={**NDJSON, **headers})


@pytest.mark.parametrize("form", ["ndjson", "array", "one", "indented"])
async def test_events_are_accepted_in_either_form(client, log, form):
    """NDJSON, a JSON array, one object, and objects over several lines: 202 with their number."""
    events = [now_event(number) for number in range(1 if form in {"one", "indented"} else 3)]
    body = {
        "ndjson": lines(events),
        "array": json.dumps(events).encode(),
        "one": line(events[0]),
        "indented": json.dumps(events[0], indent=2).encode(),
    }[form]
    kind = "application/json" if form != "ndjson" else "application/x-ndjson"
    answer = await client.post("/v1/ingest", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()) == (202, {"accepted": len(events)})
    assert [event.event_id for event in log.events()] == [numbered_id(number) for number in range(len(events))]


async def test_a_request_is_one_record_of_its_project(client, log):
    """The record is NDJSON under the project's key, as the worker likes it best."""
    await post(client, now_lines(100))
    (record,) = log.records
    assert (record.key, record.events, record.value.count(b"\n")) == (b"p", 100, 99)


async def test_the_key_decides_about_project_and_organisation(client, log):
    """What a body says of them is overruled, whatever it is."""
    for number, project in enumerate(("theirs", None, 7, "")):
        answer = await post(client, line(now_event(number) | {"project_id": project, "org_id": "another"}))
        assert answer.status_code == 202
    assert {(event.project_id, event.org_id) for event in log.events()} == {("p", "o")}


async def test_prompts_go_no_further(client, log):
    """A field that no event has is not written into the log."""
    await post(client, line(now_event() | {"messages": [{"content": "my secret"}], "prompt": "my secret"}))
    assert b"secret" not in log.records[0].value


async def test_nothing_of_an_event_is_lost(client, log):
    """Every field that the contract has arrives with its value."""
    sent = now_event(
        cost_usd="0.000000001",
        tags={"a": "b", "n": 5},
        metadata={f"k{number}": 1.5 for number in range(64)},
        teams=["x"],
        stream=True,
        ttft_ms=1.25,
        sample_rate=0.5,
    )
    assert (await post(client, line(sent))).status_code == 202
    (event,) = log.events()
    assert (event.cost_nanos, event.teams, event.ttft_ms, event.sample_rate) == (1, ["x"], 1.25, 0.5)
    assert event.metadata == {f"k{number}": "1.5" for number in range(64)} | {"a": "b", "n": "5"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "there is no event in the body"),
        (b" \n ", "there is no event in the body"),
        (b"[]", "there is no event in the body"),
        (b"[{}", "the body: not a JSON array"),
        (b"nonsense", "event 0: not a JSON object"),
        (b"null", "event 0: not a JSON object"),
        (b"[[]]", "event 0: not a JSON object"),
        (b"{}", "event 0: event_id: is required"),
        (b"\xff", "event 0: the bytes are not UTF-8"),
        (b'{"a":' + b"[" * 600 + b"]" * 600 + b"}", "event 0: brackets nest deeper than 500 levels"),
        (b"[" * 600 + b"]" * 600, "the body: brackets nest deeper than 500 levels"),
    ],
)
async def test_what_is_no_event_is_refused(client, log, body, message):
    """400 says what was expected, and nothing is sent."""
    answer = await post(client, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)
    assert log.records == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": None}, "model: is required for kind llm"),
        ({"latency_ms": -1}, "latency_ms: "),
        ({"latency_ms": "5"}, "latency_ms: "),
        ({"status": "fine"}, "status: "),
        ({"timestamp": "yesterday"}, "timestamp: must be RFC 3339"),
        ({"at_ms": now_ms() + 24 * 60 * MINUTE_MS}, "timestamp: "),
        ({"at_ms": now_ms() - 401 * 24 * 60 * MINUTE_MS}, "timestamp: "),
        ({"error_message": "x" * 501}, "error_message: "),
        ({"input_tokens": 1, "cached_tokens": 2}, "cached_tokens: must not exceed"),
    ],
)
async def test_one_bad_event_refuses_the_request(client, log, fields, message):
    """400 names the place, from 0, and the field of the first bad event; none of the others is sent."""
    body = lines([now_event(0), now_event(1), now_event(2, **fields), now_event(3)])
    answer = await post(client, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"event 2: {message}")
    assert log.records == []


async def test_times_are_judged_by_the_clock_of_the_gateway(client, log):
    """What is accepted can never become a dead letter, even when its record is stamped a little later."""
    youngest, oldest = now_ms() + 9 * MINUTE_MS, now_ms() - 400 * 24 * 60 * MINUTE_MS + 2 * MINUTE_MS
    assert (await post(client, lines([now_event(1, at_ms=youngest), now_event(2, at_ms=oldest)]))).status_code == 202
    edge = now_ms() - 400 * 24 * 60 * MINUTE_MS + MINUTE_MS // 2
    assert (await post(client, line(now_event(3, at_ms=edge)))).status_code == 400
    assert len(log.events()) == 2


async def test_the_good_part_is_taken_on_wish(client, log):
    """With `partial=true` good events are accepted, and each bad one is named with its place."""
    body = lines([now_event(0), now_event(1, model=None), now_event(2)]) + b"\nnonsense"
    answer = await post(client, body, "/v1/ingest?partial=true")
    assert answer.status_code == 202
    found = answer.json()
    assert (found["accepted"], found["rejected"]) == (2, 2)
    assert [(error["index"], error["error"].partition(":")[0]) for error in found["errors"]] == [
        (1, "model"),
        (3, "not a JSON object"),
    ]
    assert [event.event_id for event in log.events()] == [numbered_id(0), numbered_id(2)]
    assert (await post(client, body, "/v1/ingest?partial=false")).status_code == 400


async def test_nothing_good_is_an_answer_too(client, log):
    """With `partial=true` a body of bad events alone is answered, and nothing is sent."""
    answer = await post(client, b"{}", "/v1/ingest?partial=true")
    assert (answer.status_code, answer.json()["accepted"], log.records) == (202, 0, [])


async def test_a_hundred_events_are_the_most(client, log):
    """The 101st refuses the request in the seed's words, in either form, in part or not."""
    assert (await post(client, now_lines(100))).status_code == 202
    array = b"[" + now_lines(101).replace(b"\n", b",") + b"]"
    for body, path in ((now_lines(101), ""), (array, ""), (now_lines(101), "?partial=true")):
        answer = await post(client, body, "/v1/ingest" + path)
        assert (answer.status_code, answer.json()) == (400, {"error": "Max 100 events per batch"})
    assert len(log.records) == 1


async def test_gzip_is_inflated(client, log):
    """Also of several members, as they may follow each other."""
    whole = now_lines(50)
    for body in (gzip.compress(whole), gzip.compress(whole[:999]) + gzip.compress(whole[999:])):
        answer = await post(client, body, **{"content-encoding": "gzip"})
        assert (answer.status_code, answer.json()) == (202, {"accepted": 50})
    assert len(log.events()) == 100


@pytest.mark.parametrize("spoil", [lambda body: body[:-5], lambda body: b"x" + body, lambda body: body + b"tail"])
async def test_spoilt_gzip_is_refused(client, spoil):
    """A body that breaks off, is no gzip, or goes on as something else, is 400."""
    answer = await post(client, spoil(gzip.compress(now_lines(3))), **{"content-encoding": "gzip"})
    assert answer.status_code == 400
    assert "gzip" in answer.json()["error"]


@pytest.mark.parametrize("encoding", [{}, {"content-encoding": "gzip"}])
async def test_a_body_is_4_mib_at_most(client, encoding, log):
    """413 for a larger one, inflated or not, however small it was on the way."""
    most = 4 * 1024 * 1024
    event = line(now_event())
    for size, status in ((most, 202), (most + 1, 413)):
        body = event + b" " * (size - len(event))
        answer = await post(client, gzip.compress(body) if encoding else body, **encoding)
        assert answer.status_code == status
    assert len(log.records) == 1


@pytest.mark.parametrize(
    ("headers", "named"),
    [({"content-type": "text/csv"}, "text/csv"), ({"content-encoding": "br"}, "br")],
)
async def test_another_type_or_encoding_is_refused(client, headers, named):
    """415 names what is taken and what came."""
    answer = await post(client, now_lines(1), **headers)
    assert answer.status_code == 415
    assert named in answer.json()["error"]


async def test_a_type_with_parameters_or_none_is_taken(client):
    """`; charset=utf-8` changes nothing, and who says nothing is believed."""
    answer = await post(client, now_lines(1), **{"content-type": "Application/JSON; charset=utf-8"})
    assert answer.status_code == 202
    request = client.build_request("POST", "/v1/ingest", content=now_lines(1))
    assert "content-type" not in request.headers
    assert (await client.send(request)).status_code == 202


async def test_without_kafka_nothing_is_accepted(client, log):
    """503 with Retry-After, without a word about where Kafka is; and 202 when it is back."""
    log.away = True
    answer = await post(client, now_lines(2))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "secret" not in answer.text
    log.away = False
    assert (await post(client, now_lines(2))).status_code == 202
    text = (await client.get("/metrics")).text
    assert 'tokentide_ingest_events_total{result="unavailable"} 2.0' in text
    assert 'tokentide_ingest_events_total{result="accepted"} 2.0' in text


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": INGEST_KEY},
        {"authorization": f"Bearer {INGEST_KEY}"},
        {"authorization": "Basic cGs6dHRpX2luZ2VzdA=="},
    ],
)
async def test_a_key_comes_in_any_of_three_ways(client, headers):
    """As x-api-key, as a Bearer, or as the password of Basic."""
    del client.headers["x-api-key"]
    assert (await post(client, now_lines(1), **headers)).status_code == 202


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, "Invalid API key"),
        ({"x-api-key": ""}, 401, "Invalid API key"),
        ({"x-api-key": "wrong"}, 401, "Invalid API key"),
        ({"authorization": "Basic not-base64"}, 401, "Invalid API key"),
        ({"authorization": "Basic"}, 401, "Invalid API key"),
        ({"authorization": "Digest x"}, 401, "Invalid API key"),
        ({"x-api-key": READ_KEY}, 403, "this key reads data and cannot send events; use an ingest key"),
    ],
)
async def test_who_may_not_send_is_told_so(client, log, headers, status, error):
    """401 for no key and for one that is not known alike, 403 for a key that reads."""
    del client.headers["x-api-key"]
    answer = await post(client, now_lines(1), **headers)
    assert (answer.status_code, answer.json(), log.records) == (status, {"error": error}, [])


async def test_the_1000th_request_of_a_minute_is_the_last(client, store):
    """The next one is refused with the seconds to wait, and another key goes on."""
    store.rows["access_keys"].append(key_row("tti_other", "ingest"))
    for _ in range(1000):
        assert (await post(client, b"{}")).status_code == 400
    answer = await post(client, now_lines(1))
    assert (answer.status_code, answer.json()) == (429, {"error": "Rate limit exceeded"})
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (await post(client, now_lines(1), **{"x-api-key": "tti_other"})).status_code == 202
    assert 'tokentide_rate_limited_total{surface="ingest"} 1.0' in (await client.get("/metrics")).text


async def test_a_hot_project_is_spread_by_identity(store, log):
    """Events of one shard stand in one record, and an identity always comes back to the same one."""
    app = create_app(Settings(project_shards="p=4"), store, delivery=log)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        for _ in range(2):
            answer = await post(client, now_lines(100), **{"x-api-key": INGEST_KEY})
            assert answer.json() == {"accepted": 100}
    keys = {}
    for record in log.records:
        for text in record.value.split(b"\n"):
            keys.setdefault(json.loads(text)["event_id"], set()).add(record.key)
    assert len(keys) == 100
    assert {key for found in keys.values() for key in found} == {b"p#0", b"p#1", b"p#2", b"p#3"}
    assert max(map(len, keys.values())) == 1


async def test_a_large_request_is_split_into_records(client, log, store):
    """No record is larger than the worker takes."""
    app = create_app(Settings(max_record_bytes=2000), store, delivery=log)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as small:
        answer = await post(small, now_lines(50), **{"x-api-key": INGEST_KEY})
        assert answer.json() == {"accepted": 50}
        answer = await post(small, line(now_event(session_id="x" * 2000)), **{"x-api-key": INGEST_KEY})
    assert max(len(record.value) for record in log.records) <= 2000
    assert sum(record.events for record in log.records) == 50
    assert answer.status_code == 400
    assert "2000 are allowed" in answer.json()["error"]


async def test_what_is_not_foreseen_is_not_told(client, log, monkeypatch):
    """500 in the seed's words, without a trace of the fault."""

    async def broken(_):
        raise RuntimeError("secret")

    monkeypatch.setattr(log, "deliver", broken)
    answer = await post(client, now_lines(1))
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})


async def test_many_at_once(client, log):
    """Requests do not disturb each other."""
    answers = await asyncio.gather(*(post(client, line(now_event(number))) for number in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert {event.event_id for event in log.events()} == {numbered_id(number) for number in range(50)}


async def test_the_monthly_quota_has_its_own_words(store, log):
    """A request that would pass it is refused whole, in the seed's words, until the turn of the month."""
    store.rows |= {"month_usage": [("o", 95)], "positions": []}
    app = create_app(Settings(monthly_quota_events=100), store, delivery=log)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        key = {"x-api-key": INGEST_KEY}
        assert (await post(client, now_lines(5), **key)).status_code == 202
        answer = await post(client, now_lines(1), **key)
        assert (answer.status_code, answer.json()) == (429, {"error": "Monthly quota exceeded"})
        assert 0 < int(answer.headers["Retry-After"]) <= 31 * 86_400
        text = (await client.get("/metrics")).text
        assert "tokentide_quota_used_ratio 1.0" in text
        assert 'tokentide_ingest_events_total{result="over_quota"} 1.0' in text
    assert sum(record.events for record in log.records) == 5


async def test_a_body_that_never_ends_is_given_up():
    """408 when it does not arrive in time, and its room is free again."""
    rules = BodyRules(frozenset({"application/json"}), seconds=0.05)
    room = Room(1000)
    sent = [{"type": "http.request", "body": b"x" * 100, "more_body": True}]

    async def receive():
        if sent:
            return sent.pop()
        await asyncio.sleep(60)
        return None

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    with pytest.raises(Refused) as caught:
        async with body_of(Request(scope, receive), rules, room):
            pass
    assert caught.value.failure.kind is Kind.TOO_SLOW
    room.take(1000)


async def test_what_is_worked_on_has_a_room_together(app, client, log):
    """When it is full, others are asked to come back; when it is free again, they are served."""
    room = app.state.gateway.room
    room.take(256 * 1024 * 1024)
    answer = await post(client, now_lines(1))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    room.give_back(256 * 1024 * 1024)
    assert (await post(client, now_lines(1))).status_code == 202
    assert room._free_bytes == 256 * 1024 * 1024
