"""Who may come in? Access keys and the projects of organisations, as they stand in the store.

A key is opaque; the store holds its SHA-256 only, which nobody can use. A change is a new row with a higher version.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from tokentide.errors import QueryError
from tokentide.store.port import Query, Store

__all__ = [
    "AccessKey",
    "KeyRing",
    "NewKey",
    "Role",
    "Tier",
    "create_key",
    "list_keys",
    "load_keys",
    "make_projects",
    "projects_of",
    "revoke_key",
]

Role = Literal["ingest", "read"]
Tier = Literal["free", "pro", "enterprise"]

_PREFIXES: dict[Role, str] = {"ingest": "tti_", "read": "als_"}
_KEY_BYTES = 32
_ID_BYTES = 8
_LONGEST_NAME = 128  # of a project, as in an event; organisations follow


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What is known of a key. Times are in milliseconds since the epoch, UTC.

    Attributes:
        id: its public name, for listing and revoking.
        sha256: of the key, in hexadecimal.
        role: what it is for.
        org: the organisation it belongs to.
        projects: what it may see or write; empty for a read key that may see every project of its organisation.
        tier: how often it may ask.
        created_ms: when it was made.
        expires_ms: from when on it is refused; None for never.
        revoked_ms: when it was revoked; None when it was not.
        version: rises with every change.
    """

    id: str
    sha256: str
    role: Role
    org: str
    projects: tuple[str, ...]
    tier: Tier
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    version: int

    def is_good(self, now_ms: int) -> bool:
        """Whether the key opens anything at that time."""
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: the only time that `key` is seen."""

    id: str
    key: str


class KeyRing:
    """Every key that the store knows, as they stood when it was read; to be replaced whole, never changed."""

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self._by_hash = {key.sha256: key for key in keys}

    def find(self, presented: str, now_ms: int) -> AccessKey | None:
        """The key that was presented; None when it is unknown, expired or revoked.

        The time this takes tells nothing about a key: what is compared is its hash, and that in constant time.
        """
        sha256 = _sha256(presented)
        found = self._by_hash.get(sha256)
        if found is None or not hmac.compare_digest(found.sha256, sha256):
            return None
        return found if found.is_good(now_ms) else None


def create_key(
    store: Store,
    *,
    role: Role,
    org: str,
    projects: Sequence[str],
    now_ms: int,
    tier: Tier = "free",
    expires_ms: int | None = None,
) -> NewKey:
    """Make a key, and those of its projects that do not exist yet.

    Args:
        store: where; must be writable.
        role: ingest keys write into exactly one project, read keys see any number.
        org: the organisation; it need not exist yet.
        projects: of the key; none for a read key means every project of the organisation, later ones too.
        now_ms: the present, milliseconds since the epoch, UTC.
        tier: how often the key may ask.
        expires_ms: from when on the key is refused; None for never.

    Raises:
        QueryError: what was asked for cannot be; `field` names what is wrong.
        StoreUnavailable, StoreRejected: as the store's methods; a project may have been made already.
    """
    new = NewKey(secrets.token_hex(_ID_BYTES), _PREFIXES.get(role, "") + secrets.token_urlsafe(_KEY_BYTES))
    names = tuple(dict.fromkeys(projects))
    key = AccessKey(new.id, _sha256(new.key), role, org, names, tier, now_ms, expires_ms, None, now_ms)
    _check(key)
    make_projects(store, org, names)
    _write(store, key)
    return new


def make_projects(store: Store, org: str, projects: Sequence[str]) -> None:
    """Make those of the projects that do not exist yet, for the organisation.

    Raises:
        QueryError: one belongs to another organisation, or has an impossible name; none was made.
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    _check_names(org, projects)
    absent = _absent(projects, org, _owners(store, projects))
    store.insert("projects", ("project_id", "org_id"), (absent, [org] * len(absent)))


