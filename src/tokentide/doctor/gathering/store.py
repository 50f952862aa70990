"""What does ClickHouse tell: about the schema, itself, the time, and the access keys? Every call blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tokentide.clock import now_ms
from tokentide.doctor.judging.access import Key
from tokentide.doctor.judging.clocks import Skew
from tokentide.doctor.judging.store import Disk, Health, Kept, Mutation, Parts, Replica, Schema, Table
from tokentide.errors import StoreRejected
from tokentide.settings import Settings
from tokentide.store.access import list_keys
from tokentide.store.migrate import EXPECTED_VERSION, differing_files, made_tables, schema_version, wrong_ttls
from tokentide.store.port import Query, Store
from tokentide.store.queries.projects import projects_by_organisation

__all__ = ["gather_access", "gather_health", "gather_schema", "gather_skew"]

_DELAY_FROM = 1000  # ClickHouse's own default
_TABLES = "SELECT name, engine, engine_full FROM system.tables WHERE database = currentDatabase()"
_PARTS = """
SELECT table, max(parts)
FROM (
    SELECT table, count() AS parts FROM system.parts WHERE active AND database = {database:String}
    GROUP BY table, partition_id
)
GROUP BY table
"""
_DELAY = "SELECT toUInt64(value) FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert'"
_MUTATIONS = """
SELECT table, mutation_id, toUInt64(greatest(0, now() - create_time)), latest_fail_reason
FROM system.mutations WHERE NOT is_done AND database = {database:String}
"""
_DISKS = "SELECT name, free_space, total_space FROM system.disks WHERE type = 'Local' OR type = 'local'"
_REPLICAS = "SELECT table, is_readonly, absolute_delay FROM system.replicas WHERE database = {database:String}"
_CLOCK = "SELECT toUnixTimestamp64Milli(now64(3))"


def gather_schema(store: Store, settings: Settings) -> Schema:
    """The schema and its tables.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    version = schema_version(store)
    if version == 0:  # there may be no database
        return Schema(0, EXPECTED_VERSION, (), frozenset(), (), ())
    return Schema(
        version,
        EXPECTED_VERSION,
        tuple(differing_files(store)),
        made_tables(version),
        tuple(Table(*map(str, row)) for row in store.ask(Query("tables", _TABLES))),
        tuple(Kept(ttl.table, ttl.days) for ttl in wrong_ttls(store, settings)),
    )


def gather_health(store: Store, database: str) -> Health:
    """How ClickHouse does, as far as our tables are concerned, and as far as its user may see that.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    hidden: list[str] = []

    def rows(name: str, sql: str) -> list[tuple[Any, ...]]:
        try:
            return store.ask(Query(name, sql, {"database": database} if "{database:" in sql else {}))
        except StoreRejected:
            hidden.append(f"system.{name}")
            return []

    delay_from = next((int(value) for (value,) in rows("merge_tree_settings", _DELAY)), _DELAY_FROM)
    return Health(
        tuple(Parts(str(table), int(count), delay_from) for table, count in rows("parts", _PARTS)),
        tuple(Mutation(str(t), str(id_), int(age), str(why)) for t, id_, age, why in rows("mutations", _MUTATIONS)),
        tuple(Disk(str(name), int(free), int(total)) for name, free, total in rows("disks", _DISKS)),
        tuple(Replica(str(t), bool(readonly), int(delay)) for t, readonly, delay in rows("replicas", _REPLICAS)),
        tuple(hidden),
    )


def gather_skew(store: Store) -> Skew:
    """By how much ClickHouse's clock is ahead: it said its time at some moment between asking and answer.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    asked_ms = now_ms()
    [(time_ms,)] = store.ask(Query("clock", _CLOCK))
    return Skew(int(time_ms) - now_ms(), int(time_ms) - asked_ms)


def gather_access(store: Store) -> tuple[list[Key], Mapping[str, Sequence[str]]]:
    """The keys that were not revoked, and the projects of each organisation.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    keys = [
        Key(key.id, key.role, key.org, frozenset(key.projects), key.expires_ms)
        for key in list_keys(store)
        if key.revoked_ms is None
    ]
    return keys, {str(org): projects for org, projects in store.ask(projects_by_organisation())}
