"""The questions that are about no rollup."""

from __future__ import annotations

import re

from tokentide.store.queries.calls import (
    are_kept,
    calls_counted,
    calls_of_sessions,
    failure_triggers,
    recent_calls,
)
from tokentide.store.queries.failures import recent_failures
from tokentide.store.queries.incidents import provider_health, provider_health_parted
from tokentide.store.queries.progress import data_through, first_bucket
from tokentide.store.queries.projects import projects_by_organisation
from tokentide.store.queries.totals import Scope
from tokentide.store.queries.window import NO_EVENTS, Window


def test_recent_failures_are_the_newest_and_ties_go_by_text():
    """The order is total: newest first, then event_id as text (as a UUID, ClickHouse would order it otherwise)."""
    question = recent_failures(Scope(("p",), Window(5, 7), 0), 10)
    assert question.sql == (
        "SELECT toString(event_id), assumeNotNull(model), status, "
        "toLowCardinality(ifNull(error_code, if(status = 'error', 'unknown', status))), "
        "toUnixTimestamp64Milli(timestamp)\n"
        "FROM events FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({to:Int64}, 'UTC') "
        "AND kind = 'llm' AND virtual_model IS NULL AND status != 'success'\n"
        "ORDER BY timestamp DESC, toString(event_id)\n"
        "LIMIT {limit:UInt32}"
    )
    assert question.args == {"projects": ["p"], "from": 5, "to": 7, "limit": 10}


def test_recent_failures_ask_only_for_times_that_the_store_can_hold():
    """A window from the year 1 to the year 2299 is cut to the years of events."""
    question = recent_failures(Scope(("p",), Window(-(10**14), 10**14), 0), 1)
    assert (question.args["from"], question.args["to"]) == (0, 4_291_747_200_000)


def test_data_through_is_that_of_the_newest_epoch():
    """Partitions of an earlier life of the topic do not hold the answer back."""
    question = data_through("t")
    assert question.sql == (
        "SELECT min(through_ms)\nFROM progress FINAL\nWHERE topic = {topic:String}\n"
        "GROUP BY epoch\nORDER BY epoch DESC\nLIMIT 1"
    )
    assert question.args == {"topic": "t"}


def test_the_others_name_what_they_ask():
    """Each argument is bound where it stands, and nothing else is."""
    for question in (first_bucket(["p"]), projects_by_organisation()):
        assert set(re.findall(r"\{(\w+):", question.sql)) == set(question.args)


def test_recent_calls_take_values_as_parameters_only():
    """Filters, limits and times are bound; the order comes from two words, and a filter from a closed list."""
    only = {"model": "m'; DROP", "session_id": "s", "anything": "x"}
    scope = Scope(("p",), Window(5, 7), 0, only)
    question = recent_calls(scope, failed=True, order="asc", limit=10, offset=3)
    assert question.sql.partition("FROM")[2] == (
        " events FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({to:Int64}, 'UTC') "
        "AND kind = 'llm' AND virtual_model IS NULL "
        "AND model = {only_model:String} AND session_id = {only_session_id:String} "
        "AND status IN ('error', 'timeout', 'rate_limited')\n"
        "ORDER BY timestamp ASC, toString(event_id)\n"
        "LIMIT {limit:UInt32} OFFSET {offset:UInt32}"
    )
    assert question.args == {
        "projects": ["p"],
        "from": 5,
        "to": 7,
        "only_model": "m'; DROP",
        "only_session_id": "s",
        "limit": 10,
        "offset": 3,
    }
    others = recent_calls(Scope(("p",), Window(5, 7), 0), failed=False, order="desc", limit=1, offset=0)
    assert "status NOT IN" in others.sql
    assert "timestamp DESC" in others.sql


def test_what_events_tell_of_failures_and_sessions():
    """Each argument is bound where it stands, of the years in which events can lie."""
    scope = Scope(("p",), Window(-(10**14), 10**14), 0, {"session_id": "s"})
    for question in (calls_of_sessions(scope), failure_triggers(scope), calls_counted(scope, failed=None)):
        assert set(re.findall(r"\{(\w+):", question.sql)) == set(question.args)
        assert (question.args["from"], question.args["to"]) == (0, 4_291_747_200_000)


def test_events_are_kept_from_a_moment_on():
    """A window that begins then is told whole; one that began before is not, nor any without an events table."""
    assert are_kept(Scope(("p",), Window(5, 7), 5))
    assert not are_kept(Scope(("p",), Window(5, 7), 6))
    assert not are_kept(Scope(("p",), Window(5, 7), NO_EVENTS))


def test_bad_five_minutes_are_found_in_the_store():
    """Whole providers come with the buckets in which five calls or more went wrong in a tenth of cases or more."""
    question = provider_health("h", Scope(("p",), Window(0, 600_000), 0), ("requests", "errors"))
    assert question.sql.splitlines()[-2:] == [
        "WHERE `grouping(provider, at)` = 1 OR (`sum(requests)` >= 5 AND `sum(errors)` * 10 >= `sum(requests)`)",
        "ORDER BY 1, 2, 3",
    ]
    assert question.args["step"] == 300
    rows = [(1, "a", 0, 9, 1), (0, "a", 300, 6, 1)]
    assert provider_health_parted(rows) == [[("a", 9, 1)], [("a", 300, 6, 1)]]
