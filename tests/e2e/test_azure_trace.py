"""Real traffic and made-up faults through everything: all answers are what an oracle says, value by value."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.e2e.azure import CALLS, azure_events
from tests.e2e.judging import PERF, differing, differing_in_agentlens, differing_in_perf, text
from tests.e2e.producing import Account, producing
from tests.oracle.log import Call, calls
from tokentide.clock import now_ms
from tokentide.demo.faults import Faults, Line, whole_record, with_faults
from tokentide.demo.traffic import generate
from tokentide.events import Limits, Reason

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
INDIA = timezone(timedelta(hours=5, minutes=30))
NOT_IN_ARRAYS = {Reason.NOT_JSON, Reason.NOT_UTF8}  # there they spoil the whole record


@dataclass
class Loaded:
    """What is in the log: the calls that count, what must have become a dead letter, and about when it was sent."""

    calls: list[Call]
    refused: dict
    end_ms: int

    def times(self, project):
        """When the calls of a project began, sorted."""
        return sorted(call.ms for call in self.calls if call.project == project)


@pytest.fixture(scope="module")
def loaded(up):
    """Everything sent, and stored."""
    end_ms = now_ms()
    account = Account()
    asyncio.run(_send_everything(up.ready["kafka"], account, end_ms))
    up.wait_until_stored(text(now_ms()))
    return Loaded(calls(account.log), account.refused, end_ms)


async def _send_everything(bootstrap, account, end_ms):
    rng = Random(7)
    event = next(generate(99, 1, end_ms, ["lab"]))
    async with producing(bootstrap, account) as producer:
        for lines in _lines_by_project(end_ms).values():
            for record, array in _records(lines, rng):
                await producer.send(record, array=array)
        await producer.send([whole_record(event, Reason.TOO_MANY_EVENTS, Limits(), 1000)])
    async with producing(bootstrap, account, compression_type="gzip") as producer:
        await producer.send([whole_record(event, Reason.TOO_LARGE, Limits(), 1000)])


def _lines_by_project(end_ms):
    """The trace, and a week of made-up traffic of two projects, each with faults of its own."""
    trace = azure_events(datetime.fromtimestamp(end_ms / 1000, UTC))
    week = [_told_in_india(place, event) for place, event in enumerate(generate(11, 5000, end_ms, ["shop", "lab"]))]
    lines = list(with_faults(trace, Faults(repeated=0.03, late=0.02, bad=0.01, distance=300), 1, end_ms))
    lines += with_faults(week, Faults(repeated=0.05, late=0.05, bad=0.04, distance=400), 2, end_ms)
    by_project = {
        project: [line for line in lines if line.project_id == project] for project in ("azure", "shop", "lab")
    }
    for of_project in by_project.values():
        _respell(of_project)
    return by_project


def _told_in_india(place, event):
    """One event in forty has a time with an offset."""
    if place % 40:
        return event
    moment = datetime.fromisoformat(event["timestamp"]).astimezone(INDIA)
    return event | {"timestamp": moment.isoformat(timespec="milliseconds")}


def _respell(lines):
    """Repeats some events with their identity in capitals and without hyphens: the same identity."""
    good = [line for line in lines if line.event]
    for line in good[::100]:
        event = line.event | {"event_id": line.event["event_id"].upper().replace("-", ""), "latency_ms": 1.0}
        lines.append(Line(line.project_id, msgspec.json.encode(event), event, repeat=True))


def _records(lines, rng):
    """Records as different producers write them: single events, NDJSON and arrays, in no order."""
    begin = 0
    while begin < len(lines):
        size = 1 if rng.random() < 0.3 else rng.randint(2, 120)
        record = lines[begin : begin + size]
        yield record, rng.random() < 0.4 and NOT_IN_ARRAYS.isdisjoint(line.reason for line in record)
        begin += size


def hour(ms):
    return ms - ms % HOUR_MS


def day(ms):
    return ms - ms % DAY_MS


class Seen(NamedTuple):
    """What windows are cut from: when the calls began, sorted, and when they were sent, in milliseconds."""

    times: list[int]
    now: int


WINDOWS = {
    "all, to the millisecond": lambda seen: (seen.times[0], seen.times[-1]),
    "all but the first and the last": lambda seen: (seen.times[0] + 1, seen.times[-1] - 1),
    "hours": lambda seen: (hour(seen.times[0]), hour(seen.times[-1]) + HOUR_MS),
    "days": lambda seen: (day(seen.times[0]), day(seen.times[-1]) + DAY_MS),
    "one hour": lambda seen: (hour(seen.times[-1]) - HOUR_MS, hour(seen.times[-1]) - 1),
    "one hour and its end": lambda seen: (hour(seen.times[-1]) - HOUR_MS, hour(seen.times[-1])),
    "unaligned": lambda seen: (seen.times[len(seen.times) // 3] + 17, seen.times[-len(seen.times) // 5] - 23),
    "within an hour": lambda seen: (seen.times[-40], seen.times[-2]),
    "from an hour on": lambda seen: (hour(seen.times[len(seen.times) // 2]), seen.times[-1]),
    "until an hour": lambda seen: (seen.times[0], hour(seen.times[-1])),
    "one millisecond with a call": lambda seen: (seen.times[7], seen.times[7]),
    "one millisecond without": lambda seen: (seen.times[-1] + 1, seen.times[-1] + 1),
    "two months ago": lambda seen: (seen.now - 62 * DAY_MS, seen.now - 60 * DAY_MS),
    "the future": lambda seen: (seen.now + DAY_MS, seen.now + 2 * DAY_MS),
    "into the future": lambda seen: (seen.times[0], seen.now + 2 * DAY_MS),
    "seven days": lambda seen: (seen.now - 7 * DAY_MS, seen.now),
    "eight days": lambda seen: (seen.now - 8 * DAY_MS, seen.now),
    "thirty days": lambda seen: (day(seen.now) - 29 * DAY_MS, seen.now),
    "today until midnight": lambda seen: (day(seen.now), day(seen.now) + DAY_MS),
    "forty days": lambda seen: (seen.now - 40 * DAY_MS, seen.now),
}


@pytest.mark.parametrize("project", ["azure", "shop"])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_answers_are_exact(up, loaded, project, window):
    """Whatever the window, all four answers are what the oracle computes from what was sent."""
    start, end = WINDOWS[window](Seen(loaded.times(project), loaded.end_ms))
    assert differing(up, loaded.calls, project, start, end) == []


@pytest.mark.parametrize("number", range(8))
def test_random_windows(up, loaded, number):
    """Windows of any length at any millisecond of the last ten days."""
    rng = Random(number)
    length = int(10 ** rng.uniform(3, 8.9))
    start = loaded.end_ms - rng.randrange(10 * DAY_MS)
    assert differing(up, loaded.calls, "lab", start, start + length) == []


@pytest.mark.parametrize("project", ["azure", "lab"])
def test_default_windows(up, loaded, project):
    """Without start and end the last day or the last thirty days are meant, until now (L1, L3)."""
    assert differing(up, loaded.calls, project) == []


def test_half_open_questions(up, loaded):
    """A start alone reaches until now; an end alone reaches back by the default length."""
    times = loaded.times("lab")
    assert differing(up, loaded.calls, "lab", start=times[len(times) // 2]) == []
    assert differing(up, loaded.calls, "lab", end=times[-3]) == []


@pytest.mark.parametrize("project", ["azure", "shop"])
@pytest.mark.parametrize("endpoint", PERF)
def test_perf_is_exact(up, loaded, project, endpoint):
    """Over the shortest, the default and the longest period, Perf's answers are what the oracle computes."""
    periods = [{}, {"hours": 1}, {"hours": 168}] if endpoint == "providers" else [{}, {"days": 1}, {"days": 90}]
    for asked in periods:
        assert differing_in_perf(up, loaded.calls, project, endpoint, **asked) == []


