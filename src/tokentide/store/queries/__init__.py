"""Questions to the store, as plain data: each module builds the SQL and arguments of one kind."""
