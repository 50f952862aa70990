"""The questions on a real ClickHouse engine, over rows that the fold made from made-up events."""

from __future__ import annotations

import math
from random import Random

import pytest

from tests.integration.folded import DAY_MS, HOUR_MS, HOURS, START_MS, fold_into, made_up_events
from tests.store_fixtures import migrated
from tokentide.rollups.tables import USAGE
from tokentide.store.port import Query
from tokentide.store.queries.failures import recent_failures
from tokentide.store.queries.progress import data_through, first_bucket
from tokentide.store.queries.projects import projects_by_organisation
from tokentide.store.queries.sources import (
    ERROR_SOURCE,
    HEALTH_SOURCE,
    LATENCY_SOURCE,
    RATE_LIMIT_SOURCE,
    USAGE_SOURCE,
)
from tokentide.store.queries.totals import BUCKET, Scope, breakdowns, parted, quantiles, totals
from tokentide.store.queries.window import NO_EVENTS, Window

SOURCES = [USAGE_SOURCE, ERROR_SOURCE, RATE_LIMIT_SOURCE, HEALTH_SOURCE]


@pytest.fixture(scope="module")
def store(chdb_store_root):
    """A store with the made-up events; no test changes it."""
    with migrated(chdb_store_root) as opened:
        fold_into(opened, made_up_events(1, 600))
        yield opened


def scope(start_ms, end_ms, events_from_ms=0, **only):
    return Scope(("p", "q"), Window(START_MS + start_ms, START_MS + end_ms), events_from_ms, only)


def near(rows):
    """Rows that compare equal when their floating-point sums differ in the last places."""
    return [tuple(pytest.approx(value) if isinstance(value, float) else value for value in row) for row in rows]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table.name)
def test_an_event_counts_as_what_the_fold_made_of_it(store, source):
    """Each measure by each dimension is the same from the rollup's hour and from the events of that hour."""
    dimensions = [name for name in source.of_event if name in source.table.key]
    measures = [name for name in source.of_event if name in source.table.measures]
    if source is USAGE_SOURCE:
        assert measures == list(USAGE.measures)
    assert all(store.ask(totals("t", source, scope(0, HOUR_MS), measures))[0]), "a measure is nowhere set"
    bucket_ms = source.table.bucket_seconds * 1000
    for start_ms in range(0, HOUR_MS, bucket_ms):
        whole = scope(start_ms, start_ms + bucket_ms)
        edge = scope(start_ms, start_ms + bucket_ms - 1)  # not a whole bucket, but with all its events
        rolled, told = (totals("t", source, one, measures, by=dimensions) for one in (whole, edge))
        assert "events" not in rolled.sql
        assert told.args["from"] >= told.args["to"]
        assert store.ask(told) == near(store.ask(rolled))


@pytest.mark.parametrize("source", [*SOURCES, LATENCY_SOURCE], ids=lambda source: source.table.name)
def test_both_sides_have_the_same_types(store, source):
    """What an event counts as has its column's own type: nothing is converted on the way into the sum."""

    def type_of(expression, table):
        return store.ask(Query("type", f"DESCRIBE (SELECT {expression} AS value FROM {table})"))[0][1]

    for column, expression in source.of_event.items():
        assert type_of(expression, "events") == type_of(column, source.table.name), column


@pytest.mark.parametrize("digest", ["latency", "ttft"])
def test_percentiles_of_events_and_of_digests_are_the_same(store, digest):
    """A small digest holds its values, so that both ways lead to the same percentiles."""
    levels = (0.1, 0.5, 0.9, 0.99)
    whole, edge = scope(0, HOUR_MS), scope(0, HOUR_MS - 1)
    rolled, told = (
        store.ask(quantiles("q", LATENCY_SOURCE, one, digest, levels=levels, by=["model"])) for one in (whole, edge)
    )
    assert len(rolled) == 3
    for (model, expected), (same_model, found) in zip(rolled, told, strict=True):
        assert model == same_model
        assert found == pytest.approx(expected, rel=0.02)


def test_percentiles_of_nothing_are_nan(store):
    """No calls have no percentile: the engine says NaN, and a dialect says what that is for it."""
    [(values,)] = store.ask(quantiles("q", LATENCY_SOURCE, scope(DAY_MS, 2 * DAY_MS), "latency", levels=(0.5,)))
    assert math.isnan(values[0])


def test_a_window_is_the_sum_of_its_parts(store):
    """Wherever a window is cut, the calls on both sides add up, and each instant belongs to one side."""
    rng = Random(2)
    measures = ("requests", "cost_nanos", "latency_us")
    whole = store.ask(totals("t", USAGE_SOURCE, scope(0, HOURS * HOUR_MS), measures, by=["model"]))
    for _ in range(20):
        cut_ms = rng.randrange(HOURS * HOUR_MS)
        sums = {}
        for part in (scope(0, cut_ms), scope(cut_ms, HOURS * HOUR_MS)):
            for model, *values in store.ask(totals("t", USAGE_SOURCE, part, measures, by=["model"])):
                sums[model] = [a + b for a, b in zip(sums.get(model, [0, 0, 0]), values, strict=True)]
        assert sorted((model, *values) for model, values in sums.items()) == whole


