"""The command line as a whole: help, exit codes, and how quickly it answers."""

from __future__ import annotations

import resource
import subprocess
import sys

import click
import pytest

from tests.store_fixtures import free_port
from tokentide import __version__, cli
from tokentide.errors import (
    DependencyUnavailable,
    LogMismatch,
    QueryError,
    SettingsError,
    StoreRejected,
    StoreUnavailable,
)

HEAVY = ("aiokafka", "clickhouse_connect", "fastapi", "faust", "numpy", "rich", "uvicorn")


def every_command(group=cli.cli, path=()):
    """The path of each command, groups included."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from every_command(command, (*path, name))


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(tokentide, path, flag):
    """Without settings, without a connection, and with a sentence on what it does."""
    ended = tokentide(*path, flag)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: {' '.join(('tokentide', *path))}")
    assert "Show this message and exit." in ended.out


def test_the_commands_that_scripts_rely_on():
    """Their names are fixed."""
    names = {" ".join(path) for path in every_command()}
    keys = {"keys create", "keys list", "keys revoke"}
    assert names >= {"up", "demo", "worker", "api", "migrate", "ingest", "settings"} | keys


def test_the_version(tokentide):
    """One line, with the name."""
    assert tokentide("--version").out == f"tokentide, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("--nonsense",),
        ("settings", "--nonsense"),
        ("settings", "too much"),
        ("--log-format", "xml", "settings"),
        ("up", "--workers", "0"),
        ("up", "--api-port", "99999"),
        ("demo", "--events", "5"),
        ("migrate", "--partitions", "0"),
        ("ingest",),
        ("ingest", "no such file"),
        ("keys", "create", "--org", "o"),
        ("keys", "create", "--org", "o", "--role", "admin"),
        ("keys", "revoke"),
    ],
    ids=" ".join,
)
def test_wrong_use(tokentide, arguments):
    """Exit code 2, with the reason on stderr and nothing on stdout."""
    ended = tokentide(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Error: " in ended.err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingsError(["one", "two"]), 2, "tokentide: one\ntokentide: two\n"),
        (QueryError("no such key"), 2, "tokentide: no such key\n"),
        (DependencyUnavailable("Kafka is away"), 3, "tokentide: Kafka is away\n"),
        (LogMismatch("another topic"), 3, "tokentide: another topic\n"),
        (StoreUnavailable("away"), 3, "tokentide: away\n"),
        (StoreRejected("no"), 1, "tokentide: no\n"),
        (ModuleNotFoundError(name="chdb"), 3, "tokentide: chdb is not installed: pip install 'tokentide[embedded]'\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (click.ClickException("failed"), 1, "Error: failed\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_errors_are_exit_codes_and_one_message(tokentide, monkeypatch, error, code, told):
    """Nobody sees a traceback of an error that was foreseen."""

    def fail(**_):
        raise error

    monkeypatch.setattr(cli.cli, "main", fail)
    ended = tokentide()
    assert (ended.code, ended.err) == (code, told)


@pytest.mark.parametrize("answer", [None, 0, 1, 3])
def test_a_command_chooses_its_exit_code(tokentide, monkeypatch, answer):
    """By the number that it returns; nothing is 0."""
    monkeypatch.setattr(cli.cli, "main", lambda **_: answer)
    assert tokentide().code == (answer or 0)


@pytest.mark.parametrize("command", ["worker", "api", "migrate", "settings", "keys list", "up --ephemeral", "demo"])
def test_wrong_settings_are_told_all_at_once(tokentide, command):
    """Exit code 2 before anything is started, and each problem names its variable but no value."""
    ended = tokentide(*command.split(), FLUSH_INTERVAL_SECONDS="soon", METRICS_PORT="70000", TOPIC="a b")
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [
        "TOKENTIDE_TOPIC",
        "TOKENTIDE_FLUSH_INTERVAL_SECONDS",
        "TOKENTIDE_METRICS_PORT",
    ]
    assert "soon" not in ended.err


@pytest.mark.parametrize("command", ["migrate", "keys list"])
def test_a_store_that_is_not_reachable(tokentide, command):
    """Exit code 3, with the address but no password."""
    port = free_port()
    ended = tokentide(*command.split(), CLICKHOUSE=f"http://user:hush@127.0.0.1:{port}")
    assert (ended.code, ended.out) == (3, "")
    assert f"127.0.0.1:{port}" in ended.err
    assert "hush" not in ended.err


def test_a_kafka_that_is_not_reachable(tokentide, chdb_store_root):
    """Exit code 3, with the address and the setting that chooses it."""
    address = f"127.0.0.1:{free_port()}"
    ended = tokentide("migrate", CLICKHOUSE=chdb_store_root, DATABASE="test_cli_migrate", KAFKA=address)
    assert ended.code == 3
    assert f"Kafka at {address} does not answer" in ended.err
    assert "TOKENTIDE_KAFKA" in ended.err


def test_a_worker_without_kafka(tmp_path):
    """Exit code 3, within seconds."""
    address = f"127.0.0.1:{free_port()}"
    variables = {
        "TOKENTIDE_CLICKHOUSE": f"chdb://{tmp_path / 'store'}",
        "TOKENTIDE_KAFKA": address,
        "TOKENTIDE_METRICS_PORT": "0",
    }
    ended = in_a_process("worker", cwd=tmp_path, env=variables)
    assert ended.returncode == 3
    assert f"Kafka at {address} does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_is_quick(tmp_path):
    """Someone waits for it: the least of three is well below what anyone notices."""
    assert min(cpu_seconds_of_help(tmp_path) for _ in range(3)) < 0.7


def test_help_imports_nothing_heavy(tmp_path):
    """Each command imports what it needs when it runs."""
    code = f"import sys, tokentide.cli; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert ended.stdout == "[]\n"


def in_a_process(*arguments, **options):
    command = [sys.executable, "-m", "tokentide", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def cpu_seconds_of_help(folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert in_a_process("--help", cwd=folder).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
