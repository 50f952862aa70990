"""The oracle of metrics queries, on events whose answers can be counted on the fingers."""

from __future__ import annotations

from decimal import Decimal

from tests.oracle.compare import differences
from tests.oracle.truefoundry import data_points, written

BODY = {"startTs": "2026-10-01", "endTs": "2026-12-01", "datasource": "modelMetrics", "type": "distribution"}


def call(at="2026-11-01T00:00:00Z", **fields):
    """A call of half a second by nobody in particular."""
    return {"timestamp": at, "status": "success", "latency_ms": 500, "model": "m", **fields}


def totals(events, **fields):
    return [row["total"] for row in data_points(BODY | fields, events)]


def test_the_window_is_half_open():
    """Its first moment counts, its last does not, and over nothing there is one row or none."""
    events = [call("2026-10-01T00:00:00Z"), call("2026-12-01T00:00:00Z"), call("2026-11-30T23:59:59.999Z")]
    assert totals(events) == [2]
    assert totals([]) == [0]
    assert totals([], groupBy=["modelName"]) == []


def test_buckets_are_counted_from_1970():
    """Five hours do not begin at midnight, weeks begin on Monday, two months in an odd one, three years in 2024."""
    starts = {}
    for interval in ("5 hours", "1 week", "2 months", "3 years"):
        [row] = data_points(BODY | {"type": "timeseries", "interval": interval}, [call()])
        starts[interval] = row["startTimestamp"][:16], row["endTimestamp"][:16]
    assert starts == {
        "5 hours": ("2026-10-31T22:00", "2026-11-01T03:00"),
        "1 week": ("2026-10-26T00:00", "2026-11-02T00:00"),
        "2 months": ("2026-11-01T00:00", "2027-01-01T00:00"),
        "3 years": ("2024-01-01T00:00", "2027-01-01T00:00"),
    }
    assert written(1) == "1970-01-01T00:00:00.001Z"


def test_what_is_absent_meets_only_what_says_not():
    """A call without a value is in the complement of every positive filter."""
    events = [call(error_code="a"), call(error_code="ab"), call()]
    for operator, value, expected in (
        ("EQUAL", "a", 1),
        ("NOT_EQUAL", "a", 2),
        ("IN", ["a", "b"], 1),
        ("NOT_IN", ["a", "b"], 2),
        ("STRING_STARTS_WITH", "a", 2),
        ("STRING_NOT_CONTAINS", "b", 2),
    ):
        assert totals(events, filters=[{"fieldName": "errorCode", "operator": operator, "value": value}]) == [expected]


def test_a_call_counts_in_each_of_its_teams():
    """Once in each, however often it is named; without any it belongs to null, which comes last."""
    rows = data_points(BODY | {"groupBy": ["team"]}, [call(teams=["b", "a", "b"]), call(), call(teams=["b"])])
    assert [(row["team"], row["total"]) for row in rows] == [("b", 2), ("a", 1), (None, 1)]


def test_figures_of_few_values_are_exact():
    """A percentile is the smallest value that so many percent do not exceed; an average is a quotient."""
    events = [call(latency_ms=number) for number in (1, 2, 3, 4)]
    kinds = ("sum", "avg", "min", "max", "p50", "p75", "p90", "count", "countDistinct")
    wanted = [{"type": kind, "column": "latencyMs"} for kind in kinds]
    told = dict(zip((f"{kind}LatencyMs" for kind in kinds), (10, 2.5, 1, 4, 2, 3, 4, 4, 4), strict=True))
    expected = data_points(BODY | {"aggregations": wanted}, events)
    assert differences(expected, as_printed([{"total": 4, **told}])) == []
    assert len(differences(expected, as_printed([{"total": 4, **told, "p50LatencyMs": 3}]))) == 1


def as_printed(rows):
    return [
        {key: Decimal(str(value)) if isinstance(value, float) else value for key, value in row.items()} for row in rows
    ]
