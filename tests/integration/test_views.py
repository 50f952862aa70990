"""The views that BI tools ask, on a real ClickHouse engine: against the oracle, the API and the plan of a question."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tests.integration.folded import HOUR_MS, HOURS, PARTITIONS, START_MS, fold_into, made_up_events
from tests.oracle.compare import Percentile
from tests.oracle.log import Sent, calls
from tests.store_fixtures import migrated
from tokentide.errors import StoreRejected
from tokentide.rollups.tables import TABLES, USAGE
from tokentide.store.port import Query
from tokentide.store.queries.sources import LATENCY_SOURCE
from tokentide.store.queries.totals import Scope, quantiles
from tokentide.store.queries.window import NO_EVENTS, Window

PAGE = Path(__file__).parents[2] / "docs/sql.md"
TOPIC = "llm.events"
FAILED = ("error", "timeout", "rate_limited")
TIMES = {
    "usage_hourly": "hour",
    "latency_quantiles": "hour",
    "errors_hourly": "hour",
    "rate_limits_by_minute": "minute",
    "provider_health": "time",
}
WINDOWED = {"latency_quantiles_over": "", "latency_quantiles_every": ", models = [], seconds = 7200"}
DAY = "'2026-11-01 00:00:00'", "'2026-11-02 00:00:00'"


@pytest.fixture(scope="module")
def stored(chdb_store_root):
    """A store with made-up events, beside every row an older one of a worker that was replaced, and their calls."""
    with migrated(chdb_store_root) as store:
        log = fold_into(store, made_up_events(5, 900))
        for table in TABLES:
            older = f"SELECT * REPLACE (version - 1 AS version{_spoilt(table)}) FROM {table.name}"
            store.command(f"INSERT INTO {table.name} {older}")
        _write_progress(store)
        yield store, calls(Sent(*entry) for entry in log)


def _spoilt(table):
    """A change to an older row that would show in every sum."""
    count = table.measures[0]
    return "" if count.endswith("_means") else f", {count} + 1000000 AS {count}"


def _write_progress(store):
    """Two lives of the topic: of the first one with more partitions, nothing must be seen."""
    rows = [(TOPIC, 0, 5, 1), (TOPIC, 1, 7, 1), (TOPIC, 0, 9_000, 0), (TOPIC, 2, 1, 0)]
    columns = ("topic", "partition", "through_ms", "epoch", "position", "log_time_ms", "record_time_ms", "version")
    values = [[*row, 1, 1, 1, row[3] << 48 | 1] for row in rows]
    store.insert("progress", columns, list(zip(*values, strict=True)))


@pytest.fixture(scope="module")
def store(stored):
    return stored[0]


@pytest.fixture(scope="module")
def made(stored):
    """The calls of project p that count."""
    return [call for call in stored[1] if call.project == "p"]


def ask(store, sql, **args):
    return store.ask(Query("view", sql, args))


def groups(some, key):
    found = defaultdict(list)
    for call in some:
        found[key(call)].append(call)
    return dict(sorted(found.items()))


def hour_of(call):
    return datetime.fromtimestamp(call.ms // HOUR_MS * HOUR_MS / 1000, UTC)


def code_of(call):
    return call.code if call.code is not None else "unknown" if call.status == "error" else call.status


def misses(found, some, percents=(50, 95, 99)):
    """Which percentiles of these calls are not near by rank."""
    latencies = [call.latency for call in some]
    judged = [
        Percentile(latencies, percent).complaint(Decimal(value)) for percent, value in zip(percents, found, strict=True)
    ]
    return [complaint for complaint in judged if complaint]


# What they say


def test_usage_by_hour_is_what_a_count_of_the_events_says(store, made):
    """Every hour, model, agent and task has its calls, ends, tokens, dollars to the last nano, and milliseconds."""
    rows = ask(
        store,
        "SELECT hour, provider, model, agent_id, task_type, requests, success, failed, cancelled, input_tokens,"
        " output_tokens, cached_tokens, cost_usd, latency_ms_sum, latency_ms_max, ttft_count"
        " FROM usage_hourly WHERE project_id = 'p' ORDER BY ALL",
    )

    def key(call):
        raw = call.raw
        return hour_of(call), raw["provider"], call.model, raw.get("agent_id") or "", raw.get("task_type") or ""

    expected = [
        (
            *place,
            len(some),
            sum(call.status == "success" for call in some),
            sum(call.status in FAILED for call in some),
            sum(call.status == "cancelled" for call in some),
            sum(call.read for call in some),
            sum(call.written for call in some),
            sum(call.cached for call in some),
            dollars(some),
            pytest.approx(float(sum(call.latency for call in some)), abs=0.0006 * len(some)),
            pytest.approx(float(max(call.latency for call in some)), abs=0.0006),
            sum(call.ttft is not None for call in some),
        )
        for place, some in groups(made, key).items()
    ]
    assert rows == expected


def dollars(some):
    cost = sum((call.cost for call in some), Fraction(0))
    nanos = cost * 10**9
    assert nanos.denominator == 1
    return Decimal(nanos.numerator).scaleb(-9)


def test_views_hold_every_measure(store):
    """What a rollup measures, its view shows: under its own name, or in dollars and milliseconds."""
    renamed = {
        "cost_nanos": "cost_usd",
        "latency_us": "latency_ms_sum",
        "latency_us_max": "latency_ms_max",
        "ttft_us": "ttft_ms_sum",
    }
    for view in ("usage_hourly", "usage_daily"):
        shown = set(columns_of(store, f"SELECT * FROM {view}"))
        assert {renamed.get(measure, measure) for measure in USAGE.measures} <= shown


def test_days_are_the_sums_of_their_hours(store):
    """Every column of a day is what its hours add up to, and a maximum their greatest."""
    sums = [
        f"{'max' if name.endswith('_max') else 'sum'}({name})"
        for name in columns_of(store, "SELECT * FROM usage_daily")
        if name not in {"project_id", "day", "provider", "model", "agent_id", "task_type"}
    ]
    by = "project_id, provider, model"
    asked = [
        f"SELECT {by}, {day}, {', '.join(sums)} FROM {view} GROUP BY ALL ORDER BY 1, 2, 3, 4"
        for view, day in (("usage_daily", "day"), ("usage_hourly", "toDate(hour)"))
    ]
    daily, hourly = (ask(store, sql) for sql in asked)
    assert len(daily) > 5
    assert daily == [near(row) for row in hourly]


def near(row):
    """A row whose floating-point sums may differ in the last places."""
    return tuple(pytest.approx(value) if isinstance(value, float) else value for value in row)


def test_percentiles_of_an_hour_are_those_of_its_calls(store, made):
    """Near by rank in the oracle's values; without a streamed call there is none of the time to first token."""
    rows = ask(
        store,
        "SELECT hour, provider, model, calls, streamed_calls, ttft_p50_ms, p50_ms, p95_ms, p99_ms"
        " FROM latency_quantiles WHERE project_id = 'p' ORDER BY hour, provider, model",
    )
    expected = groups(made, lambda call: (hour_of(call), call.raw["provider"], call.model))
    assert [tuple(row[:3]) for row in rows] == list(expected)
    for *place, count, streamed, ttft, p50, p95, p99 in rows:
        some = expected[tuple(place)]
        ttfts = [call.ttft for call in some if call.ttft is not None]
        assert (count, streamed) == (len(some), len(ttfts))
        assert misses((p50, p95, p99), some) == []
        assert Percentile(ttfts, 50).complaint(Decimal(ttft)) is None if ttfts else ttft is None


