"""A store for tests of the API: it knows the rows of each question by the question's name."""

from __future__ import annotations

import hashlib

from tokentide.errors import StoreRejected, StoreUnavailable

READ_KEY, INGEST_KEY, WIDE_KEY = "als_read", "tti_ingest", "als_wide"


def key_row(key, role="read", *, projects=("p",), expires_ms=None, revoked_ms=None):
    """A row of the access keys as the store answers it."""
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    return (f"id of {key}", sha256, role, "o", list(projects), "free", 0, expires_ms, revoked_ms, 1)


class FakeStore:
    """Answers from `rows`, name of the question → rows; without an entry, nothing. `away` and `broken` are switches."""

    def __init__(self, **rows):
        keys = [key_row(READ_KEY), key_row(INGEST_KEY, "ingest"), key_row(WIDE_KEY, projects=())]
        self.rows = {"access_keys": keys, "projects_by_organisation": [("o", ["p", "p2"])]} | rows
        self.asked, self.inserted, self.refused = [], [], 0
        self.away = self.broken = False

    def ask(self, query):
        """See `Store.ask`."""
        self.asked.append(query)
        if self.away:
            raise StoreUnavailable("no answer from a host with a secret name")
        if self.broken:
            raise StoreRejected("column `secret` is missing")
        return self.rows.get(query.name, [])

    def insert(self, table, columns, values):
        """See `Store.insert`."""
        if self.away:
            self.refused += 1
            raise StoreUnavailable("no answer from a host with a secret name")
        self.inserted.append((table, columns, values))

    def names(self):
        """The names of the questions so far."""
        return [query.name for query in self.asked]
