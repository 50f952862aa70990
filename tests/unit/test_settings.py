"""Settings: what is read, what is refused, and what is never shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from tokentide.dsn import hide_password
from tokentide.errors import SettingsError
from tokentide.settings import Settings, describe, environment_of, load, unknown_names


def problems_of(**variables: str) -> list[str]:
    """What is wrong with an environment of these settings."""
    with pytest.raises(SettingsError) as caught:
        load({f"TOKENTIDE_{name.upper()}": value for name, value in variables.items()}, env_file=None)
    return caught.value.problems


def test_nothing_has_to_be_set() -> None:
    """The defaults alone make settings that work on one machine."""
    assert load({}, env_file=None) == Settings()


def test_other_variables_are_left_alone() -> None:
    """Only names with the prefix are settings."""
    assert load({"KAFKA": "elsewhere:1", "PATH": "/bin"}, env_file=None) == Settings()


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    """A line of `.env` counts until the environment says otherwise."""
    file = tmp_path / ".env"
    file.write_text("TOKENTIDE_TOPIC=from.file\nTOKENTIDE_GROUP=from-file\nOTHER=1\n")
    settings = load({"TOKENTIDE_TOPIC": "from.environment"}, env_file=file)
    assert (settings.topic, settings.group) == ("from.environment", "from-file")


def test_the_file_may_be_missing(tmp_path: Path) -> None:
    """`.env` is read if it is there."""
    assert load({}, env_file=tmp_path / "none") == Settings()


def test_all_problems_are_told_at_once() -> None:
    """Who mends settings mends them once; each problem begins with its variable."""
    problems = problems_of(metrics_port="high", flush_interval_seconds="0", kafka="", log_level="LOUD")
    assert sorted(problem.partition(":")[0] for problem in problems) == [
        "TOKENTIDE_FLUSH_INTERVAL_SECONDS",
        "TOKENTIDE_KAFKA",
        "TOKENTIDE_LOG_LEVEL",
        "TOKENTIDE_METRICS_PORT",
    ]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"topic": "a", "dead_topic": "a"}, "TOKENTIDE_DEAD_TOPIC"),
        ({"kafka_security_protocol": "SASL_SSL"}, "TOKENTIDE_KAFKA_SASL_USERNAME"),
        ({"clickhouse": "clickhouse:8123"}, "TOKENTIDE_CLICKHOUSE"),
        ({"events_retention_days": "50", "rollup_retention_days": "49"}, "TOKENTIDE_EVENTS_RETENTION_DAYS"),
    ],
)
def test_settings_must_not_contradict_each_other(variables: dict[str, str], named: str) -> None:
    """What is right alone and wrong together is refused, and names the variable to change."""
    (problem,) = problems_of(**variables)
    assert problem.startswith(named)


@pytest.mark.parametrize("name", ["database", "cluster", "topic"])
def test_names_that_reach_sql_or_kafka_are_plain(name: str) -> None:
    """A name that would need quoting is refused before it can be part of a statement."""
    (problem,) = problems_of(**{name: "x`; drop"})
    assert problem.startswith(f"TOKENTIDE_{name.upper()}:")


def test_a_problem_does_not_repeat_the_value() -> None:
    """A wrong secret is as secret as a right one."""
    assert not any(
        "hunter2" in problem for problem in problems_of(clickhouse="ftp://me:hunter2@there", topic="hunter2!")
    )


def test_secrets_are_not_shown() -> None:
    """Neither the settings as text nor their description holds a password, also when it is inside a DSN."""
    variables = {
        "TOKENTIDE_KAFKA_SASL_PASSWORD": "hunter2",
        "TOKENTIDE_JWT_SECRET": "hunter2",
        "TOKENTIDE_CLICKHOUSE": "http://me:hunter2@there:8123",
    }
    settings = load(variables, env_file=None)
    described = describe(settings, variables, env_file=None)
    assert "hunter2" not in repr(settings) + str(described)
    shown = {setting.name: setting.value for setting in described}
    assert shown["TOKENTIDE_CLICKHOUSE"] == "http://me:********@there:8123"
    assert shown["TOKENTIDE_JWT_SECRET"] == "********"


def test_a_secret_that_is_not_set_is_shown_as_empty() -> None:
    """An operator sees that a secret is missing."""
    shown = {setting.name: setting.value for setting in describe(Settings(), {}, env_file=None)}
    assert shown["TOKENTIDE_JWT_SECRET"] == ""


def test_a_description_tells_where_a_value_comes_from(tmp_path: Path) -> None:
    """Every setting is there, in order, with its source and a meaning."""
    file = tmp_path / ".env"
    file.write_text("TOKENTIDE_GROUP=mine\n")
    environment = {"TOKENTIDE_EVENTS_TABLE": "no"}
    described = describe(load(environment, file), environment, file)
    assert [setting.name for setting in described] == [f"TOKENTIDE_{name.upper()}" for name in Settings.model_fields]
    sources = {setting.name: (setting.value, setting.source) for setting in described}
    assert sources["TOKENTIDE_GROUP"] == ("mine", ".env")
    assert sources["TOKENTIDE_EVENTS_TABLE"] == ("false", "environment")
    assert sources["TOKENTIDE_TOPIC"] == ("llm.events", "default")


def test_a_name_that_is_no_setting_is_found() -> None:
    """A typing error would otherwise be ignored in silence; the client's own variables are none."""
    environment = {"TOKENTIDE_TOPICS": "x", "TOKENTIDE_URL": "x", "TOKENTIDE_API_KEY": "x", "OTHER": "x"}
    assert unknown_names(environment, env_file=None) == ["TOKENTIDE_TOPICS"]


