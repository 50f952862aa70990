"""Perf's and AgentLens' answers over a real ClickHouse engine, held against the oracle, and against each other's."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from random import Random

import httpx
import pytest

from tests.integration.folded import fold_into
from tests.integration.year_end import DAY_MS, HOUR_MS, MOMENTS_MS, NOW_MS, PROJECTS, events_of_the_winter
from tests.oracle import agentlens, perf
from tests.oracle.compare import differences, parse
from tests.oracle.log import Sent, calls
from tests.store_fixtures import migrated, settings_of
from tokentide import clock
from tokentide.api.times import iso_millis
from tokentide.api.truefoundry.routes import PATH as METRICS_QUERY
from tokentide.serving.app import create_app
from tokentide.store.access import create_key
from tokentide.store.accounts import change_account

EVENTS = 2400
DRAWS = 30
"""For each of Perf's endpoints, besides the special moments."""
WINDOWS = 70
"""For AgentLens' analytics."""

PERF = {
    "overview": perf.overview,
    "customer": perf.customer,
    "performance": perf.performance,
    "failures": perf.failures,
    "providers": perf.providers,
    "daily": perf.daily,
}


TELLING = {
    "overview": {".routing.accuracy", ".routing.fallback_rate", ".routing.retry_rate", ".task_distribution.unknown"},
    "customer": {
        ".behavior_insights.peak_hours",
        ".behavior_insights.cost_ceiling_hit_rate",
        ".cost_analysis.change_percentage",
        ".task_profile.task_overrides.unknown=claude-haiku-4-5",
    },
    "performance": {
        ".by_task_type.extraction.optimal_model=llama",
        ".by_task_type.extraction.optimal_model=claude-haiku-4-5",
        ".recommendations.potential_savings_usd",
        ".recommendations.quality_improvement",
    },
    "failures": {
        *(f".by_failure_mode.{mode}.common_triggers=math" for mode in perf.MODES),
        ".summary.unrecoverable",
        ".mitigation_recommendations.issue=High refusal rate",
    },
    "providers": {
        *(f".providers.openai.status={status}" for status in ("operational", "degraded", "down")),
        *(f".trends.openai.latency_trend={way}" for way in ("improving", "stable", "degrading")),
        ".providers.openai.incidents.end=2028-01-01T00:05:00Z",
        ".recommendations.provider=openai",
    },
    "daily": {
        *(f".trends.calls_trend={way}" for way in ("increasing", "stable", "decreasing")),
        *(f".trends.quality_trend={way}" for way in ("improving", "stable", "degrading")),
        ".trends.avg_daily_growth",
    },
}
"""What the draws must have seen at least once, or they would prove little."""


@dataclass
class Winter:
    """A store with the events of a winter, and the calls that the oracle sees in the log."""

    store: object
    calls: list


