"""Does the schema of a store fit this program? Programs of the version before go on with what only grew."""

from __future__ import annotations

from tokentide.store.migrate import EXPECTED_VERSION, schema_version
from tokentide.store.port import Store

__all__ = ["why_unfit"]


def why_unfit(store: Store) -> str | None:
    """Why this program cannot work on the schema; None when it can.

    An older schema lacks what is read and written here. A newer one has more, which does no harm: a release only adds
    to the schema what the release before it can do without.

    Raises:
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    version = schema_version(store)
    if version >= EXPECTED_VERSION:
        return None
    return f"the schema is version {version}, and this program needs {EXPECTED_VERSION}: run `tokentide migrate`"
