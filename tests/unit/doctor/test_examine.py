"""How checks are run: each by itself, in time, and only when what it needs is there."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store_fixtures import a_database, free_port, settings_of
from tokentide.doctor.kinds import KINDS
from tokentide.doctor.run import Asked, examine
from tokentide.settings import Settings
from tokentide.store.migrate import EXPECTED_VERSION, migrate

NOBODY = {"metrics_port": 0, "api_port": 0}


def nowhere():
    """An address at which nobody listens."""
    return f"127.0.0.1:{free_port()}"


@contextmanager
def silent():
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def kinds(report):
    return sorted(finding.kind.name for finding in report.findings)


def states(report):
    return {check.name: check.state for check in report.checks}


async def test_nothing_is_there():
    """What cannot be reached is told once each, what needs it is said not to be run, and all else is looked at."""
    settings = Settings(kafka=nowhere(), clickhouse=f"http://me:hush@{nowhere()}", dedup_window_seconds=0, **NOBODY)
    report = await examine(settings, Asked())
    assert kinds(report) == ["dedup_off", "kafka_unreachable", "store_unreachable"]
    assert report.exit_code == 3
    assert states(report) == {
        "settings": "found",
        "topics": "found",
        "ClickHouse": "found",
        "session keys": "ok",
        "shared rate limits": "ok",
        "services": "ok",
        "schema": "not run",
        "parts, disks, replicas": "not run",
        "consumer group": "not run",
        "clocks": "not run",
        "access keys": "not run",
    }
    assert {check.why for check in report.checks if check.name == "clocks"} == {"it needs Kafka and the schema"}
    assert "hush" not in str(report.as_object())


async def test_a_store_that_refuses():
    """It answers, or need not be asked: repeating would change nothing."""
    report = await examine(Settings(kafka=nowhere(), clickhouse="chdb://relative/folder", **NOBODY), Asked())
    assert kinds(report) == ["kafka_unreachable", "store_embedded", "store_refuses"]


async def test_what_never_answers_is_given_up():
    """A check ends after its time, and says so; the others are not held up by it."""
    with silent() as kafka, silent() as store:
        settings = Settings(kafka=kafka, clickhouse=f"http://{store}", **NOBODY)
        report = await examine(settings, Asked(timeout_seconds=1))
    assert "check_timed_out" in kinds(report)
    assert report.exit_code == 3
    assert {"topics", "ClickHouse"} <= {name for name, state in states(report).items() if state == "found"}
    assert states(report)["session keys"] == "ok"


async def test_an_error_that_nobody_foresaw():
    """It is a finding of its own, and the other checks go on."""
    settings = Settings(kafka=nowhere(), clickhouse=f"http://{nowhere()}", **NOBODY)
    report = await examine(settings.model_copy(update={"rate_limits": None}), Asked())
    [finding] = [finding for finding in report.findings if finding.kind.name == "check_failed"]
    assert finding.where == "shared rate limits"
    assert finding.what.startswith("AttributeError(")
    assert states(report)["session keys"] == "ok"


async def test_a_store_without_kafka(chdb_store_root):
    """The store is looked at all the same: schema, tables, keys."""
    with a_database(chdb_store_root) as database:
        settings = settings_of(chdb_store_root, database, kafka=nowhere(), **NOBODY)
        report = await examine(settings, Asked())
        assert kinds(report) == ["kafka_unreachable", "schema_behind", "store_embedded"]
        [behind] = [finding for finding in report.findings if finding.kind.name == "schema_behind"]
        assert behind.what == f"the schema is version 0, this program's is {EXPECTED_VERSION}"
        assert states(report)["access keys"] == "not run"

        migrate(settings)
        report = await examine(settings, Asked())
        assert kinds(report) == ["kafka_unreachable", "store_embedded"]
        ran = {"schema", "parts, disks, replicas", "access keys"}
        assert {name for name in ran if states(report)[name] == "ok"} == ran


async def test_the_progress_is_told():
    """Each check counts, whether it was run or not."""
    seen = []
    settings = Settings(kafka=nowhere(), clickhouse=f"http://{nowhere()}", **NOBODY)
    await examine(settings, Asked(), lambda ended, whole: seen.append((ended, whole)))
    assert seen == [(number, 11) for number in range(1, 12)]


async def test_a_service_that_should_run():
    """One that was named and does not answer is a finding; one that was not named is a note."""
    settings = Settings(kafka=nowhere(), clickhouse=f"http://{nowhere()}", metrics_port=free_port(), api_port=0)
    report = await examine(settings, Asked(apis=(f"http://{nowhere()}",)))
    assert kinds(report) == ["kafka_unreachable", "service_unreachable", "store_unreachable"]
    assert any(note.startswith("no worker was looked at") for note in report.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_test(kind):
    """No finding is promised that no test of this folder has seen."""
    files = Path(__file__).parent.glob("test_*.py")
    assert any(f'"{kind}"' in file.read_text(encoding="utf-8") for file in files)


def test_kinds_say_what_to_do():
    """Each has words for what it means and for what to do, and an exit code that the command documents."""
    for kind in KINDS.values():
        assert kind.meaning
        assert kind.remedy
        assert (kind.severity == "advice") == (kind.exit_code == 0)
    assert {kind.exit_code for kind in KINDS.values()} == {0, 1, 2, 3}
