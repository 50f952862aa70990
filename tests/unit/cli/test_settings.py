"""`tokentide settings`, and how commands come by their settings."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tokentide.cli.context import settings_of
from tokentide.settings import Settings

SECRETS = {
    "CLICKHOUSE": "http://user:hush@127.0.0.1:8123",
    "KAFKA_SASL_PASSWORD": "hush",
    "JWT_SECRET": "hush",
}


def test_as_json(tokentide):
    """Every setting once, each with name, value, source and meaning, all of them texts."""
    ended = tokentide("settings", "--json", TOPIC="events")
    found = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert [entry["name"] for entry in found] == [f"TOKENTIDE_{name.upper()}" for name in Settings.model_fields]
    assert {tuple(entry) for entry in found} == {("name", "value", "source", "meaning")}
    assert all(isinstance(value, str) for entry in found for value in entry.values())
    assert all(entry["meaning"] for entry in found)
    by_name = {entry["name"]: entry for entry in found}
    assert by_name["TOKENTIDE_TOPIC"]["value"] == "events"
    assert by_name["TOKENTIDE_TOPIC"]["source"] == "environment"
    assert by_name["TOKENTIDE_GROUP"]["source"] == "default"


def test_a_file_beside_the_environment(tokentide):
    """`.env` in the working folder is read, and the environment is stronger."""
    Path(".env").write_text("TOKENTIDE_TOPIC=file\nTOKENTIDE_GROUP=file\n")
    found = {entry["name"]: entry for entry in json.loads(tokentide("settings", "--json", TOPIC="given").out)}
    assert (found["TOKENTIDE_TOPIC"]["value"], found["TOKENTIDE_TOPIC"]["source"]) == ("given", "environment")
    assert (found["TOKENTIDE_GROUP"]["value"], found["TOKENTIDE_GROUP"]["source"]) == ("file", ".env")


@pytest.mark.parametrize("form", [("--json",), ()])
def test_secrets_are_hidden(tokentide, form):
    """Also the password inside a DSN; that there is one can be seen."""
    ended = tokentide("settings", *form, **SECRETS)
    assert ended.code == 0
    assert "hush" not in ended.out + ended.err
    assert "user:****" in ended.out


def test_for_people(tokentide):
    """A table with every name."""
    ended = tokentide("settings")
    shown = ended.out.replace("\n", "")
    assert ended.code == 0
    assert all(f"TOKENTIDE_{name.upper()}"[:20] in shown for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("option", "setting", "is_json"),
    [(None, "text", False), (None, "json", True), ("json", "text", True), ("text", "json", False)],
)
def test_the_form_of_the_log(monkeypatch, capsys, option, setting, is_json):
    """The command line is stronger than the settings."""
    monkeypatch.setenv("TOKENTIDE_LOG_FORMAT", setting)
    settings_of(option)
    logging.getLogger("tokentide.test").warning("hello")
    line = capsys.readouterr().err
    assert line.startswith("{") is is_json
    assert "hello" in line


def test_a_name_that_is_no_setting_is_told(monkeypatch, capsys):
    """A typing error would be ignored in silence otherwise."""
    monkeypatch.setenv("TOKENTIDE_TOPICK", "events")
    settings_of(None)
    told = "tokentide: TOKENTIDE_TOPICK is not a setting and is ignored (see `tokentide settings`)\n"
    assert capsys.readouterr().err == told