def revoke_key(store: Store, key_id: str, now_ms: int) -> AccessKey:
    """Refuse a key from now on; the key as it is then. A key that was revoked before stays as it was.

    Raises:
        QueryError: there is no key of that id.
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    found = next((key for key in list_keys(store) if key.id == key_id), None)
    if found is None:
        raise QueryError(f"there is no access key {key_id!r}; `tokentide keys list` shows them", "id")
    if found.revoked_ms is not None:
        return found
    # Higher than the row it replaces, even when this clock is behind the one that made that row.
    revoked = replace(found, revoked_ms=now_ms, version=max(now_ms, found.version + 1))
    _write(store, revoked)
    return revoked


def list_keys(store: Store) -> list[AccessKey]:
    """Every key, good or not, oldest first."""
    return [
        AccessKey(key_id, sha256, role, org, tuple(projects), *rest)
        for key_id, sha256, role, org, projects, *rest in store.ask(Query("access_keys", _SELECT_KEYS))
    ]


def load_keys(store: Store) -> KeyRing:
    """What a presented key is checked against."""
    return KeyRing(list_keys(store))


def projects_of(store: Store, org: str) -> tuple[str, ...]:
    """The projects of an organisation, in order of their names."""
    sql = "SELECT project_id FROM projects FINAL WHERE org_id = {org:String} ORDER BY project_id"
    return tuple(str(project) for (project,) in store.ask(Query("projects_of", sql, {"org": org})))


_SELECT_KEYS = """
SELECT id, toString(key_sha256), role, org_id, projects, tier, toUnixTimestamp64Milli(created_at),
    toUnixTimestamp64Milli(expires_at), toUnixTimestamp64Milli(revoked_at), version
FROM access_keys FINAL ORDER BY created_at, id
"""
_KEY_COLUMNS = (
    "id",
    "key_sha256",
    "role",
    "org_id",
    "projects",
    "tier",
    "created_at",
    "expires_at",
    "revoked_at",
    "version",
)


def _check(key: AccessKey) -> None:
    if key.role not in get_args(Role):
        raise QueryError(f"role must be one of {', '.join(get_args(Role))}, not {key.role!r}", "role")
    if key.tier not in get_args(Tier):
        raise QueryError(f"tier must be one of {', '.join(get_args(Tier))}, not {key.tier!r}", "tier")
    if key.role == "ingest" and len(key.projects) != 1:
        raise QueryError(f"an ingest key has exactly one project, not {len(key.projects)}", "project")
    if key.expires_ms is not None and key.expires_ms <= key.created_ms:
        raise QueryError("expires must lie in the future", "expires")
    _check_names(key.org, key.projects)


def _check_names(org: str, projects: Sequence[str]) -> None:
    for field, name in (("org", org), *(("project", project) for project in projects)):
        if not 1 <= len(name) <= _LONGEST_NAME:
            raise QueryError(f"{field} must have 1 to {_LONGEST_NAME} characters, not {len(name)}", field)


def _absent(projects: Sequence[str], org: str, owners: Mapping[str, str]) -> list[str]:
    """Those of the projects that nobody has yet."""
    for name in projects:
        if owners.get(name, org) != org:
            raise QueryError(f"project {name!r} belongs to organisation {owners[name]!r}, not {org!r}", "project")
    return [name for name in dict.fromkeys(projects) if name not in owners]


def _owners(store: Store, projects: Sequence[str]) -> dict[str, str]:
    sql = "SELECT project_id, org_id FROM projects FINAL WHERE project_id IN {projects:Array(String)}"
    return {str(name): str(owner) for name, owner in store.ask(Query("owners", sql, {"projects": list(projects)}))}


def _write(store: Store, key: AccessKey) -> None:
    row: tuple[Any, ...] = (
        key.id,
        key.sha256,
        key.role,
        key.org,
        list(key.projects),
        key.tier,
        key.created_ms,
        key.expires_ms,
        key.revoked_ms,
        key.version,
    )
    store.insert("access_keys", _KEY_COLUMNS, [[value] for value in row])


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()  # a header may hold anything