def test_breakdowns_are_the_totals_by_each_set(store):
    """Asking several breakdowns at once gives what asking each alone gives."""
    sets = [(BUCKET,), ("provider", "model"), ("task_type",)]
    around = scope(1234, 2 * HOUR_MS + 99)
    rows = store.ask(breakdowns("b", USAGE_SOURCE, around, ("requests", "cost_nanos"), sets=sets))
    alone = [store.ask(totals("t", USAGE_SOURCE, around, ("requests", "cost_nanos"), by=names)) for names in sets]
    assert parted(sets, rows) == alone
    assert [len(part) for part in alone] == [3, 6, 3]


def test_a_bucket_is_counted_from_the_epoch(store):
    """Five-hour buckets do not begin anew at midnight: 2026-11-01T00:00Z lies in one that began the day before."""
    question = totals("t", USAGE_SOURCE, scope(0, 3 * HOUR_MS), ("requests",), by=[BUCKET], step_seconds=5 * 3600)
    [(bucket, _)] = store.ask(question)
    assert bucket == START_MS // 1000 // 18000 * 18000
    assert bucket % 86400 != 0


def test_without_events_the_edges_are_whole_hours(store):
    """A widened window answers what the whole hours around it answer."""
    widened = totals("t", USAGE_SOURCE, scope(5, HOUR_MS + 5, NO_EVENTS), ("requests",))
    assert store.ask(widened) == store.ask(totals("t", USAGE_SOURCE, scope(0, 2 * HOUR_MS), ("requests",)))


def test_a_filter_narrows_both_sides(store):
    """`only` counts the same calls as the row of that dimension."""
    around = scope(1234, 2 * HOUR_MS + 99)
    by_agent = dict(store.ask(totals("t", USAGE_SOURCE, around, ("requests",), by=["agent_id"])))
    assert set(by_agent) == {"", "a", "b"}
    for agent, requests in by_agent.items():
        one = scope(1234, 2 * HOUR_MS + 99, agent_id=agent)
        assert store.ask(totals("t", USAGE_SOURCE, one, ("requests",))) == [(requests,)]


def test_other_projects_are_not_counted(store):
    """A question is about its projects and no other, from rollups and from events."""
    both = store.ask(totals("t", USAGE_SOURCE, scope(5, HOUR_MS + 5), ("requests",)))[0][0]
    each = [
        store.ask(totals("t", USAGE_SOURCE, Scope((name,), scope(5, HOUR_MS + 5).window, 0), ("requests",)))[0][0]
        for name in ("p", "q")
    ]
    assert sum(each) == both
    assert all(0 < requests < both for requests in each)


def test_recent_failures_are_in_order_and_each_once(store):
    """The newest come first, of equal times the smaller identity, and a repeated insert shows nothing twice."""
    rows = store.ask(recent_failures(scope(0, HOURS * HOUR_MS), 400))
    assert rows == sorted(rows, key=lambda row: (-row[4], row[0]))
    assert len(rows) == len({row[0] for row in rows}) > 100
    assert {row[2] for row in rows} == {"error", "timeout", "rate_limited", "cancelled"}
    without_code = {(row[2], row[3]) for row in rows} - {(row[2], code) for row in rows for code in ("overloaded", "")}
    assert without_code == {
        ("error", "unknown"),
        ("timeout", "timeout"),
        ("rate_limited", "rate_limited"),
        ("cancelled", "cancelled"),
    }


def test_the_first_bucket_is_over_the_whole_history(store):
    """A project's first hour is told in seconds; a project without calls has none."""
    assert store.ask(first_bucket(["p", "q"])) == [(START_MS // 1000,)]
    assert store.ask(first_bucket(["nobody"])) == []


def test_data_through_is_the_least_of_the_newest_epoch(chdb_store):
    """The slowest partition decides, by its newest row; another topic and an earlier epoch do not count."""
    assert chdb_store.ask(data_through("t")) == []
    columns = ("topic", "partition", "epoch", "through_ms", "version")
    rows = [("t", 0, 1, 50, 9), ("t", 0, 1, 60, 10), ("t", 1, 1, 70, 9), ("t", 2, 0, 5, 4), ("other", 0, 1, 1, 1)]
    for row in rows:
        chdb_store.insert("progress", columns, [[value] for value in row])
    assert chdb_store.ask(data_through("t")) == [(60,)]


def test_projects_are_told_by_their_organisation(chdb_store):
    """Every organisation has one row with its projects."""
    chdb_store.insert("projects", ("project_id", "org_id"), [["b", "a", "c"], ["one", "one", "two"]])
    assert chdb_store.ask(projects_by_organisation()) == [("one", ["a", "b"]), ("two", ["c"])]
