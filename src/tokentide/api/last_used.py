"""How does the store learn when keys were used? Now and then, beside the requests, and never at their cost."""

from __future__ import annotations

import asyncio
import logging

from tokentide.errors import StoreError
from tokentide.store.key_uses import KeyUses, write_uses
from tokentide.store.port import Store

__all__ = ["keep_written"]

_SECONDS = 10.0

_log = logging.getLogger(__name__)


async def keep_written(uses: KeyUses, store: Store, seconds: float = _SECONDS) -> None:
    """Write the last uses every few seconds, until cancelled, and once more then."""
    failing = False
    ended = False
    while not ended:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended = True
        if not (taken := uses.take()):
            continue
        try:
            await asyncio.to_thread(write_uses, store, taken)
            failing = False
        except StoreError as error:
            uses.put_back(taken)
            if not failing:
                _log.warning("when keys were used cannot be written, trying again: %s", error)
            failing = True
