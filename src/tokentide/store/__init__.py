"""The store: ClickHouse behind one small port, its schema, and everything that is asked of it."""

from tokentide.store.clickhouse import open_store
from tokentide.store.port import Query, Store

__all__ = ["Query", "Store", "open_store"]