def test_no_streamed_call_is_null(chdb_store_root):
    """A BI tool that averages or draws must not meet a NaN."""
    with migrated(chdb_store_root) as store:
        fold_into(store, [event | {"stream": False} for event in made_up_events(9, 60)])
        over = f"latency_quantiles_over(project = 'p', from = {DAY[0]}, to = {DAY[1]})"
        for view in ("latency_quantiles", over):
            assert set(ask(store, f"SELECT streamed_calls, ttft_p50_ms, ttft_p99_ms FROM {view}")) == {(0, None, None)}


@pytest.mark.parametrize(("first", "last"), [(0, HOURS), (1, 2), (1, HOURS)])
def test_percentiles_of_a_window_are_the_api_s(store, made, first, last):
    """The project's row, its providers' and its models' are merged from the digests as the API merges them."""
    start, end = (START_MS + hours * HOUR_MS for hours in (first, last))
    rows = ask(
        store,
        "SELECT level, provider, model, calls, p50_ms, p90_ms, p95_ms, p99_ms FROM latency_quantiles_over("
        f"project = 'p', from = toDateTime({start // 1000}), to = toDateTime({end // 1000})) ORDER BY ALL",
    )
    scope = Scope(("p",), Window(start, end), NO_EVENTS)
    inside = [call for call in made if start <= call.ms < end]
    expected = []
    for level, by in (("model", ("provider", "model")), ("project", ()), ("provider", ("provider",))):
        question = quantiles("view", LATENCY_SOURCE, scope, "latency", levels=(0.5, 0.9, 0.95, 0.99), by=by)
        for *names, (p50, *rest) in store.ask(question):
            some = [
                call for call in inside if names in ([], [call.raw["provider"]], [call.raw["provider"], call.model])
            ]
            expected.append((level, *names, *[""] * (2 - len(names)), len(some), p50, *rest))
    assert rows == expected
    for row in rows:
        some = [c for c in inside if row[1] in {"", c.raw["provider"]} and row[2] in {"", c.model}]
        assert misses((row[4], row[6], row[7]), some) == []


