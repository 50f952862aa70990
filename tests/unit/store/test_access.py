from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.errors import QueryError
from tokentide.store import Query, Store
from tokentide.store.access import (
    AccessKey,
    KeyRing,
    NewKey,
    create_key,
    list_keys,
    load_keys,
    make_projects,
    projects_of,
    revoke_key,
)

NOW = 1_790_000_000_000


def _key(secret: str, **changes: object) -> AccessKey:
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    return replace(AccessKey("id", sha256, "read", "acme", (), "free", NOW, None, None, NOW), **changes)  # type: ignore[arg-type]


def _made(store: Store, **changes: object) -> NewKey:
    wanted: dict[str, object] = {"role": "read", "org": "acme", "projects": [], "now_ms": NOW}
    return create_key(store, **wanted | changes)  # type: ignore[arg-type]


class TestKeyRing:
    def test_a_known_key_is_found(self) -> None:
        """A key is found by itself alone."""
        ring = KeyRing([_key("one", id="1"), _key("two", id="2")])
        assert [ring.find(secret, NOW) for secret in ("one", "two")] == [_key("one", id="1"), _key("two", id="2")]

    @given(st.text())
    def test_nothing_else_is_found(self, presented: str) -> None:
        """Neither an unknown text nor a stored hash opens anything, and no text makes it fail."""
        key = _key("a secret that no test draws")
        assert KeyRing([key]).find(presented, NOW) is None
        assert KeyRing([key]).find(key.sha256, NOW) is None
        assert KeyRing([key]).find(presented + "\ud800", NOW) is None

    @pytest.mark.parametrize(("now_ms", "good"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
    def test_an_expired_key_is_refused(self, now_ms: int, good: bool) -> None:  # noqa: FBT001  what is expected
        """A key is good up to, not at, the time when it expires."""
        assert (KeyRing([_key("one", expires_ms=NOW)]).find("one", now_ms) is not None) is good

    def test_a_revoked_key_is_refused(self) -> None:
        """A revoked key is refused at any time, whatever the clock of this process says."""
        assert KeyRing([_key("one", revoked_ms=NOW)]).find("one", NOW - 5000) is None


class TestCreate:
    def test_an_ingest_key_has_its_project(self, chdb_store: Store) -> None:
        """The key opens what it was made for, and its project belongs to the organisation from then on."""
        new = _made(chdb_store, role="ingest", projects=["demo"], tier="pro", expires_ms=NOW + 5)
        assert new.key.startswith("tti_")
        found = load_keys(chdb_store).find(new.key, NOW)
        assert found == _key(
            new.key, id=new.id, role="ingest", projects=("demo",), tier="pro", expires_ms=NOW + 5, version=NOW
        )
        assert projects_of(chdb_store, "acme") == ("demo",)

    def test_a_read_key_may_have_any_number_of_projects(self, chdb_store: Store) -> None:
        """None means every project of the organisation; a project named twice counts once."""
        everything = _made(chdb_store)
        some = _made(chdb_store, projects=["b", "a", "b"])
        assert everything.key.startswith("als_")
        ring = load_keys(chdb_store)
        assert [found.projects for new in (everything, some) if (found := ring.find(new.key, NOW))] == [(), ("b", "a")]
        assert projects_of(chdb_store, "acme") == ("a", "b")

    def test_the_key_itself_is_not_stored(self, chdb_store: Store) -> None:
        """Nothing of the key is in the table but its hash."""
        new = _made(chdb_store)
        [row] = chdb_store.ask(Query("keys", "SELECT * FROM access_keys"))
        assert new.key not in str(row)
        assert hashlib.sha256(new.key.encode()).hexdigest() in str(row)

    def test_a_foreign_project_is_refused(self, chdb_store: Store) -> None:
        """A project of another organisation is refused by name, and neither key nor project is made."""
        _made(chdb_store, org="others", projects=["theirs"])
        with pytest.raises(QueryError, match=r"'theirs' belongs to organisation 'others'") as caught:
            _made(chdb_store, projects=["new", "theirs"])
        assert caught.value.field == "project"
        assert projects_of(chdb_store, "acme") == ()
        assert [key.org for key in list_keys(chdb_store)] == ["others"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"role": "ingest"}, "project"),
            ({"role": "ingest", "projects": ["a", "b"]}, "project"),
            ({"role": "admin"}, "role"),
            ({"tier": "gold"}, "tier"),
            ({"org": ""}, "org"),
            ({"projects": [""]}, "project"),
            ({"projects": ["x" * 129]}, "project"),
            ({"expires_ms": NOW}, "expires"),
        ],
    )
    def test_what_cannot_be_is_refused(self, chdb_store: Store, changes: dict[str, object], field: str) -> None:
        """A wish that makes no sense names its field, and makes nothing."""
        with pytest.raises(QueryError) as caught:
            _made(chdb_store, **changes)
        assert caught.value.field == field
        assert list_keys(chdb_store) == []
        assert projects_of(chdb_store, "acme") == ()


class TestProjects:
    def test_projects_are_made_once(self, chdb_store: Store) -> None:
        """What exists stays, what does not is made, and a name given twice is one project."""
        for _ in range(2):
            make_projects(chdb_store, "acme", ["b", "a", "b"])
        assert projects_of(chdb_store, "acme") == ("a", "b")
        assert chdb_store.ask(Query("rows", "SELECT count() FROM projects")) == [(2,)]

    def test_organisations_do_not_see_each_other(self, chdb_store: Store) -> None:
        """Each has its own projects, and an organisation that nobody made has none."""
        make_projects(chdb_store, "acme", ["a"])
        make_projects(chdb_store, "others", ["b"])
        assert [projects_of(chdb_store, org) for org in ("acme", "others", "nobody")] == [("a",), ("b",), ()]


class TestRevoke:
    def test_a_revoked_key_stays_listed_and_opens_nothing(self, chdb_store: Store) -> None:
        """Revoking writes a newer row of the same key."""
        kept, new = _made(chdb_store), _made(chdb_store, now_ms=NOW + 1)
        revoked = revoke_key(chdb_store, new.id, NOW + 10)
        assert list_keys(chdb_store)[1] == revoked
        assert (revoked.revoked_ms, revoked.version) == (NOW + 10, NOW + 10)
        ring = load_keys(chdb_store)
        assert ring.find(new.key, NOW) is None
        assert ring.find(kept.key, NOW) is not None

    def test_a_clock_that_is_behind_still_revokes(self, chdb_store: Store) -> None:
        """The newer row wins even when the clock of the one who revokes is behind that of the one who created."""
        new = _made(chdb_store)
        revoke_key(chdb_store, new.id, NOW - 60_000)
        assert load_keys(chdb_store).find(new.key, NOW) is None

    def test_revoking_twice_changes_nothing(self, chdb_store: Store) -> None:
        """The first time stays on record."""
        new = _made(chdb_store)
        first = revoke_key(chdb_store, new.id, NOW + 1)
        assert revoke_key(chdb_store, new.id, NOW + 2) == first

    def test_an_unknown_id_is_named(self, chdb_store: Store) -> None:
        """There is nothing to revoke, and the message says how to find what there is."""
        with pytest.raises(QueryError, match="'nobody'"):
            revoke_key(chdb_store, "nobody", NOW)
