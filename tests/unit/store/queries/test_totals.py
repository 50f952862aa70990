"""The SQL of questions over rollups, held without a database."""

from __future__ import annotations

import re

import pytest

from tokentide.store.queries.sources import (
    ERROR_SOURCE,
    HEALTH_SOURCE,
    LATENCY_SOURCE,
    RATE_LIMIT_SOURCE,
    USAGE_SOURCE,
)
from tokentide.store.queries.totals import (
    BUCKET,
    Question,
    Scope,
    breakdowns,
    parted,
    quantile_breakdowns,
    quantiles,
    totals,
)
from tokentide.store.queries.window import NO_EVENTS, Window

HOUR = 3_600_000
WHOLE = Scope(("p",), Window(HOUR, 3 * HOUR), 0)
EDGES = Scope(("p", "q"), Window(HOUR + 1, 3 * HOUR + 2), 0)
SOURCES = [USAGE_SOURCE, LATENCY_SOURCE, ERROR_SOURCE, RATE_LIMIT_SOURCE, HEALTH_SOURCE]


def test_whole_hours_are_asked_from_the_rollup_alone():
    """A window of whole buckets does not touch the events table."""
    question = totals("cost", USAGE_SOURCE, WHOLE, ("cost_nanos", "latency_us_max"), by=[BUCKET, "model"])
    assert question.sql == (
        "SELECT at, model, sum(cost_nanos), max(latency_us_max)\n"
        "FROM (\n"
        "SELECT intDiv(toInt64(toUnixTimestamp(bucket)), {step:Int64}) * {step:Int64} AS at, model, "
        "cost_nanos, latency_us_max\n"
        "FROM usage_1h FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')\n"
        ")\n"
        "GROUP BY at, model\n"
        "ORDER BY 1, 2"
    )
    assert question.args == {"projects": ["p"], "step": 3600, "from": 3600, "to": 10800}
    assert not question.widened


def test_unaligned_edges_are_asked_from_the_events():
    """Each edge of the window is a range of the events table, and only events that the rollup counts are in it."""
    question = totals("errors", ERROR_SOURCE, EDGES, ("errors",), by=["error_code"])
    assert question.sql == (
        "SELECT error_code, sum(errors)\n"
        "FROM (\n"
        "SELECT error_code, errors\n"
        "FROM errors_1h FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')\n"
        "UNION ALL\n"
        "SELECT toLowCardinality(ifNull(error_code, if(status = 'error', 'unknown', status))), toUInt64(1)\n"
        "FROM events FINAL\n"
        "WHERE project_id IN {projects:Array(String)} AND ("
        "timestamp >= fromUnixTimestamp64Milli({edge0_from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({edge0_to:Int64}, 'UTC') "
        "OR timestamp >= fromUnixTimestamp64Milli({edge1_from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({edge1_to:Int64}, 'UTC')) "
        "AND kind = 'llm' AND virtual_model IS NULL AND status IN ('error', 'timeout', 'rate_limited')\n"
        ")\n"
        "GROUP BY error_code\n"
        "ORDER BY 1"
    )
    assert question.args == {
        "projects": ["p", "q"],
        "from": 7200,
        "to": 10800,
        "edge0_from": HOUR + 1,
        "edge0_to": 2 * HOUR,
        "edge1_from": 3 * HOUR,
        "edge1_to": 3 * HOUR + 2,
    }


def test_several_breakdowns_are_one_query():
    """Grouping sets give the sums by each set of dimensions from one pass over the rows."""
    question = breakdowns("b", USAGE_SOURCE, WHOLE, ("requests",), sets=[(BUCKET,), ("provider", "model")])
    assert question.sql.startswith("SELECT grouping(at, provider, model), at, provider, model, sum(requests)\nFROM (")
    assert question.sql.endswith("GROUP BY GROUPING SETS ((at), (provider, model))\nORDER BY 1, 2, 3, 4")


def test_breakdowns_are_taken_apart_by_their_marks():
    """A row belongs to the set whose dimensions `grouping` marks with 0; it keeps those dimensions and the sums."""
    rows = [(0b011, 3600, "", "", 9), (0b100, 0, "a", "x", 4), (0b100, 0, "a", "y", 5), (0b111, 0, "", "", 9)]
    sets = [(BUCKET,), ("provider", "model"), ()]
    assert parted(sets, rows) == [[(3600, 9)], [("a", "x", 4), ("a", "y", 5)], [(9,)]]


