from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.store_fixtures import a_database, settings_of
from tokentide.errors import StoreRejected
from tokentide.settings import Settings
from tokentide.store import Query, Store, open_store
from tokentide.store.migrate import EXPECTED_VERSION, migrate, schema_version, templates, wrong_ttls


@pytest.fixture
def settings(chdb_store_root: str) -> Iterator[Settings]:
    with a_database(chdb_store_root) as database:
        yield settings_of(chdb_store_root, database)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store in the database of `settings`, which need not exist yet."""
    with closing(open_store(settings.clickhouse.get_secret_value(), settings.database)) as opened:
        yield opened


def _names(settings: Settings) -> list[str]:
    return [applied.name for applied in migrate(settings)]


def test_the_first_run_makes_everything(settings: Settings, store: Store) -> None:
    """Database and tables, in the order of their numbers, and each is on record with its checksum."""
    assert schema_version(store) == 0
    assert _names(settings) == [f"database {settings.database}", *(template.name for template in templates())]
    assert schema_version(store) == EXPECTED_VERSION
    sql = "SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version"
    recorded = [(template.version, template.name, template.checksum) for template in templates()]
    assert store.ask(Query("recorded", sql)) == recorded


def test_the_second_run_does_nothing(settings: Settings) -> None:
    """A schema that is as it should be is left alone."""
    migrate(settings)
    assert migrate(settings) == []


def test_a_crash_before_the_record_is_repaired(settings: Settings, store: Store) -> None:
    """A statement that ran but was not recorded runs again, changes nothing, and is recorded."""
    migrate(settings)
    store.insert("projects", ("project_id", "org_id"), [["p"], ["o"]])
    store.command("ALTER TABLE schema_migrations DELETE WHERE version IN (1, 9) SETTINGS mutations_sync = 2")
    assert _names(settings) == ["001_schema_migrations", "009_projects"]
    assert store.ask(Query("kept", "SELECT project_id FROM projects")) == [("p",)]
    assert migrate(settings) == []


def test_a_database_made_by_someone_else_is_used(settings: Settings, store: Store) -> None:
    """Who may not create databases can be given one."""
    with closing(open_store(settings.clickhouse.get_secret_value(), "")) as elsewhere:
        elsewhere.command(f"CREATE DATABASE {settings.database}")
    assert _names(settings) == [template.name for template in templates()]
    assert schema_version(store) == EXPECTED_VERSION


def test_a_changed_file_is_refused(settings: Settings, store: Store) -> None:
    """A file that was applied with another text is named, and nothing is done."""
    migrate(settings)
    store.insert("schema_migrations", ("version", "name", "checksum"), [[3], ["003_usage_1h"], ["0" * 64]])
    store.command("DROP TABLE usage_1h SYNC")
    with pytest.raises(StoreRejected, match="003_usage_1h"):
        migrate(settings)
    assert store.ask(Query("there", "EXISTS TABLE usage_1h")) == [(0,)]


def test_a_newer_schema_is_left_alone(settings: Settings, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """After a roll-back of the program the schema stays, with a warning."""
    migrate(settings)
    store.insert("schema_migrations", ("version", "name", "checksum"), [[999], ["999_future"], ["0" * 64]])
    with caplog.at_level(logging.WARNING):
        assert migrate(settings) == []
    assert "999" in caplog.text
    assert schema_version(store) == 999


def test_only_wrong_ttls_are_changed(settings: Settings, store: Store) -> None:
    """Another retention is put right, table by table, and only where it differs."""
    migrate(settings)
    store.command("ALTER TABLE usage_1h MODIFY TTL bucket + INTERVAL 30 DAY")
    store.command("ALTER TABLE errors_1h REMOVE TTL")
    assert [(ttl.table, ttl.days) for ttl in wrong_ttls(store, settings)] == [("usage_1h", 4000), ("errors_1h", 4000)]
    assert _names(settings) == ["usage_1h keeps rows for 4000 days", "errors_1h keeps rows for 4000 days"]
    assert wrong_ttls(store, settings) == []

    shorter = settings.model_copy(update={"events_retention_days": 10})
    assert _names(shorter) == ["events keeps rows for 10 days"]
    assert migrate(shorter) == []


def test_the_events_table_is_made_even_when_it_is_off(settings: Settings, store: Store) -> None:
    """Turning it on later needs no migration."""
    migrate(settings.model_copy(update={"events_table": False}))
    assert store.ask(Query("there", "EXISTS TABLE events")) == [(1,)]


def test_a_database_may_be_called_like_a_keyword(chdb_store_root: str) -> None:
    """Names of databases are quoted."""
    settings = settings_of(chdb_store_root, "order")
    with closing(open_store(chdb_store_root, "")) as elsewhere:
        try:
            migrate(settings)
            with closing(open_store(chdb_store_root, "order")) as store:
                store.insert("projects", ("project_id", "org_id"), [["p"], ["o"]])
                store.insert_json("projects", ("project_id", "org_id"), b'{"project_id":"q","org_id":"o"}')
                assert store.ask(Query("all", "SELECT count() FROM projects")) == [(2,)]
        finally:
            elsewhere.command("DROP DATABASE IF EXISTS `order` SYNC")
