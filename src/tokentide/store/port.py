"""What the project asks of a store: insert, ask, command. Nothing else of ClickHouse is visible outside.

Two engines stand behind it, chosen by the DSN (`tokentide.store.open_store`): a ClickHouse server over HTTP, and the
embedded engine chDB in this process. One contract test holds for both, and for the store that the simulations use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Query", "Store"]


@dataclass(frozen=True, slots=True)
class Query:
    """A question as plain data.

    Attributes:
        name: which question it is: a constant, used as a metric label.
        sql: ClickHouse SQL; values stand in it only as server-side parameters `{name:Type}`.
        args: the value of each parameter.
    """

    name: str
    sql: str
    args: Mapping[str, Any] = field(default_factory=dict)


class Store(Protocol):
    """A store. Every method blocks: call it in a thread. All methods may be called from several threads at once.

    Every method raises StoreUnavailable when repeating the call later may help, and StoreRejected when it cannot.
    """

    def insert(self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        """Insert rows given column by column: `values[i]` is the whole column `columns[i]`.

        When it returns, the rows are on disk. When it raises StoreUnavailable, any part of them may be, and may
        still appear later: callers insert rows for which that is harmless.
        """

    def insert_json(self, table: str, columns: Sequence[str], lines: bytes) -> None:
        """Insert rows given as JSON objects, one a line; keys that `columns` does not name are ignored.

        A column that a row lacks takes its default. The same promises as `insert`.
        """

    def ask(self, query: Query) -> list[tuple[Any, ...]]:
        """The rows of the answer. DateTime columns come as aware datetimes in UTC."""

    def command(self, sql: str) -> None:
        """Run one statement that answers nothing (DDL)."""

    def change(self, query: Query) -> None:
        """Run one statement that changes or deletes rows, with its parameters; done when it returns."""

    def close(self) -> None:
        """Release what the store holds; nothing may be called afterwards."""
