"""What ingest says in the end."""

from __future__ import annotations

import json

import pytest

from tokentide.events import Reason
from tokentide.ingest.lines import Refused
from tokentide.ingest.report import Report


@pytest.mark.parametrize(("events", "refused", "code"), [(0, 0, 0), (5, 0, 0), (5, 3, 0), (0, 3, 1)])
def test_exit_code(events, refused, code):
    """It is a failure only when there were lines and none of them was accepted."""
    report = Report(events=events)
    report.add_refused("f", [Refused(1, Reason.NOT_JSON, "x")] * refused)
    assert report.exit_code == code


def test_as_json():
    """Machines get counts, counts by reason, and each refused line with its place."""
    report = Report(events=2, records=1, bytes=99)
    report.add_refused("f", [Refused(3, Reason.NOT_JSON, "x"), Refused(9, Reason.TOO_OLD, "y")])
    assert json.loads(report.as_json()) == {
        "events": 2,
        "records": 1,
        "bytes": 99,
        "refused": 2,
        "reasons": {"not_json": 1, "too_old": 1},
        "refusals": [
            {"file": "f", "line": 3, "reason": "not_json", "detail": "x"},
            {"file": "f", "line": 9, "reason": "too_old", "detail": "y"},
        ],
    }


def test_as_text():
    """People get the sums, and the refused lines by place and reason."""
    report = Report(events=1200, records=12, bytes=480_000)
    report.add_refused("f", [Refused(3, Reason.NOT_JSON, "not a JSON object")])
    assert report.as_text().splitlines() == [
        "sent 1,200 events in 12 records, 480,000 bytes, all acknowledged",
        "refused 1 line, not sent: not_json 1",
        "  f:3  not_json  not a JSON object",
    ]


def test_memory_is_bounded():
    """Every refused line is counted, but only the first thousand are kept, and the text shows twenty."""
    report = Report(events=1)
    for number in range(3):
        report.add_refused(
            "f", [Refused(line, Reason.BAD_VALUE, "x") for line in range(600 * number, 600 * number + 600)]
        )
    assert report.reasons.total() == 1800
    assert len(report.refusals) == 1000
    assert "and 1,780 more" in report.as_text().splitlines()[-1]
