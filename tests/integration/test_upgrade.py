"""Another version, while workers run: the schema first, then one worker after the other, and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tests.integration.deployment import PARTITIONS, Deployment, until
from tests.integration.versions import Version, a_version
from tokentide.kafka import ensure_topics
from tokentide.settings import environment_of
from tokentide.store.migrate import EXPECTED_VERSION, templates

BEFORE = templates()[-3].version
NEXT = {
    f"{EXPECTED_VERSION + 1:03}_usage_1h_region": (
        "-- A measure that today's workers do not know.\n"
        "ALTER TABLE {database}.usage_1h {on_cluster}\n    ADD COLUMN IF NOT EXISTS regions UInt64 DEFAULT 1\n"
    ),
    f"{EXPECTED_VERSION + 2:03}_regions": (
        "-- A table that they do not know either.\n"
        "CREATE TABLE IF NOT EXISTS {database}.regions {on_cluster}\n(\n    region String\n)\n"
        "ENGINE = {replacing}\nORDER BY region\nSETTINGS fsync_after_insert = 1, fsync_part_directory = 1\n"
    ),
}


@pytest.fixture
def versions(tmp_path):
    """The version before, today's, and the next."""
    return (
        a_version(tmp_path / "before", "0.0.1", knows=BEFORE),
        a_version(tmp_path / "today", "0.0.2", knows=EXPECTED_VERSION),
        a_version(tmp_path / "next", "0.0.3", knows=EXPECTED_VERSION, more=NEXT),
    )


@pytest.fixture
def unmade(machine):
    """A deployment with topics, and a database that nobody has made yet."""
    made = Deployment(machine, "upgraded")
    asyncio.run(ensure_topics(made.settings, partitions=PARTITIONS))
    yield made
    made.__exit__()


def migrated(deployment: Deployment, version: Version) -> str:
    """Run the `migrate` of a version; what it printed."""
    command = [sys.executable, *version.command("migrate")]
    folder = deployment.machine.folder.path
    return subprocess.run(
        command, env=environment_of(deployment.settings), cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def started(deployment, version):
    """A worker of a version that has its partitions."""
    worker = deployment.worker(version.command("worker"))
    until(lambda: worker.ready() == 200, f"version {version.name} is ready", 60)
    return worker


def goes_on(worker, what):
    """The worker stores more than it had, without a failure."""
    before = worker.metric("flush_rows_total")
    until(lambda: worker.metric("flush_rows_total") > before + 50, f"{what}: the worker goes on storing", 60)
    assert worker.metric("flush_failures_total") == 0


def replaced(deployment, worker, version):
    """A worker of another version beside it, then the end of the first: what the runbook says."""
    successor = started(deployment, version)
    assert successor.samples("build_info") == [({"version": version.name}, 1.0)]
    assert worker.stop() == 0
    goes_on(successor, f"version {version.name}")
    return successor


@pytest.mark.timeout(300)
def test_up_and_down_again_under_traffic(unmade, versions):
    """Nothing is lost and nothing counted twice over two upgrades and a roll-back, with traffic all the while."""
    before, today, following = versions
    assert f"applied {BEFORE:03}_" in migrated(unmade, before)
    refused = unmade.worker(today.command("worker"))
    assert refused.child.wait(60) == 3
    assert f"the schema is version {BEFORE}, and this program needs {EXPECTED_VERSION}" in refused.said()
    assert "run `tokentide migrate` first" in refused.said()

    worker = started(unmade, before)
    with unmade.traffic(41):
        goes_on(worker, "before")
        assert f"applied {EXPECTED_VERSION:03}_" in migrated(unmade, today)
        goes_on(worker, "the version before on today's schema")
        worker = replaced(unmade, worker, today)
        assert "applied" in migrated(unmade, following)
        goes_on(worker, "today's version on the next schema")
        assert migrated(unmade, today) == "schema and topics are up to date\n"
        worker = replaced(unmade, worker, following)
        worker = replaced(unmade, worker, today)
    unmade.check()
    assert unmade.ask("SELECT max(version) FROM schema_migrations") == [(EXPECTED_VERSION + 2,)]
    assert worker.stop() == 0
