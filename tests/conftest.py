"""Fixtures that tests in several folders share."""

from __future__ import annotations

from tests.store_fixtures import chdb_store, chdb_store_root

__all__ = ["chdb_store", "chdb_store_root"]
