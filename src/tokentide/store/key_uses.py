"""When was each access key used last? Noted in memory, and written now and then: a request must not wait for it."""

from __future__ import annotations

from collections.abc import Mapping

from tokentide.store.port import Query, Store

__all__ = ["KeyUses", "last_uses", "write_uses"]

_COLUMNS = ("id", "last_used_at", "version")


class KeyUses:
    """The last use of each key since it was written last. Not for use by several threads."""

    def __init__(self) -> None:
        self._last_ms: dict[str, int] = {}

    def note(self, key_id: str, now_ms: int) -> None:
        """Note that a key was used."""
        self._last_ms[key_id] = now_ms

    def take(self) -> dict[str, int]:
        """What was noted since this was called before: key id → milliseconds since the epoch."""
        taken, self._last_ms = self._last_ms, {}
        return taken

    def put_back(self, taken: Mapping[str, int]) -> None:
        """Keep what could not be written for the next time."""
        self._last_ms = {**taken, **self._last_ms}


def write_uses(store: Store, last_ms: Mapping[str, int]) -> None:
    """Write last uses; of several processes that used a key the latest counts.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    store.insert("key_uses", _COLUMNS, (list(last_ms), list(last_ms.values()), list(last_ms.values())))


def last_uses(store: Store) -> dict[str, int]:
    """When each key was used last, as far as it was written: key id → milliseconds since the epoch.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    sql = "SELECT id, toUnixTimestamp64Milli(last_used_at) FROM key_uses FINAL"
    return {str(key_id): int(last_ms) for key_id, last_ms in store.ask(Query("key_uses", sql))}