def test_a_series_of_percentiles_is_of_its_models_and_buckets(store, made):
    """Its buckets have the length that was asked for, at least an hour, and hold the models that were named, or all."""
    for models, seconds, hours in (([], 60, 1), (["claude", "it's"], 7200, 2), (["gpt-4o"], 86_400, 24)):
        rows = ask(
            store,
            "SELECT time, calls, p50_ms, p95_ms, p99_ms FROM latency_quantiles_every(project = {project:String},"
            " from = {from:DateTime}, to = {to:DateTime}, models = {models:Array(String)}, seconds = {seconds:UInt32})"
            " ORDER BY time",
            project="p",
            models=models,
            seconds=seconds,
            **{"from": datetime(2026, 11, 1, tzinfo=UTC), "to": datetime(2026, 11, 2, tzinfo=UTC)},
        )
        some = [call for call in made if not models or call.model in models]
        size = hours * HOUR_MS
        expected = groups(some, lambda call, size=size: datetime.fromtimestamp(call.ms // size * size / 1000, UTC))
        assert [(time, count) for time, count, *_ in rows] == [(time, len(part)) for time, part in expected.items()]
        assert [problem for time, _, *found in rows for problem in misses(found, expected[time])] == []


def test_a_window_without_calls_has_no_rows(store):
    """Nobody's percentiles are no numbers."""
    for view, more in WINDOWED.items():
        assert ask(store, f"SELECT * FROM {view}(project = 'nobody', from = {DAY[0]}, to = {DAY[1]}{more})") == []


def test_a_window_view_says_what_it_wants(store):
    """Asked without its arguments, it is refused by name rather than answered over everything."""
    for view in WINDOWED:
        with pytest.raises(StoreRejected, match=view):
            ask(store, f"SELECT * FROM {view}")


def test_how_far_the_views_reach_is_of_the_topic_s_present_life(store):
    """The least of the partitions that it has now; those of an earlier life do not count."""
    rows = ask(store, "SELECT topic, stored_through, partitions, age_seconds > 1e9 FROM pipeline_freshness")
    assert rows == [(TOPIC, datetime(1970, 1, 1, 0, 0, 0, 5000, UTC), PARTITIONS, 1)]


# How they are asked


def plan(store, sql):
    return "\n".join(row[0] for row in ask(store, f"EXPLAIN indexes = 1 {sql}"))


def key_condition(text):
    """The columns of the primary key that a plan makes use of, and their condition."""
    found = re.search(r"PrimaryKey\s+Keys:\s+((?:\w+\s+)+)Condition: (.*)", text)
    return (found[1].split(), found[2]) if found else ([], "")


@pytest.mark.parametrize("view", [*TIMES, "usage_daily"])
def test_project_and_time_reach_the_primary_key(store, view):
    """A view reads no more than the tables would: both conditions choose the granules."""
    time, (begin, end) = TIMES.get(view, "day"), ("'2026-11-01'", "'2026-11-02'") if view == "usage_daily" else DAY
    asked = f"SELECT count() FROM {view} WHERE project_id IN ('p', 'x') AND {time} >= {begin} AND {time} < {end}"
    columns, condition = key_condition(plan(store, asked))
    assert columns[:2] == ["project_id", "bucket"], asked
    assert condition.count("bucket") == 2
    assert condition.count("project_id") == 1


@pytest.mark.parametrize("view", WINDOWED)
def test_arguments_reach_the_primary_key(store, view):
    """So do the arguments of a window."""
    text = plan(store, f"SELECT * FROM {view}(project = 'p', from = {DAY[0]}, to = {DAY[1]}{WINDOWED[view]})")
    assert key_condition(text)[0][:2] == ["project_id", "bucket"]


def test_a_plan_without_conditions_is_told_apart(store):
    """The tests above can fail: a condition on something that is computed chooses nothing."""
    assert key_condition(plan(store, "SELECT count() FROM usage_hourly WHERE requests > 5")) == ([], "")


def test_only_the_columns_asked_for_are_read(store):
    """A question for the number of calls reads no tokens and no digests."""
    text = plan(store, "SELECT project_id, sum(requests) FROM usage_hourly GROUP BY project_id")
    assert "requests" in text
    assert "input_tokens" not in text
    assert "latency_means" not in plan(store, "SELECT sum(errors) FROM errors_hourly")


# What the page says of them


def columns_of(store, sql):
    return [row[0] for row in ask(store, f"DESCRIBE ({sql})")]


def test_the_page_lists_every_view_and_column(store):
    """Each column stands in the table of its view, and no other does; so do the views."""
    text = PAGE.read_text(encoding="utf-8").partition("## Views")[2].partition("\n## ")[0]
    parts = re.split(r"^### (\w+)$", text, flags=re.MULTILINE)
    told = dict(zip(parts[1::2], parts[2::2], strict=True))
    views = [
        row[0]
        for row in ask(store, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'")
    ]
    assert sorted(told) == sorted(views)
    for view, part in told.items():
        windowed = f"{view}(project = 'p', from = {DAY[0]}, to = {DAY[1]}{WINDOWED.get(view, '')})"
        columns = columns_of(store, f"SELECT * FROM {windowed if view in WINDOWED else view}")
        first_cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
        listed = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
        if view == "usage_daily":
            assert listed == {"day"}
            assert set(columns) - {"day"} == set(columns_of(store, "SELECT * FROM usage_hourly")) - {"hour"}
        else:
            assert sorted(listed) == sorted(columns), view


def expected_answers(made):
    """What each question of the page must be answered, in its order, from the calls themselves."""
    every = datetime(2026, 11, 1, tzinfo=UTC)
    by_cost = groups(made, lambda call: call.model)
    two = [call for call in made if call.model in {"gpt-4o", "claude"}]
    failed = groups([call for call in made if call.status in FAILED], code_of)
    refused = groups([call for call in made if call.status == "rate_limited"], hour_of)
    openai = [call for call in made if call.raw["provider"] == "openai"]
    yield [
        (date(2026, 11, 1), model, dollars(some), len(some))
        for model, some in sorted(by_cost.items(), key=lambda item: (-dollars(item[1]), item[0]))
    ]
    yield [
        near(
            (
                provider,
                sum(call.status in FAILED for call in some) / len(some),
                sum(call.cached for call in some) / sum(call.read for call in some),
                float(sum(call.latency for call in some)) / len(some),
            )
        )
        for provider, some in groups(made, lambda call: call.raw["provider"]).items()
    ]
    yield [(model, len(some), Ranks(some)) for model, some in groups(openai, lambda call: call.model).items()]
    yield [(every, len(two), Ranks(two))]
    yield [
        (code, len(some), datetime.fromtimestamp(max(call.ms for call in some) / 1000, UTC))
        for code, some in sorted(failed.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    yield [(hour.date(), hour.hour, len(some)) for hour, some in refused.items()]
    yield [(provider, worst(some)) for provider, some in groups(made, lambda call: call.raw["provider"]).items()]
    yield [(TOPIC, datetime(1970, 1, 1, 0, 0, 0, 5000, UTC), PARTITIONS)]


class Ranks:
    """Equal to three percentiles that are near those of some calls, by rank."""

    def __init__(self, some):
        self._calls = some

    def __eq__(self, found):
        return misses(found, self._calls) == []

    __hash__ = None


def worst(some):
    """The highest error rate of the five minutes that had five calls or more."""
    parts = [part for part in groups(some, lambda call: call.ms // 300_000).values() if len(part) >= 5]
    return pytest.approx(max(sum(call.status in {"error", "timeout"} for call in part) / len(part) for part in parts))


def test_the_page_s_questions_are_answered_as_the_oracle_says(store, made):
    """Each example of docs/sql.md runs as it stands, but for the project's name, and its answer is right."""
    text = PAGE.read_text(encoding="utf-8").partition("## Questions")[2]
    questions = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    expected = list(expected_answers(made))
    assert len(questions) == len(expected)
    for sql, rows in zip(questions, expected, strict=True):
        found = ask(store, sql.replace("'shop'", "'p'"))
        assert rows
        if any(isinstance(value, Ranks) for value in rows[0]):
            found = [(*row[:2], tuple(row[2:])) for row in found]
        assert found == rows, sql


def test_the_runbooks_questions_are_asked(store):
    """Every SELECT of docs/runbooks.md runs here."""
    store.insert("projects", ("project_id", "org_id"), [["p", "q"], ["org", "org"]])
    questions = re.findall(
        r"```sql\n(.*?)```", PAGE.with_name("runbooks.md").read_text(encoding="utf-8").replace("\n  ", "\n"), re.DOTALL
    )
    assert len(questions) == 3
    for sql in questions:
        ask(store, sql)
