"""TrueFoundry's metrics query over a real ClickHouse engine, its answers against the oracle's."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.integration.asking import asking
from tests.integration.bodies import CONCRETE, bodies, broken_bodies, held_bodies
from tests.integration.gateway_events import HOSTILE
from tests.oracle.compare import differences, parse
from tokentide.api.truefoundry.models import Data, Metrics
from tokentide.api.truefoundry.reading import read_query
from tokentide.api.truefoundry.shaping import shaped
from tokentide.store.queries.metrics import metrics_question
from tokentide.store.queries.plan import planned
from tokentide.store.queries.window import Origin

WINDOW = {"startTs": "2026-10-28", "endTs": "2026-11-02"}
ALL = WINDOW | {"datasource": "modelMetrics", "type": "distribution"}
ENGINE = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate, Phase.shrink]}


@pytest.fixture(scope="module")
def world(chdb_store_root):
    """The API over made-up events; no test changes them."""
    with asking(chdb_store_root) as made:
        yield made


def points(world, **fields):
    answer = world.post(ALL | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["dataPoints"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_valid_query_is_answered_as_the_oracle_says(world):
    """Over all datasources, columns, operators, aggregations and intervals, an answer is that of a brute-force walk."""

    @settings(max_examples=800, **ENGINE)
    @given(bodies())
    def answers_agree(body):
        assert world.differences(body) == []

    answers_agree()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_plan_never_changes_an_answer(world):
    """What rollups can answer is the same from events alone, sketched percentiles within their bounds."""
    origins = set()

    @settings(max_examples=150, **ENGINE)
    @given(held_bodies())
    def both_ways_agree(body):
        query, expected = read_query(body), world.expected(body)
        answers = []
        for by_rollups in (True, False):
            question = metrics_question("metrics", planned(query, by_rollups=by_rollups), ["p", "q"], 11_001)
            origins.add((by_rollups, question.origin))
            answer = Metrics(data=Data(data_points=shaped(query, question, world.store.ask(question))))
            answers.append(parse(answer.model_dump_json(by_alias=True))["data"]["dataPoints"])
            assert differences(expected, answers[-1]) == []
        assert without_percentiles(answers[0]) == without_percentiles(answers[1])

    both_ways_agree()
    assert origins == {(False, Origin.EVENTS), *((True, origin) for origin in Origin), (True, Origin.BOTH)}


def without_percentiles(rows):
    return [{key: value for key, value in row.items() if not key.startswith("p")} for row in rows]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_invalid_query_is_refused_by_its_field(world):
    """A body in which one thing is wrong answers 400 in this dialect's shape, and the message names the field."""

    @settings(max_examples=300, **ENGINE)
    @given(broken_bodies())
    def is_refused(broken):
        body, field = broken
        answer = world.post(body)
        assert answer.status_code == 400, answer.text
        assert answer.json().keys() == {"statusCode", "message"}
        assert answer.json()["statusCode"] == 400
        assert field in answer.json()["message"]

    is_refused()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_nothing_but_data(world, text):
    """Wherever a text may stand in a valid body it is compared as it is, and changes nothing else."""
    columns = ("modelName", "virtualModelName", "errorCode", "userEmail", "conversationID", "traceId")
    chosen = [{"fieldName": name, "operator": "EQUAL", "value": text} for name in columns]
    chosen += [{"fieldName": "userEmail", "operator": operator, "value": text} for operator in ("STRING_CONTAINS",)]
    chosen += [{"fieldName": "team", "operator": "ARRAY_HAS_ANY", "value": [text, "'"]}]
    chosen += [{"metadataKey": text or "x", "operator": "NOT_EQUAL", "value": text}]
    for one in chosen:
        assert world.differences(ALL | {"filters": [one]}) == [], one
    assert world.differences(ALL | {"groupBy": ["team", f"metadata.{text or 'x'}"]}) == []
    assert sum(row["total"] for row in points(world)) == world.expected(ALL)[0]["total"]


