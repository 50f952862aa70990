"""The organisation, projects and keys of a data folder."""

from __future__ import annotations

import json

import pytest

from tests.store_fixtures import a_database, settings_of
from tokentide import clock
from tokentide.errors import QueryError
from tokentide.store import open_store
from tokentide.store.access import list_keys, load_keys, projects_of, revoke_key
from tokentide.store.migrate import migrate
from tokentide.up.access import ensure_access


@pytest.fixture
def settings(chdb_store_root):
    with a_database(chdb_store_root) as name:
        settings = settings_of(chdb_store_root, name)
        migrate(settings)
        yield settings


@pytest.fixture
def store(settings):
    opened = open_store(settings.clickhouse.get_secret_value(), settings.database)
    yield opened
    opened.close()


def test_the_keys_open_the_store(settings, store, tmp_path):
    """One writes into the first project, one reads every project of the organisation, and neither is in a hurry."""
    access = ensure_access(settings, tmp_path, ())
    ring, now = load_keys(store), clock.now_ms()
    ingest, reader = ring.find(access.ingest_key, now), ring.find(access.read_key, now)
    assert (ingest.role, ingest.org, ingest.projects) == ("ingest", "demo", ("demo",))
    assert (reader.role, reader.org, reader.projects, reader.tier) == ("read", "demo", (), "enterprise")
    assert access.read_key.startswith("als_")
    assert (access.org_id, access.project_id) == ("demo", "demo")


def test_they_stay_the_same(settings, store, tmp_path):
    """The next `up` on the folder makes no more of them."""
    first = ensure_access(settings, tmp_path, ())
    assert ensure_access(settings, tmp_path, ()) == first
    assert len(list_keys(store)) == 2


def test_only_the_owner_of_the_folder_reads_them(settings, tmp_path):
    """They open everything on this machine."""
    ensure_access(settings, tmp_path, ())
    assert (tmp_path / "access.json").stat().st_mode & 0o777 == 0o600


def test_projects_are_made_without_more_keys(settings, store, tmp_path):
    """Each once, however often they are asked for."""
    for _ in range(2):
        ensure_access(settings, tmp_path, ("a", "b", "a"))
    assert projects_of(store, "demo") == ("a", "b", "demo")
    assert len(list_keys(store)) == 2


def test_a_project_that_cannot_be(settings, tmp_path):
    """It is told by name."""
    with pytest.raises(QueryError, match="1 to 128 characters"):
        ensure_access(settings, tmp_path, ("x" * 200,))


@pytest.mark.parametrize("content", [None, "", "[]", json.dumps({"org_id": "demo"})])
def test_a_folder_that_lost_them_gets_new_ones(settings, tmp_path, content):
    """The store keeps only hashes, so what is lost cannot be shown again."""
    first = ensure_access(settings, tmp_path, ())
    file = tmp_path / "access.json"
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert ensure_access(settings, tmp_path, ()) != first


def test_keys_that_the_store_does_not_take_any_more_are_replaced(settings, store, tmp_path):
    """Someone revoked one, or the store is a new one."""
    first = ensure_access(settings, tmp_path, ())
    reader = load_keys(store).find(first.read_key, clock.now_ms())
    revoke_key(store, reader.id, clock.now_ms())
    second = ensure_access(settings, tmp_path, ())
    assert second.read_key != first.read_key
    assert load_keys(store).find(second.read_key, clock.now_ms())