@pytest.mark.parametrize("number", range(10))
def test_agentlens_is_exact(up, loaded, number):
    """Windows of any length at any millisecond, by the hour, the day and the week, and the newest calls in them."""
    rng = Random(number)
    project, granularity = rng.choice(["azure", "shop", "lab"]), rng.choice(["hour", "day", "week"])
    end = loaded.end_ms - rng.randrange(DAY_MS if project != "azure" else HOUR_MS)
    start = end - int(10 ** rng.uniform(6, 8.9))
    assert differing_in_agentlens(up, loaded.calls, project, start=start, end=end, granularity=granularity) == []


@pytest.mark.parametrize("project", ["azure", "shop", "lab"])
def test_dialects_agree(up, loaded, project):
    """After all faults, the same days have the same calls, cost and tokens in each dialect."""
    end = day(loaded.end_ms) + DAY_MS
    start = end - 30 * DAY_MS
    kpis = up.get(f"/v1/projects/{project}/overview", start=text(start), end=text(end - 1))[0]["kpis"]
    summary = up.get("/api/analytics/llm", **{"projectId": project, "from": text(start), "to": text(end - 1)})[0][
        "summary"
    ]
    usage = up.get("/v1/metrics/customer", projectId=project, days=30)[0]["usage"]
    assert kpis["totalRequests"] == summary["totalCalls"] == usage["total_calls"] > 0
    assert kpis["totalCost"] == summary["totalCostUsd"] == usage["total_cost_usd"] > 0
    assert summary["totalInputTokens"] + summary["totalOutputTokens"] == usage["total_tokens"] > 0


