"""`tokentide capacity`: figures for a load, as people and as programs read them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tokentide.cli import cli
from tokentide.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"
SHOWN = re.findall(r"```console\n\$ tokentide (capacity .*)\n([^`]+)```", PAGE.read_text(encoding="utf-8"))
LOAD = ["--events-per-second", "1000", "--projects", "20", "--models", "5"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command in an empty folder, with no settings but those of a test."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOKENTIDE_{name.upper()}", raising=False)
    return lambda *arguments, **env: CliRunner().invoke(cli, ["capacity", *arguments], env=env)


@pytest.mark.parametrize(("line", "printed"), SHOWN)
def test_what_the_page_shows_is_printed(line, printed, run):
    """The page shows two loads; each command prints what stands below it."""
    done = run(*shlex.split(line)[1:])
    assert (done.exit_code, done.output) == (0, printed)


def test_the_page_shows_plans():
    """One that fits, and one that does not."""
    assert [("\n! " in printed) for _, printed in SHOWN] == [False, True]


def test_the_settings_are_those_of_the_deployment(run):
    """Windows, retention and the cap come from the settings, and options are stronger."""
    done = run(*LOAD, "--json", "--hot-window", "60", TOKENTIDE_EVENTS_TABLE="false", TOKENTIDE_MAX_NAMES_PER_HOUR="4")
    told = json.loads(done.output)
    assert (told["load"]["hot_window_seconds"], told["load"]["events_days"], told["load"]["max_names"]) == (60, 0, 4)
    assert told["load"]["dedup_window_seconds"] == Settings().dedup_window_seconds
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert figures["bytes of events"]["value"] == 0
    assert figures["workers"] == {
        "part": "worker",
        "name": "workers",
        "value": 1,
        "unit": "processes",
        "assumes": figures["workers"]["assumes"],
    }
    assert any("__other__" in warning for warning in told["warnings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing option '--events-per-second'"),
        (("--events-per-second", "0", "--projects", "1", "--models", "1"), "0 is not in the range x>0"),
        ((*LOAD, "--failed-share", "3"), "is not in the range 0<=x<=1"),
    ],
)
def test_wrong_use(arguments, said, run):
    """Exit code 2, with the option at fault."""
    done = run(*arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output
