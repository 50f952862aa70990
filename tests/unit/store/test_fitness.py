"""Which versions of the schema this program works on."""

from __future__ import annotations

from contextlib import closing

from tests.store_fixtures import a_database, settings_of
from tokentide.store import open_store
from tokentide.store.fitness import why_unfit
from tokentide.store.migrate import EXPECTED_VERSION, migrate


def test_what_is_older_is_unfit_and_what_is_newer_is_not(chdb_store_root):
    """An older schema lacks something, and is named with the command that mends it; a newer one has only more."""
    with a_database(chdb_store_root) as database:
        settings = settings_of(chdb_store_root, database)
        with closing(open_store(chdb_store_root, database)) as store:
            assert why_unfit(store) == (
                f"the schema is version 0, and this program needs {EXPECTED_VERSION}: run `tokentide migrate`"
            )
            migrate(settings)
            assert why_unfit(store) is None
            store.insert("schema_migrations", ("version", "name", "checksum"), [[999], ["999_next"], ["0" * 64]])
            assert why_unfit(store) is None
