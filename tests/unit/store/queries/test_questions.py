"""The questions that are about no rollup."""

from __future__ import annotations

import re

from tokentide.store.queries.failures import recent_failures
from tokentide.store.queries.progress import data_through, first_bucket
from tokentide.store.queries.projects import projects_by_organisation
from tokentide.store.queries.totals import Scope
from tokentide.store.queries.window import Window


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
