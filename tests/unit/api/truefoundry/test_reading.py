"""From bodies to queries as plain data."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.times import read_moment
from tokentide.api.truefoundry.places import MOST_LISTED, MOST_VALUES
from tokentide.api.truefoundry.reading import read_query
from tokentide.errors import QueryError
from tokentide.store.queries.catalogue import Function, Operator
from tokentide.store.queries.intervals import MONDAY_SECONDS, Months, Seconds
from tokentide.store.queries.plan import MetricsQuery
from tokentide.store.queries.window import Window

BODY = {"startTs": "2026-04-20", "endTs": "2026-04-21", "datasource": "modelMetrics", "type": "distribution"}


def read(**fields):
    return read_query(BODY | fields)


def refusal(**fields):
    with pytest.raises(QueryError) as caught:
        read(**fields)
    return caught.value


def one_filter(name, operator, value):
    return {"filters": [{"fieldName": name, "operator": operator, "value": value}]}


@pytest.mark.parametrize(
    ("text", "buckets"),
    [
        ("1 second", Seconds(1)),
        ("90 minutes", Seconds(5400)),
        ("  5\tHours ", Seconds(18_000)),
        ("1 DAY", Seconds(86_400)),
        ("2 weeks", Seconds(1_209_600, MONDAY_SECONDS)),
        ("1 month", Months(1)),
        ("3 years", Months(36)),
    ],
)
def test_an_interval_is_a_count_and_a_unit(text, buckets):
    """Any case, with or without s, and blanks around."""
    assert read(type="timeseries", interval=text).buckets == buckets


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "hour",
        "0 hours",
        "01 hour",
        "1hour",
        "1.5 hours",
        "-1 hour",
        "1 hour 30 minute",
        "1 hourss",
        "1 fortnight",
        "1000000 seconds",
        "1 \u017fecond",
        "\u0661 hour",
        "1 hour\n;",
        None,
        3600,
        ["1 hour"],
    ],
)
def test_anything_else_is_no_interval(text):
    """A compound, a fraction, a zero, an unknown unit or another type is refused, naming the interval."""
    assert refusal(type="timeseries", interval=text).field == "interval"
    assert refusal(type="timeseries", interval=text, intervalInSeconds=3600).field == "interval"


def test_interval_wins_over_its_alias():
    """IntervalInSeconds counts when it stands alone, and a distribution needs neither."""
    assert read(type="timeseries", interval="1 hour", intervalInSeconds=60).buckets == Seconds(3600)
    assert read(type="timeseries", intervalInSeconds=60).buckets == Seconds(60)
    assert read(interval="no interval").buckets is None
    assert refusal(type="timeseries").field == "interval"
    for value in (0, -1, 1.0, True, "60", None):
        assert refusal(type="timeseries", intervalInSeconds=value).field == "intervalInSeconds"


@pytest.mark.parametrize("text", ["999999 days", "999999 years", "330 years", "4000 months"])
def test_a_bucket_must_have_an_end_that_can_be_written(text):
    """A bucket that would end after the year 2299 is refused; a far window alone is not."""
    assert refusal(type="timeseries", interval=text).field == "interval"
    far = {"startTs": "0001-01-01", "endTs": "2299-12-31T23:59:59.999Z"}
    assert read(type="timeseries", interval="1 day", **far).buckets == Seconds(86_400)
    assert refusal(type="timeseries", intervalInSeconds=10**15).field == "intervalInSeconds"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-04-20", "2026-04-20T00:00:00Z"),
        ("2026-04-20T05:30:00+05:30", "2026-04-20T00:00:00Z"),
        ("2026-04-20T00:00:00.0009Z", "2026-04-20T00:00:00Z"),
        ("2026-04-20t00:00:00z", "2026-04-20T00:00:00Z"),
    ],
)
def test_times_have_an_offset(text, same):
    """An offset is converted, a date alone is its midnight in UTC, and what is finer than a millisecond is cut."""
    assert read(startTs=text).window.start_ms == read_moment(same, "time")


@pytest.mark.parametrize(
    "text",
    ["2026-04-20T00:00:00", "2026-04-20T00:00", "2026-04-20 00:00:00", "2026-04-20T00:00:00 05:30", "now", "", 0, None],
)
def test_a_time_without_an_offset_is_refused(text):
    """So is everything that is no time; the field is named."""
    assert refusal(startTs=text).field == "startTs"
    assert refusal(endTs=text).field == "endTs"


def test_the_window_is_half_open_and_not_empty():
    """StartTs belongs to it and endTs does not; one that is not before the other is refused."""
    assert read().window == Window(read_moment("2026-04-20", ""), read_moment("2026-04-21", ""))
    assert refusal(endTs="2026-04-20").field == "startTs"
    assert refusal(endTs="2026-04-19").field == "startTs"


def test_repetitions_collapse():
    """An aggregation or a group that stands twice is answered once, in the place of the first."""
    twice = [{"type": "sum", "column": "inputTokens"}, {"type": "p99", "column": "latencyMs"}] * 2
    query = read(aggregations=twice, groupBy=["modelName", "metadata.a", "modelName", "metadata.a", "metadata.b"])
    assert [one.function for one in query.aggregations] == [Function.SUM, Function.P99]
    assert [one.name for one in query.groups] == ["modelName", "metadata.a", "metadata.b"]


def test_both_kinds_of_subject_cannot_be_grouped_by():
    """They would share one key of the answer."""
    assert refusal(groupBy=["userEmail", "virtualaccount"]).field == "groupBy"
    assert len(read(groupBy=["userEmail", "userEmail"]).groups) == 1


def test_metadata_is_filtered_by_either_name():
    """MetadataKey and a fieldName with metadata. before it are the same column, which has IS_NULL too."""
    by_key = read(filters=[{"metadataKey": "a.b", "operator": "IS_NULL", "value": False}])
    assert by_key == read(**one_filter("metadata.a.b", "IS_NULL", value=False))
    assert by_key.filters[0].operator is Operator.IS_NULL


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        (one_filter("modelName", "GREATER_THAN", "x"), "filters[0].operator"),
        (one_filter("modelName", "IS_NULL", True), "filters[0].operator"),
        (one_filter("agentName", "IN", ["x"]), "filters[0].fieldName"),
        (one_filter("inputTokens", "BETWEEN", [2, 1]), "filters[0].value"),
        (one_filter("inputTokens", "IN", [1, "2"]), "filters[0].value[1]"),
        (one_filter("inputTokens", "IS_NULL", 1), "filters[0].value"),
        (one_filter("team", "ARRAY_HAS_ANY", []), "filters[0].value"),
        (one_filter("isFailure", "EQUAL", "true"), "filters[0].value"),
        ({"filters": [{"fieldName": "modelName", "operator": "EQUAL"}]}, "filters[0].value"),
        ({"filters": [{"operator": "EQUAL", "value": "x"}]}, "filters[0]"),
        ({"filters": [one_filter("modelName", "EQUAL", "x")["filters"][0] | {"or": 1}]}, "filters[0].or"),
        ({"aggregations": [{"type": "sum", "column": "modelName"}]}, "aggregations[0].type"),
        ({"aggregations": [{"type": "sum", "column": "traceId"}]}, "aggregations[0].column"),
        ({"aggregations": [{"type": "sum"}]}, "aggregations[0].column"),
        ({"groupBy": ["modelName", "traceId"]}, "groupBy[1]"),
        ({"groupBy": None}, "groupBy"),
        ({"filters": {}}, "filters"),
        ({"groupBy": ["modelName"] * (MOST_LISTED + 1)}, "groupBy"),
        (one_filter("modelName", "IN", ["x"] * (MOST_VALUES + 1)), "filters[0].value"),
        (one_filter("modelName", "IN", ["x" * 4000] * 17), "filters[0].value"),
        (one_filter("modelName", "EQUAL", "x" * 5000), "filters[0].value"),
        ({"datasource": "configMetrics", **one_filter("latencyMs", "EQUAL", 1)}, "filters[0].fieldName"),
        ({"datasource": "configMetrics", **one_filter("httpStatusCode", "EQUAL", 1)}, "filters[0].fieldName"),
        ({"datasource": "mcpMetrics", **one_filter("isFailure", "EQUAL", True)}, "filters[0].fieldName"),
        ({"datasource": "agentMetrics", **one_filter("agentName", "IS_NULL", True)}, "filters[0].operator"),
        ({"datasource": "guardrailMetrics", "groupBy": ["isFailure"]}, "groupBy[0]"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(fields, place):
    """The message begins with the place in the body, and the rest says what belongs there."""
    found = refusal(**fields)
    assert found.field == place
    assert str(found).startswith(place)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(
                st.sampled_from([*BODY, "filters", "groupBy", "fieldName", "operator", "value", "column"]), one
            )
        ),
    )
)
def test_any_json_is_read_or_refused(value):
    """No JSON value makes the reading fail in any other way."""
    for body in (value, BODY | {"filters": value}, BODY | {"filters": [value]}, BODY | {"aggregations": [value]}):
        with suppress(QueryError):
            assert isinstance(read_query(body), MetricsQuery)


def test_unknown_keys_of_the_body_are_ignored():
    """But not those of filters and aggregations."""
    assert read(limit=5, debug=None) == read()
