"""The organisation, projects and keys that `up` makes, the same each time for one data folder."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from tokentide.clock import now_ms
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.access import create_key, load_keys, make_projects
from tokentide.store.port import Store

__all__ = ["Access", "ensure_access"]

_FILE = "access.json"
_NAME = "demo"


@dataclass(frozen=True, slots=True)
class Access:
    """What a user of this machine comes in with: the read key sees every project of the organisation."""

    org_id: str
    project_id: str
    ingest_key: str
    read_key: str


def ensure_access(settings: Settings, folder: Path, projects: tuple[str, ...]) -> Access:
    """The keys of the data folder, made when it has none that the store knows, and the projects besides.

    Raises:
        StoreUnavailable, StoreRejected: the store did not do it.
    """
    with closing(open_store(settings.clickhouse_dsn, settings.database)) as store:
        known = _kept(folder)
        ring, now = load_keys(store), now_ms()
        if known is None or not (ring.find(known.ingest_key, now) and ring.find(known.read_key, now)):
            known = _made(store, now)
            _keep(folder, known)
        make_projects(store, known.org_id, projects)
    return known


def _made(store: Store, now: int) -> Access:
    ingest = create_key(store, role="ingest", org=_NAME, projects=[_NAME], now_ms=now, tier="enterprise")
    read = create_key(store, role="read", org=_NAME, projects=[], now_ms=now, tier="enterprise")
    return Access(_NAME, _NAME, ingest.key, read.key)


def _kept(folder: Path) -> Access | None:
    try:
        return Access(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _keep(folder: Path, access: Access) -> None:
    with os.fdopen(os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(asdict(access)))
