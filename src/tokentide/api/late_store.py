"""A store that is opened when it is first asked, so that the API can start before the store answers.

Each thread has a connection of its own: the embedded engine takes the questions of one connection one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from tokentide.store.port import Query, Store

__all__ = ["LateStore"]


class LateStore:
    """The store's port over as many opened stores as threads ask; see `Store` for what its methods promise.

    Args:
        open_one: opens the store; raises StoreUnavailable as long as it does not answer.
    """

    def __init__(self, open_one: Callable[[], Store]) -> None:
        self._open_one = open_one
        self._mine = threading.local()
        self._all: list[Store] = []

    def insert(self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        """See `Store.insert`."""
        self._opened().insert(table, columns, values)

    def insert_json(self, table: str, columns: Sequence[str], lines: bytes) -> None:
        """See `Store.insert_json`."""
        self._opened().insert_json(table, columns, lines)

    def ask(self, query: Query) -> list[tuple[Any, ...]]:
        """See `Store.ask`."""
        return self._opened().ask(query)

    def command(self, sql: str) -> None:
        """See `Store.command`."""
        self._opened().command(sql)

    def change(self, query: Query) -> None:
        """See `Store.change`."""
        self._opened().change(query)

    def close(self) -> None:
        """See `Store.close`."""
        while self._all:
            self._all.pop().close()

    def _opened(self) -> Store:
        store: Store | None = getattr(self._mine, "store", None)
        if store is None:
            store = self._mine.store = self._open_one()
            self._all.append(store)
        return store
