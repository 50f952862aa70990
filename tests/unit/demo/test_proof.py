"""The comparison of what was sent with what is stored."""

from __future__ import annotations

import pytest

from tokentide.demo.proof import judge
from tokentide.demo.tally import Cell, Measures, Tally

CALL = Cell("p", "2026-04-20T10", "llm", "m", virtual=False)
TOOL = Cell("p", "2026-04-20T10", "mcp", "", virtual=False)


@pytest.fixture
def tally():
    made = Tally()
    made.cells = {CALL: Measures(10, 50, 70, 900, 2), TOOL: Measures(3)}
    return made


def test_agreement(tally):
    """When rollups have the calls and the events table everything, the proof holds."""
    verdict = judge(tally, {CALL: tally.cells[CALL]}, dict(tally.cells))
    assert verdict.holds
    assert verdict.line() == "sent 13, counted 13, lost 0, double 0"


@pytest.mark.parametrize(
    ("rollups", "events", "lost", "double"),
    [
        ({CALL: Measures(9, 50, 70, 900, 2)}, {}, 1, 0),
        ({CALL: Measures(11, 50, 70, 900, 2)}, {}, 0, 1),
        ({}, {}, 10, 0),
        ({CALL: Measures(10, 50, 70, 900, 2)}, {TOOL: Measures(1)}, 2, 0),
        ({CALL: Measures(10, 50, 70, 900, 2)}, {TOOL: Measures(5)}, 0, 2),
        ({CALL: Measures(10, 50, 70, 900, 2), TOOL: Measures(1)}, {}, 0, 1),
        ({CALL: Measures(10, 50, 70, 901, 2)}, {}, 0, 0),
        ({CALL: Measures(10, 50, 70, 900, 2)}, {CALL: Measures(10, 50, 70, 900, 3)}, 0, 0),
    ],
)
def test_each_difference_is_found(tally, rollups, events, lost, double):
    """Too few are lost, too many are double, and a wrong sum alone is enough for the proof not to hold."""
    verdict = judge(tally, rollups, tally.cells | events)
    assert not verdict.holds
    assert (verdict.lost, verdict.double) == (lost, double)
    assert verdict.differences


def test_one_too_many_does_not_make_up_for_one_too_few(tally):
    """Losses and doubles of different cells are not set off against each other."""
    other = CALL._replace(hour="2026-04-20T11")
    verdict = judge(tally, {CALL: Measures(9, 50, 70, 900, 2), other: Measures(1)}, dict(tally.cells))
    assert (verdict.counted, verdict.lost, verdict.double) == (13, 1, 1)


def test_differences_name_the_cell(tally):
    """A difference says where it is, and what both sides say."""
    found = judge(tally, {}, dict(tally.cells)).differences
    assert len(found) == 1
    assert found[0].startswith("rollups, p 2026-04-20T10 llm m: sent {'requests': 10")
