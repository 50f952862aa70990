"""Do alerts fire when real processes go wrong, and stop when they go right? `python -m tests.alerts` plays more."""

from __future__ import annotations

import pytest

from tests.alerts.scenes import SCENES, play
from tests.alerts.stage import SETTINGS, Stage
from tests.alerts.watching import hastened
from tests.integration.deployment import Deployment
from tests.promql import RULE_FILES, rules

PLAYED = ("many events are refused", "the worker freezes", "the api freezes", "the store hangs")
"""Those that take some seconds each, and kill nothing that other tests share."""


@pytest.fixture(scope="module")
def stage(machine, tmp_path_factory):
    """A worker and an API, watched by a Prometheus; every scene leaves them as they were."""
    with (
        Deployment(machine, "alerts", **SETTINGS) as deployment,
        Stage(deployment, tmp_path_factory.mktemp("prometheus")) as made,
    ):
        yield made


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", PLAYED)
def test_alerts_fire_and_resolve(stage, name):
    """What a scene does to real processes lets its alerts fire, with texts that say what is wrong, and then resolve."""
    (scene,) = [scene for scene in SCENES if scene.name == name]
    play(stage, scene)


def test_scenes_let_every_alert_fire():
    """No alert is without a scene, and no scene is of an alert that does not exist."""
    made = [alert for scene in SCENES for alert in scene.alerts]
    assert sorted(made) == sorted(rule["alert"] for rule in rules() if "alert" in rule)


def test_hastened_rules_differ_in_time_and_thresholds_alone():
    """What fires here is what fires out there, only sooner: numbers change, and nothing else."""
    for file in RULE_FILES:
        usual = file.read_text(encoding="utf-8")
        fast = hastened(usual)
        assert [len(line.split()) for line in fast.splitlines()] == [len(line.split()) for line in usual.splitlines()]
        for line, faster in zip(usual.splitlines(), fast.splitlines(), strict=True):
            assert line == faster or any(word in line for word in ("for:", "expr:", "[", "offset", "description"))
        assert fast.count("- alert:") == usual.count("- alert:")
