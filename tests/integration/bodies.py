"""Strategies: bodies of metrics queries, valid ones over all of the catalogue, and ones in which one thing is wrong."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from tests.integration.gateway_events import END_MS, HOSTILE, HOUR_MS, KEYS, START_MS
from tests.oracle.truefoundry import DATASOURCES, GROUPS, NUMBERS, OPERATORS, asked_columns, filtered_columns
from tests.oracle.truefoundry import written as iso

__all__ = ["bodies", "broken_bodies", "held_bodies"]

Body = dict[str, Any]

CONCRETE = {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}

words = st.sampled_from(
    [
        *("alpha", "Alpha", "alp", "a", "beta", "_", "%", "7", "true", "nobody"),
        *("red", "blue", "green", "user", "ann@example.com", "best", "chat", "hit", "semantic"),
        *("overloaded", "tools/call", "pass", "applied", "l1", "langgraph"),
        *HOSTILE,
    ]
)
numbers = st.one_of(
    st.integers(0, 5000),
    st.sampled_from([0, 2.5, 200, 429, 1000.0, 3, -1, 1e300, 10**30, 0.1, 100.001]),
    st.floats(0, 9000).map(lambda number: round(number, 3)),
)
metadata_names = st.sampled_from(KEYS).map("metadata.{}".format)


@st.composite
def moments(draw: st.DrawFn) -> int:
    """Around the events; often on the border of an hour or a day, or far away."""
    hours = draw(st.integers(-3, (END_MS - START_MS) // HOUR_MS + 3))
    return draw(
        st.sampled_from([START_MS + hours * HOUR_MS] * 3 + [START_MS + hours // 24 * 24 * HOUR_MS])
        | st.integers(START_MS - HOUR_MS, END_MS + HOUR_MS)
        | st.sampled_from(
            [1_500_000_000_000, 4_000_000_000_000, START_MS + hours * HOUR_MS + 1, START_MS + hours * HOUR_MS - 1]
        )
    )


def spelled(draw: st.DrawFn, moment: int) -> str:
    """One of the ways to write a moment."""
    text = iso(moment)
    if moment % (24 * HOUR_MS) == 0 and draw(st.booleans()):
        return text[:10]
    if draw(st.booleans()):
        return text
    shifted = iso(moment + 5 * HOUR_MS + HOUR_MS // 2).removesuffix("Z")
    return draw(st.sampled_from([shifted + "+05:30", text.replace("Z", "999Z"), text.replace("Z", "+00:00")]))


@st.composite
def filters(draw: st.DrawFn, datasource: str) -> Body:
    """A filter that the datasource has."""
    name = draw(st.sampled_from(filtered_columns(datasource)))
    operator = draw(st.sampled_from(OPERATORS[name]))
    if name == "metadata":
        key = draw(st.sampled_from(KEYS))
        field = draw(st.sampled_from([{"metadataKey": key}, {"fieldName": f"metadata.{key}"}]))
    else:
        field = {"fieldName": name}
    return {**field, "operator": operator, "value": draw(values(name, operator))}


def values(name: str, operator: str) -> st.SearchStrategy[Any]:
    """What may stand beside the operator."""
    one = numbers if name in NUMBERS or name == "httpStatusCode" else words
    if operator == "IS_NULL" or name == "isFailure":
        return st.booleans()
    if operator == "BETWEEN":
        return st.lists(numbers, min_size=2, max_size=2).map(sorted)
    if operator in {"IN", "NOT_IN", "ARRAY_HAS_ANY", "ARRAY_HAS_NONE"}:
        return st.lists(one, min_size=1, max_size=4)
    return one


def groups(datasource: str) -> st.SearchStrategy[list[str]]:
    """What may stand in groupBy."""
    named = st.sampled_from([name for name, where in GROUPS.items() if datasource in where])
    return st.lists(named | metadata_names, max_size=3).filter(
        lambda names: not {"userEmail", "virtualaccount"} <= {*names}
    )


def aggregations(datasource: str) -> st.SearchStrategy[list[Body]]:
    """What may stand in aggregations."""
    pairs = [(kind, column) for column, kinds in asked_columns(datasource).items() for kind in kinds]
    return st.lists(st.sampled_from(pairs), max_size=4).map(
        lambda chosen: [{"type": kind, "column": column} for kind, column in chosen]
    )


@st.composite
def intervals(draw: st.DrawFn, *, hours: bool = False) -> Body:
    """An interval in one of its spellings; with `hours`, one of whole hours."""
    if draw(st.integers(0, 9)) == 0:
        return {"intervalInSeconds": draw(st.sampled_from([3600, 7200, 86400] + [1800, 100_000] * (not hours)))}
    unit = draw(st.sampled_from(["hour", "day", "week", "month", "year"] + ["minute", "second"] * (not hours)))
    count = draw(st.integers(1, 36)) * {"second": 600, "minute": 7}.get(unit, 1)
    return {
        "interval": f"{count}{draw(st.sampled_from([' ', '  ']))}{draw(st.sampled_from([unit, unit.upper() + 'S']))}"
    }


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """A valid body."""
    datasource = draw(st.sampled_from(["modelMetrics"] * 3 + list(DATASOURCES)))
    chosen = draw(st.lists(filters(datasource), max_size=3))
    if datasource == "modelMetrics" and draw(st.booleans()):
        chosen.append(CONCRETE)
    return draw(
        completed(
            datasource,
            draw(intervals()),
            figures=draw(aggregations(datasource)),
            by=draw(groups(datasource)),
            chosen=chosen,
        )
    )


@st.composite
def held_bodies(draw: st.DrawFn) -> Body:
    """A valid body that the rollups hold an answer to, but for the edges of its window."""
    text = st.sampled_from(OPERATORS["modelName"]).flatmap(
        lambda operator: values("modelName", operator).map(
            lambda value: {"fieldName": "modelName", "operator": operator, "value": value}
        )
    )
    chosen = [CONCRETE, *draw(st.lists(text, max_size=2))]
    pairs = [
        *((kind, name) for kind in ("sum", "avg", "count") for name in ("costInUSD", "inputTokens", "outputTokens")),
        *((kind, "latencyMs") for kind in ("sum", "avg", "count", "max", "p50", "p75", "p90", "p95", "p99")),
        *(("count", "modelName"), ("countDistinct", "modelName")),
    ]
    if draw(st.integers(0, 3)) == 0:
        chosen.append({"fieldName": "isFailure", "operator": "EQUAL", "value": draw(st.booleans())})
        pairs = [("count", "modelName"), ("count", "latencyMs")]
    figures = draw(st.lists(st.sampled_from(pairs), max_size=4))
    return draw(
        completed(
            "modelMetrics",
            draw(intervals(hours=True)),
            figures=[{"type": kind, "column": name} for kind, name in figures],
            by=draw(st.sampled_from([[], ["modelName"]])),
            chosen=chosen,
        )
    )


@st.composite
def completed(draw: st.DrawFn, datasource: str, interval: Body, *, figures: Any, by: Any, chosen: Any) -> Body:
    """The body with its window and its type."""
    start, end = sorted(draw(st.lists(moments(), min_size=2, max_size=2, unique=True)))
    body: Body = {"startTs": spelled(draw, start), "endTs": spelled(draw, end), "datasource": datasource}
    body["type"] = draw(st.sampled_from(["distribution", "timeseries"]))
    if body["type"] == "timeseries":
        body |= interval
    lists = {"aggregations": figures, "groupBy": by, "filters": draw(st.permutations(chosen))}
    return body | {name: value for name, value in lists.items() if value or draw(st.booleans())}


WRONG: list[tuple[str, Any]] = [
    *((name, value) for name in ("startTs", "endTs") for value in ("yesterday", 5, None, "2026-10-30T10:00:00", "")),
    *((name, None) for name in ("datasource", "type", "aggregations", "groupBy", "filters")),
    *(("datasource", value) for value in ("models", 1, [], "modelmetrics", HOSTILE[0])),
    *(("type", value) for value in ("histogram", 0, {})),
    *((name, value) for name in ("aggregations", "groupBy", "filters") for value in ({}, "modelName", 1, True)),
    *((name, [value]) for name in ("aggregations", "filters") for value in ({}, "modelName", None, [])),
    *(("aggregations", [{"type": kind, "column": "latencyMs"}]) for kind in ("median", "p42", "", 1, None, "SUM")),
    *(("aggregations", [{"type": "sum", "column": name}]) for name in ("nothing", "modelName", "team", *HOSTILE, 1)),
    ("aggregations", [{"type": "sum", "column": "latencyMs", "as": "x"}]),
    *(("groupBy", [name]) for name in ("nothing", "latencyMs", "traceId", "metadata.", "virtualAccount", *HOSTILE, 1)),
    ("groupBy", ["userEmail", "virtualaccount"]),
    *(("filters", [{"fieldName": name, "operator": "EQUAL", "value": "x"}]) for name in ("costInUSD", *HOSTILE, 1)),
    *(("filters", [{"metadataKey": name, "operator": "EQUAL", "value": "x"}]) for name in ("", 1, None)),
    ("filters", [{"fieldName": "userEmail", "metadataKey": "x", "operator": "EQUAL", "value": "x"}]),
    ("filters", [{"operator": "EQUAL", "value": "x"}]),
    ("filters", [{"fieldName": "userEmail", "value": "x"}]),
    ("filters", [{"fieldName": "userEmail", "operator": "EQUAL"}]),
    ("filters", [{"fieldName": "userEmail", "operator": "EQUAL", "value": "x", "or": []}]),
    *(
        ("filters", [{"fieldName": "userEmail", "operator": o, "value": "x"}])
        for o in ("LIKE", "BETWEEN", "IS_NULL", 1)
    ),
    *(("filters", [{"fieldName": "userEmail", "operator": "EQUAL", "value": v}]) for v in (1, None, ["x"], {}, True)),
    *(("filters", [{"fieldName": "userEmail", "operator": "IN", "value": v}]) for v in ("x", [], [1], [None], {})),
    *(("filters", [{"fieldName": "team", "operator": "ARRAY_HAS_ANY", "value": v}]) for v in ([], "red", [1])),
    ("filters", [{"fieldName": "team", "operator": "EQUAL", "value": "red"}]),
    ("filters", [{"metadataKey": "x", "operator": "IS_NULL", "value": "true"}]),
]
NUMERIC_WRONG: list[tuple[str, Any]] = [
    *(("BETWEEN", value) for value in ([2, 1], [1], [1, 2, 3], 1, ["1", "2"], [True, 2], [])),
    *(("EQUAL", value) for value in ("1", True, None, [1])),
    *(("IN", value) for value in (1, [], ["1"], [False])),
    *(("IS_NULL", value) for value in (1, 0, "true", [])),
    *(("STRING_CONTAINS", value) for value in ("1",)),
]
INTERVALS_WRONG = ["1", "hour", "0 hour", "-1 hour", "1.5 hours", "1 hour 30 minute", "1 fortnight", "1000000 day", ""]
INTERVALS_WRONG += ["1hour", "999999 year", "1000 year", "01 hour", "1 hourss", 3600, None, [], HOSTILE[0]]


@st.composite
def broken_bodies(draw: st.DrawFn) -> tuple[Body, str]:
    """A body in which one thing is wrong, and the field that must be named."""
    body = draw(bodies()) | {"startTs": "2026-10-29", "endTs": "2026-10-30"}
    choice = draw(st.integers(0, 9))
    if choice == 0:
        name = draw(st.sampled_from(["startTs", "endTs", "datasource", "type"]))
        del body[name]
        return body, name
    if choice == 1:
        window = draw(st.sampled_from([("2026-10-30", "2026-10-30"), ("2026-10-31", "2026-10-30")]))
        return body | {"startTs": window[0], "endTs": window[1]}, "startTs"
    if choice in {2, 3}:
        body = {name: value for name, value in body.items() if not name.startswith("interval")} | {"type": "timeseries"}
        wrong = draw(st.sampled_from([{}, *({"interval": value} for value in INTERVALS_WRONG)]))
        by_seconds = st.sampled_from([0, -1, 1.5, "3600", None, True, 10**18, math.pi]).map(
            lambda value: {"intervalInSeconds": value}
        )
        wrong = draw(st.just(wrong) | by_seconds)
        return body | wrong, next(iter(wrong), "interval")
    if choice == 4:
        operator, value = draw(st.sampled_from(NUMERIC_WRONG))
        one = {"fieldName": "latencyMs", "operator": operator, "value": value}
        return body | {"datasource": "modelMetrics", "aggregations": [], "groupBy": [], "filters": [one]}, "filters[0]"
    name, value = draw(st.sampled_from(WRONG))
    body = {**body, "aggregations": [], "groupBy": [], "filters": []} | {name: value}
    return body, name
