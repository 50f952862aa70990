"""The store: ClickHouse behind one small port, its schema, and everything that is asked of it."""
