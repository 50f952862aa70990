"""Is the schema the one that this program needs, and is ClickHouse well?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found
from tokentide.settings import Settings

__all__ = ["Disk", "Health", "Kept", "Mutation", "Parts", "Replica", "Schema", "Table", "judge_health", "judge_schema"]

_DISK_SHARE = 0.1
_MUTATION_SECONDS = 3600
_REPLICA_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there: its name, its engine, and that in full, with its settings."""

    name: str
    engine: str
    engine_full: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How many days a table should keep rows, and does not."""

    table: str
    days: int


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema as it is.

    Attributes:
        version: of the newest file that was applied; 0 for none.
        expected: the version that this program needs.
        changed: files that were applied with another text.
        wanted: tables that the applied files make.
        tables: those that are there.
        wrong_ttls: tables that keep rows for another time than the settings say.
    """

    version: int
    expected: int
    changed: tuple[str, ...]
    wanted: frozenset[str]
    tables: tuple[Table, ...]
    wrong_ttls: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """How many active parts a table's fullest partition has, and from how many on inserts are slowed down."""

    table: str
    count: int
    delay_from: int


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change that is not done: how old it is, in seconds, and why it failed last (empty for never)."""

    table: str
    name: str
    age_seconds: int
    failure: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of ClickHouse, in bytes."""

    name: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Replica:
    """A replicated table on the server that was asked."""

    table: str
    is_readonly: bool
    delay_seconds: int


@dataclass(frozen=True, slots=True)
class Health:
    """How ClickHouse does; `hidden` are the system tables that could not be read."""

    parts: tuple[Parts, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    disks: tuple[Disk, ...] = ()
    replicas: tuple[Replica, ...] = ()
    hidden: tuple[str, ...] = ()


def judge_schema(settings: Settings, schema: Schema) -> list[Finding]:
    """What is wrong with the schema and its tables."""
    return [*_version(settings, schema), *_tables(settings, schema)]


def judge_health(health: Health) -> list[Finding]:
    """What is wrong with ClickHouse itself."""
    return [*_parts(health), *_mutations(health), *_disks(health), *_replicas(health), *_hidden(health)]


def _version(settings: Settings, schema: Schema) -> Iterator[Finding]:
    versions = f"the schema is version {schema.version}, this program's is {schema.expected}"
    place = f"database {settings.database}"
    if schema.version < schema.expected:
        yield found("schema_behind", place, versions, "tokentide migrate")
    if schema.version > schema.expected:
        yield found("schema_ahead", place, versions)
    if schema.changed:
        yield found("schema_changed", place, f"another text was applied as {', '.join(schema.changed)}")


def _tables(settings: Settings, schema: Schema) -> Iterator[Finding]:
    there = {table.name: table for table in schema.tables}
    for name in sorted(schema.wanted - there.keys()):
        yield found("table_missing", f"{settings.database}.{name}", "the schema's record says that it was made")
    for kept in schema.wrong_ttls:
        what = f"rows should be kept for {kept.days} days, and are not"
        yield found("ttl_differs", f"{settings.database}.{kept.table}", what, "tokentide migrate")
    for table in (there[name] for name in sorted(schema.wanted & there.keys())):
        place = f"{settings.database}.{table.name}"
        if "fsync_after_insert = 1" not in table.engine_full:
            command = f"ALTER TABLE {place} MODIFY SETTING fsync_after_insert = 1"
            yield found("not_durable", place, "fsync_after_insert is not 1", command)
        if table.engine.startswith("Replicated") != bool(settings.cluster):
            what = f"its engine is {table.engine}, TOKENTIDE_CLUSTER is {settings.cluster or 'empty'}"
            yield found("not_replicated", place, what)


def _parts(health: Health) -> Iterator[Finding]:
    for parts in health.parts:
        if parts.count * 2 > parts.delay_from:
            what = f"{parts.count} parts in one partition, inserts are slowed down from {parts.delay_from} on"
            yield found("merges_behind", parts.table, what, "SELECT * FROM system.merges")


def _mutations(health: Health) -> Iterator[Finding]:
    for mutation in health.mutations:
        if mutation.failure or mutation.age_seconds > _MUTATION_SECONDS:
            why = f": {mutation.failure[:200]}" if mutation.failure else ""
            what = f"{mutation.name} is not done after {mutation.age_seconds} seconds{why}"
            yield found("mutation_stuck", mutation.table, what, "SELECT * FROM system.mutations WHERE NOT is_done")


def _disks(health: Health) -> Iterator[Finding]:
    for disk in health.disks:
        if disk.total and disk.free < disk.total * _DISK_SHARE:
            gibibytes = disk.free / 2**30
            what = f"{disk.free / disk.total:.1%} are free, {gibibytes:.1f} GiB"
            yield found("disk_nearly_full", f"ClickHouse's disk {disk.name}", what)


def _replicas(health: Health) -> Iterator[Finding]:
    for replica in health.replicas:
        if replica.is_readonly:
            yield found("replica_readonly", replica.table, "read-only", f"SYSTEM RESTORE REPLICA {replica.table}")
        elif replica.delay_seconds > _REPLICA_SECONDS:
            what = f"{replica.delay_seconds} seconds behind"
            yield found("replica_behind", replica.table, what, "SELECT * FROM system.replication_queue")


def _hidden(health: Health) -> Iterator[Finding]:
    for table in health.hidden:
        yield found("store_hides", table, "it may not be read", f"GRANT SELECT ON {table} TO CURRENT_USER")
