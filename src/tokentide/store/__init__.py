"""The store: ClickHouse behind one small port, its schema, and everything that is asked of it."""

from tokentide.store.clickhouse import open_store
from tokentide.store.port import Query, ReadLimits, Store

__all__ = ["Query", "ReadLimits", "Store", "open_store"]
