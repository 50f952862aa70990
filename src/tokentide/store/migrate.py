"""How does a database get the schema, and keep it? Its own command, run before the worker and the API.

The statements of each file of `schema/` may run twice. A file is recorded after they ran, so that a crash before
that is repaired by running them again. A file that was applied never changes: what is new comes in a new file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import resources

from tokentide.errors import StoreRejected
from tokentide.settings import Settings
from tokentide.store.clickhouse import open_store
from tokentide.store.ddl import (
    Step,
    Target,
    Template,
    TimeToLive,
    create_database,
    days_kept,
    made_table,
    render,
    time_to_live,
)
from tokentide.store.failures import MISSING, code_of
from tokentide.store.port import Query, Store

__all__ = [
    "EXPECTED_VERSION",
    "Applied",
    "differing_files",
    "made_tables",
    "migrate",
    "schema_version",
    "templates",
    "wrong_ttls",
]

EXPECTED_VERSION = 18
"""The version of the schema that this code reads and writes: the number of the last file."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """One thing that `migrate` did: its name for people, and its SQL."""

    name: str
    sql: str


def migrate(settings: Settings) -> list[Applied]:
    """Bring the database to this version's schema; what it did, in order, and nothing when all was so already.

    Every table is made, `events` too when it is turned off: an empty table costs nothing, and turning it on later needs
    no migration. A database that a newer version has migrated stays as it is.

    Raises:
        StoreUnavailable: the store went away; running again takes up where this stopped.
        StoreRejected: no right to do it, or a file that was applied has another text now.
    """
    target = _target(settings)
    return [*_make_database(settings, target), *_make_tables(settings, target)]


def schema_version(store: Store) -> int:
    """The version of the schema in the store's database; 0 when it was never migrated."""
    return max(_recorded(store), default=0)


def differing_files(store: Store) -> list[str]:
    """Names of the files that were applied with another text than they have now."""
    recorded = _recorded(store)
    return [file.name for file in templates() if recorded.get(file.version, file.checksum) != file.checksum]


def made_tables(version: int) -> frozenset[str]:
    """The tables that a schema of that version has, as far as this program knows it."""
    made = (made_table(file.text) for file in templates() if file.version <= version)
    return frozenset(table for table in made if table)


def wrong_ttls(store: Store, settings: Settings) -> list[TimeToLive]:
    """Tables whose rows are kept for another time than the settings say, each with the right one."""
    target = _target(settings)
    query = Query("ttls", "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
    kept = {str(name): days_kept(str(engine)) for name, engine in store.ask(query)}
    wanted = (time_to_live(step, target) for step in render(templates(), target))
    return [ttl for ttl in wanted if ttl and ttl.table in kept and kept[ttl.table] != ttl.days]


def templates() -> list[Template]:
    """The files of the schema, in order."""
    found = []
    for file in resources.files("tokentide.store").joinpath("schema").iterdir():
        name, _, ending = file.name.rpartition(".")
        if ending == "sql":
            found.append(Template(int(name.partition("_")[0]), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda template: template.version)


def _target(settings: Settings) -> Target:
    return Target(settings.database, settings.cluster, settings.rollup_retention_days, settings.events_retention_days)


def _make_database(settings: Settings, target: Target) -> Iterator[Applied]:
    there = Query(
        "database_exists",
        "SELECT count() FROM system.databases WHERE name = {database:String}",
        {"database": target.database},
    )
    with closing(_open(settings, "")) as store:
        if store.ask(there) == [(0,)]:  # who may not create databases can still migrate one that is there
            yield _run(store, Applied(f"database {target.database}", create_database(target)))


def _make_tables(settings: Settings, target: Target) -> Iterator[Applied]:
    steps = render(templates(), target)
    with closing(_open(settings, target.database)) as store:
        recorded = _recorded(store)
        _check(steps, recorded)
        for step in steps:
            if step.version not in recorded:
                yield _run(store, Applied(step.name, step.sql), step.statements)
                _record(store, step)
        for ttl in wrong_ttls(store, settings):
            yield _run(store, Applied(f"{ttl.table} keeps rows for {ttl.days} days", ttl.sql))


def _open(settings: Settings, database: str) -> Store:
    return open_store(settings.clickhouse_dsn, database, cluster=settings.cluster)


def _run(store: Store, step: Applied, statements: Sequence[str] = ()) -> Applied:
    """Do one thing: its statements one after the other, or else the one that it is."""
    for statement in statements or (step.sql,):
        store.command(statement)
    logger.info("migrated: %s", step.name)
    return step


def _recorded(store: Store) -> dict[int, str]:
    query = Query("migrations", "SELECT version, checksum FROM schema_migrations FINAL")
    try:
        return {int(version): str(checksum) for version, checksum in store.ask(query)}
    except StoreRejected as error:
        if code_of(error) in MISSING:
            return {}
        raise


def _record(store: Store, step: Step) -> None:
    store.insert("schema_migrations", ("version", "name", "checksum"), ([step.version], [step.name], [step.checksum]))


def _check(steps: Iterable[Step], recorded: Mapping[int, str]) -> None:
    changed = [step.name for step in steps if recorded.get(step.version, step.checksum) != step.checksum]
    if changed:
        raise StoreRejected(
            f"schema files changed after they were applied: {', '.join(changed)}; put their old text back, "
            "and write what should be different into a new file with the next number"
        )
    newer = max(recorded, default=0)
    if newer > EXPECTED_VERSION:
        logger.warning(
            "the schema is version %d, this program knows %d: a newer one migrated it", newer, EXPECTED_VERSION
        )
