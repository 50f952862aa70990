"""When an hour has more names than get rows, the log says so: once, and not too often."""

from __future__ import annotations

import pytest

from tokentide.worker.full_hours import FullHours

HOUR = 1_776_679_200


@pytest.fixture
def said(caplog):
    """What was logged since the last call."""

    def take():
        lines = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return lines

    return take


def test_each_hour_is_told_once(said, caplog):
    """Project, hour and partition, as text and as fields; the same hour in another partition is another one."""
    hours = FullHours(2000)
    hours.tell(3, {("p", HOUR)}, 0.0)
    (record,) = caplog.records
    assert record.fields == {"project": "p", "hour": "2026-04-20T10:00Z", "partition": 3, "unsaid": 0}
    (line,) = said()
    assert "project 'p' has more than 2000 names" in line
    assert "TOKENTIDE_MAX_NAMES_PER_HOUR" in line
    hours.tell(3, {("p", HOUR)}, 100.0)
    assert said() == []
    hours.tell(4, {("p", HOUR)}, 100.0)
    assert len(said()) == 1


def test_ten_lines_in_a_minute(said):
    """What a minute has no room for is counted, and the next line says how much it was."""
    hours = FullHours(1)
    hours.tell(0, {(f"p{number:02}", HOUR) for number in range(15)}, 0.0)
    assert len(said()) == 10
    hours.tell(0, {("q", HOUR)}, 59.0)
    assert said() == []
    hours.tell(0, {("r", HOUR), ("s", HOUR)}, 60.0)
    first, second = said()
    assert first.endswith("; 6 such hours were not logged")
    assert second.endswith("(TOKENTIDE_MAX_NAMES_PER_HOUR)")


def test_what_is_remembered_is_bounded(said):
    """Ten thousand hours later one may be told again: memory does not grow with the projects."""
    hours = FullHours(1)
    hours.tell(0, {(f"p{number:05}", HOUR) for number in range(10_001)}, 0.0)
    said()
    hours.tell(0, {("p00001", HOUR)}, 100.0)
    assert said() == []
    hours.tell(0, {("p00000", HOUR)}, 100.0)
    assert len(said()) == 1


def test_a_project_cannot_forge_a_line(said):
    """Whatever a project is called, a warning of it is one line."""
    FullHours(1).tell(0, {("p\nERROR all is lost", HOUR)}, 0.0)
    (line,) = said()
    assert "\n" not in line