@pytest.mark.parametrize("text", [*HOSTILE, "\\ud800", "a" * 5000])
def test_a_hostile_text_is_refused_where_names_stand(world, text):
    """Names come from the catalogue alone: anything else is 400, in whatever place."""
    raw = json.dumps(text).replace("\\\\ud800", "\\ud800")
    for body in (
        {"datasource": text},
        {"type": text},
        {"startTs": text},
        {"interval": text, "type": "timeseries"},
        {"groupBy": [text]},
        {"aggregations": [{"type": text, "column": "latencyMs"}]},
        {"aggregations": [{"type": "sum", "column": text}]},
        {"filters": [{"fieldName": text, "operator": "EQUAL", "value": "x"}]},
        {"filters": [{"fieldName": "modelName", "operator": text, "value": "x"}]},
    ):
        content = json.dumps(ALL | body).replace(json.dumps(text), raw).encode()
        answer = world.post(content)
        assert (answer.status_code, answer.json()["statusCode"]) == (400, 400), body


def test_no_filter_shows_another_organisation(world):
    """A session sees its own projects and no other, whatever it asks for; one limited to a project sees that one."""
    filters = [
        {"fieldName": "modelName", "operator": "NOT_IN", "value": ["nothing"]},
        {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": False},
        {"metadataKey": "project_id", "operator": "NOT_EQUAL", "value": "p"},
        CONCRETE,
    ]
    for chosen, (org, projects, seen) in product(
        [[], *([one] for one in filters)],
        [
            ("org", ["p", "q"], ["p", "q"]),
            ("org", ["q"], ["q"]),
            ("org", ["q", "theirs"], ["q"]),
            ("another", ["p", "q", "theirs"], ["theirs"]),
            ("nobody", ["p"], []),
        ],
    ):
        body = ALL | {"filters": chosen, "groupBy": ["modelName"]}
        answer = world.post(body, org=org, projects=projects)
        assert answer.status_code == 200
        assert differences(world.expected(body, seen), parse(answer.text)["data"]["dataPoints"]) == []


def test_an_answer_says_where_it_comes_from(world):
    """Whole hours of what rollups hold come from them, edges from events as well, and everything else from events."""
    asked = {
        "rollups": {"filters": [CONCRETE], "groupBy": ["modelName"]},
        "both": {"filters": [CONCRETE], "startTs": "2026-10-28T00:00:00.001Z"},
        "events": {"filters": [CONCRETE], "startTs": "2026-11-01T23:10:00Z"},
    }
    for origin, fields in asked.items():
        assert world.post(ALL | fields).headers["X-Answered-From"] == origin
    for fields in (
        {},
        {"filters": [CONCRETE], "groupBy": ["errorCode"]},
        {"filters": [CONCRETE], "aggregations": [{"type": "min", "column": "latencyMs"}]},
        {"filters": [CONCRETE], "type": "timeseries", "interval": "90 minutes"},
        {"datasource": "cacheMetrics", "filters": [CONCRETE]},
    ):
        assert world.post(ALL | fields).headers["X-Answered-From"] == "events"


def test_an_answer_carries_its_freshness_and_can_be_cached(world):
    """The headers are those of every data answer, and the same answer is not sent twice."""
    first = world.post(ALL)
    assert first.headers["Cache-Control"] == "private, max-age=5"
    assert first.headers["X-Data-Through"].endswith("Z")
    assert first.headers["ETag"] == world.post(ALL).headers["ETag"]


def test_an_ungrouped_distribution_over_nothing_is_one_row(world):
    """Sums and counts of nothing are 0, everything else of nothing is null; by groups or time there is no row."""
    nothing = {"startTs": "2026-12-01", "endTs": "2026-12-02"}
    kinds = ("sum", "count", "countDistinct", "avg", "min", "max", "p50")
    wanted = [{"type": kind, "column": column} for kind in kinds for column in ("latencyMs", "timeToFirstTokenMs")]
    for filters in ([], [CONCRETE]):
        [row] = points(world, **nothing, aggregations=wanted, filters=filters)
        assert {key for key, value in row.items() if value == 0} == {
            "total",
            *(f"{kind}{name}" for kind in kinds[:3] for name in ("LatencyMs", "TimeToFirstTokenMs")),
        }
        assert sum(value is None for value in row.values()) == 8
        assert points(world, **nothing, groupBy=["modelName"], filters=filters) == []
        assert points(world, **nothing, type="timeseries", interval="1 hour", filters=filters) == []
