"""What is found in the schema, and in ClickHouse itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokentide.doctor.judging.store import (
    Disk,
    Health,
    Kept,
    Mutation,
    Parts,
    Replica,
    Schema,
    Table,
    judge_health,
    judge_schema,
)
from tokentide.settings import Settings

DURABLE = "ReplacingMergeTree(version) ORDER BY a SETTINGS fsync_after_insert = 1, index_granularity = 8192"
USAGE = Table("usage_1h", "ReplacingMergeTree", DURABLE)
GOOD = Schema(13, 13, (), frozenset({"usage_1h"}), (USAGE, Table("mine", "Log", "Log")), ())


def judged(schema, **settings):
    found = judge_schema(Settings(**settings), schema)
    return [(finding.kind.name, finding.where, finding.command) for finding in found]


def names(health):
    return [finding.kind.name for finding in judge_health(health)]


def test_a_schema_as_it_should_be():
    """The expected version, every table, on disk when acknowledged; what others keep there is theirs."""
    assert judged(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"version": 12}, ("schema_behind", "database tokentide", "tokentide migrate")),
        ({"version": 0}, ("schema_behind", "database tokentide", "tokentide migrate")),
        ({"version": 14}, ("schema_ahead", "database tokentide", "")),
        ({"changed": ("003_usage_1h",)}, ("schema_changed", "database tokentide", "")),
        ({"wanted": frozenset({"usage_1h", "events"})}, ("table_missing", "tokentide.events", "")),
        ({"wrong_ttls": (Kept("usage_1h", 400),)}, ("ttl_differs", "tokentide.usage_1h", "tokentide migrate")),
        (
            {"tables": (replace(USAGE, engine_full="ReplacingMergeTree(version) ORDER BY a"),)},
            (
                "not_durable",
                "tokentide.usage_1h",
                "ALTER TABLE tokentide.usage_1h MODIFY SETTING fsync_after_insert = 1",
            ),
        ),
        (
            {"tables": (replace(USAGE, engine="ReplicatedReplacingMergeTree"),)},
            ("not_replicated", "tokentide.usage_1h", ""),
        ),
    ],
)
def test_what_a_schema_shows(changes, expected):
    """One difference, one finding, and the command that mends it."""
    assert judged(replace(GOOD, **changes)) == [expected]


def test_a_cluster_wants_replicated_tables():
    """Tables that were made without one do not become replicated by a setting."""
    assert judged(GOOD, cluster="main") == [("not_replicated", "tokentide.usage_1h", "")]
    replicated = replace(USAGE, engine="ReplicatedReplacingMergeTree")
    assert judged(replace(GOOD, tables=(replicated,)), cluster="main") == []


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(), []),
        (Health(parts=(Parts("events", 500, 1000),)), []),
        (Health(parts=(Parts("events", 501, 1000), Parts("usage_1h", 3, 1000))), ["merges_behind"]),
        (Health(mutations=(Mutation("events", "m", 3600, ""),)), []),
        (Health(mutations=(Mutation("events", "m", 3601, ""),)), ["mutation_stuck"]),
        (Health(mutations=(Mutation("events", "m", 1, "no memory"),)), ["mutation_stuck"]),
        (Health(disks=(Disk("default", 10, 100),)), []),
        (Health(disks=(Disk("default", 9, 100), Disk("cold", 50, 100))), ["disk_nearly_full"]),
        (Health(disks=(Disk("object storage", 0, 0),)), []),
        (Health(replicas=(Replica("events", False, 60),)), []),
        (Health(replicas=(Replica("events", False, 61),)), ["replica_behind"]),
        (Health(replicas=(Replica("events", True, 100),)), ["replica_readonly"]),
        (Health(hidden=("system.disks",)), ["store_hides"]),
    ],
    ids=repr,
)
def test_how_clickhouse_does(health, expected):
    """Each rule, on both sides of its border."""
    assert names(health) == expected


def test_a_reason_is_told_in_short():
    """What ClickHouse says of a mutation may fill pages."""
    [finding] = judge_health(Health(mutations=(Mutation("events", "m", 1, "x" * 5000),)))
    assert len(finding.what) < 300
