"""What a report comes to: its exit code, its sentence, its JSON, and how it looks."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tokentide.doctor.kinds import found
from tokentide.doctor.printed import printed
from tokentide.doctor.report import Check, Report

ADVICE = found("key_expired", "key k", "ended")
PROBLEM = found("topic_missing", "llm.events", "no [such] topic", "tokentide migrate")
WRONG = found("setting_wrong", "TOKENTIDE_TOPIC (.env)", "bad")
AWAY = found("kafka_unreachable", "k:9092", "refused")


def a_report(*findings):
    report = Report()
    for finding in findings:
        report.add(Check("topics", "found", 0.1234), [finding])
    return report


def shown(report, width=80):
    text = io.StringIO()
    Console(file=text, width=width).print(printed(report))
    return text.getvalue()


@pytest.mark.parametrize(
    ("findings", "code"),
    [((), 0), ((ADVICE,), 0), ((ADVICE, PROBLEM), 1), ((WRONG, PROBLEM), 2), ((PROBLEM, AWAY, WRONG), 3)],
)
def test_the_exit_code_is_the_gravest(findings, code):
    """Advice is none; what cannot be reached outdoes what is wrong."""
    assert a_report(*findings).exit_code == code


def test_findings_come_by_gravity_and_once():
    """What two checks found is one thing."""
    report = a_report(ADVICE, AWAY, PROBLEM, AWAY)
    assert report.findings == [AWAY, PROBLEM, ADVICE]
    assert len(report.checks) == 4


def test_the_json():
    """Everything that the terminal shows, by fixed names."""
    report = a_report(PROBLEM)
    report.notes.append("seen")
    assert json.loads(json.dumps(report.as_object())) == {
        "findings": [
            {
                "kind": "topic_missing",
                "severity": "problem",
                "where": "llm.events",
                "what": "no [such] topic",
                "meaning": "a topic is not there, and workers do not start",
                "do": "make it",
                "command": "tokentide migrate",
            }
        ],
        "checks": [{"name": "topics", "state": "found", "seconds": 0.123, "why": ""}],
        "notes": ["seen"],
        "exit_code": 1,
    }


def test_how_it_looks():
    """What and where, what it means, what to do, and the command; names in brackets are no markup."""
    assert [line.rstrip() for line in shown(a_report(PROBLEM)).splitlines()] == [
        "problem  topic_missing  llm.events: no [such] topic",
        "    A topic is not there, and workers do not start.",
        "    → make it",
        "      $ tokentide migrate",
        "",
        "1 problem, 0 pieces of advice; 1 of 1 checks run.",
    ]


def test_what_was_not_looked_at_is_shown():
    """With the reason, so that silence is not taken for health."""
    report = Report(notes=["one broker"])
    report.add(Check("clocks", "not run", 0.0, "it needs Kafka"), [])
    assert [line.rstrip() for line in shown(report).splitlines()] == [
        "not looked at: clocks: it needs Kafka",
        "note: one broker",
        "Nothing found; 0 of 1 checks run.",
    ]