def test_settings_survive_the_way_to_another_process() -> None:
    """What one process hands to the next gives it equal settings, secrets included."""
    variables = {
        "TOKENTIDE_CLICKHOUSE": "http://me:hunter2@there:8123",
        "TOKENTIDE_EVENTS_TABLE": "false",
        "TOKENTIDE_GPT4O_INPUT_PRICE": "2.505",
        "TOKENTIDE_FLUSH_INTERVAL_SECONDS": "0.25",
    }
    settings = load(variables, env_file=None)
    assert load(environment_of(settings), env_file=None) == settings


def test_settings_do_not_change() -> None:
    """They are read once; nothing can alter them later."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().topic = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("http://there:8123", "http://there:8123"),
        ("chdb:///data/store", "chdb:///data/store"),
        ("https://me:p%40ss@[::1]:8443/db?secure=1", "https://me:********@[::1]:8443/db?secure=1"),
        ("http://:alone@there", "http://:********@there"),
        ("http://me@there", "http://me@there"),
    ],
)
def test_a_dsn_is_shown_without_its_password(dsn: str, shown: str) -> None:
    """Everything else of the DSN stays readable."""
    assert hide_password(dsn) == shown


def test_stores_are_opened_with_everything_that_was_set():
    """No code opens the store with the bare DSN, which lacks the certificate authorities."""
    bare = [
        f"{file}: {line.strip()}"
        for file in Path(__file__).parents[2].glob("src/tokentide/**/*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "clickhouse.get_secret_value()" in line and file.name != "settings.py"
    ]
    assert [line for line in bare if "hide_password" not in line and "clickhouse=" not in line] == []


def test_authorities_become_part_of_the_dsn(tmp_path):
    """Besides what options it has, with whatever is in the file's name escaped."""
    file = tmp_path / "a & b.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    settings = load(
        {"TOKENTIDE_CLICKHOUSE": "https://u:p@h:8443?verify=true", "TOKENTIDE_CLICKHOUSE_TLS_CA": str(file)}, None
    )
    assert settings.clickhouse_dsn == f"https://u:p@h:8443?verify=true&ca_cert={quote(str(file))}"
