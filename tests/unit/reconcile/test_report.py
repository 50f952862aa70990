"""What reconcile says: to people in a table and sentences, to machines as one object."""

from __future__ import annotations

import json

from rich.console import Console

from tokentide.reconcile.examine import Part, Verdict
from tokentide.reconcile.judging import Difference
from tokentide.reconcile.report import PartReport, Report
from tokentide.reconcile.span import LAST_SECOND, Span
from tokentide.rollups import Position

ALL = Span(0, LAST_SECOND)
ROW = Difference("usage_1h", 7200, ("[bold]p", 7200, "openai", "", "", ""), "requests is 2, should be 1")
COUNT = Difference("events", 3600, (), "events: the rows add up to 1, the log has 2")


def a_report(*differences, **others):
    verdict = Verdict(rows=1200, events=34_000, passes=2, differences=list(differences), **others)
    part = Part(3, "t", Position(99), 5, ALL, ALL)
    return Report([PartReport(part, ["hours before 2026 are left out"], verdict)])


def test_people_see_where_and_what():
    """A row by its key, an hour's sum as such; nothing in a key is taken for markup."""
    console = Console(width=200, record=True)
    console.print(a_report(ROW, COUNT).table())
    lines = console.export_text().splitlines()
    assert [word in lines[1] for word in ("3", "1970-01-01T02:00:00Z", "usage_1h", "[bold]p openai ''")] == [True] * 4
    assert "all rows" in lines[2]


def test_sentences_say_what_was_compared_and_what_was_not():
    """And how many differences there are, or that there are none."""
    assert a_report(ROW).lines(rebuilt=False) == [
        "partition 3: hours before 2026 are left out",
        "compared 1,200 rows and 34,000 events of 1 partition with the log",
        "1 difference",
    ]
    assert a_report(mended=7).lines(rebuilt=True)[-2:] == ["rebuilt 7 rows", "no difference"]
    assert a_report(*[ROW] * 51).lines(rebuilt=False)[-1] == (
        "51 differences, of which the first 50 are shown; --json lists more"
    )


def test_machines_get_everything():
    """Plain JSON, with the verdict first."""
    told = json.loads(json.dumps(a_report(ROW, COUNT, mended=1).as_object()))
    assert (told["equal"], told["mended"], told["difference_count"]) == (False, 1, 2)
    assert told["differences"][0]["key"] == ["[bold]p", "7200", "openai", "", "", ""]
    (part,) = told["partitions"]
    assert (part["partition"], part["from_offset"], part["through_offset"], part["to"]) == (3, 5, 99, None)
