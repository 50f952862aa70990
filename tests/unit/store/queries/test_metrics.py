"""The SQL of metrics queries, held without a database."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from tests.integration.bodies import bodies
from tokentide.api.truefoundry.reading import read_query
from tokentide.rollups.tables import LATENCY, USAGE
from tokentide.store.queries.catalogue import Operator, Values
from tokentide.store.queries.datasources import DATASOURCES
from tokentide.store.queries.metrics import metrics_question
from tokentide.store.queries.plan import planned
from tokentide.store.queries.window import Origin

CONCRETE = {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}
BODY = {"startTs": "2026-04-20", "endTs": "2026-04-21", "datasource": "modelMetrics", "type": "distribution"}


def question(**fields):
    return metrics_question("m", planned(read_query(BODY | fields)), ["p"], 11_001)


def test_a_query_that_rollups_hold():
    """Both rollups are asked and no event; what they lack of each other adds nothing."""
    figures = [{"type": "sum", "column": "inputTokens"}, {"type": "p99", "column": "latencyMs"}]
    asked = question(filters=[CONCRETE], groupBy=["modelName"], aggregations=figures)
    percentile = (
        "multiIf(sum(arraySum(m2_1)) = 0, [], sum(arraySum(m2_1)) <= 128, arrayMap(percent -> "
        "arraySort(groupArrayArray(128)(m2_0))[intDiv(percent * sum(arraySum(m2_1)) + 99, 100)], [99]), "
        "quantilesTDigestWeightedArray(0.99)(m2_0, m2_1)) AS a2"
    )
    interior = (
        "WHERE project_id IN {projects:Array(String)} "
        "AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')\n"
    )
    assert asked.sql == (
        f"SELECT k0, sum(m0_0) AS a0, sum(m1_0) AS a1, {percentile}\n"
        "FROM (\n"
        "SELECT model AS k0, requests AS m0_0, input_tokens AS m1_0, emptyArrayFloat32() AS m2_0, "
        "emptyArrayUInt32() AS m2_1\n"
        f"FROM usage_1h FINAL\n{interior}"
        "UNION ALL\n"
        "SELECT model, toUInt64(0), toUInt64(0), latency_means, latency_weights\n"
        f"FROM latency_1h FINAL\n{interior}"
        ")\n"
        "GROUP BY k0\nHAVING a0 > 0\nORDER BY a0 DESC, k0 NULLS LAST\nLIMIT {most:UInt32}"
    )
    assert asked.args == {"projects": ["p"], "from": 1_776_643_200, "to": 1_776_729_600, "most": 11_001}
    assert asked.origin is Origin.ROLLUPS


@given(bodies())
def test_values_are_bound_and_names_are_constants(body):
    """Every parameter has its argument, every argument its parameter, and nothing of the body stands in the SQL."""
    asked = metrics_question("m", planned(read_query(body)), ["p"], 11_001)
    assert set(re.findall(r"\{(\w+):", asked.sql)) == set(asked.args)
    alike = metrics_question("m", planned(read_query(with_other_texts(body))), ["p"], 11_001)
    assert alike.sql == asked.sql


def with_other_texts(body):
    """The body with every text that is a value, or a key of the metadata, replaced."""
    changed = [
        {**one, "value": other(one["value"])} | ({"metadataKey": "z"} if "metadataKey" in one else {})
        for one in body.get("filters", [])
    ]
    return body | ({"filters": changed} if "filters" in body else {})


def other(value):
    if isinstance(value, str):
        return "something else"
    return [other(one) for one in value] if isinstance(value, list) and isinstance(value[0], str) else value


@pytest.mark.parametrize("datasource", DATASOURCES.values(), ids=lambda one: one.name)
def test_the_catalogue_holds_together(datasource):
    """Names are unique, numbers that add up have a measure, and only what has values of a kind has its operators."""
    names = [column.name for column in datasource.columns]
    assert len(names) == len(set(names))
    for column in datasource.columns:
        assert (column.values is Values.NUMBER and bool(column.functions)) == (column.measure is not None)
        assert column.functions or column.groups or column.operators
        assert (column.values is Values.TEXTS) == (Operator.ARRAY_HAS_ANY in column.operators)


def test_what_rollups_hold_are_columns_of_theirs():
    """A column that the catalogue says is held exists in the rollup."""
    held = [column.held for column in DATASOURCES["modelMetrics"].columns]
    usage = {name for one in held for name in (one.value, one.total, one.most) if name}
    assert usage <= {*USAGE.key, *USAGE.measures}
    assert {f"{one.digest}_means" for one in held if one.digest} <= set(LATENCY.measures)
