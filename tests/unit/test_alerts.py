"""Do the alerts hold what they say? Rules, their stories, their runbooks, and Prometheus' own tool on all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promql import METRICS, ROOT, RULE_FILES, metrics_of, problems_of_expression, rules

PROMETHEUS = ROOT / "deploy/prometheus"
STORIES = sorted(PROMETHEUS.glob("tests/*.yml"))
RUNBOOKS = ROOT / "docs/runbooks.md"
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
PARTS_OF_A_RUNBOOK = ("Means", "Users notice", "Look", "Do", "Escalate")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own tool; without it these tests fail, for nothing else knows what a rule does."""
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("promtool is missing, and it tests the alerts: apt-get install --no-install-recommends prometheus")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


def sections() -> dict[str, str]:
    """The runbook of each alert: heading → text."""
    parts = re.split(r"^## (\w+)$", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def stories() -> dict[str, dict[str, Any]]:
    """Each story of the rules' tests, by its name."""
    told = [story for file in STORIES for story in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]]
    assert len({story["name"] for story in told}) == len(told)
    return {story["name"]: story for story in told}


def test_rules_and_configuration_are_valid() -> None:
    """Prometheus would start with them: it parses the configuration, every rule, and every template in one."""
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULE_FILES)} rule files found" in done.stdout


def test_alerts_fire_and_stay_quiet_as_their_stories_say() -> None:
    """Prometheus' own tool plays every story of deploy/prometheus/tests."""
    done = promtool("test", "rules", *STORIES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_story_that_does_not_hold_is_found(tmp_path: Path) -> None:
    """The tool fails when an alert waits too long, or fires in a story where it should be quiet."""
    shutil.copytree(PROMETHEUS / "rules", tmp_path / "rules")
    shutil.copytree(PROMETHEUS / "tests", tmp_path / "tests")
    api = tmp_path / "rules/api.yml"
    sound = api.read_text(encoding="utf-8")
    for altered in (sound.replace("for: 1m", "for: 500m"), sound.replace("> 0.9", "> 0.1")):
        assert altered != sound
        api.write_text(altered, encoding="utf-8")
        assert promtool("test", "rules", *sorted(tmp_path.glob("tests/*.yml"))).returncode != 0


def test_every_alert_has_both_stories() -> None:
    """One in which it fires, and one in which it stays quiet; and no story is of something else."""
    told = stories()
    assert sorted(told) == sorted(f"{alert} {ending}" for alert in ALERTS for ending in ("fires", "stays quiet"))
    for name, story in told.items():
        (question,) = story["promql_expr_test"]
        alert, _, ending = name.partition(" ")
        assert question["expr"] == f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        assert bool(question["exp_samples"]) == (ending == "fires"), name


def test_every_alert_has_a_runbook_and_the_other_way_round() -> None:
    """Whoever is woken finds what to do, under the address that the alert carries."""
    found = sections()
    assert sorted(found) == sorted(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
        told = re.findall(r"^- \*\*([\w ]+)\*\*: \S", found[name], re.MULTILINE)
        assert tuple(told) == PARTS_OF_A_RUNBOOK, name


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do(name: str) -> None:
    """It has a severity of the known ones, one line for the pager, and sentences for who is woken."""
    rule = ALERTS[name]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert len(rule["annotations"]["summary"]) < 120
    assert rule["annotations"]["description"].count(". ") >= 1


def test_rules_ask_for_metrics_that_exist() -> None:
    """Every expression names only metrics and labels of the closed list, and recorded series of these files."""
    problems = [
        (rule.get("alert") or rule["record"], what) for rule in rules() for what in problems_of_expression(rule["expr"])
    ]
    assert problems == []


def test_names_of_rules_are_unique() -> None:
    """One name, one rule."""
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(set(names)) == len(names)


def test_runbooks_name_metrics_that_exist() -> None:
    """What a runbook tells to look at is there: metrics, and recorded series."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named = set(re.findall(r"`([a-z]*:?tokentide[_:][a-z_:0-9]+)`", RUNBOOKS.read_text(encoding="utf-8")))
    assert len(named) > 5
    assert named - recorded - METRICS.keys() == set()


def test_every_recorded_series_is_used() -> None:
    """By an alert, a dashboard, or a page: one that nobody reads costs for nothing."""
    places = [*RULE_FILES, *ROOT.glob("deploy/grafana/dashboards/*.json"), *ROOT.glob("docs/*.md")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in places)
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    assert [name for name in recorded if len(re.findall(rf"(?<![\w:]){name}(?![\w:])", text)) < 2] == []


def test_the_events_of_a_partition_are_accounted_for_by_every_counter() -> None:
    """The law of conservation of docs/metrics.md is what the rule adds up."""
    (law,) = [rule["expr"] for rule in rules() if rule.get("record") == "partition:tokentide_events_unaccounted:sum"]
    kinds = ("read_events", "events", "duplicates", "skipped", "dead_letters")
    assert metrics_of(law) == {f"tokentide_{kind}_total" for kind in kinds}
