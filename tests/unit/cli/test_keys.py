"""`tokentide keys`, on the embedded engine."""

from __future__ import annotations

import json

import pytest

from tests.store_fixtures import a_database, settings_of
from tokentide import clock
from tokentide.store import open_store
from tokentide.store.access import load_keys, projects_of
from tokentide.store.key_uses import write_uses
from tokentide.store.migrate import migrate

READ = ("create", "--role", "read", "--org", "o")
INGEST = ("create", "--role", "ingest", "--org", "o", "--project", "p")


@pytest.fixture
def database(chdb_store_root):
    with a_database(chdb_store_root) as name:
        migrate(settings_of(chdb_store_root, name))
        yield name


@pytest.fixture
def store(chdb_store_root, database):
    opened = open_store(chdb_store_root, database)
    yield opened
    opened.close()


@pytest.fixture
def keys(tokentide, chdb_store_root, database):
    """Runs a command about keys on a store of the test's own."""

    def run(*arguments):
        return tokentide("keys", *arguments, CLICKHOUSE=chdb_store_root, DATABASE=database, LOG_LEVEL="ERROR")

    return run


def made(ended):
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert list(found) == ["id", "key"]
    return found


def listed(keys):
    ended = keys("list", "--json")
    assert (ended.code, ended.err) == (0, "")
    return {row["id"]: row for row in json.loads(ended.out)}


def test_a_key_opens_what_it_was_made_for(keys, store):
    """A read key begins with als_, and its projects exist from then on."""
    new = made(keys(*READ, "--project", "p", "--project", "q", "--tier", "pro", "--json"))
    assert new["key"].startswith("als_")
    found = load_keys(store).find(new["key"], clock.now_ms())
    assert (found.id, found.role, found.org, found.projects, found.tier) == (new["id"], "read", "o", ("p", "q"), "pro")
    assert projects_of(store, "o") == ("p", "q")


def test_an_ingest_key_has_one_project(keys, store):
    """Not none, and not two."""
    new = made(keys(*INGEST, "--json"))
    assert load_keys(store).find(new["key"], clock.now_ms()).projects == ("p",)
    for wrong in (INGEST[:-2], (*INGEST, "--project", "q")):
        ended = keys(*wrong, "--json")
        assert (ended.code, ended.out) == (2, "")
        assert "exactly one project" in ended.err


def test_a_key_is_shown_once(keys):
    """What is listed tells everything about it but the key."""
    new = made(keys(*READ, "--expires", "2099-01-31T00:00:00Z", "--json"))
    row = listed(keys)[new["id"]]
    assert row | {"created": ""} == {
        "id": new["id"],
        "role": "read",
        "org": "o",
        "projects": [],
        "tier": "free",
        "created": "",
        "expires": "2099-01-31T00:00:00Z",
        "revoked": None,
        "last_used": None,
    }
    assert row["created"].endswith("Z")
    assert new["key"] not in keys("list", "--json").out + keys("list").out


def test_a_used_key_tells_when(keys, store):
    """The list says when a key was used last, as the API wrote it down; the latest use counts."""
    new = made(keys(*READ, "--json"))
    for used_ms in (1_790_000_001_000, 1_790_000_000_000):
        write_uses(store, {new["id"]: used_ms})
    assert listed(keys)[new["id"]]["last_used"] == "2026-09-21T14:13:21Z"


def test_a_revoked_key_opens_nothing(keys, store):
    """It stays in the list, with the time."""
    new = made(keys(*READ, "--json"))
    ended = keys("revoke", new["id"])
    assert (ended.code, ended.out) == (0, f"revoked {new['id']}\n")
    assert load_keys(store).find(new["key"], clock.now_ms()) is None
    assert listed(keys)[new["id"]]["revoked"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("revoke", "nonsense"), "there is no access key 'nonsense'"),
        ((*READ, "--expires", "2001-01-01T00:00:00Z"), "expires must lie in the future"),
        ((*READ, "--expires", "tomorrow"), "--expires"),
        ((*READ, "--project", "x" * 129), "1 to 128 characters"),
    ],
    ids=["unknown", "past", "malformed", "name"],
)
def test_what_cannot_be_is_wrong_use(keys, arguments, told):
    """Exit code 2, with the reason."""
    ended = keys(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_project_of_another_organisation(keys):
    """Nobody gets a key to what belongs to others."""
    made(keys(*INGEST, "--json"))
    ended = keys("create", "--role", "read", "--org", "other", "--project", "p")
    assert ended.code == 2
    assert "belongs to organisation 'o'" in ended.err


def test_for_people(keys):
    """The key with a warning to keep it; the list as a table."""
    ended = keys(*READ)
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "key", "Keep"]
    assert "not shown again" in lines[2]
    shown = keys("list").out
    assert lines[0].split()[1] in shown
    assert "all" in shown


def test_a_store_without_the_schema(tokentide, chdb_store_root):
    """Someone forgot to migrate: that is no connection problem, and no traceback."""
    ended = tokentide("keys", "list", CLICKHOUSE=chdb_store_root, DATABASE="test_never_made")
    assert ended.code == 1
    assert "access_keys" in ended.err
    assert "Traceback" not in ended.err