def test_quantiles_merge_digests():
    """Percentiles come from merged digests, never from percentiles."""
    question = quantiles("l", LATENCY_SOURCE, WHOLE, "ttft", levels=(0.5, 0.99), by=["provider"])
    assert question.sql.startswith(
        "SELECT provider, quantilesTDigestWeightedArray(0.5, 0.99)(ttft_means, ttft_weights)\n"
        "FROM (\nSELECT provider, ttft_means, ttft_weights\nFROM latency_1h FINAL\n"
    )
    assert question.sql.endswith(")\nGROUP BY provider\nORDER BY 1")


def test_quantiles_break_down_as_sums_do():
    """Digests are read and merged once for several sets of dimensions, the empty set among them."""
    sets = [(BUCKET,), ("model",), ()]
    question = quantile_breakdowns("l", LATENCY_SOURCE, WHOLE, "latency", levels=(0.5,), sets=sets, step_seconds=86400)
    assert question.sql.startswith(
        "SELECT grouping(at, model), at, model, quantilesTDigestWeightedArrayMerge(0.5)(digests)\n"
        "FROM (\nSELECT at, model, quantilesTDigestWeightedArrayState(0.5)(latency_means, latency_weights) AS digests\n"
    )
    assert question.sql.endswith(
        ")\nGROUP BY at, model\n)\nGROUP BY GROUPING SETS ((at), (model), ())\nORDER BY 1, 2, 3"
    )
    assert question.args["step"] == 86400


def test_without_dimensions_there_is_no_grouping():
    """A question by nothing has exactly one row, also over no calls."""
    sql = totals("t", USAGE_SOURCE, WHOLE, ("requests",)).sql
    assert sql.startswith("SELECT sum(requests)\nFROM (")
    assert "GROUP BY" not in sql
    assert "ORDER BY" not in sql


def test_a_filter_holds_on_both_sides():
    """`only` narrows the rollup by its column, and the events by what that column would be."""
    scope = Scope(("p",), EDGES.window, 0, {"agent_id": "a'b"})
    question = totals("t", USAGE_SOURCE, scope, ("requests",))
    assert "'UTC') AND agent_id = {only_agent_id:String}\nUNION ALL" in question.sql
    assert "virtual_model IS NULL AND ifNull(agent_id, '') = {only_agent_id:String}\n)" in question.sql
    assert question.args["only_agent_id"] == "a'b"


def test_a_widened_window_says_so():
    """Without events the edges are widened, and the question carries the fact."""
    question = totals("t", USAGE_SOURCE, Scope(("p",), EDGES.window, NO_EVENTS), ("requests",))
    assert question.widened
    assert (question.args["from"], question.args["to"]) == (3600, 14400)
    assert "events" not in question.sql


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table.name)
def test_a_source_names_columns_of_its_rollup(source):
    """What an event counts as is told under the rollup's own names, and for every dimension."""
    dimensions = set(source.table.key) - {"project_id", "bucket"}
    assert dimensions <= set(source.of_event) <= dimensions | set(source.table.measures)


def test_every_measure_of_usage_has_its_expression():
    """Whatever the usage rollup measures can be read from events too."""
    assert set(USAGE_SOURCE.table.measures) <= set(USAGE_SOURCE.of_event)


@pytest.mark.parametrize("scope", [WHOLE, EDGES, Scope(("p",), EDGES.window, NO_EVENTS, {"model": "m"})])
def test_every_argument_stands_in_the_sql(scope):
    """Parameters and arguments are the same names: the store refuses one that is missing or idle."""
    questions: list[Question] = [
        totals("t", USAGE_SOURCE, scope, ("requests",), by=[BUCKET]),
        totals("t", USAGE_SOURCE, scope, ("requests",), by=["model"]),
        breakdowns("b", USAGE_SOURCE, scope, ("requests",), sets=[(BUCKET,), ("model",)]),
        quantiles("q", LATENCY_SOURCE, scope, "latency", levels=(0.5,)),
    ]
    for question in questions:
        assert set(re.findall(r"\{(\w+):", question.sql)) == set(question.args)