@pytest.fixture(scope="module")
def winter(chdb_store_root):
    """Everything stored; a tenth of the events was sent twice, and all of them came late."""
    with migrated(chdb_store_root) as store:
        events = list(events_of_the_winter(5, EVENTS))
        log = fold_into(store, events + events[: EVENTS // 10], now_ms=NOW_MS)
        counted = calls(Sent(*entry) for entry in log)
        assert len(counted) < EVENTS
        yield Winter(store, counted)


@pytest.fixture
def now(monkeypatch):
    """A clock that shows what the test sets."""

    class Clock:
        ms = NOW_MS

    monkeypatch.setattr(clock, "now_ms", lambda: Clock.ms)
    return Clock


class Asking:
    """A client of an application over a store, with keys of the organisation; after 250 requests it takes a new one."""

    def __init__(self, store, http, org):
        self._store, self._http, self._org = store, http, org
        self._left, self._key = 0, ""

    async def _headers(self):
        if not self._left:
            self._key = create_key(
                self._store, role="read", org=self._org, projects=(), tier="enterprise", now_ms=clock.now_ms()
            ).key
            self._left = 250
        self._left -= 1
        return {"Authorization": f"Bearer {self._key}"}

    async def get(self, path, **asked):
        return await self._http.get(path, params=asked, headers=await self._headers())

    async def total_of_concrete_calls(self, start, end):
        """The one row of TrueFoundry's query over calls of concrete models, of all projects together."""
        body = {
            "startTs": iso_millis(start),
            "endTs": iso_millis(end),
            "datasource": "modelMetrics",
            "type": "distribution",
            "aggregations": [{"type": "sum", "column": name} for name in ("costInUSD", "inputTokens", "outputTokens")],
            "filters": [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}],
        }
        answer = await self._http.post(METRICS_QUERY, json=body, headers=await self._headers())
        assert answer.status_code == 200, answer.text
        (row,) = parse(answer.content)["data"]["dataPoints"]
        return row

    async def answer(self, path, **asked):
        """The JSON of an answer that ends with 200."""
        answer = await self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        return parse(answer.content)


async def asking(store, org="org", **settings):
    create_key(store, role="read", org="org", projects=PROJECTS, now_ms=clock.now_ms())
    app = create_app(settings_of("chdb:///never-opened", "tokentide", **settings), store)
    return Asking(store, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api"), org)


@pytest.fixture
async def api(winter, now):
    """The API over the winter's store."""
    return await asking(winter.store)


def moments(rng, count):
    """All the special ones, and so many others."""
    yield from MOMENTS_MS
    for _ in range(count):
        yield rng.choice(
            [rng.choice(MOMENTS_MS) + rng.randrange(-HOUR_MS, HOUR_MS), NOW_MS - rng.randrange(100 * DAY_MS)]
        )


def of_perf(rng, endpoint):
    """What is asked of an endpoint: the shortest and the longest period, the default one, and any."""
    if endpoint == "providers":
        return rng.choice([{}, {"hours": 1}, {"hours": 168}, {"hours": rng.randrange(1, 169)}])
    asked = rng.choice([{}, {"days": 1}, {"days": 90}, {"days": rng.randrange(1, 91)}, {"days": rng.randrange(1, 12)}])
    if endpoint == "performance" and rng.random() < 0.4:
        asked = asked | {"task_type": rng.choice(["extraction", "unknown", "nobody's"])}
    return asked


@pytest.mark.parametrize("endpoint", PERF)
async def test_perf_answers_are_those_of_the_oracle(winter, api, now, endpoint):
    """Whatever the moment, the period and the project, every field is what a walk over all raw events finds."""
    rng, seen = Random(endpoint), set()
    for now.ms in moments(rng, DRAWS):
        project, asked = rng.choice([None, None, *PROJECTS]), of_perf(rng, endpoint)
        narrowed = {"projectId": project} if project else {}
        answer = await api.answer(f"/v1/metrics/{endpoint}", **asked, **narrowed)
        expected = PERF[endpoint](winter.calls, [project] if project else PROJECTS, now.ms, **asked)
        assert differences(expected, answer) == [], (iso_millis(now.ms), asked, project)
        seen |= set(filled(answer))
    assert TELLING[endpoint] - seen == set()


def filled(value, path=""):
    """The paths of an answer at which something is, without the names of models, tasks, days and the like."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from filled(part, f"{path}.{name}" if name.replace("_", "").isalpha() else f"{path}.*")
    elif isinstance(value, list):
        for part in value:
            yield from filled(part, path)
    elif value:
        yield path if isinstance(value, int | Decimal) else f"{path}={value}"


async def test_agentlens_answers_are_those_of_the_oracle(winter, api, now):
    """Whatever the window, the buckets and the filters, every field is what a walk over all raw events finds."""
    rng = Random("agentlens")
    for _ in range(WINDOWS):
        start, end = sorted(
            rng.choice([rng.choice(MOMENTS_MS), NOW_MS - rng.randrange(100 * DAY_MS)]) for _ in range(2)
        )
        granularity = rng.choice(["hour", "day", "week"])
        filters = {
            "agentId": rng.choice(["planner", "", "nobody", None]),
            "model": rng.choice(["gpt-4o", None, None]),
            "provider": rng.choice(["openai", None, None]),
        }
        asked = {"from": iso_millis(start), "to": iso_millis(end), "granularity": granularity}
        asked |= {name: value for name, value in filters.items() if value is not None}
        names = {"agentId": "agent_id", "model": "model", "provider": "provider"}
        only = {names[name]: value for name, value in filters.items() if value}
        answer = await api.answer("/api/analytics/llm", **asked)
        expected = agentlens.analytics(winter.calls, PROJECTS, start, end, granularity, **only)
        assert differences(expected, answer) == [], asked


async def test_agentlens_defaults(winter, api, now):
    """Without bounds the last 24 hours by the hour; an end alone reaches 24 hours back."""
    for now.ms in MOMENTS_MS:
        day = agentlens.analytics(winter.calls, PROJECTS, now.ms - DAY_MS, now.ms)
        assert differences(day, await api.answer("/api/analytics/llm")) == []
    end = MOMENTS_MS[3]
    expected = agentlens.analytics(winter.calls, PROJECTS, end - DAY_MS, end)
    assert differences(expected, await api.answer("/api/analytics/llm", to=iso_millis(end))) == []


async def test_recent_calls_are_those_of_the_oracle(winter, api, now):
    """The newest calls in AgentLens' shape, whatever the window and the filters; each with a hash of its own."""
    rng = Random("recent")
    for now.ms in moments(rng, 10):
        start = now.ms - rng.randrange(20 * DAY_MS)
        only = rng.choice(
            [{}, {"agent_id": "writer"}, {"model": "llama"}, {"session_id": "s7"}, {"provider": "openai"}]
        )
        limit = rng.choice([1, 10, 50])
        names = {"agent_id": "agentId", "session_id": "sessionId"}
        asked = {names.get(name, name): value for name, value in only.items()} | {"from": iso_millis(start)}
        asked |= {"eventType": "llm_response", "order": "desc", "limit": limit}
        answer = await api.answer("/api/events", **asked)
        hashes = [event.pop("hash") for event in answer["events"]]
        expected = agentlens.newest(winter.calls, PROJECTS, start, now.ms, limit, **only)
        assert differences(expected, answer) == [], asked
        assert len({*hashes}) == len(hashes)
        assert all(len(one) == 64 for one in hashes)


async def test_pages_of_events_are_the_list_in_pieces(winter, api):
    """Walked through by offset in either order, pages give each call once, and the same ones."""
    asked = {"from": iso_millis(NOW_MS - 30 * DAY_MS), "limit": 100, "severity": "error"}
    walks = []
    for order in ("asc", "desc"):
        found, more = [], True
        while more:
            page = await api.answer("/api/events", order=order, offset=len(found), **asked)
            found += [(event["timestamp"], event["id"]) for event in page["events"]]
            more = page["hasMore"]
        assert len(found) == page["total"]
        walks.append(found)
    assert sorted(walks[0]) == sorted(walks[1])
    assert [time for time, _ in walks[0]] == sorted(time for time, _ in walks[0])
    failed = [call for call in winter.calls if call.ms >= NOW_MS - 30 * DAY_MS and call.status in agentlens.FAILED]
    assert len(walks[0]) == len(failed)


@pytest.mark.parametrize("filters", [{"eventType": "tool_call"}, {"severity": "critical"}])
async def test_events_that_are_not_kept_are_none(api, filters):
    """Other types and severities have no events here, and that is an empty page."""
    assert await api.answer("/api/events", **filters) == {"events": [], "total": 0, "hasMore": False}


async def test_dialects_agree(api, now):
    """The same window has the same calls, cost and tokens in all dialects, for each project and for all together."""
    rng = Random("agreement")
    for now.ms in rng.sample(list(moments(rng, 4)), 8):
        days = rng.choice([1, 7, rng.randrange(1, 91)])
        start = now.ms // DAY_MS * DAY_MS - (days - 1) * DAY_MS
        end = (now.ms // DAY_MS + 1) * DAY_MS - 1
        told = {project: await _told(api, project, start, end, days) for project in PROJECTS}
        together = await _told_of_all(api, start, end, days)
        row = await api.total_of_concrete_calls(start, end + 1)
        assert (row["total"], row["sumCostInUSD"]) == (together["calls"], together["cost"])
        assert row["sumInputTokens"] + row["sumOutputTokens"] == together["tokens"]
        rounding = {"calls": 0, "tokens": 0, "cost": Decimal("0.000002")}
        for name, total in together.items():
            difference = total - sum(each[name] for each in told.values())
            assert abs(difference) <= rounding[name], (iso_millis(now.ms), days, name)


async def _told(api, project, start, end, days):
    """What the dialects say about a project; they must not differ."""
    bounds = {"start": iso_millis(start), "end": iso_millis(end)}
    lumiqtrace = (await api.answer(f"/v1/projects/{project}/overview", **bounds))["kpis"]
    costs = await api.answer("/v1/costs", projectId=project, **bounds)
    told = await _told_of_all(api, start, end, days, projectId=project)
    assert told["calls"] == lumiqtrace["totalRequests"] == sum(row["calls"] for row in costs["byModel"])
    assert told["cost"] == lumiqtrace["totalCost"]
    return told


async def _told_of_all(api, start, end, days, **narrowed):
    bounds = {"from": iso_millis(start), "to": iso_millis(end), "granularity": "day"}
    analytics = await api.answer("/api/analytics/llm", **bounds, **narrowed)
    summary = analytics["summary"]
    overview = await api.answer("/v1/metrics/overview", days=days, **narrowed)
    usage = (await api.answer("/v1/metrics/customer", days=days, **narrowed))["usage"]
    daily = (await api.answer("/v1/metrics/daily", days=days, **narrowed))["daily_data"]
    calls = {summary["totalCalls"], overview["summary"]["total_calls"], usage["total_calls"]}
    calls |= {sum(day["total_calls"] for day in daily), sum(row["calls"] for row in analytics["byTime"])}
    assert len(calls) == 1
    assert summary["totalCostUsd"] == overview["summary"]["total_cost_usd"] == usage["total_cost_usd"]
    assert usage["total_tokens"] == summary["totalInputTokens"] + summary["totalOutputTokens"]
    return {"calls": calls.pop(), "tokens": usage["total_tokens"], "cost": summary["totalCostUsd"]}


@pytest.mark.parametrize("endpoint", PERF)
@pytest.mark.parametrize("moment", [MOMENTS_MS[3], MOMENTS_MS[8], NOW_MS])
async def test_perf_over_nothing(chdb_store, now, endpoint, moment):
    """An empty store has an answer: zeros, nulls and empty lists."""
    now.ms = moment
    answer = await (await asking(chdb_store)).answer(f"/v1/metrics/{endpoint}")
    assert differences(PERF[endpoint]([], PROJECTS, now.ms), answer) == []


@pytest.mark.parametrize("kind", ["one call", "all failed", "one model that is free"])
async def test_a_day_of_one_kind(chdb_store, now, kind):
    """A single call, a day on which every call failed, and calls that cost nothing have exact answers too."""
    now.ms = MOMENTS_MS[9]
    some = [event for event in events_of_the_winter(6, 400) if event["kind"] == "llm" and "virtual_model" not in event]
    today = [event | {"timestamp": f"2028-02-29T0{number % 9}:00:00Z"} for number, event in enumerate(some)]
    events = {
        "one call": today[:1],
        "all failed": [event | {"status": "error"} for event in today],
        "one model that is free": [event | {"model": "llama", "provider": "local", "cost_usd": 0} for event in today],
    }[kind]
    every = calls(Sent(*entry) for entry in fold_into(chdb_store, events, now_ms=NOW_MS))
    assert len(every) == len(events)
    api = await asking(chdb_store)
    for endpoint, oracle in PERF.items():
        for asked in [{}, {"hours": 168}] if endpoint == "providers" else [{}, {"days": 1}, {"days": 2}, {"days": 90}]:
            answer = await api.answer(f"/v1/metrics/{endpoint}", **asked)
            assert differences(oracle(every, PROJECTS, now.ms, **asked), answer) == [], (endpoint, asked)
    told = await api.answer("/api/analytics/llm")
    assert differences(agentlens.analytics(every, PROJECTS, now.ms - DAY_MS, now.ms), told) == []


async def test_an_organisation_without_projects(winter, now):
    """A key that may see no project sees nothing, and nobody else's calls."""
    api = await asking(winter.store, org="newcomers")
    for endpoint, oracle in PERF.items():
        asked = {"organisation": "newcomers"} if endpoint == "customer" else {}
        assert differences(oracle([], (), NOW_MS, **asked), await api.answer(f"/v1/metrics/{endpoint}")) == []
    assert (await api.answer("/api/analytics/llm"))["summary"]["totalCalls"] == 0
    assert (await api.answer("/api/events"))["total"] == 0


async def test_what_an_account_has_set(winter, api, now):
    """Its own prices and preferences take the place of the settings', and can be taken back."""
    own = {"gpt4o_input_price": Decimal("0.25"), "gpt4o_output_price": Decimal("1.125")}
    preferences = {"cost_vs_quality_ratio": 0.65, "latency_sensitivity": 0.42}
    change_account(winter.store, "org", own | preferences, NOW_MS)
    try:
        account = preferences | {"prices": (Fraction(1, 4), Fraction(9, 8))}
        account |= {name: Decimal(str(value)) for name, value in preferences.items()}
        expected = perf.customer(winter.calls, PROJECTS, NOW_MS, account=account)
        assert differences(expected, await api.answer("/v1/metrics/customer")) == []
    finally:
        change_account(winter.store, "org", dict.fromkeys(own | preferences), NOW_MS)
    assert differences(perf.customer(winter.calls, PROJECTS, NOW_MS), await api.answer("/v1/metrics/customer")) == []


async def test_without_single_events(winter, now):
    """What only events tell is null or empty; everything else is as it was."""
    api = await asking(winter.store, events_table=False)
    customer = perf.customer(winter.calls, PROJECTS, NOW_MS)
    customer["behavior_insights"]["avg_conversation_length"] = None
    assert differences(customer, await api.answer("/v1/metrics/customer")) == []
    failures = perf.failures(winter.calls, PROJECTS, NOW_MS, days=30)
    for mode in failures["by_failure_mode"].values():
        mode["common_triggers"] = []
    assert differences(failures, await api.answer("/v1/metrics/failures", days=30)) == []
    assert await api.answer("/api/events") == {"events": [], "total": 0, "hasMore": False}
    providers = await api.get("/v1/metrics/providers")
    assert providers.headers["X-Window-Aligned"] == "true"
    end = MOMENTS_MS[5]  # within an hour, which is then answered as a whole
    widened = await api.get("/api/analytics/llm", to=iso_millis(end))
    assert widened.headers["X-Window-Aligned"] == "true"
    first, last = (end - DAY_MS) // HOUR_MS * HOUR_MS, (end // HOUR_MS + 1) * HOUR_MS - 1
    assert differences(agentlens.analytics(winter.calls, PROJECTS, first, last), parse(widened.content)) == []


async def test_where_events_are_gone_they_are_not_half_counted(winter, now):
    """A period that begins before the first event that is kept has no conversation length, rather than a wrong one."""
    api = await asking(winter.store, events_retention_days=10)
    for days, is_known in ((9, True), (30, False)):
        insights = (await api.answer("/v1/metrics/customer", days=days))["behavior_insights"]
        assert (insights["avg_conversation_length"] is not None) == is_known
    listed = await api.answer("/api/events")
    kept = [call for call in winter.calls if call.ms >= NOW_MS - 10 * DAY_MS + HOUR_MS]
    assert listed["total"] == len(kept)