def test_all_four_dialects_agree_on_the_organisation(up, loaded):
    """TrueFoundry's query is about all projects of the key; so are AgentLens and Perf, when none is named."""
    end = day(loaded.end_ms) + DAY_MS
    start = end - 30 * DAY_MS
    row = up.total_of_concrete_calls(start, end)
    summary = up.get("/api/analytics/llm", **{"from": text(start), "to": text(end - 1)})[0]["summary"]
    usage = up.get("/v1/metrics/customer", days=30)[0]["usage"]
    assert row["total"] == summary["totalCalls"] == usage["total_calls"] > 0
    assert row["sumCostInUSD"] == summary["totalCostUsd"] == usage["total_cost_usd"] > 0
    tokens = summary["totalInputTokens"] + summary["totalOutputTokens"]
    assert row["sumInputTokens"] + row["sumOutputTokens"] == tokens == usage["total_tokens"] > 0


def test_windows_beyond_the_events_are_widened_and_say_so(up, loaded):
    """Where single events are not kept any more, whole hours are exact, and other windows become whole hours (C7)."""
    first = day(loaded.end_ms) - 200 * DAY_MS
    for start, widened in ((first, None), (first + 1, "true")):
        asked = {"start": text(start), "end": text(first + DAY_MS - 1)}
        _, headers = up.get("/v1/projects/azure/overview", **asked)
        assert headers.get("X-Window-Aligned") == widened


def test_every_call_of_the_trace_is_counted(up, loaded):
    """No oracle needed: the trace has 19,366 calls, and so has the answer."""
    start, end = text(loaded.times("azure")[0]), text(loaded.times("azure")[-1])
    answer, _ = up.get("/v1/projects/azure/overview", start=start, end=end)
    assert answer["kpis"]["totalRequests"] == CALLS
    assert sum(row["requests"] for row in answer["timeline"]) == CALLS


def test_every_refused_event_is_a_dead_letter(up, loaded):
    """Each stands in the dead-letter topic with its place, its reason and its bytes, and nothing else does."""
    assert {reason for reason, _ in loaded.refused.values()} == set(Reason)
    letters = asyncio.run(_dead_letters(up.ready["kafka"]))
    assert {place: (reason, len(raw)) for place, (reason, raw) in letters.items()} == {
        place: (reason, len(raw)) for place, (reason, raw) in loaded.refused.items()
    }
    assert letters == loaded.refused


async def _dead_letters(bootstrap):
    topic = "llm.events.dead"
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        missing, letters = sum((await consumer.end_offsets(places)).values()), {}
        async with asyncio.timeout(30):
            while missing > 0:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    missing -= len(records)
                    letters |= dict(map(_letter, records))
        return letters
    finally:
        await consumer.stop()


def _letter(record):
    headers = {name: value.decode() for name, value in record.headers}
    index = int(headers["index"]) if headers["index"] else None
    return (int(headers["partition"]), int(headers["offset"]), index), (headers["reason"], record.value)
